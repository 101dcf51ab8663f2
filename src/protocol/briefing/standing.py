"""Where a trial stands on a day, as one person may see it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from protocol.briefing.decided import decided
from protocol.briefing.ledgers import ledgers
from protocol.conduct import (
    HOLDING,
    LEFT,
    Head,
    State,
    TrialSoFar,
    clocks,
    notation,
    openings,
    standing,
)
from protocol.conduct.roles import Identity
from protocol.escalation import Outcomes
from protocol.followup import agenda
from protocol.translation import _
from protocol.trial import Trial, so_far_of

FEW = 5
"""Counts of one to four are not told apart for those who see figures only, where they are of a site or a reason."""
COUNTS = (
    "screened", "consented", "enrolled", "treated", "in window", "unassessed", "not evaluable", "evaluable", "dlts",
    "withdrawn",
)  # fmt: skip
"""Of those enrolled: `unassessed` are past the DLT window without its assessment, `not evaluable` left before."""


@dataclass(frozen=True)
class Briefing:
    """Where a trial stands on a day, as one person may see it.

    Attributes
    ----------
    identity : Identity
        Who reads it.
    as_of : date
    invented : bool
    head : Head
        How far the log was read, and its last hash.
    counts : dict of str to int
        Participants by how far they have come: :data:`COUNTS`.
    open_regimen : str or None
        None when the committee stopped enrolment.
    notation : str
        The complete outcomes, ``A1:NNN B1:NTN``.
    regimens : DataFrame
        ``regimen, enrolled, treated, in window, unassessed, not evaluable, evaluable, dlts``, in the order of the
        grid.
    following : int or None
        Index of the regimen the design recommends now (STOP for none); None while it must wait.
    why : str
        The reason for `following`.
    waiting : DataFrame
        Who or what the next decision waits for: ``participant`` (empty when not to be seen), ``site``,
        ``window_ends``, ``progress`` (one of :data:`protocol.conduct.HOLDING`).
    free_places : int
        Places left in the cohort that was opened last; who left and is not evaluable has given a place back.
    earliest : date or None
        First day of the next decision; None while it cannot be known.
    visits : DataFrame
        ``site, overdue, due, open``: visits somebody must act on.
    funnel, reasons, sites, decisions : DataFrame
        ``step, participants``; ``criterion, participants``; ``site, screened, enrolled, treated, dlts``;
        ``day, recommended`` (a regimen, None to stop, or in words that nothing was), ``chosen, why, decided_by,
        seen`` (DLTs of those enrolled under it, in words).
    so_far : TrialSoFar or None
        The participants this person may see; None when none.
    left_out : tuple of str
        A sentence for each participant whose visits cannot be laid out and are not in `visits`, named only to those
        who may see the participant.
    """

    identity: Identity
    as_of: date
    invented: bool
    head: Head
    counts: dict[str, int]
    open_regimen: str | None
    notation: str
    regimens: pd.DataFrame
    following: int | None
    why: str
    waiting: pd.DataFrame
    free_places: int
    earliest: date | None
    visits: pd.DataFrame
    funnel: pd.DataFrame
    reasons: pd.DataFrame
    sites: pd.DataFrame
    decisions: pd.DataFrame
    so_far: TrialSoFar | None
    left_out: tuple[str, ...]

    @property
    def waits_for(self) -> dict[str, int]:
        """What a recommendation waits for and how many of it, as a decision records it; names nobody."""
        if self.open_regimen is None:
            return {}
        places = {"places": self.free_places} if self.free_places else {}
        return places | {str(name): int(n) for name, n in self.waiting["progress"].value_counts(sort=False).items()}


def brief(
    trial: Trial, state: State, identity: Identity, as_of: date, invented: bool = False, overdue: bool = True
) -> Briefing:
    """Say where a trial stands.

    Parameters
    ----------
    trial : Trial
    state : State
        What the log says.
    identity : Identity
        Who reads it: what that person may not see is left out.
    as_of : date
        The day that counts as today.
    invented : bool
        Whether this is the example: everybody may see its participants.
    overdue : bool
        Whether to look for visits somebody must act on, which takes longest.
    """
    escalation = trial.escalation
    so_far = so_far_of(state, trial, as_of, invented)
    table = _standing(so_far, escalation.dlt_window_days.value)
    stopped = bool(state.decisions) and state.open_regimen is None
    sees = everybody if invented or identity.sees_all else identity.sees
    design, outcomes = escalation.designed(), Outcomes.parse(escalation.grid, notation(table))
    waiting, free_places = _waiting(state, so_far, table, escalation.design.cohort_size.value)
    current = escalation.grid.index(so_far.open_regimen)
    visits, left_out = _visits(trial, so_far, sees, overdue)
    ready = not stopped and waiting.empty and not free_places
    return Briefing(
        identity=identity,
        as_of=as_of,
        invented=invented,
        head=state.head,
        counts=_counts(state, table),
        open_regimen=None if stopped else so_far.open_regimen,
        notation=notation(table),
        regimens=_regimens(table, escalation.grid.labels),
        following=int(design.next(outcomes, [current])[0]) if ready else None,
        why=design.why(outcomes, current) if ready else "",
        waiting=waiting.assign(participant=waiting["participant"].where(waiting["site"].map(sees).astype(bool), "")),
        free_places=free_places,
        earliest=_earliest(trial, so_far, waiting, free_places),
        visits=visits,
        funnel=_funnel(state, table),
        reasons=_reasons(trial, state, sees is everybody),
        sites=_sites(trial, so_far, table, sees),
        decisions=decided(state, table),
        so_far=_visible(so_far, sees),
        left_out=left_out,
    )


def quiet(count: int) -> str:
    """Write a count so that a few are not told apart."""
    return f"1–{FEW - 1}" if 0 < count < FEW else str(count)


def everybody(_site: str) -> bool:
    """Say that the participants of any site may be seen."""
    return True


def _standing(so_far: TrialSoFar, window_days: int) -> pd.DataFrame:
    names = ["participant", "site", "regimen", "enrolled", "first_infusion", "window_ends", "treated", "progress"]
    table = standing(so_far, window_days)
    return table if len(table) else pd.DataFrame(columns=names, dtype=object)


def _counts(state: State, table: pd.DataFrame) -> dict[str, int]:
    courses = state.courses.values()
    numbers = (
        sum(bool(course.screenings) for course in courses),
        sum(course.consented is not None for course in courses),
        len(table),
        *_numbers(table),
        sum(course.withdrawn is not None for course in courses),
    )
    return dict(zip(COUNTS, numbers, strict=True))


def _regimens(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    rows = []
    for label in labels:
        own = table[table["regimen"].eq(label)]
        if len(own):
            rows.append((label, len(own), *_numbers(own)))
    return pd.DataFrame(rows, columns=["regimen", *COUNTS[2:-1]])


def _numbers(table: pd.DataFrame) -> tuple[int, ...]:
    """Count those treated, in the window, unassessed, not evaluable, evaluable and with a DLT."""
    progress = table["progress"]
    kinds = (["in DLT window"], ["assessment missing"], [LEFT], ["evaluable", "DLT"], ["DLT"])
    return int(table["treated"].sum()), *(int(progress.isin(kind).sum()) for kind in kinds)


def _waiting(state: State, so_far: TrialSoFar, table: pd.DataFrame, cohort_size: int) -> tuple[pd.DataFrame, int]:
    """Return who holds the next decision at the open regimen, and the places left in the cohort opened last."""
    here = table[table["regimen"].eq(so_far.open_regimen)]
    opened = state.decisions[-1].content["on"] if state.decisions else "0001-01-01"
    staying = here[here["progress"].ne(LEFT)]
    since = int((staying["enrolled"].astype(str) >= opened).sum()) if len(staying) else 0
    held = here[here["progress"].isin(HOLDING)]
    return held[["participant", "site", "window_ends", "progress"]].reset_index(drop=True), max(
        cohort_size - since, 0
    )


def _earliest(trial: Trial, so_far: TrialSoFar, waiting: pd.DataFrame, free_places: int) -> date | None:
    review = timedelta(days=trial.followup.forecast.review_days.value)
    if free_places or waiting["window_ends"].isna().any() or waiting["progress"].eq("assessment missing").any():
        return None
    if len(waiting):
        last: date = max(waiting["window_ends"])
        return last + review
    size = trial.escalation.design.cohort_size.value
    table = openings(clocks(so_far, trial.escalation.dlt_window_days.value), size, review.days)
    found = table.loc[table["regimen"].eq(so_far.open_regimen), "earliest"].dropna()
    return next(iter(found), None)


def _visits(
    trial: Trial, so_far: TrialSoFar, sees: Callable[[str], bool], asked: bool
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Count what is due at each site, and name those whose visits cannot be laid out."""
    names = [site.name for site in trial.sites] if asked else []
    counts = pd.DataFrame(0, index=names, columns=["overdue", "due", "open"])
    ledger, left_out = ledgers(trial, so_far) if asked else (None, {})
    sites = {person.id: person.site for person in so_far.participants}
    if ledger is not None:
        due = agenda(ledger, sites, so_far.as_of, 0)
        found = due.groupby(["site", "status"]).size().unstack(fill_value=0)
        counts = found.reindex(index=names, columns=counts.columns, fill_value=0)
    somebody = _("The dates of a participant cannot be laid out; the site sees of whom and why.")
    told = tuple(words if sees(sites[name]) else somebody for name, words in left_out.items())
    return counts.rename_axis("site").reset_index(), told


def _funnel(state: State, table: pd.DataFrame) -> pd.DataFrame:
    counts = _counts(state, table)
    overall = Counter(course.overall for course in state.courses.values() if course.overall)
    rows = [
        ("screened", counts["screened"]),
        *((verdict, overall[verdict]) for verdict in ("ineligible", "possibly eligible", "eligible so far")),
        *((name, counts[name]) for name in ("consented", "enrolled", "treated", "evaluable")),
    ]
    return pd.DataFrame(rows, columns=["step", "participants"])


def _reasons(trial: Trial, state: State, exact: bool) -> pd.DataFrame:
    """Count the criteria that were not met in each participant's last screening; mirrors are counted once."""
    counted = {criterion.id for criterion in trial.eligibility.criteria if criterion.counted_with is None}
    found: Counter[str] = Counter()
    for course in state.courses.values():
        if course.screenings:
            verdicts = course.screenings[-1].content["result"].get("verdicts", {})
            found.update(name for name, status in verdicts.items() if status == "not met" and name in counted)
    rows = [(name, count if exact else quiet(count)) for name, count in found.most_common()]
    return pd.DataFrame(rows, columns=["criterion", "participants"], dtype=object)


def _sites(trial: Trial, so_far: TrialSoFar, table: pd.DataFrame, sees: Callable[[str], bool]) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for site in (site.name for site in trial.sites):
        own = table[table["site"].eq(site)]
        numbers = (so_far.screened.get(site, 0), len(own), int(own["treated"].sum()))
        if sees(site):
            rows.append((site, *numbers, int(own["progress"].eq("DLT").sum())))
        else:
            rows.append((site, *map(quiet, numbers), "–"))
    return pd.DataFrame(rows, columns=["site", "screened", "enrolled", "treated", "dlts"], dtype=object)


def _visible(so_far: TrialSoFar, sees: Callable[[str], bool]) -> TrialSoFar | None:
    shown = tuple(person for person in so_far.participants if sees(person.site))
    if sees is everybody:
        return so_far
    return so_far.model_copy(update={"participants": shown}) if shown else None
