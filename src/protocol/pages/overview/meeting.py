"""The state of the trial for the committee: figures, the next decision, changes since the last meeting, files."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.chart import Chart
from protocol.conduct import Head
from protocol.escalation import Outcomes
from protocol.exchange.documents.inspection import inspection
from protocol.exchange.documents.meeting_pack import Sheet, meeting_pack
from protocol.figures import conduct as conduct_figures
from protocol.figures import escalation as escalation_figures
from protocol.pages.escalation.advice import regimen_rows
from protocol.pages.escalation.decisions import decision_rows, opened_regimens
from protocol.pages.kit import (
    Day,
    Text,
    action_card,
    assumption,
    button,
    classed,
    details,
    download,
    field,
    invented,
    joined,
    macros,
    narrow,
    note,
    paragraph,
    row,
    section,
    table,
)
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import KINDS, OVERALL, code_text
from protocol.records import ProtocolError
from protocol.translation import _

COUNTS = {
    "screened": _("screened"),
    "consented": _("gave consent"),
    "enrolled": _("enrolled"),
    "treated": _("treated"),
    "in window": _("in the DLT window"),
    "unassessed": _("past the DLT window, assessment missing"),
    "not evaluable": _("left, not evaluable"),
    "evaluable": _("evaluable"),
    "dlts": _("with a DLT"),
    "withdrawn": _("left the trial"),
}

CARDS = ("screened", "enrolled", "treated", "in window", "evaluable", "dlts")

CARDS_IF_ANY = ("unassessed", "not evaluable")

MOST_ROWS = 15  # of a table; the others are folded away


class MeetingPanel:
    """The state of the trial on the reader's day.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    since : Day
        The day of the last meeting.
    prepare : ipywidgets.Button
        Makes the meeting pack.
    inspect : ipywidgets.Button
        Puts every entry with the check of the log into one file; shown to readers who may see every participant.
    minutes : ipywidgets.Text
        The head that the minutes of a meeting hold; `check` compares the log with it.
    next_step, changed, pack, checked : Text
        The recommendation, the changes since the last meeting, the files, and the result of that check.
    grid, path : Chart
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        decisions = desk.briefing.decisions
        last_meeting = date.fromisoformat(decisions["day"].iloc[-1]) if len(decisions) else None
        self.since = field(Day, _("Changes since"), value=last_meeting)
        self.prepare = button(_("Make the meeting pack"), self._prepare)
        self.inspect = button(_("All entries, for an inspection"), self._inspect)
        self.inspect.layout.display = None if desk.inspects else "none"
        self.minutes = field(widgets.Text, _("Head in the minutes"), placeholder="12:9f86d081884c7d65…")
        self.check = button(_("Check the log against it"), self._check)
        self.checked = Text()
        self.title = Text(role="")
        self.figures, self.changed, self.pack = Text(), Text(), Text()
        self.next_step = Text(None, "pw-beside")
        self.grid = Chart(escalation_figures.grid, _("The grid with what was seen and what is recommended"))
        self.path = Chart(conduct_figures.path, _("The path of the decisions through the grid"))
        self._path_framed = narrow(self.path)
        self._sheets = self.regimens, self.sites, self.visits, self.funnel, self.reasons = (
            Text(role=""),
            Text(role=""),
            Text(role=""),
            Text(role=""),
            Text(role=""),
        )
        since_then = (row(self.since, self.prepare, self.inspect), self.pack, *self._minutes_form(), self.changed)
        parts = [
            self.title,
            self.figures,
            row(narrow(self.grid), self.next_step),
            row(self.regimens, self.visits),
            self.sites,
            row(self.funnel, self.reasons),
            section(_("Since the last meeting"), *since_then),
            section(_("Decisions so far"), self._path_framed),
        ]
        self.view = classed(widgets.VBox(parts), "pw-section")
        self.since.observe(self._compare, "value")
        desk.on_change(self.refresh)
        desk.on_change(lambda: self.pack.show(None), every_entry=True)  # a file shows the log as it was
        self.refresh()

    def refresh(self) -> None:
        """Write everything from the present briefing."""
        now, trial = self._desk.briefing, self._desk.trial
        title = _("State of the trial on {day}").format(day=now.as_of.isoformat())
        self.title.show(macros("overview").subtitle(title), invented() if now.invented else None)
        self.figures.show(count_cards(now), *(paragraph(text, "bad") for text in now.left_out))
        self.grid.draw(grid_rows(self._desk))
        counted = _("In each cell: participants with a DLT, of those who are evaluable.")
        self.next_step.show(action_card(now.action), unassessed(now), self._assumptions(), paragraph(counted, "off"))
        path = decision_rows(now)
        self._path_framed.layout.display = None if len(path) else "none"
        if len(path):
            self.path.draw(path, regimens=opened_regimens(now, trial))
        for text, sheet in zip(self._sheets, sheets(self._desk), strict=True):
            text.show(_folded(sheet))
        self._compare()

    def _assumptions(self) -> Markup:
        values = {
            _("DLT window in days:"): self._desk.trial.escalation.dlt_window_days,
            _("Days of review before a decision:"): self._desk.trial.followup.forecast.review_days,
        }
        lines = [
            paragraph(joined((label, str(value.value), assumption(value.origin)), " "))
            for label, value in values.items()
        ]
        return details(_("Assumptions behind it"), joined(lines))

    def _compare(self, _change: Any = None) -> None:
        self.pack.show(None)
        if self.since.value is None:
            self.changed.show(note(_("Choose the day of the last meeting.")))
            return
        change, news = change_sheets(self._desk, self.since.value)
        none = paragraph(_("No DLT, withdrawal, correction or decision since then."))
        self.changed.show(
            table(change.shown, change.heading), table(news.shown, news.heading) if len(news.shown) else none
        )

    def _prepare(self) -> None:
        now, trial = self._desk.briefing, self._desk.trial
        since = self.since.value or now.as_of
        pictures = {_("The grid"): escalation_figures.grid(grid_rows(self._desk))}
        path = decision_rows(now)
        if len(path):
            pictures[_("Decisions so far")] = conduct_figures.path(path, opened_regimens(now, trial))
        facts = trial.identity
        title = f"{facts['nct_id'].value}: {facts['title'].value}"
        sentences = joined((count_cards(now), action_card(now.action), unassessed(now)))
        found = (*sheets(self._desk), *change_sheets(self._desk, since), decision_sheet(now))
        content = meeting_pack(title, now, since, sentences, found, pictures)
        kind = "invented-example" if now.invented else f"entry-{now.head.count}"
        name = f"meeting-{now.as_of.isoformat()}-{kind}.zip"
        self.pack.show(download(_("Save the meeting pack (ZIP)"), name, content, "application/zip"))

    def _minutes_form(self) -> tuple[widgets.Widget, ...]:
        if self._desk.invented:
            return ()
        return row(self.minutes, self.check), self.checked

    def _check(self) -> None:
        try:
            head = Head.parse(self.minutes.value)
            found = self._desk.check(head)
        except ProtocolError as error:
            self.checked.show(error)
            return
        good = _("The log is whole and has the {count} entries of the minutes.").format(count=head.count)
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
        self.pack.show(note(found), download(_("Save all entries (ZIP)"), name, content, "application/zip"))


def _folded(sheet: Sheet) -> Markup:
    """Return a table of which only the first rows show at once."""
    first, rest = sheet.shown.iloc[:MOST_ROWS], sheet.shown.iloc[MOST_ROWS:]
    pieces = [table(first, sheet.heading)]
    if len(rest):
        pieces.append(details(_("{n} more").format(n=len(rest)), table(rest)))
    if sheet.note:
        pieces.append(paragraph(sheet.note, "off"))
    return joined(pieces)


def grid_rows(desk: Desk) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.grid` for the present briefing."""
    now, escalation = desk.briefing, desk.trial.escalation
    outcomes = Outcomes.parse(escalation.grid, now.notation)
    current = escalation.grid.index(now.open_regimen or escalation.design.start.value)
    return regimen_rows(escalation.designed(), outcomes, current, now.action.following)


def count_cards(now: Briefing) -> Markup:
    """Return the participants counted by how far they have come, as a row of cards."""
    names = [*CARDS, *(name for name in CARDS_IF_ANY if now.counts[name])]
    return macros("lists").cards([(now.counts[name], COUNTS[name]) for name in names])


def unassessed(now: Briefing) -> Markup:
    """Return the participants whose DLT window is over without an assessment in the log, if there are any."""
    names = now.waiting.loc[now.waiting["progress"].eq("assessment missing"), "participant"]
    if names.empty:
        return Markup("")
    words = _("The DLT window is over and no assessment after it is recorded: {names}.")
    return paragraph(words.format(names=", ".join(name or _("a participant") for name in names)), "bad")


def sheets(desk: Desk) -> tuple[Sheet, ...]:
    """Return the tables of the present state: regimens, sites, visits, screening, reasons."""
    now, record = desk.briefing, desk.trial.eligibility
    hidden = _("One to four are not told apart for those who see figures only, and DLTs are not split by site.")
    steps = {"screened": _("screened"), **OVERALL, **COUNTS}
    funnel = now.funnel.assign(step=now.funnel["step"].map(steps))
    titles = {criterion.id: record.title(criterion) for criterion in record.criteria}
    reasons = now.reasons.assign(what=now.reasons["criterion"].map(titles))
    last = _("By each participant's last screening; a participant may fail several.")
    columns = {
        "regimen": _("Regimen"),
        "enrolled": _("Enrolled"),
        "treated": _("Treated"),
        "screened": _("Screened"),
        "in window": _("In the DLT window"),
        "unassessed": _("Assessment missing"),
        "not evaluable": _("Left, not evaluable"),
        "evaluable": _("Evaluable"),
        "dlts": _("With a DLT"),
        "site": _("Site"),
        "overdue": _("Overdue"),
        "due": _("Due"),
        "open": _("Open"),
        "step": _("Step"),
        "participants": _("Participants"),
        "criterion": _("Criterion"),
        "what": _("What it asks"),
    }

    def sheet(file: str, heading: str, frame: pd.DataFrame, remark: str = "") -> Sheet:
        return Sheet(file, heading, frame, frame.rename(columns=columns), remark)

    return (
        sheet("regimens", _("Participants by regimen"), now.regimens),
        sheet("sites", _("Per site"), now.sites, "" if now.invented or now.reader.sees_all else hidden),
        sheet("visits", _("Open, due and overdue visits"), now.visits),
        sheet("screening", _("From screening on"), funnel),
        sheet("reasons", _("Criteria that excluded"), reasons[["criterion", "what", "participants"]], last),
    )


def change_sheets(desk: Desk, since: date) -> tuple[Sheet, Sheet]:
    """Return the changes since a day: the figures, and the DLTs, withdrawals, corrections and decisions."""
    found, news = desk.changes(since), desk.news(since)
    figures = pd.DataFrame(
        {
            _("What"): found["what"].map(COUNTS),
            _("On that day"): found["before"],
            _("Now"): found["now"],
            _("Change"): [f"{change:+d}" if change else "–" for change in found["now"] - found["before"]],
        }
    )
    columns = [_("Day"), _("What"), _("Regimen"), _("Participant"), _("Words")]
    rows = [
        (
            one["day"],
            _("DLT") if one["kind"] == "dlt_assessed" else KINDS[one["kind"]],
            one["regimen"],
            one["participant"],
            news_text(one),
        )
        for one in news.to_dict("records")
    ]
    shown = pd.DataFrame(rows, columns=columns, dtype=object)
    return (
        Sheet("changes", _("Figures on {day} and now").format(day=since), found, figures),
        Sheet("news", _("Recorded after {day}").format(day=since), news, shown),
    )


def news_text(one: Mapping[Any, Any]) -> str:
    """Return a row of :func:`protocol.briefing.news` as text, with the entry that corrects it."""
    later = _("later corrected (entry {number})").format(number=one["corrected"]) if one["corrected"] else ""
    return "; ".join(filter(None, (one["change"], code_text(one["words"]), later)))


def decision_sheet(now: Briefing) -> Sheet:
    """Return the decisions so far."""
    columns = {
        "day": _("Day"),
        "recommended": _("Recommended"),
        "chosen": _("Chosen"),
        "why": _("Why"),
        "decided_by": _("Decided by"),
        "seen": _("DLTs under it"),
    }
    shown = now.decisions.fillna({"recommended": _("stop"), "chosen": _("stop")}).rename(columns=columns)
    return Sheet("decisions", _("Decisions so far"), now.decisions, shown)
