"""Blood counts from a file into the log: what was found, what is new, and one button that records it."""

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.conduct import BloodCount, questions
from protocol.effect import analytes
from protocol.exchange.clinical import CountFile, count_template, read_count_fhir, read_count_table
from protocol.exchange.cohort.cells import FileProblem
from protocol.pages.kit import FileField, Text, button, download, field, joined, paragraph, row, table
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _, ngettext

SHOWN = 20
"""Problems and participants that are listed."""


class CountImport:
    """Counts of a table, or of the FHIR records of one participant, for the log.

    Parameters
    ----------
    desk : Desk
    participant : callable
        Returns the study id of whom FHIR records are.

    Attributes
    ----------
    upload : ipywidgets.FileUpload
    record : ipywidgets.Button
        Records what is new; shows once something is.
    said, found : Text
    """

    def __init__(self, desk: Desk, participant: Callable[[], str]) -> None:
        self._desk, self._participant = desk, participant
        self._new: tuple[BloodCount, ...] = ()
        self.upload = field(
            widgets.FileUpload,
            _("Open counts (CSV, Excel, FHIR)"),
            width="content",
            accept=".csv,.xlsx,.json,.ndjson",
        )
        self.record = button(_("Record them"), self._record, primary=True)
        self.said, self.found = Text(), Text(role="")
        self.record.layout.display = "none"
        lead = _(
            "A table has the columns participant, on, analyte, value, unit and normal_limit; in CSV or "
            "Excel. FHIR records are those of the participant above. A count without a unit is not used."
        )
        empty = download(_("Empty table of counts"), "counts.csv", count_template(), "text/csv")
        self.view = widgets.VBox(
            [
                Text(joined((paragraph(lead), empty)), role=""),
                FileField(self.upload, self._opened),
                self.found,
                row(self.record),
                self.said,
            ]
        )

    def _opened(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self.open(file["name"], bytes(file["content"]))

    def open(self, name: str, content: bytes) -> None:
        """Read a file and show what is in it; nothing is recorded."""
        self._new = ()
        self.said.show(None)
        try:
            found = self._read(name, content)
        except ProtocolError as error:
            self.found.show(None)
            self.said.show(error)
        else:
            self._new = self._show(found)
        self.record.layout.display = None if self._new else "none"

    def _read(self, name: str, content: bytes) -> CountFile:
        if not name.lower().endswith((".json", ".ndjson")):
            return read_count_table(name, content)
        who = self._participant()
        persons: dict[str, str] = {}

        def named(identifier: str) -> str:
            return persons.setdefault(identifier, who)

        if not who:
            raise ProtocolError(name, _("FHIR records of nobody"), _("the participant first"))
        found = read_count_fhir({name: content}, named, self._desk.briefing.as_of, self._desk.trial.zone)
        if len(persons) > 1:
            raise ProtocolError(name, _("records of several persons"), _("one file for each participant"))
        return found

    def _show(self, found: CountFile) -> tuple[BloodCount, ...]:
        """Show what is in a file; return the draws that are new."""
        problems, known, new = list(found.problems), 0, []
        for one in found.events():
            course = self._desk.courses.get(one.participant)
            if course is None:
                what, write = _("no such participant, or not to be seen by you"), _("a study id of the log")
                problems.append(FileProblem(one.participant, what, write))
                continue
            there = course.draws.get(one.on, {})
            if all(there.get(name) == count.value for name, count in one.counts.items()):
                known += 1
            elif asked := questions(course, one, self._desk.trial.escalation.dlt_window_days.value):
                problems.append(
                    FileProblem(f"{one.participant}, {one.on}", asked[0], _("it by hand, if it is right"))
                )
            else:
                new.append(one)
        words = ngettext("{n} new draw.", "{n} new draws.", len(new)).format(n=len(new))
        if known:
            words += " " + ngettext("{n} is in the log already.", "{n} are in the log already.", known).format(
                n=known
            )
        tables = [table(_by_participant(new), _("Draws by participant"))] if new else []
        if problems:
            listed = pd.DataFrame(problems[:SHOWN], columns=[_("Where"), _("Found"), _("Write")])
            label = ngettext("{n} not used", "{n} not used", len(problems)).format(n=len(problems))
            tables.append(table(listed, label))
        self.found.show(joined([paragraph(words), *tables]))
        return tuple(new)

    def _record(self) -> None:
        recorded = 0
        try:
            for one in self._new:
                self._desk.record(one, self._desk.courses[one.participant].site)
                recorded += 1
        except ProtocolError as error:
            self.said.show(error)
        else:
            self.record.layout.display = "none"
            words = ngettext("✓ Recorded {n} draw.", "✓ Recorded {n} draws.", recorded).format(n=recorded)
            self.said.show(paragraph(words, "good"))
        self._new = self._new[recorded:]


def _by_participant(draws: Iterable[BloodCount]) -> pd.DataFrame:
    rows = [(one.participant, one.on, ", ".join(analytes()[name] for name in one.counts)) for one in draws]
    frame = pd.DataFrame(rows, columns=["participant", "on", "counts"])
    grouped = frame.groupby("participant", sort=False)
    shown = grouped.agg(draws=("on", "size"), first=("on", "min"), last=("on", "max"), counts=("counts", "first"))
    names = {"draws": _("Draws"), "first": _("First"), "last": _("Last"), "counts": _("Counts")}
    return shown.reset_index().rename(columns={"participant": _("Participant")} | names)
