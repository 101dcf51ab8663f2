"""Follow-up: dates in, ledger out; exposures in, earliest date of enrolment out.

Nothing here knows which day it is: `today` is always an argument.
"""

from protocol.followup.durations import duration, shifted
from protocol.followup.ledger import STATUSES, landmarks, timeline, timelines
from protocol.followup.lookbacks import earliest_enrolment, lookbacks
from protocol.followup.record import FollowupRecord, Visit

__all__ = [
    "STATUSES",
    "FollowupRecord",
    "Visit",
    "duration",
    "earliest_enrolment",
    "landmarks",
    "lookbacks",
    "shifted",
    "timeline",
    "timelines",
]
