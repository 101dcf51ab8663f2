"""How much each site has to do: participants, next visits and its share of the open cohort."""

from datetime import date, timedelta

import pandas as pd

from protocol.conduct import HOLDING, Participation, TrialSoFar, standing
from protocol.followup import reason, timeline
from protocol.trial import Trial

_DATED = {"enrolment": "enrolled", "start_of_therapy": "therapy_started", "first_infusion": "first_infusion"}


def planned_days(trial: Trial, so_far: TrialSoFar) -> dict[str, list[date]]:
    """List the target days of all visits of each site's participants, by the site's name, earliest first."""
    people = {site.name: [one for one in so_far.participants if one.site == site.name] for site in trial.sites}
    return {
        site: sorted(day for person in own for day in _targets(trial, person, so_far.as_of))
        for site, own in people.items()
    }


def _targets(trial: Trial, person: Participation, today: date) -> list[date]:
    frequency = [level.id for level in trial.escalation.frequencies].index(person.regimen[1:]) + 1
    known = {anchor.id for anchor in trial.followup.anchors}
    dates = {anchor: getattr(person, day) for anchor, day in _DATED.items() if anchor in known}
    return [target.date() for target in timeline(trial.followup, dates, frequency, today)["target"].dropna()]


def load_per_site(trial: Trial, so_far: TrialSoFar, planned: dict[str, list[date]], weeks: int) -> pd.DataFrame:
    """Count what the sites have to do in the weeks to come.

    Parameters
    ----------
    trial : Trial
    so_far : TrialSoFar
        Who takes part, and the day from which is looked ahead.
    planned : dict of str to list of date
        What :func:`planned_days` returned.
    weeks : int
        How far to look ahead.

    Returns
    -------
    pandas.DataFrame
        One row a site: ``site``, ``participants``, ``visits`` (whose target day lies in those weeks), ``next``
        (the earliest target day, None without one), ``free_slots`` (visits the site can still take in those weeks
        on its working days, 0 at least), ``in_open_cohort`` (its participants at the open regimen for whom
        the next decision waits).
    """
    progress = standing(so_far, trial.escalation.dlt_window_days.value).set_index("participant")["progress"]
    last = so_far.as_of + timedelta(weeks=weeks)
    slots = capacity(trial, so_far.as_of, last)
    rows = []
    for site in trial.sites:
        own = [person for person in so_far.participants if person.site == site.name]
        days = [day for day in planned[site.name] if so_far.as_of <= day <= last]
        waiting = [
            person for person in own if person.regimen == so_far.open_regimen and progress[person.id] in HOLDING
        ]
        next_day = days[0] if days else None
        rows.append((site.name, len(own), len(days), next_day, max(slots - len(days), 0), len(waiting)))
    columns = ["site", "participants", "visits", "next", "free_slots", "in_open_cohort"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def capacity(trial: Trial, first: date, last: date) -> int:
    """Count the visits one site can take on its working days from `first` to `last`, both included."""
    working = trial.followup.working
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return working.visits_per_day.value * sum(not reason(working, day) for day in days)


def free_places(trial: Trial, so_far: TrialSoFar) -> int:
    """Count the places left in the open cohort: cohorts at the open regimen are filled one after the other.

    When the last cohort is full the answer is 0; the next opens by the committee's decision.
    """
    enrolled = sum(person.regimen == so_far.open_regimen for person in so_far.participants)
    return -enrolled % trial.escalation.design.cohort_size.value
