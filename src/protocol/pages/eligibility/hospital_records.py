"""Hospital records: FHIR files or OMOP tables in, participants under study ids out; the files are not kept."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import Fact
from protocol.exchange.clinical.findings import Imported, Imports, Naming, Setting
from protocol.exchange.clinical.omop_tables import Account
from protocol.exchange.clinical.reference_ranges import Limit, limit_template, read_limits
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.spreadsheet import csv
from protocol.pages.kit import text as elements
from protocol.pages.kit.work import Work, caught
from protocol.records import STUDY_ID, ProtocolError, is_study_id
from protocol.translation import _, ngettext
from protocol.trial import Trial

LISTED_FINDINGS = 200
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
    from protocol.eligibility.explanation import show

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


def listed(found: Sequence[FileProblem]) -> Markup:
    """List problems; the first of many, and all of them as a file."""
    frame = pd.DataFrame(found, columns=[_("Where"), _("Found"), _("Write")])
    table = elements.table(frame.head(LISTED_FINDINGS))
    if len(found) <= LISTED_FINDINGS:
        return elements.details(_("Show them"), table)
    every = elements.download(_("All of them (CSV)"), "problems.csv", csv(frame), "text/csv")
    return elements.details(_("Show the first {n}").format(n=LISTED_FINDINGS), table) + every


class RecordsPanel:
    """Opens records, shows what they say about each person, and hands that to the form or the cohort.

    Attributes
    ----------
    files, tables, limits : ipywidgets.FileUpload
        The records as FHIR or as tables of OMOP, and the filled table of upper limits of normal.
    as_of, study_id, key : text fields
        The day the answer holds for; the id of a single person; the secret that makes ids for several.
    site, person : ipywidgets.Dropdown
        Whose limits count; who is shown.
    to_form, to_cohort : ipywidgets.Button
        Hand on the person shown, or everybody.
    """

    def __init__(
        self, trial: Trial, today: date, fill: Callable[[Imported], None], screen: Callable[[Imports], None]
    ) -> None:
        self.record = trial.eligibility
        self.fill, self.screen = fill, screen
        self.own_key, self.table = secrets.token_bytes(32), tuple[Limit, ...]()
        self.imports: Imports | None = None
        self.unread: tuple[str, ...] = ()
        sites = tuple(site.name for site in trial.sites)
        self.as_of = widgets.Text(value=today.isoformat(), description=_("As of"), continuous_update=False)
        self.site = widgets.Dropdown(options=[("–", ""), *((name, name) for name in sites)], description=_("Site"))
        self.study_id = widgets.Text(description=_("Study id"), placeholder="WUH-017", tooltip=_("For one person"))
        self.key = widgets.Password(description=_("Key for ids"), placeholder=_("for several persons"))
        self.limits = widgets.FileUpload(accept=".csv", description=_("Limits of normal"))
        self.files = widgets.FileUpload(
            accept=".json,.ndjson,.jsonl", multiple=True, description=_("Open FHIR records")
        )
        self.tables = widgets.FileUpload(accept=".parquet,.csv", multiple=True, description=_("Open OMOP tables"))
        self.work = Work(self._taken, STOPPED)
        self.person = widgets.Dropdown(options=[], description=_("Person"), disabled=True)
        self.to_form = widgets.Button(description=_("Put into the form"), disabled=True)
        self.to_cohort = widgets.Button(description=_("Screen all as the cohort"), disabled=True)
        self.message, self.status = elements.html("", role="alert"), elements.html("", role="status")
        self.found, self.accounts = elements.html(""), elements.html("")
        self.view = self._arranged(sites)
        self.files.observe(self._opened, "value")
        self.tables.observe(self._tables_opened, "value")
        self.limits.observe(self._limited, "value")
        self.person.observe(self.refresh, "value")
        self.to_form.on_click(lambda _button: self.fill(self._shown()))
        self.to_cohort.on_click(self._to_cohort)

    def refresh(self, _change: Any = None) -> None:
        """Show what the records say about the chosen person."""
        if self.person.value is not None:
            self.found.value = elements.dress(evidence(self._shown(), self.record))

    def open(self, files: dict[str, bytes]) -> None:
        """Read records; when they cannot be read, the last good ones stay."""
        from protocol.exchange.clinical.fhir import read_fhir

        self.work.wait()
        try:
            self._take(read_fhir(files, self._setting(), self._naming()))
        except ProtocolError as error:
            self._refuse(error)

    def open_tables(self, files: dict[str, bytes]) -> None:
        """Read tables of OMOP, table by table; when they cannot be read, the last good records stay."""
        from protocol.exchange.clinical.omop import read_omop_files_stepwise, unread

        self.work.wait()
        self.unread = unread(files)
        try:
            steps = caught(read_omop_files_stepwise(files, self._setting(), self._naming()))
        except ProtocolError as error:
            self._refuse(error)
            return
        self.work.begin(steps, sum(map(len, files.values())), AT_ONCE_BYTES)

    def _taken(self, found: Any) -> None:
        """Show what the tables held, or why they could not be read."""
        if isinstance(found, ProtocolError):
            self._refuse(found)
            return
        try:
            self._take(found.imports, account(found.accounts, self.unread))
        except ProtocolError as error:
            self._refuse(error)

    def _take(self, imports: Imports, accounts: Markup | str = "") -> None:
        """Take what was read in place of the records before."""
        self.imports = self._with_typed_id(imports)
        self.message.value, self.accounts.value = problems(imports), elements.dress(accounts)
        count = len(imports.participants)
        said = ngettext("{n} person read.", "{n} persons read.", count).format(n=count)
        if count > 1 and not self.key.value:
            said += " " + _("Their ids hold until this page is closed; type a key first to get the same ones again.")
        if count > LISTED:
            said += " " + _("The first {n:,} are offered here; the cohort gets everybody.").format(n=LISTED)
        self.status.value = elements.dress(elements.note(said), "status")
        self.person.options = [one.participant for one in self.imports.participants[:LISTED]]
        self.person.index = 0
        for control in (self.person, self.to_form, self.to_cohort):
            control.disabled = False
        self.refresh()

    def _refuse(self, error: ProtocolError) -> None:
        """Say what is wrong; what was read before stays, and that is said as well."""
        stays = elements.note(_("What was read before stays.")) if self.imports else Markup("")
        self.message.value = elements.dress(elements.message(error) + stays, "alert")

    def _opened(self, change: dict[str, Any]) -> None:
        if change["new"]:
            files = {file["name"]: bytes(file["content"]) for file in change["new"]}
            self.files.value = ()  # they hold names and addresses
            self.open(files)

    def _tables_opened(self, change: dict[str, Any]) -> None:
        if change["new"]:
            files = {file["name"]: bytes(file["content"]) for file in change["new"]}
            self.tables.value = ()
            self.open_tables(files)

    def _limited(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        try:
            table = read_limits(file["name"], bytes(file["content"]), self.record)
        except ProtocolError as error:
            self._refuse(error)
            return
        self.table = table.limits
        count = len(table.limits)
        said = ngettext("{n} limit of normal read.", "{n} limits of normal read.", count).format(n=count)
        self.status.value = elements.dress(elements.note(said), "status")
        self.message.value = problems(Imports((), table.problems))

    def _to_cohort(self, _button: widgets.Button) -> None:
        if self.imports is not None:
            self.screen(self.imports)

    def _setting(self) -> Setting:
        try:
            day = date.fromisoformat(self.as_of.value.strip())
        except ValueError:
            raise ProtocolError(_("As of"), f"{self.as_of.value!r}"[:60], _("a date like 2026-03-01")) from None
        return Setting(self.record, day, self.site.value, self.table)

    def _naming(self) -> Naming:
        from protocol.exchange.clinical.findings import keyed

        return keyed(self.key.value.encode() if self.key.value else self.own_key)

    def _with_typed_id(self, imports: Imports) -> Imports:
        """Give a single person the id that was typed, wherever the made one stands."""
        from dataclasses import replace

        typed = self.study_id.value.strip()
        if not typed:
            return imports
        if not is_study_id(typed):
            raise ProtocolError(_("Study id"), f"{typed!r}"[:40], STUDY_ID)
        if len(imports.participants) != 1:
            found = _("one id and {count} persons").format(count=len(imports.participants))
            raise ProtocolError(_("Study id"), found, _("nothing here; ids are made with the key"))
        return imports._replace(participants=(replace(imports.participants[0], participant=typed),))

    def _shown(self) -> Imported:
        people = self.imports.participants if self.imports else ()
        return next(one for one in people if one.participant == self.person.value)

    def _arranged(self, sites: tuple[str, ...]) -> widgets.Widget:
        links = elements.download(
            _("Empty table of limits (CSV)"), "limits_of_normal.csv", limit_template(self.record, sites), "text/csv"
        )
        return elements.section(
            _("From hospital records"),
            elements.row(self.as_of, self.site, self.study_id, self.key),
            elements.row(self.limits, self.files, self.tables, elements.html(links)),
            self.work.view,
            self.message,
            self.status,
            self.accounts,
            elements.row(self.person, self.to_form, self.to_cohort),
            self.found,
            lead=LEAD,
        )


LEAD = _(
    "FHIR R4 bundles, or one resource per line; or the tables of OMOP CDM 5.4 chosen together, as Parquet or CSV, at "
    "most 256 MB and 20,000 persons. Set the day, the site and the ids first. Names, addresses and identifiers are "
    "not read, and the files are not kept."
)

STOPPED = _("Stopped after {percent} %; nothing was taken over, and the records before stay.")

AT_ONCE_BYTES = 2**20
"""Of tables, up to which they are read within the click: it takes about a second."""

LISTED = 5_000
"""Persons that are offered one by one."""
