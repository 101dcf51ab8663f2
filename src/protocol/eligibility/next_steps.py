"""What to find out next: the unknowns that could exclude, ordered so that a decision costs least.

While no criterion fails, the criteria are a chain of tests, and the first failure decides. For independent tests the
expected cost until the decision is least when they are done in descending order of the chance of failing divided by
the cost (Mitten, An analytic solution to the least cost testing sequence problem, Journal of Industrial Engineering
11, 1960, 17). If one criterion needs several steps, these are not independent; the order is then good, but not
always the best.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.cohort_counts import CohortScreening
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, ScreeningProcedure
from protocol.eligibility.screening import Screening, Verdict
from protocol.eligibility.timeline import variants
from protocol.eligibility.verdicts import STATUSES, facts_behind, outcome
from protocol.records import Phase

_PRIOR_FAILURES, _PRIOR_PASSES = 1.0, 1.0
"""Laplace's uniform prior: a criterion that no participant failed can still fail."""

_DRAWS = 256
"""Answers drawn to see whether a criterion can still fail.

With nothing known each one of the record fails for one draw in fourteen, or more.
"""

_ANY_DAY = date(2026, 1, 1)
"""Stands in for an unknown day of enrolment; only the days between two dates matter."""


@dataclass(frozen=True)
class NextStep:
    """One thing to do next.

    Attributes
    ----------
    procedure : ScreeningProcedure
        What is done; its `facts` are all it can find.
    facts : tuple of str
        The unknown facts among them.
    criteria : tuple of str
        The undecided criteria that these facts bear on, by id.
    chance : float
        That at least one of these criteria fails once all it waits for is known, 0 to 1. A step that decides only
        together with another, as a value and its limit of normal do, is credited in full like the other.
    cost : float
        In looks into the chart.
    guessed : bool
        Whether no case says how often one of the criteria fails, so that half of the cases is assumed.
    """

    procedure: ScreeningProcedure
    facts: tuple[str, ...]
    criteria: tuple[str, ...]
    chance: float
    cost: float
    guessed: bool

    @property
    def worth(self) -> float:
        """The chance of a decision for the cost of a look into the chart."""
        return self.chance / self.cost


def failure_rates(cohort: CohortScreening) -> dict[str, float]:
    """Estimate how often each criterion fails, from a cohort.

    Returns
    -------
    dict of str to float
        By criterion id, 0 to 1: the mean of the Beta distribution after the cohort's failures and passes, with a
        uniform prior. Who is unknown, or to whom the criterion does not apply, says nothing.
    """
    counts = cohort.counts()
    failures, passes = counts["excludes"] + _PRIOR_FAILURES, counts["passes"] + _PRIOR_PASSES
    rates = failures / (failures + passes)
    return dict(zip(counts["criterion"], rates.astype(float), strict=True))


def next_steps(
    catalogue: Catalogue,
    screening: Screening,
    rates: Mapping[str, float],
    costs: Mapping[str, float] | None = None,
    facts: Mapping[str, FactValue | None] = MappingProxyType({}),
    alone: Mapping[str, float] = MappingProxyType({}),
) -> tuple[NextStep, ...]:
    """Order what could still exclude a participant by what it is worth.

    Parameters
    ----------
    catalogue : Catalogue
        Its procedures say what is found together, and at which cost.
    screening : Screening
        The answer so far.
    rates : mapping of str to float
        How often each criterion fails; :func:`failure_rates`. A part stands for its criterion; what is absent is
        taken to fail in half of the cases.
    costs : mapping of str to float, optional
        Other costs by procedure id, above 0.
    facts : mapping of str to value, optional
        What is known: a criterion that no finding can make fail any more is then left out, so that an answer which
        only the sponsor can give is not sought in a test.
    alone : mapping of str to float, optional
        Costs above 0 by fact id, of facts that are found by themselves instead of with the others of their procedure.

    Returns
    -------
    tuple of NextStep
        The most useful first. Empty when a criterion has failed already, because then nothing is left to decide.
    """
    if any(verdict.status == "excludes" for verdict in screening.verdicts):
        return ()
    rules = {c.id: c for c in (*catalogue.criteria, *catalogue.infusion_criteria)}
    waiting = [
        verdict
        for verdict in screening.verdicts
        if verdict.status == "unknown"
        and (verdict.id not in rules or not (rules[verdict.id].counted_with or rules[verdict.id].cannot_fail))
    ]
    waiting = [
        v for v in waiting if v.id not in rules or _can_fail(catalogue, facts, rules[v.id], v, screening.phase)
    ]
    parents = {part.id: criterion.id for criterion in catalogue.criteria for part in criterion.parts}
    known = {verdict.id: rates.get(verdict.id, rates.get(parents.get(verdict.id, ""))) for verdict in waiting}
    asked = {gap.fact for verdict in waiting for gap in verdict.gaps if gap.fact}
    steps = (_step(one, asked, waiting, known) for one in _procedures(catalogue, asked, costs or {}, alone))
    return tuple(sorted((step for step in steps if step.facts), key=lambda step: -step.worth))


def _can_fail(
    catalogue: Catalogue, facts: Mapping[str, FactValue | None], rule: Criterion, verdict: Verdict, phase: Phase
) -> bool:
    """Whether a criterion fails for at least one of many drawn answers to what is unknown about it."""
    behind = facts_behind(catalogue, rule)
    asked = {gap.fact for gap in verdict.gaps}
    given = {n: v for n, v in facts.items() if v is not None and v == v and n in behind and n not in asked}
    random = np.random.default_rng(0)
    enrolled = given.get(catalogue.roles.enrolment_day or "")
    last = np.datetime64(enrolled if isinstance(enrolled, date) else _ANY_DAY, "D")
    drawn = {fact.id: _draw(fact, random, last) for fact in catalogue.facts if fact.id in asked}
    codes = outcome(variants(catalogue, given, drawn, _DRAWS), rule, phase).codes(_DRAWS)
    return bool((codes == STATUSES.index("excludes")).any())


def _draw(fact: Fact, random: np.random.Generator, last: np.datetime64) -> NDArray[Any]:
    """Draw answers over the whole range of a fact; days up to eleven years before the day of enrolment."""
    if fact.options:
        return random.integers(len(fact.options), size=_DRAWS)
    if fact.type == "yes_no":
        return random.integers(2, size=_DRAWS).astype(bool)
    if fact.type == "date":
        return last - (2 ** random.uniform(0, 12, _DRAWS)).astype(np.int64)
    low, high = fact.minimum or 0.0, fact.maximum or 0.0
    share: NDArray[Any] = random.uniform(size=_DRAWS) ** random.choice([0.25, 1.0, 4.0], _DRAWS)  # towards both ends
    return low + (high - low) * share


def _procedures(
    catalogue: Catalogue, asked: Iterable[str], costs: Mapping[str, float], alone: Mapping[str, float]
) -> list[ScreeningProcedure]:
    """Return what can be done: the procedures, and by itself each fact that none finds or that has its own cost."""
    together = []
    for procedure in catalogue.procedures:
        facts = tuple(name for name in procedure.facts if name not in alone)
        changed = {"facts": facts, "cost": costs.get(procedure.id, procedure.cost)}
        together += [procedure.model_copy(update=changed)] if facts else []
    covered = {name for procedure in together for name in procedure.facts}
    labels = {fact.id: fact.label for fact in catalogue.facts}
    reason = "By itself: no procedure of the record finds this fact, or it was given a cost of its own"
    looks = [
        ScreeningProcedure(id=name, label=labels[name], facts=(name,), cost=alone.get(name, 1), assumption=reason)
        for name in sorted(set(asked) - covered)
    ]
    return [*together, *looks]


def _step(
    procedure: ScreeningProcedure,
    asked: set[str],
    waiting: list[Verdict],
    rates: Mapping[str, float | None],
) -> NextStep:
    facts = tuple(name for name in procedure.facts if name in asked)
    criteria = tuple(v.id for v in waiting if any(gap.fact in facts for gap in v.gaps))
    found = [rates[name] for name in criteria]
    chance = 1 - prod(1 - (0.5 if rate is None else rate) for rate in found)
    return NextStep(procedure, facts, criteria, chance, procedure.cost, None in found)
