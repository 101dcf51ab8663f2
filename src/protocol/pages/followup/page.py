"""The follow-up page: the work of the day, one participant, and the planning of the trial."""

from datetime import date
from functools import cached_property

import ipywidgets as widgets

from protocol.briefing import ledgers
from protocol.conduct import Participant, TrialSoFar
from protocol.followup import agenda, full_days
from protocol.pages.followup.forecast import ForecastPanel
from protocol.pages.followup.planning import VisitPlanningPanel
from protocol.pages.followup.story import DatesCase, Story, case_of
from protocol.pages.followup.today import TodayPanel
from protocol.pages.followup.trial_board import TrialBoard
from protocol.pages.followup.what_if import WhatIf
from protocol.pages.kit import Draft, Tabs, Text, button, invented, note, row
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.participant_list import ParticipantList
from protocol.pages.trial_log.participant_path import ParticipantPath
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial


class FollowupPage:
    """Today's visits, one participant, and the planning of the trial.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day.
    desk : Desk, optional
        The log, whose participants are shown and recorded about. Without one there is no participant.

    Attributes
    ----------
    tabs : Tabs
        ``today``, ``participant``, ``planning``.
    work : TodayPanel or None
    path : ParticipantPath or None
        What is recorded about one participant; its ``participant`` says who.
    story : Story
        The schedule of that participant.
    what_if : WhatIf or None
        A copy of the dates, while it is open.
    planning : VisitPlanningPanel
        The planning of that participant's visits, of the copy while one is open; made when it is first needed.
    people, board, forecast
        Made when their tab is opened.
    in_address, drafts : dict
        What the address holds, and the forms that survive a reload.
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial = desk.visible_trial if desk else trial
        self._desk, self._today = desk, today
        self.path = ParticipantPath(desk, today) if desk else None
        self.work = TodayPanel(desk, self.choose) if desk else None
        name = "schedule-invented-example.csv" if desk and desk.invented else "schedule.csv"
        self.story = Story(trial.followup, self.as_of, name)
        self.problem = Text(role="")
        self._label = Text(invented() if desk and desk.invented else None, role="")
        self.try_dates = button(_("What if: change the dates"), self.open_what_if)
        self.leave = button(_("Return to the log"), self.leave_what_if)
        self.what_if: WhatIf | None = None
        self._sandbox = widgets.VBox()
        self._plan = widgets.Accordion(selected_index=None)
        self.board: TrialBoard | None = None
        self.forecast: ForecastPanel | None = None
        self._board_box = widgets.VBox()
        nobody = Text(note(_("No log is open, and there is no example: there are no participants.")), role="")
        self.people: ParticipantList | None = None
        self._everyone = widgets.Accordion(selected_index=None)
        self._one = self._one_participant()
        self.tabs = Tabs(
            {
                "today": (_("Today"), self.work.view if self.work else nobody),
                "participant": (_("Participant"), self._participants_tab),
                "planning": (_("Planning"), self._planning),
            }
        )
        self.in_address: dict[str, widgets.Widget] = {"tab": self.tabs}
        self.drafts: dict[str, Draft] = {}
        if self.path and self.work and desk:
            self.in_address |= {
                "participant": self.path.participant,
                "site": self.work.site,
                "day": self.work.day,
            }
            self.drafts = {
                "entry": self.path.draft,
                "enrolment": self.path.enrolment.draft,
                "visit": self.work.draft,
            }
            self.path.participant.observe(lambda _change: self._show_participant(chosen=True), "value")
            desk.on_change(self.refresh)
        self.view = widgets.VBox([self.tabs])
        self._show_participant()

    @property
    def as_of(self) -> date:
        """The day that counts as today: that of the log, or the reader's."""
        return self._desk.briefing.as_of if self._desk else self._today

    def choose(self, name: str) -> None:
        """Show one participant."""
        if self.path:
            self.path.participant.value = name
            self.tabs.value = "participant"

    def refresh(self) -> None:
        """Show the present state of the log."""
        self._show_participant()
        if self.board or self._board_box.children:
            self._show_board()

    @property
    def person(self) -> Participant | None:
        """The chosen participant if enrolled and to be seen."""
        so_far = self._participants
        name = self.path.participant.value.strip() if self.path else ""
        return next((one for one in so_far.participants if one.id == name), None) if so_far else None

    @property
    def _participants(self) -> TrialSoFar | None:
        return self._desk.participants if self._desk else None

    # One participant

    @cached_property
    def planning(self) -> VisitPlanningPanel:
        """The planning of visits, in its place on the page."""
        trial = self._trial
        sites = tuple((site.shown_name, site.name) for site in trial.sites)
        panel = VisitPlanningPanel(trial.identity.trial_id, trial.followup, self._today, sites, self._full_days)
        self._plan.children = [panel.view]
        self._plan.titles = [_("Plan the visits")]
        return panel

    def _participants_tab(self) -> widgets.VBox:
        """Return one participant with the list of all, which is open as long as nobody is chosen."""
        if self._desk:
            self.people = ParticipantList(self._desk, self.choose)
            self._everyone.children, self._everyone.titles = [self.people.view], [_("All participants")]
        self._show_list(chosen=True)
        return widgets.VBox([self._one, self._everyone])

    def _show_list(self, chosen: bool = False) -> None:
        """Hide the list as long as there is nobody; with `chosen` open it, or fold it if somebody is chosen."""
        self._everyone.layout.display = None if self._desk and self._desk.courses else "none"
        if chosen and self.people:
            self._everyone.selected_index = None if self.path and self.path.participant.value else 0

    def _one_participant(self) -> widgets.VBox:
        self._own = widgets.VBox([self.problem, self.story.view])
        parts = [self._label, *([self.path.view] if self.path else [])]
        return widgets.VBox([*parts, self._own, row(self.try_dates, self.leave), self._sandbox, self._plan])

    def _show_participant(self, chosen: bool = False) -> None:
        """Show the schedule of the participant; with `chosen` a copy of another one's dates is left."""
        person = self.person
        if chosen and self.what_if:
            self.leave_what_if()
        self._show_list(chosen)
        case = self._case(person)
        self._own.layout.display = None if case or self.problem.value else "none"
        self.story.view.layout.display = None if case else "none"
        if case:
            self.story.show(case)
            if not self.what_if:
                self.planning.study_id.value = person.id if person else ""
                self.planning.show(case)
        self._lay_out(case is not None)

    def _lay_out(self, has_dates: bool) -> None:
        can_try = has_dates or self._desk is None or self._desk.invented
        self.try_dates.layout.display = None if can_try and not self.what_if else "none"
        self.leave.layout.display = None if self.what_if else "none"
        self._plan.layout.display = None if has_dates or self.what_if else "none"

    @property
    def case(self) -> DatesCase | None:
        """The dates of the copy if one is open, otherwise of the participant; None if no one is chosen."""
        return self.what_if.case if self.what_if else self._case(self.person)

    def _case(self, person: Participant | None) -> DatesCase | None:
        self.problem.show(None)
        if person is None:
            return None
        try:
            return case_of(self._trial, person, self.as_of)
        except ProtocolError as error:
            self.problem.show(error)
            return None

    def open_what_if(self) -> WhatIf:
        """Open a copy of the participant's dates; without a log, of the example of the record."""
        person = self.person
        case = self._case(person)
        self.what_if = WhatIf(self._trial.followup, self.as_of, case, person.id if person else "", self.planning.show)
        self._sandbox.children = (self.what_if.view,)
        self._lay_out(case is not None)
        return self.what_if

    def leave_what_if(self) -> None:
        """Return from the copy to the log."""
        self.what_if, self._sandbox.children = None, ()
        self._show_participant()

    # The whole trial

    def _planning(self) -> widgets.VBox:
        self.forecast = ForecastPanel(self._trial, self._today)
        self._show_board()
        return widgets.VBox([self._board_box, self.forecast.view])

    def _show_board(self) -> None:
        so_far = self._participants
        if so_far is None:
            self.board = None
            self._board_box.children = (Text(note(_nobody(self._desk)), role=""),)
        elif self.board is None:
            self.board = TrialBoard(self._trial, so_far)
            self._board_box.children = (self.board.view,)
        else:
            self.board.show(so_far)

    def _full_days(self, site: str, visits_per_day: int) -> set[date]:
        """Return the days on which a site of the log has no place left."""
        so_far = self._participants
        ledger = ledgers(self._trial, so_far)[0] if so_far else None
        if so_far is None or ledger is None:
            return set()
        sites = {person.id: person.site for person in so_far.participants}
        return full_days(agenda(ledger, sites, so_far.as_of, 3660), site, visits_per_day)


def _nobody(desk: Desk | None) -> str:
    if desk and not desk.sees_all and not desk.reader.records:
        return _("Your role shows figures and hides the participants.")
    return _("No participant is enrolled yet.")
