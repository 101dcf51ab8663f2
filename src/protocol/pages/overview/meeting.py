"""A meeting of the committee: what changed since the last one, the meeting pack, and the check of its minutes."""

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import ipywidgets as widgets
from markupsafe import Markup

from protocol.conduct import Head
from protocol.exchange.documents.inspection import inspection
from protocol.exchange.documents.meeting_pack import Sheet, meeting_pack
from protocol.figures import conduct as figures
from protocol.figures import escalation as escalation_figures
from protocol.pages.escalation.decision_steps import decision_rows, opened_regimens
from protocol.pages.kit import (
    BothLanguages,
    Day,
    MadeDocument,
    Text,
    button,
    classed,
    coded_data,
    details,
    download,
    field,
    joined,
    note,
    paragraph,
    row,
    section,
    table,
)
from protocol.pages.overview.tables import (
    change_sheets,
    decision_sheet,
    grid_caption,
    grid_rows,
    progress_rows,
    sheets,
)
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext, paragraph_of

MOST_ROWS = 15  # of a table; the others are folded away


class MeetingPanel:
    """The changes since a meeting, and the files of the next one.

    Parameters
    ----------
    desk : Desk
    since : Day, optional
        The day of the last meeting; that of the last decision if left out.

    Attributes
    ----------
    since : Day
    prepare : ipywidgets.Button
        Makes the meeting pack.
    both : BothLanguages
        The meeting pack with its pages in both languages.
    inspect : ipywidgets.Button
        Puts every entry with the check of the log into one file; shown to readers who may see every participant.
    minutes : ipywidgets.Text
        The head that the minutes of a meeting hold; `check` compares the log with it.
    changed, pack, checked : Text
        The changes since the last meeting, the files, and the result of that check.
    """

    def __init__(self, desk: Desk, since: Day | None = None) -> None:
        self._desk = desk
        self.since = since or field(Day, _("Since the meeting of"), value=desk.briefing.last_meeting)
        self.prepare = button(_("Make the meeting pack"), self._prepare)
        self.both = BothLanguages(desk.trial, self._both)
        self.inspect = button(_("All entries, for an inspection"), self._inspect)
        self.inspect.layout.display = None if desk.inspects else "none"
        self.minutes = field(widgets.Text, _("Head in the minutes"), placeholder="12:9f86d081884c7d65…")
        self.check = button(_("Check the log against it"), self._check)
        self.checked, self.changed, self.pack = Text(), Text(), Text()
        pack = _("One page to print, with every table as CSV: the answer, the counts and what changed.")
        parts = [
            section(
                _("Meeting pack"),
                row(self.since, self.prepare, self.both.make, self.inspect),
                self.both.view,
                self.pack,
                lead=pack,
            ),
            section(_("Since the last meeting"), self.changed),
            *self._minutes_form(),
        ]
        self.view = classed(widgets.VBox(parts), "pw-section")
        self.since.observe(self._compare, "value")
        desk.on_change(self._compare)
        desk.on_change(self._forget, every_entry=True)
        self._compare()

    def _forget(self) -> None:
        """Remove the files, which show the log as it was."""
        self.pack.show(None)
        self.both.forget()

    def _compare(self, _change: Any = None) -> None:
        self._forget()
        if self.since.value is None:
            self.changed.show(note(_("Choose the day of the last meeting.")))
            return
        change, news = change_sheets(self._desk, self.since.value)
        self.changed.show(table(change.shown, change.heading), _folded(news))

    def _prepare(self) -> None:
        [(name, content)] = meeting_files(self._desk, self.since.value).items()
        self._offer(_warning(content), download(_("Save the meeting pack (ZIP)"), name, content, "application/zip"))

    def _offer(self, *parts: Markup | None) -> None:
        self.pack.show(*parts, coded_data() if self._desk.names_participants else None)

    def _both(self) -> MadeDocument:
        since, day = self.since.value, self._desk.briefing.as_of
        inputs = {"since": since.isoformat()} if since else {}
        files, named = meeting_files(self._desk, since), self._desk.names_participants
        self.pack.show(_warning(next(iter(files.values()))))
        return MadeDocument("meeting-pack", day, files, inputs, self._desk.sight, named)

    def _minutes_form(self) -> list[widgets.Widget]:
        if self._desk.invented:
            return []
        lead = _("The pack names the number of entries and their hash. Write both as the minutes hold them.")
        return [section(_("Check the minutes"), row(self.minutes, self.check), self.checked, lead=lead)]

    def _check(self) -> None:
        try:
            head = Head.parse(self.minutes.value)
            found = self._desk.check(head)
        except ProtocolError as error:
            self.checked.show(error)
            return
        good = ngettext(
            "The log is whole and has the {count} entry of the minutes.",
            "The log is whole and has the {count} entries of the minutes.",
            head.count,
        ).format(count=head.count)
        self.checked.show(
            *([paragraph(good, "good")] if found.ok else [paragraph(str(one), "bad") for one in found.problems])
        )

    def _inspect(self) -> None:
        try:
            entries, checked = self._desk.inspection()
        except ProtocolError as error:
            self.pack.show(error)
            return
        moment = datetime.now(UTC)
        name, content = f"log-{moment:%Y-%m-%d}-entry-{checked.head.count}.zip", inspection(entries, checked, moment)
        found = _("The log is whole.") if checked.ok else _("The log is NOT whole; the report says where.")
        self._offer(note(found), download(_("Save all entries (ZIP)"), name, content, "application/zip"))


def _warning(pack: bytes) -> Markup | None:
    """Say which files of a pack are not for everybody who reads it."""
    with ZipFile(BytesIO(pack)) as files:
        closed = [name for name in files.namelist() if name.startswith("safety-closed")]
    words = _("For the safety board only, because they name participants: {files}. Take them out for others.")
    return note(words.format(files=list_of(closed))) if closed else None


def meeting_files(desk: Desk, since: date | None) -> dict[str, bytes]:
    """Return the meeting pack of a log, with the changes since the last meeting or another day, by its file name."""
    now, trial = desk.briefing, desk.trial
    since = since or now.last_meeting
    pictures, path, caption = {}, decision_rows(now, trial), ""
    if trial.states("escalation"):
        pictures[_("The grid")] = escalation_figures.grid(grid_rows(desk))
        counted, stated, assumed = grid_caption(trial)
        marked = _("Assumptions: {values}.").format(values=list_of(assumed)) if assumed else ""
        caption = paragraph_of(filter(None, (counted, list_of(stated), marked)))
    if len(path):
        pictures[_("Decisions so far")] = figures.path(path, opened_regimens(now, trial))
    facts = trial.identity
    title = f"{facts['nct_id'].value}: {facts['title'].value}"
    counts = progress_rows(now)
    changes, tables = change_sheets(desk, since), (*sheets(desk), decision_sheet(now))
    content = meeting_pack(title, now, since, counts, changes, tables, pictures, caption, _safety(desk))
    kind = "invented-example" if now.invented else f"entry-{now.head.count}"
    return {f"meeting-{now.as_of.isoformat()}-{kind}.zip": content}


def _safety(desk: Desk) -> dict[str, bytes]:
    """Return the safety report, if the record has the topic and somebody is treated."""
    if not desk.trial.states("effect") or not desk.effect.treated:
        return {}
    from protocol.pages.effect.report import safety_reports  # its pictures are loaded only if a pack is made
    from protocol.pages.effect.settings import EffectSettings

    reports = safety_reports(desk, EffectSettings(desk.trial, desk))
    return {name: data for one in reports for name, data in one.files().items()}


def _folded(sheet: Sheet) -> Markup:
    """Return a table of which only the first rows show at once."""
    if sheet.shown.empty:
        return paragraph(sheet.nothing)
    first, rest = sheet.shown.iloc[:MOST_ROWS], sheet.shown.iloc[MOST_ROWS:]
    more = details(_("{n} more").format(n=len(rest)), table(rest)) if len(rest) else ""
    return joined((table(first, sheet.heading), more))
