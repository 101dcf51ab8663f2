"""What hospital records held: tables, facts with their evidence, and what could not be used."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.eligibility import Fact
from protocol.exchange.cohort_cells import Problem
from protocol.exchange.evidence import Imported, Imports
from protocol.exchange.omop_tables import Account
from protocol.exchange.spreadsheet import csv
from protocol.pages import elements
from protocol.translation import _, ngettext

LISTED = 200
"""Problems listed on the page; all of more are in a file."""


def account(accounts: Iterable[Account], unread: tuple[str, ...] = ()) -> Markup:
    """Say for each table of OMOP how many rows were read, and how many were left out for which reason."""
    nothing = _("no such file: nothing of it is known")
    rows = [
        (
            one.table, f"{one.rows:,}" if one.file else "–", f"{one.read:,}" if one.file else "–",
            "; ".join(f"{count:,} {reason}" for reason, count in one.left_out) if one.file else nothing,
        )
        for one in accounts
    ]  # fmt: skip
    columns = [_("Table"), _("Rows"), _("Rows read"), _("Rows left out, and why")]
    table = elements.table(pd.DataFrame(rows, columns=columns), _("What the tables held"))
    if not unread:
        return table
    words = _("Not opened, because no criterion asks about them: {files}.").format(files=", ".join(unread))
    return table + Markup('<p class="pw-off">{}</p>').format(words)


def sources(person: Imported) -> dict[str, str]:
    """Say for each fact of a person where it came from."""
    return {name: _source(finding) for name, finding in (person.provenance | person.unused).items()}


def _source(finding: Any) -> str:
    parts = (finding.origin, finding.code, finding.original, finding.note)
    return " · ".join(dict.fromkeys(part for part in parts if part))


def evidence(person: Imported, record: Any) -> Markup:
    """List the facts of a person with their evidence, and what was found but cannot be used."""
    labels = {fact.id: fact for fact in record.facts}
    told = sources(person)
    used = [
        (
            labels[name].label,
            _value(labels[name], person.facts[name]),
            _nowrap(person.provenance[name].day),
            told[name],
        )
        for name in labels
        if name in person.facts
    ]
    unused = [
        (labels[name].label, _(person.unusable[name]), _nowrap(person.unused[name].day), told[name])
        for name in labels
        if name in person.unusable
    ]
    table = elements.table(pd.DataFrame(used, columns=[_("Fact"), _("Value"), _("Day"), _("From")]), _("Found"))
    if not unused:
        return table
    frame = pd.DataFrame(unused, columns=[_("Fact"), _("Reason"), _("Day"), _("From")])
    return table + elements.table(frame, _("Found, but not usable"))


def left_unknown(imports: Imports) -> Markup:
    """Say how many facts were found in the records and are unknown in the cohort all the same."""
    facts = sum(len(person.unusable) for person in imports.participants)
    if not facts:
        return Markup("")
    people = sum(bool(person.unusable) for person in imports.participants)
    words = _("Found in the records, but not usable and so unknown here: {facts:,} facts of {people:,} participants.")
    return elements.note(words.format(facts=facts, people=people))


def _value(fact: Fact, value: Any) -> Markup | str:
    from protocol.eligibility.wording import show

    return _nowrap(show(fact, value)) if fact.type == "date" else show(fact, value)


def _nowrap(text: Any) -> Markup:
    return Markup('<span class="pw-date">{}</span>').format("" if text is None else text)


def problems(imports: Imports) -> Markup:
    """List what could not be used of the files."""
    if not imports.problems:
        return Markup("")
    count = len(imports.problems)
    said = ngettext("{n} thing in the files could not be used", "{n} things in the files could not be used", count)
    return elements.note(said.format(n=count)) + listed(imports.problems)


def listed(found: Sequence[Problem]) -> Markup:
    """List problems; the first of many, and all of them as a file."""
    frame = pd.DataFrame(found, columns=[_("Where"), _("Found"), _("Write")])
    table = elements.table(frame.head(LISTED))
    if len(found) <= LISTED:
        return elements.details(_("Show them"), table)
    every = elements.download(_("All of them (CSV)"), "problems.csv", csv(frame), "text/csv")
    return elements.details(_("Show the first {n}").format(n=LISTED), table) + every
