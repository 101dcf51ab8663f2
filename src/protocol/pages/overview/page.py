"""The overview page: the status of the trial, its meetings, and the protocol."""

from datetime import date

import ipywidgets as widgets

from protocol.pages.kit import Day, Tabs, field
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.overview.protocol_facts import ProtocolPanel
from protocol.pages.overview.status import StatusPanel
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _
from protocol.trial import Trial


class OverviewPage:
    """What the trial does next, what changed since the last meeting, and what its protocol says.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's day, written into files.
    desk : Desk, optional
        The log; without one the page shows the protocol only.

    Attributes
    ----------
    status : StatusPanel or None
    meeting : MeetingPanel or None
    protocol : ProtocolPanel
    in_address : dict of str to widget
        What the address of the page keeps.
    view : ipywidgets.Widget
        Tabs if there is a log or an example.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.protocol = ProtocolPanel(trial, today)
        self.status: StatusPanel | None = None
        self.meeting: MeetingPanel | None = None
        self.in_address: dict[str, widgets.Widget] = {"severity": self.protocol.severity}
        self.view: widgets.Widget = self.protocol.view
        if desk is not None:
            since = field(Day, _("Since the meeting of"), value=desk.briefing.last_meeting)
            self.meeting = MeetingPanel(desk, since)
            self.status = StatusPanel(desk, since, self._meet)
            parts = {
                "status": (_("Status"), self.status.view),
                "meeting": (_("Meeting"), self.meeting.view),
                "protocol": (_("Protocol"), self.protocol.view),
            }
            self.view = Tabs(parts)
            self.in_address = {
                "tab": self.view,
                "screen": self.status.screens.stepper,
                "since": since,
                **self.in_address,
            }

    @property
    def says_action(self) -> bool:
        """Whether what is open says what the trial should do next."""
        return self.status is not None and self.view.value == "status"

    def _meet(self) -> None:
        """Open the meeting tab with the pack."""
        self.view.value = "meeting"
        if self.meeting is not None:
            self.meeting.prepare.click()
