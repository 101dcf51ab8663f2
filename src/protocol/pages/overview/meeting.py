"""What the committee sees: where the trial stands, what it has to decide, and what changed since it last met."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.chart import Chart
from protocol.escalation import Outcomes
from protocol.exchange.documents.inspection import inspection
from protocol.exchange.documents.meeting_pack import Sheet, meeting_pack
from protocol.figures import conduct as path_figures
from protocol.figures import escalation as grid_figures
from protocol.pages.escalation.advice import regimen_rows
from protocol.pages.escalation.decisions import decision_rows, regimens_of, where_it_stands
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import field
from protocol.pages.trial_log.words import KINDS, OVERALL, plain
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

TOP = 15  # rows of a table that show at once

CARDS = ("screened", "enrolled", "treated", "in window", "evaluable", "dlts")

CARDS_IF_ANY = ("unassessed", "not evaluable")


class MeetingPanel:
    """Where the trial stands.

    Attributes
    ----------
    since : Day
        The day of the last meeting.
    prepare : ipywidgets.Button
        Makes the meeting pack.
    inspect : ipywidgets.Button
        Puts every entry with the check of the log into one file; shown to those who may see every participant.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._make_outputs()
        self.since = field(Day, _("Changes since"), value=self._last_meeting(), width="260px")
        self.prepare = widgets.Button(description=_("Make the meeting pack"), layout={"width": "max-content"})
        layout = {"width": "max-content", "display": None if desk.inspects else "none"}
        self.inspect = widgets.Button(description=_("All entries, for an inspection"), layout=layout)
        self.view = self._arranged()
        self.since.observe(self._compare, "value")
        self.prepare.on_click(self._prepare)
        self.inspect.on_click(self._inspect)
        desk.on_change(self.refresh)
        desk.on_change(partial(setattr, self.pack, "value", ""), every_entry=True)  # it is of an earlier end
        self.refresh()

    def _make_outputs(self) -> None:
        self.title, self.figures = elements.html(""), elements.html("", role="status")
        self.next_step = elements.html("", "pw-beside", role="status")
        self.grid = Chart(grid_figures.grid, _("The grid with what was seen and what is recommended"))
        self.path = Chart(path_figures.path, _("The path of the decisions through the grid"))
        self._path_framed = elements.narrow(self.path)
        self.regimens, self.sites, self.visits = (elements.html("") for _part in range(3))
        self.funnel, self.reasons = elements.html(""), elements.html("")
        self.changed, self.pack = elements.html("", role="status"), elements.html("", role="status")

    def _arranged(self) -> widgets.VBox:
        small = elements.row(self.regimens, self.visits)
        screening = elements.row(self.funnel, self.reasons)
        view = widgets.VBox(
            [
                self.title, self.figures,
                elements.row(elements.narrow(self.grid), self.next_step), small, self.sites, screening,
                elements.section(_("Since the last meeting"), elements.row(self.since, self.prepare, self.inspect),
                                 self.pack, self.changed),
                elements.section(_("Decisions so far"), self._path_framed),
            ]
        )  # fmt: skip
        view.add_class("pw-section")
        return view

    def refresh(self) -> None:
        """Write everything from the present briefing."""
        now, trial = self._desk.briefing, self._desk.trial
        self.title.value = elements.dress(heading(self._desk))
        lost = Markup("").join(Markup('<p class="pw-bad">{}</p>').format(words) for words in now.left_out)
        self.figures.value = elements.dress(cards(now) + lost, "status")
        self.grid.draw(grid_rows(self._desk))
        words = where_it_stands(now, trial) + unassessed(now) + self._basis()
        self.next_step.value = elements.dress(words, "status")
        path = decision_rows(now)
        self._path_framed.layout.display = None if len(path) else "none"
        if len(path):
            self.path.draw(path, regimens=regimens_of(now, trial))
        for place, sheet in zip(
            (self.regimens, self.sites, self.visits, self.funnel, self.reasons), sheets(self._desk), strict=False
        ):
            place.value = elements.dress(shortened(sheet))
        self.pack.value = ""
        self._compare()

    def _last_meeting(self) -> date | None:
        decisions = self._desk.briefing.decisions
        return date.fromisoformat(decisions["day"].iloc[-1]) if len(decisions) else None

    def _basis(self) -> Markup:
        window, review = self._desk.trial.escalation.dlt_window_days, self._desk.trial.followup.forecast.review_days
        lines = [
            (_("DLT window in days:"), window),
            (_("Days of review before a decision:"), review),
        ]
        counted = _("In each cell: participants with a DLT, of those who are evaluable.")
        items = Markup("").join(
            Markup("<p>{} {} {}</p>").format(label, value.value, elements.assumption(value.origin))
            for label, value in lines
        )
        return elements.details(_("Assumptions behind it"), items) + Markup('<p class="pw-off">{}</p>').format(
            counted
        )

    def _compare(self, _change: Any = None) -> None:
        self.pack.value = ""
        if self.since.value is None:
            self.changed.value = elements.dress(elements.note(_("Choose the day of the last meeting.")), "status")
            return
        change, news = change_sheets(self._desk, self.since.value)
        words = elements.table(change.shown, change.heading)
        if len(news.shown):
            words += elements.table(news.shown, news.heading)
        else:
            words += Markup("<p>{}</p>").format(_("No DLT, withdrawal, correction or decision since then."))
        self.changed.value = elements.dress(words, "status")

    def _prepare(self, _button: widgets.Button) -> None:
        now, trial = self._desk.briefing, self._desk.trial
        since = self.since.value or now.as_of
        pictures = {_("The grid"): grid_figures.grid(grid_rows(self._desk))}
        path = decision_rows(now)
        if len(path):
            pictures[_("Decisions so far")] = path_figures.path(path, regimens_of(now, trial))
        facts = trial.identity
        title = f"{facts['nct_id'].value}: {facts['title'].value}"
        found = (*sheets(self._desk), *change_sheets(self._desk, since), decision_sheet(now))
        content = meeting_pack(
            title, now, since, cards(now) + where_it_stands(now, trial) + unassessed(now), found, pictures
        )
        kind = "invented-example" if now.invented else f"entry-{now.head.count}"
        name = f"meeting-{now.as_of.isoformat()}-{kind}.zip"
        link = elements.download(_("Save the meeting pack (ZIP)"), name, content, "application/zip")
        self.pack.value = elements.dress(link, "status")

    def _inspect(self, _button: widgets.Button) -> None:
        try:
            entries, checked = self._desk.inspection()
        except ProtocolError as error:
            self.pack.value = elements.dress(elements.message(error), "status")
            return
        moment = datetime.now(UTC)
        name = f"log-{moment:%Y-%m-%d}-entry-{checked.head.count}.zip"
        link = elements.download(
            _("Save all entries (ZIP)"), name, inspection(entries, checked, moment), "application/zip"
        )
        found = _("The log is whole.") if checked.ok else _("The log is NOT whole; the report says where.")
        self.pack.value = elements.dress(elements.note(found) + link, "status")


def shortened(sheet: Sheet) -> Markup:
    """Show a table; the rows after the first ones are folded away."""
    note = Markup('<p class="pw-off">{}</p>').format(sheet.note) if sheet.note else Markup("")
    first, rest = sheet.shown.iloc[:TOP], sheet.shown.iloc[TOP:]
    more = elements.details(_("{n} more").format(n=len(rest)), elements.table(rest)) if len(rest) else Markup("")
    return elements.table(first, sheet.heading) + more + note


def heading(desk: Desk) -> Markup:
    """Say where the trial stands on which day, and whether the figures are invented."""
    now = desk.briefing
    title = Markup('<h2 class="pw-heading">{}</h2>').format(
        _("Where the trial stands on {day}").format(day=now.as_of.isoformat())
    )
    return title + (elements.invented() if now.invented else Markup(""))


def grid_rows(desk: Desk) -> pd.DataFrame:
    """Prepare the picture of the grid."""
    now, escalation = desk.briefing, desk.trial.escalation
    outcomes = Outcomes.parse(escalation.grid, now.notation)
    current = escalation.grid.index(now.open_regimen or escalation.design.start.value)
    return regimen_rows(escalation.designed(), outcomes, current, now.following)


def cards(now: Briefing) -> Markup:
    """Count participants by how far they have come."""
    inner = Markup("").join(
        Markup('<div class="pw-card"><b class="pw-number">{}</b><br>{}</div>').format(now.counts[name], COUNTS[name])
        for name in (*CARDS, *(name for name in CARDS_IF_ANY if now.counts[name]))
    )
    return Markup('<div class="pw-cards cards">{}</div>').format(inner)


def unassessed(now: Briefing) -> Markup:
    """Name those whose DLT window is over and whose assessment is not in the log."""
    names = now.waiting.loc[now.waiting["progress"].eq("assessment missing"), "participant"]
    if names.empty:
        return Markup("")
    words = _("The DLT window is over and no assessment after it is recorded: {names}.")
    seen = ", ".join(name or _("a participant") for name in names)
    return Markup('<p class="pw-bad">{}</p>').format(words.format(names=seen))


def sheets(desk: Desk) -> tuple[Sheet, ...]:
    """Return the tables of the present state: regimens, sites, visits, screening, reasons."""
    now, criteria = desk.briefing, {c.id: c for c in desk.trial.eligibility.criteria}
    hidden = "" if now.invented or now.reader.sees_all else _(
        "One to four are not told apart for those who see figures only, and DLTs are not split by site."
    )  # fmt: skip
    steps = {"screened": _("screened"), **OVERALL, **COUNTS}
    funnel = now.funnel.assign(step=now.funnel["step"].map(steps))
    title = desk.trial.eligibility.title
    reasons = now.reasons.assign(what=[title(criteria[name]) for name in now.reasons["criterion"]])
    counts = {
        "regimen": _("Regimen"), "enrolled": _("Enrolled"), "treated": _("Treated"), "screened": _("Screened"),
        "in window": _("In the DLT window"), "unassessed": _("Assessment missing"),
        "not evaluable": _("Left, not evaluable"), "evaluable": _("Evaluable"), "dlts": _("With a DLT"),
        "site": _("Site"),
        "overdue": _("Overdue"), "due": _("Due"), "open": _("Open"), "step": _("Step"),
        "participants": _("Participants"), "criterion": _("Criterion"), "what": _("What it asks"),
    }  # fmt: skip
    last = _("By each participant's last screening; a participant may fail several.")

    def sheet(file: str, heading: str, frame: pd.DataFrame, note: str = "") -> Sheet:
        return Sheet(file, heading, frame, frame.rename(columns=counts), note)

    return (
        sheet("regimens", _("Participants by regimen"), now.regimens),
        sheet("sites", _("Per site"), now.sites, hidden),
        sheet("visits", _("Visits somebody must act on"), now.visits),
        sheet("screening", _("From screening on"), funnel),
        sheet("reasons", _("Criteria not met"), reasons[["criterion", "what", "participants"]], last),
    )


def change_sheets(desk: Desk, since: date) -> tuple[Sheet, Sheet]:
    """Return what changed since a day: the figures, and what a committee wants to know one by one."""
    table = desk.changes(since)
    shown = pd.DataFrame(
        {
            _("What"): table["what"].map(COUNTS), _("On that day"): table["before"], _("Now"): table["now"],
            _("Change"): [f"{change:+d}" if change else "–" for change in table["now"] - table["before"]],
        }
    )  # fmt: skip
    news = desk.news(since)
    rows = [
        {
            _("Day"): row["day"], _("What"): KINDS[row["kind"]] if row["kind"] != "dlt_assessed" else _("DLT"),
            _("Regimen"): row["regimen"], _("Participant"): row["participant"], _("Words"): _news_words(row),
        }
        for row in news.to_dict("records")
    ]  # fmt: skip
    columns = [_("Day"), _("What"), _("Regimen"), _("Participant"), _("Words")]
    since_then = _("Figures on {day} and now").format(day=since)
    one_by_one = _("Recorded after {day}").format(day=since)
    return (
        Sheet("changes", since_then, table, shown),
        Sheet("news", one_by_one, news, pd.DataFrame(rows, columns=columns, dtype=object)),
    )


def _news_words(row: Mapping[Any, Any]) -> str:
    later = _("later corrected (entry {number})").format(number=row["corrected"]) if row["corrected"] else ""
    return "; ".join(filter(None, (row["change"], plain(row["words"]), later)))


def decision_sheet(now: Briefing) -> Sheet:
    """Return the decisions so far."""
    names = {
        "day": _("Day"), "recommended": _("Recommended"), "chosen": _("Chosen"), "why": _("Why"),
        "decided_by": _("Decided by"), "seen": _("DLTs under it"),
    }  # fmt: skip
    stops = {"recommended": _("stop"), "chosen": _("stop")}
    shown = now.decisions.fillna(stops).rename(columns=names)
    return Sheet("decisions", _("Decisions so far"), now.decisions, shown)
