"""Follow-up: dates in, ledger out; exposures in, earliest date of enrolment out.

Nothing here knows which day it is: `today` is always an argument.
"""

from protocol.followup.comparison import activities, burden, differences, slipped
from protocol.followup.ledger import STATUSES, landmarks, timeline, timelines
from protocol.followup.look_backs import conflicts, earliest_enrolment, lookbacks
from protocol.followup.schedule import FollowupRecord, Visit, duration, shifted
from protocol.followup.site_calendar import best_days, doomed_starts, last_announced_year, reason
from protocol.followup.worklist import agenda, full_days

__all__ = [
    "STATUSES",
    "FollowupRecord",
    "Visit",
    "activities",
    "agenda",
    "best_days",
    "burden",
    "conflicts",
    "differences",
    "doomed_starts",
    "duration",
    "earliest_enrolment",
    "full_days",
    "landmarks",
    "last_announced_year",
    "lookbacks",
    "reason",
    "shifted",
    "slipped",
    "timeline",
    "timelines",
]
