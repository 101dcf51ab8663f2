"""Follow-up: dates in, ledger of visits out; look-backs; working days; the forecast of the trial.

No function here reads the present day: `today` is always an argument.
"""

from protocol.followup.comparison import activities, burden, differences, slipped
from protocol.followup.forecast import (
    DAYS_PER_MONTH,
    Assumptions,
    Feasibility,
    assumptions,
    cohorts_at,
    milestones,
    registered_dates,
    simulate,
    what_if,
)
from protocol.followup.ledger import STATUSES, landmarks, timeline, timelines
from protocol.followup.look_backs import conflicts, earliest_enrolment, lookbacks
from protocol.followup.schedule import (
    LAST_INFUSION,
    ROLES,
    Anchor,
    FollowupRecord,
    Period,
    Procedure,
    Role,
    Visit,
    Window,
    duration,
    infusion_visit,
    shifted,
)
from protocol.followup.site_calendar import best_days, doomed_starts, last_announced_year, reason
from protocol.followup.worklist import agenda, full_days

__all__ = [
    "DAYS_PER_MONTH",
    "LAST_INFUSION",
    "ROLES",
    "STATUSES",
    "Anchor",
    "Assumptions",
    "Feasibility",
    "FollowupRecord",
    "Period",
    "Procedure",
    "Role",
    "Visit",
    "Window",
    "activities",
    "agenda",
    "assumptions",
    "best_days",
    "burden",
    "cohorts_at",
    "conflicts",
    "differences",
    "doomed_starts",
    "duration",
    "earliest_enrolment",
    "full_days",
    "infusion_visit",
    "landmarks",
    "last_announced_year",
    "lookbacks",
    "milestones",
    "reason",
    "registered_dates",
    "shifted",
    "simulate",
    "slipped",
    "timeline",
    "timelines",
    "what_if",
]
