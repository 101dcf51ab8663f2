"""The fields of what the committee decided, beside the choice itself: why, by whom, and on which day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ipywidgets as widgets

from protocol.conduct import ParticipantHistory
from protocol.pages.kit import Day, field, row
from protocol.pages.trial_log.observation_forms import Fields
from protocol.pages.trial_log.recorder import Days, Incomplete, Problems, day_in
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


class ChoiceFields(Fields):
    """What the committee chose, why and by whom, for the correction of an entry.

    Parameters
    ----------
    name : str
        The field of the entry that holds the regimen.
    options : sequence
        The regimens; the empty text stands for none.
    problems : Problems
    """

    def __init__(self, name: str, options: Sequence[Any], problems: Problems) -> None:
        self._name = name
        self.regimen = field(widgets.Dropdown, _("Regimen"), options=options, value=None, width="short")
        self.why = field(widgets.Textarea, _("Reason of the committee"), rows=2, width="full")
        self.decided_by = field(widgets.Text, _("Decided by"))
        controls = self.regimen, self.why, self.decided_by
        super().__init__(
            controls, row(problems.at(self.regimen)), problems.at(self.why), problems.at(self.decided_by)
        )

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what an entry says."""
        self.regimen.value = content[self._name] or ""
        self.why.value, self.decided_by.value = content["why"], content["decided_by"]

    def read(self, _course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the regimen, the reason and who decided."""
        if not self.why.value.strip():
            raise Incomplete(self.why, _("Write why the committee decided so."))
        if not self.decided_by.value.strip():
            raise Incomplete(self.decided_by, _("Write who decided."))
        told = {"why": self.why.value.strip(), "decided_by": self.decided_by.value.strip()}
        return {self._name: self.regimen.value or None} | told
