"""The conduct of a trial: an append-only log of events, the state after them, and the status of the trial.

:func:`open_log` opens a log, :meth:`Log.append` records an event, and :func:`fold` turns entries into a
:class:`State`. The database library is imported only if a log is opened.
"""

from protocol.conduct.contradictions import is_grave, questions
from protocol.conduct.entries import (
    Entry,
    Head,
    canonical,
    json_lines,
    protocol_version,
    read_entries,
    sealed,
    stamp,
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
    VisitRecorded,
    Withdrawn,
    content,
    event,
)
from protocol.conduct.log import Conflict, Log, LogReader, ReasonNeeded, open_log
from protocol.conduct.participant_history import Assessment, ParticipantHistory, history_of
from protocol.conduct.participant_path import Step, last_day_of_dlt_window, next_event, path_of
from protocol.conduct.privacy import is_card_number, without_identity
from protocol.conduct.roles import Grant, Reader, Roles, reader_of
from protocol.conduct.state import State, fold
from protocol.conduct.trial_status import (
    AWAITED,
    NOT_EVALUABLE,
    Participant,
    Progress,
    TrialSoFar,
    dlt_windows,
    next_cohort,
    outcome_notation,
    participant_status,
    table_of_dates,
)
from protocol.conduct.verification import Problem, Verification

__all__ = [
    "AWAITED",
    "NOT_EVALUABLE",
    "Assessment",
    "Conflict",
    "Consented",
    "Correction",
    "Decision",
    "DltAssessed",
    "Enrolled",
    "Entry",
    "Event",
    "Grant",
    "Head",
    "Infused",
    "Log",
    "LogReader",
    "Note",
    "Participant",
    "ParticipantHistory",
    "Problem",
    "Progress",
    "Reader",
    "ReasonNeeded",
    "Recovery",
    "Response",
    "Roles",
    "Screened",
    "State",
    "Step",
    "TherapyStarted",
    "TreatmentEnded",
    "TrialSoFar",
    "Verification",
    "VisitRecorded",
    "Withdrawn",
    "canonical",
    "content",
    "dlt_windows",
    "event",
    "fold",
    "history_of",
    "is_card_number",
    "is_grave",
    "json_lines",
    "last_day_of_dlt_window",
    "next_cohort",
    "next_event",
    "open_log",
    "outcome_notation",
    "participant_status",
    "path_of",
    "protocol_version",
    "questions",
    "read_entries",
    "reader_of",
    "sealed",
    "stamp",
    "table_of_dates",
    "without_identity",
    "write_entries",
]
