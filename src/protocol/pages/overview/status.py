"""The status of the trial on three screens: the decision, what is new, sites and exclusions."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.chart import Chart
from protocol.exchange.documents.meeting_pack import Sheet
from protocol.figures import conduct as figures
from protocol.figures import escalation as escalation_figures
from protocol.pages.escalation.decision_steps import DecisionSteps
from protocol.pages.kit import (
    Day,
    Screens,
    Text,
    action_card,
    button,
    classed,
    details,
    invented,
    joined,
    link_to,
    macros,
    origin,
    paragraph,
    row,
    table,
    tag,
)
from protocol.pages.overview.tables import (
    behind_grid,
    change_sheets,
    exclusion_rows,
    grid_caption,
    grid_rows,
    missing_assessments,
    news_lines,
    progress_rows,
    recruitment_rows,
    sheets,
    site_rows,
)
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _, ngettext

MOST_NEWS, MOST_REASONS = 6, 8
"""Lines and bars that show at once; the others stand in the folded tables."""

DAYS_NAMED = 150
"""Days of recruitment below which the axis of its picture names days, and not months."""

_OVERVIEW = macros("overview")


class StatusPanel:
    """The status of the trial on the reader's day, on three screens.

    Parameters
    ----------
    desk : Desk
    since : Day
        The day of the last meeting.
    meet : callable
        Called to prepare the meeting pack.

    Attributes
    ----------
    screens : Screens
    answer, alarms, changed : Text
        What to do next; what needs somebody's work, with links; the changes since the last meeting.
    pack : ipywidgets.Button
    grid, progress, recruitment, reasons : Chart
    steps : DecisionSteps
    sites : dict of str to Chart
    progress_part, path_part, recruitment_part, sites_part, reasons_part : ipywidgets.VBox
        The pictures with their titles; each is left out while there is nothing to draw.
    view : Screens
    """

    def __init__(self, desk: Desk, since: Day, meet: Callable[[], None]) -> None:
        self._desk, self._since = desk, since
        self.title, self.answer, self.changed = Text(None, "pw-status-title", role=""), Text(), Text()
        self.alarms, self.assumed, self.planned = Text(), Text(role=""), Text(role="")
        self.empty, self.no_reasons, self.hidden = Text(), Text(role=""), Text(role="")
        self.tables = [Text(role="") for _screen in range(3)]
        self.pack = button(_("Meeting pack"), meet)
        self.grid = Chart(escalation_figures.grid, _("The grid with what was seen and what is recommended"))
        self.progress = Chart(figures.progress, _("Participants from screened to evaluable"))
        self.steps = DecisionSteps(desk)
        self.recruitment = Chart(figures.recruitment, _("Enrolled participants over time"))
        self.reasons = Chart(figures.exclusions, _("Criteria that participants did not pass"))
        self.sites = {
            site.name: Chart(figures.site, _("Participants of {site}").format(site=site.shown_name))
            for site in desk.trial.sites
        }
        self._escalates = desk.trial.states("escalation")
        self.progress_part = widgets.VBox([self.progress])
        self.recruitment_part = _part(_("Recruitment"), self.recruitment, self.planned)
        self.path_part = _part(_("Decisions so far"), self.steps.view)
        self.reasons_part = _part(_("Criteria not passed"), self.no_reasons, self.reasons)
        self.sites_part = _part(_("Sites"), self._site_row(), self.hidden)
        self.screens = self.view = Screens(
            {
                _("Decision"): self._decision(),
                _("Since the last meeting"): widgets.VBox([self._news(), self.tables[1]]),
                _("Sites and screening"): widgets.VBox([self.sites_part, self.reasons_part, self.tables[2]]),
            }
        )
        since.observe(self._compare, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def _decision(self) -> widgets.VBox:
        buttons = row(self._record_link(), self.pack)
        answer = classed(widgets.VBox([self.answer, buttons, self.alarms]), "pw-status-answer")
        grid = classed(widgets.VBox([self.grid, self.assumed]), "pw-status-grid")
        sides = row(grid, answer) if self._escalates else row(answer)
        first = classed(widgets.VBox([self.title, sides, self.empty, self.progress_part]), "pw-first-screen")
        return classed(widgets.VBox([first, self.tables[0]]), "pw-status")

    def _record_link(self) -> Text:
        records = not self._desk.invented and self._desk.reader.role == "coordinator"
        words = _("Record decision") if records else _("Escalation in detail")
        return Text(link_to("escalation", words) if self._escalates else None, "pw-status-link", role="")

    def _news(self) -> widgets.VBox:
        news = classed(_part(_("Since the last meeting"), self.changed), "pw-half")
        return widgets.VBox([row(news, classed(self.recruitment_part, "pw-half")), self.path_part])

    def _site_row(self) -> widgets.Box:
        """Set the sites side by side as small multiples."""
        parts = [
            classed(
                widgets.VBox([Text(_OVERVIEW.small_title(self._desk.trial.site_shown(name)), role=""), chart]),
                "pw-multiple",
            )
            for name, chart in self.sites.items()
        ]
        return row(*parts)

    def refresh(self) -> None:
        """Write everything from the present briefing."""
        now, trial = self._desk.briefing, self._desk.trial
        words = _("State of the trial on {day}").format(day=now.as_of.isoformat())
        self.title.show(_OVERVIEW.title(words, ()), invented() if now.invented else None)
        self.answer.show(action_card(now.action) if self._escalates else None)
        self.alarms.show(self._alarms(), *(paragraph(text, "bad") for text in now.left_out))
        caption = _OVERVIEW.caption(*grid_caption(trial), tag(_("assumption"), "assumption"))
        self.assumed.show(caption if self._escalates else None)
        if self._escalates:
            self.grid.draw(grid_rows(self._desk))
        started = bool(now.counts["screened"] or now.counts["enrolled"])
        self.empty.show(None if started else self._beginning())
        _display(self.progress_part, started)
        if started:
            self.progress.draw(progress_rows(now))
        _display(self.path_part, bool(len(now.decisions)))
        self._recruit()
        self._show_sites(started)
        regimens, sites, visits, screening, reasons = map(_folded, sheets(self._desk))
        behind = self._assumptions() if self._escalates else Markup("")
        self.tables[0].show(joined([*([regimens, screening, visits] if started else []), behind]))
        self.tables[2].show(joined([sites, reasons]) if started else None)
        self._compare()

    def _recruit(self) -> None:
        now, planned = self._desk.briefing, self._desk.trial.identity.get("enrolment")
        _display(self.recruitment_part, bool(len(now.recruitment)))
        if not len(now.recruitment):
            return
        number = planned.value if planned is not None and isinstance(planned.value, int) else None
        weeks = now.recruitment["day"]
        self.recruitment.draw(
            recruitment_rows(now), planned=number, days=(weeks.iloc[-1] - weeks.iloc[0]).days < DAYS_NAMED
        )
        if planned is None or number is None:
            words: Markup | str = _("The record states no planned number. That is a question to the sponsor.")
        else:
            told = _("{count} of {planned} planned participants are enrolled.")
            open_question = _("When they should be enrolled is stated nowhere: a question to the sponsor.")
            words = joined(
                (told.format(count=now.counts["enrolled"], planned=number), origin(planned), open_question), " "
            )
        self.planned.show(paragraph(words, "off"))

    def _show_sites(self, started: bool) -> None:
        now, trial_sees_all = self._desk.briefing, self._desk.sees_all
        rows, most = site_rows(now)
        _display(self.sites_part, started)
        _display(self.reasons_part, started)
        for name, chart in self.sites.items():
            if started:
                chart.draw(rows[name], most=most)
        hidden = _("One to four are not told apart for those who see figures only, and DLTs are not split by site.")
        self.hidden.show(None if trial_sees_all else paragraph(hidden, "off"))
        reasons = exclusion_rows(self._desk, MOST_REASONS)
        _display(self.reasons, bool(len(reasons)))
        if len(reasons):
            self.reasons.draw(reasons, most=int(reasons["high"].max()))
        last = _("By each participant's last screening; more than one criterion may exclude a participant.")
        none = _("No criterion has excluded a participant so far.")
        self.no_reasons.show(paragraph(last if len(reasons) else none, "off"))

    def _beginning(self) -> Markup:
        """Say that nobody was screened yet, and what comes first."""
        told = _("No participant is screened yet.")
        if not self._desk.reader.records or self._desk.invented:
            return paragraph(told)
        return paragraph(joined((told, link_to("eligibility", _("Screen the first participant"))), " "))

    def _alarms(self) -> Markup:
        """Return what needs somebody's work, each as a link to the page where it is done."""
        now = self._desk.briefing
        overdue = int(now.visits["overdue"].sum())
        missing, dlts, wrong = now.counts["unassessed"], now.counts["dlts"], len(now.left_out)
        found: list[tuple[str, int | str, str]] = [
            ("escalation", dlts, ngettext("{n} participant with a DLT", "{n} participants with a DLT", dlts)),
            ("followup", missing, missing_assessments(now)),
            ("followup", overdue, ngettext("{n} visit overdue", "{n} visits overdue", overdue)),
            (
                "followup",
                wrong,
                ngettext("{n} participant with wrong dates", "{n} participants with wrong dates", wrong),
            ),
        ]
        late = now.report_counts.get("late", "0")  # in words: few are hidden from some readers
        if late != "0":
            found.append(("followup", late, _("reports of serious events overdue: {n}")))
        shown = [link_to(page, words.format(n=n)) for page, n, words in found if n and self._desk.trial.states(page)]
        if not shown and not now.counts["enrolled"]:
            return Markup("")
        return _OVERVIEW.alarms(_("Needs attention"), shown, _("No DLT, no visit overdue, no assessment missing."))

    def _assumptions(self) -> Markup:
        """Return the values behind the grid with their sources, folded."""
        rows = [
            joined((words, origin(value), value.origin if value.is_assumption else ""), " ")
            for words, value in behind_grid(self._desk.trial).items()
        ]
        return details(_("Values behind the grid, with their sources"), macros("lists").bullets(rows))

    def _compare(self, _change: Any = None) -> None:
        since, now = self._since.value, self._desk.briefing
        if not now.head.count and not now.invented:
            self.changed.show(paragraph(_("Nothing is recorded in the log yet.")))
            self.tables[1].show(None)
            return
        if since is None:
            self.changed.show(paragraph(_("Choose the day of the last meeting on the tab “Meeting”.")))
            self.tables[1].show(None)
            return
        figures_then, news = change_sheets(self._desk, since)
        moved = [
            (f"{one['now'] - one['before']:+d}", words, one["before"], one["now"])
            for one, words in zip(figures_then.frame.to_dict("records"), figures_then.shown.iloc[:, 0], strict=True)
            if one["now"] != one["before"]
        ]
        lines = news_lines(self._desk, since)
        first = now.decisions.empty and since == now.last_meeting
        head = _("Before the first meeting: since the log began") if first else _("Since {day}").format(day=since)
        none = _("No count of participants has changed since then.")
        shown = _OVERVIEW.changes(head, moved, none, lines[:MOST_NEWS], news.nothing)
        more = len(lines) - MOST_NEWS
        rest = details(_("{n} more").format(n=more), macros("lists").bullets(lines[MOST_NEWS:])) if more > 0 else ""
        self.changed.show(shown, rest)
        self.tables[1].show(joined(map(_folded, (figures_then, news))))


def _part(title: str, *content: widgets.Widget) -> widgets.VBox:
    """Group a picture with its title, one step below the title of the page."""
    return classed(widgets.VBox([Text(_OVERVIEW.subtitle(title), role=""), *content]), "pw-part-of-screen")


def _folded(sheet: Sheet) -> Markup:
    """Return a table folded behind its picture."""
    note = paragraph(sheet.note, "off") if sheet.note else Markup("")
    inside = table(sheet.shown, label=sheet.heading) if len(sheet.shown) else paragraph(sheet.nothing)
    return details(_("{title} as a table").format(title=sheet.heading), joined((note, inside)))


def _display(part: widgets.Widget, shown: bool) -> None:
    part.layout.display = None if shown else "none"
