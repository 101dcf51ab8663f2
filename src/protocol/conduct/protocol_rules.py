"""What the record of a trial asks of its log; this topic does not know the record, so it is handed in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from protocol.conduct.entries import Entry
from protocol.conduct.events import Event
from protocol.conduct.participant_history import ParticipantHistory


@dataclass(frozen=True)
class Stagger:
    """The first participant is treated alone for some days before the others.

    Attributes
    ----------
    days : int
        From the first infusion of the first participant to the earliest one of another.
    of : str
        The first participant of a ``cohort`` (those enrolled at one regimen under one decision), or of a ``regimen``.
    """

    days: int
    of: Literal["cohort", "regimen"] = "cohort"


@dataclass(frozen=True)
class ProtocolRules:
    """What a log of a trial keeps to beside the order of events; the default asks nothing.

    Attributes
    ----------
    phases : tuple of str
        The phases of the trial; the committee chooses the regimens of the first, and declares one for each other.
    stagger : Stagger or None
        Of the first phase.
    refuse : callable
        Raises ProtocolError for an event that cannot be, such as a count in a unit that does not exist.
    """

    phases: tuple[str, ...] = ()
    stagger: Stagger | None = None
    refuse: Callable[[Event], None] = lambda _event: None

    def is_first(self, phase: str | None) -> bool:
        """Whether a phase is the first one; older entries name none."""
        return phase is None or phase in self.phases[:1]


def staggered_until(
    histories: Mapping[str, ParticipantHistory],
    decisions: Iterable[Entry],
    rules: ProtocolRules,
    regimen: str,
    enrolled: date,
    but: str = "",
) -> tuple[date, date] | None:
    """Return from which day on a participant may have the first infusion, and whose infusion it waits for.

    Parameters
    ----------
    histories : mapping of str to ParticipantHistory
    decisions : iterable of Entry
        Those of the committee, in order.
    rules : ProtocolRules
    regimen : str
        Of the participant.
    enrolled : date
        When the participant was enrolled, or would be.
    but : str
        The participant, whose own infusion is not waited for.

    Returns
    -------
    tuple of date, or None
        The first infusion of the first participant, and the first day for the others. None if the protocol has no
        such rule, or nobody else has had an infusion: this participant is then the first.
    """
    rule = rules.stagger
    if rule is None:
        return None
    opened = [date.fromisoformat(entry.content["on"]) for entry in decisions]
    since = max((day for day in opened if day <= enrolled), default=date.min) if rule.of == "cohort" else date.min
    until = min((day for day in opened if day > enrolled), default=date.max) if rule.of == "cohort" else date.max
    days = [
        one.infusions[1]
        for name, one in histories.items()
        if name != but and one.regimen == regimen and rules.is_first(one.phase)
        if one.enrolled and since <= one.enrolled < until and 1 in one.infusions
    ]
    return (min(days), min(days) + timedelta(days=rule.days)) if days else None
