"""What happened in a trial: an append-only log of events, the state that follows from it, and where it stands.

An event (:mod:`protocol.conduct.events`) is recorded with :func:`protocol.conduct.log.open_log`; :func:`fold` turns
the entries of a log into a :class:`State`. The database is imported only when a log is opened.
"""

from protocol.conduct.entries import (
    Entry,
    Head,
    Problem,
    Verification,
    local_day,
    protocol_version,
    read_entries,
    sealed,
    write_entries,
)
from protocol.conduct.events import (
    Consented,
    Correction,
    Decision,
    DltAssessed,
    Enrolled,
    Event,
    Infused,
    Note,
    Recovery,
    Response,
    Screened,
    TherapyStarted,
    TreatmentEnded,
    Visit,
    Withdrawn,
    event,
)
from protocol.conduct.participant_history import Assessment, Course, course_of
from protocol.conduct.state import State, fold
from protocol.conduct.trial_status import (
    HOLDING,
    LEFT,
    Participation,
    Progress,
    TrialSoFar,
    VisitId,
    clocks,
    notation,
    openings,
    per_site,
    standing,
    table_of_dates,
)

__all__ = [
    "HOLDING", "LEFT", "Assessment", "Consented", "Correction", "Course", "Decision", "DltAssessed",
    "Enrolled", "Entry", "Event", "Head", "Infused", "Note", "Participation", "Problem", "Progress", "Recovery",
    "Response", "Screened", "State", "TherapyStarted", "TreatmentEnded", "TrialSoFar", "Verification", "Visit",
    "VisitId", "Withdrawn", "clocks", "course_of", "event", "fold", "local_day", "notation", "openings", "per_site",
    "protocol_version", "read_entries", "sealed", "standing", "table_of_dates", "write_entries",
]  # fmt: skip
