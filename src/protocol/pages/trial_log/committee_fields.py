"""The fields of what the committee decided, beside the choice itself: why, by whom, and on which day."""

from datetime import date
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit import Day, field
from protocol.pages.trial_log.recorder import Days, Incomplete, day_in
from protocol.translation import _


class CommitteeFields:
    """Why, by whom, and on which day.

    Parameters
    ----------
    label : str
        Of the day.
    today : date
        Put into the form.

    Attributes
    ----------
    why, decided_by, on : ipywidgets
    """

    def __init__(self, label: str, today: date) -> None:
        self.why = field(widgets.Textarea, _("Why"), rows=2, width="full")
        self.decided_by = field(widgets.Text, _("Decided by"), value=_("steering committee"))
        self.on = field(Day, label, value=today)
        self._days = Days(today, self.on)

    @property
    def by_name(self) -> dict[str, Any]:
        """The controls by the names of the fields of the entry."""
        return {"why": self.why, "decided_by": self.decided_by, "on": self.on}

    def move(self, today: date) -> None:
        """Put in the new day where the old one still stands."""
        self._days.move(today)

    def read(self) -> dict[str, Any]:
        """Return the fields of the entry.

        Raises
        ------
        Incomplete
            At the first field without an answer.
        """
        if not self.why.value.strip():
            raise Incomplete(self.why, _("Write why the committee decided so."))
        if not self.decided_by.value.strip():
            raise Incomplete(self.decided_by, _("Write who decided."))
        return {"why": self.why.value.strip(), "decided_by": self.decided_by.value.strip(), "on": day_in(self.on)}
