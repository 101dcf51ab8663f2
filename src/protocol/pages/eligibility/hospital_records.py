"""Hospital records: FHIR files or OMOP tables in, participants under study ids out; the files are not kept."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Fact
from protocol.exchange.clinical.findings import Imported, Imports, Naming, Setting
from protocol.exchange.clinical.omop_tables import Account
from protocol.exchange.clinical.reference_ranges import Limit, limit_template, read_limits
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.laboratory_text import typed
from protocol.exchange.limits import check_size
from protocol.exchange.spreadsheet import csv
from protocol.exchange.units import shown_unit
from protocol.pages.kit import (
    Content,
    Day,
    FileField,
    Panel,
    Task,
    Text,
    button,
    details,
    download,
    field,
    joined,
    note,
    paragraph,
    row,
    section,
    span,
    table,
)
from protocol.records import STUDY_ID, ProtocolError, is_study_id
from protocol.translation import _, list_of, ngettext, paragraph_of
from protocol.trial import Trial

LISTED_PROBLEMS = 200
"""Problems listed on the page; if there are more, a file has all of them."""

LISTED_PERSONS = 5_000
"""Persons that are offered one by one."""

AT_ONCE = 2**21
"""Bytes of a record that is read within the event that brought it."""

LARGEST_LIMITS = 2**17
"""Bytes of a table of limits of normal, which is read within the click."""


class RecordsPanel(Panel):
    """Opens records, shows what they say about each person, and hands that to the form or the cohort.

    Parameters
    ----------
    trial : Trial
    today : date
    fill : callable
        Puts one person into the form.
    screen : callable
        Takes all persons as the cohort.

    Attributes
    ----------
    files, tables, limits : ipywidgets.FileUpload
        The records as FHIR or as tables of OMOP, and the filled table of upper limits of normal.
    as_of : Day
        The day the answer holds for.
    study_id, key : text fields
        The id of a single person; the secret that makes ids for several.
    site, person : ipywidgets.Dropdown
        The hospital whose limits count; the person shown.
    to_form, to_cohort : ipywidgets.Button
        Hand on the person shown, or all persons.
    """

    def __init__(
        self, trial: Trial, today: date, fill: Callable[[Imported], None], screen: Callable[[Imports], None]
    ) -> None:
        self.record, self._fill, self._screen = trial.eligibility, fill, screen
        self._answer_to: Text | None = None  # where a record that goes straight into the form is answered
        self._own_key, self._limits = secrets.token_bytes(32), tuple[Limit, ...]()
        self.imports: Imports | None = None
        self._unread: tuple[str, ...] = ()
        sites = tuple((site.shown_name, site.name) for site in trial.sites)
        self.as_of = field(Day, _("Day"), value=today)
        self.site = field(widgets.Dropdown, _("Site"), options=[("–", ""), *sites])
        self.study_id = field(
            widgets.Text, _("Study id"), width="short", help=_("For one person"), placeholder="S-014"
        )
        self.key = field(
            widgets.Password, _("Key for ids"), width="normal", placeholder=_("several persons: same key, same ids")
        )
        self.limits = _upload(_("Limits of normal"), ".csv")
        self.files = _upload(_("Open FHIR records"), ".json,.ndjson,.jsonl", multiple=True)
        self.tables = _upload(_("Open OMOP tables"), ".parquet,.csv", multiple=True)
        stopped = _("Stopped after {percent} %; nothing was taken over, and the records before stay.")
        self.task = Task(self._read, refuse=self._refuse, stopped=stopped)
        self.person = field(widgets.Dropdown, _("Person"), options=[], disabled=True)
        self.to_form = button(_("Put into the form"), lambda: fill(self._chosen()), disabled=True)
        self.to_cohort = button(_("Screen all as the cohort"), self._to_cohort, disabled=True)
        self.message, self.status = Text(role="alert"), Text()
        self.found, self.accounts = Text(role=""), Text(role="")
        self.view = self._arranged(tuple(name for _shown, name in sites))
        self.limits.observe(self._limited, "value")
        self.redraw_on(self.person)

    def draw(self) -> None:
        """Show what the records say about the chosen person."""
        if self.person.value is not None:
            self.found.show(_evidence(self._chosen(), self.record))

    def put(self, name: str, content: bytes, day: date, said: Text) -> None:
        """Read one FHIR record and put its person straight into the form.

        Parameters
        ----------
        name : str
        content : bytes
        day : date
            The day the answer holds for.
        said : Text
            Shows what is wrong.
        """
        self.as_of.value, self._answer_to = day, said
        try:
            self.open({name: content}, at_once=len(content) <= AT_ONCE)
        finally:
            if not self.task.is_running:
                self._answer_to = None

    def open(self, files: dict[str, bytes], *, at_once: bool = False) -> None:
        """Read FHIR records; if they cannot be read, the last good ones stay."""
        from protocol.exchange.clinical.fhir import read_fhir_stepwise

        self.task.wait()
        self._unread = ()
        try:
            steps = read_fhir_stepwise(files, self._setting(), self._naming())
        except ProtocolError as error:
            self._refuse(error)
            return
        self.task.begin(steps, at_once=at_once)

    def open_tables(self, files: dict[str, bytes]) -> None:
        """Read tables of OMOP one after another; if they cannot be read, the last good records stay."""
        from protocol.exchange.clinical.omop import read_omop_files_stepwise, unread

        self.task.wait()
        self._unread = unread(files)
        try:
            steps = read_omop_files_stepwise(files, self._setting(), self._naming())
        except ProtocolError as error:
            self._refuse(error)
            return
        self.task.begin(steps)

    def _read(self, found: Any) -> None:
        if isinstance(found, Imports):
            self._take(found)
        else:
            self._take(found.imports, _account(found.accounts, self._unread))

    def _take(self, imports: Imports, accounts: Content = None) -> None:
        """Take what was read in place of the records before."""
        self.imports = self._with_typed_id(imports)
        self.message.show(problems(imports.problems))
        self.accounts.show(accounts)
        count = len(imports.participants)
        said = ngettext("{n} person read.", "{n} persons read.", count).format(n=count)
        if count > 1 and not self.key.value:
            said = paragraph_of(
                [said, _("Their ids hold until this page is closed; type a key first to get the same ones again.")]
            )
        if count > LISTED_PERSONS:
            first = _("The first {n:,} are offered here; the cohort has all of them.").format(n=LISTED_PERSONS)
            said = paragraph_of([said, first])
        self.status.show(note(said))
        with self.redraw_once():
            self.shown = ()
            self.person.options = [one.participant for one in self.imports.participants[:LISTED_PERSONS]]
            self.person.index = 0
        for control in (self.person, self.to_form, self.to_cohort):
            control.disabled = False
        if self._answer_to is not None:
            self._put_read(self._answer_to, count)

    def _put_read(self, said: Text, count: int) -> None:
        self._answer_to = None
        if count == 1:
            self._fill(self._chosen())
        else:
            found, write = _("{n} persons").format(n=count), _("the record of one; all are under Import and export")
            said.show(ProtocolError(_("Hospital record"), found, write))

    def _refuse(self, error: ProtocolError) -> None:
        """Say what is wrong, and that what was read before stays."""
        self.message.show(error, note(_("What was read before stays.")) if self.imports else None)
        if self._answer_to is not None:
            self._answer_to.show(error)

    def _opened(self, change: dict[str, Any], read: Callable[[dict[str, bytes]], None]) -> None:
        if change["new"]:
            files = {file["name"]: bytes(file["content"]) for file in change["new"]}
            change["owner"].value = ()  # they hold names and addresses
            read(files)

    def _limited(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        try:
            check_size(file["name"], len(file["content"]), LARGEST_LIMITS)
            found = read_limits(file["name"], bytes(file["content"]), self.record)
        except ProtocolError as error:
            self._refuse(error)
            return
        self._limits = found.limits
        count = len(found.limits)
        said = ngettext("{n} limit of normal read.", "{n} limits of normal read.", count).format(n=count)
        self.status.show(note(said))
        self.message.show(problems(found.problems))

    def _to_cohort(self) -> None:
        if self.imports is None:
            return
        try:
            self._screen(self.imports)
        except ProtocolError as error:  # a record none of whose facts hospital records say
            self._refuse(error)

    def _setting(self) -> Setting:
        return Setting(self.record, day_of(self.as_of), self.site.value, self._limits)

    def _naming(self) -> Naming:
        from protocol.exchange.clinical.findings import keyed

        return keyed(self.key.value.encode() if self.key.value else self._own_key)

    def _with_typed_id(self, imports: Imports) -> Imports:
        """Give a single person the id that was typed in place of the made one."""
        typed = self.study_id.value.strip()
        if not typed:
            return imports
        if not is_study_id(typed):
            raise ProtocolError(_("Study id"), f"{typed!r}"[:40], STUDY_ID)
        if len(imports.participants) != 1:
            found = _("one id and {count} persons").format(count=len(imports.participants))
            raise ProtocolError(_("Study id"), found, _("nothing here; ids are made with the key"))
        return imports._replace(participants=(replace(imports.participants[0], participant=typed),))

    def _chosen(self) -> Imported:
        people = self.imports.participants if self.imports else ()
        return next(one for one in people if one.participant == self.person.value)

    def _arranged(self, sites: tuple[str, ...]) -> widgets.Widget:
        empty = limit_template(self.record, sites)
        link = Text(download(_("Empty table of limits (CSV)"), "limits_of_normal.csv", empty, "text/csv"), role="")
        lead = _(
            "FHIR R4 bundles, or one resource per line; or the tables of OMOP CDM 5.4 chosen together, as Parquet or "
            "CSV, at most 256 MB and 20,000 persons. Set the day, the site and the ids first. Names, addresses and "
            "identifiers are not read, and the files are not kept."
        )
        return section(
            _("From hospital records"),
            row(self.as_of, self.site, self.study_id, self.key),
            row(self.limits, link),
            FileField(self.files, lambda change: self._opened(change, self.open)),
            FileField(self.tables, lambda change: self._opened(change, self.open_tables)),
            self.task.view,
            self.message,
            self.status,
            self.accounts,
            row(self.person, self.to_form, self.to_cohort),
            self.found,
            lead=lead,
        )


def _upload(label: str, accept: str, *, multiple: bool = False) -> widgets.FileUpload:
    return field(widgets.FileUpload, label, width="content", accept=accept, multiple=multiple)


def day_of(control: Day) -> date:
    """Return the day in a field; raises ProtocolError for a field without one."""
    if control.value is None:
        raise ProtocolError(control.description, _("no day"), _("a date like 2026-03-01"))
    day: date = control.value
    return day


def sources(person: Imported) -> dict[str, str]:
    """Say for each fact of a person where it came from."""
    return {name: _source(finding) for name, finding in (person.provenance | person.unused).items()}


def _source(finding: Any) -> str:
    number = typed(finding.original)
    original = (
        f"{number.value} {shown_unit(number.unit)}".rstrip() if number and not number.limit else finding.original
    )
    parts = (finding.origin, finding.code, original, finding.note)
    return " · ".join(dict.fromkeys(part for part in parts if part))


def problems(found: Sequence[FileProblem]) -> Markup | None:
    """List what could not be used of files: the first problems, and all of them as a file; None without problems."""
    if not found:
        return None
    said = ngettext(
        "{n} thing in the files is missing or could not be used",
        "{n} things in the files are missing or could not be used",
        len(found),
    )
    frame = pd.DataFrame(found, columns=[_("Where"), _("Found"), _("What to write")])
    listed = table(frame.head(LISTED_PROBLEMS))
    if len(found) <= LISTED_PROBLEMS:
        return joined([note(said.format(n=len(found))), details(_("Show them"), listed)])
    every = download(_("All of them (CSV)"), "problems.csv", csv(frame), "text/csv")
    summary = _("Show the first {n}").format(n=LISTED_PROBLEMS)
    return joined([note(said.format(n=len(found))), details(summary, listed), every])


def left_unknown(imports: Imports) -> Markup | None:
    """Say how many facts were found in the records and are unknown in the cohort all the same."""
    facts = sum(len(person.unusable) for person in imports.participants)
    if not facts:
        return None
    people = sum(bool(person.unusable) for person in imports.participants)
    words = _("Found in the records, but not usable and so unknown here: {facts:,} facts of {people:,} participants.")
    return note(words.format(facts=facts, people=people))


def _account(accounts: Iterable[Account], unread: tuple[str, ...]) -> Markup:
    """Say for each table of OMOP how many rows were read, and how many were left out for which reason."""
    nothing = _("no such file: its facts are unknown")
    rows = [
        (
            one.table,
            f"{one.rows:,}",
            f"{one.read:,}",
            list_of((_("{n} {why}").format(n=f"{count:,}", why=why) for why, count in one.left_out), "; "),
        )
        if one.file
        else (one.table, "–", "–", nothing)
        for one in accounts
    ]
    columns = [_("Table"), _("Rows"), _("Rows read"), _("Rows left out, and why")]
    found = table(pd.DataFrame(rows, columns=columns), _("What the tables held"))
    if not unread:
        return found
    words = _("Not opened, because no criterion asks about them: {files}.").format(files=list_of(unread))
    return found + paragraph(words, "off")


def _evidence(person: Imported, record: EligibilityRecord) -> Markup:
    """List the facts of a person with their evidence, and what was found but cannot be used."""
    told = sources(person)
    used = [
        (fact.label, _value(fact, person.facts[fact.id]), _day(person.provenance[fact.id].day), told[fact.id])
        for fact in record.facts
        if fact.id in person.facts
    ]
    unused = [
        (fact.label, _(person.unusable[fact.id]), _day(person.unused[fact.id].day), told[fact.id])
        for fact in record.facts
        if fact.id in person.unusable
    ]
    columns = [_("Fact"), _("Value"), _("Day"), _("Where from")]  # of type object, which keeps markup
    found = table(pd.DataFrame(used, columns=columns, dtype=object), _("Found"))
    if not unused:
        return found
    columns[1] = _("Reason")
    return found + table(pd.DataFrame(unused, columns=columns, dtype=object), _("Found, but not usable"))


def _value(fact: Fact, value: Any) -> Markup | str:
    from protocol.eligibility.explanation import show

    shown = show(fact, value)
    return _day(shown) if fact.type == "date" else shown


def _day(text: Any) -> Markup:
    return span("" if text is None else text, "date")
