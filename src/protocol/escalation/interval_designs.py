"""Interval designs: the observed DLT rate at the current regimen is compared with the ends of an interval.

In reading order: the tables of what (participants, DLTs) imply; what pending participants add;
:class:`IntervalDesign`, which looks up its tables; :class:`SteppingDesign`, which also steps by dose or by frequency.
What differs between two stepping designs (:mod:`~protocol.escalation.designs.boin`,
:mod:`~protocol.escalation.designs.keyboard`) is the interval and the rate that it is compared with.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523; erratum 2022, 71:491-492) for BOIN's boundaries and the
elimination rule; Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the score and the steps; Lin & Yuan 2020
(Biostatistics 21:807-824) for the effective number of participants, which suits any interval design. It is published
for one line of doses; that the neighbours on the grid are scored by their effective numbers is ours.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from protocol.escalation.design import Participants, Preference, StoppingDesign
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, upwards
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import select
from protocol.records import ProtocolError
from protocol.translation import _, alternatives, ngettext, paragraph_of

UP, DOWN = 1, -1

FEWEST_TO_ELIMINATE = 3  # Liu & Yuan 2015: no elimination on fewer than three participants

EXPERIENCE_BONUS = 0.0005  # Lin & Yin 2017: what a participant adds to the score

LEAST_COMPLETE = 0.5  # no step up on fewer complete outcomes than this share (Yuan and others 2018 suspend accrual)

LIU_YUAN_2015 = (
    "Liu S, Yuan Y. Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C "
    "2015;64:507-523."
)
LIN_YIN_2017 = (
    "Lin R, Yin G. Bayesian optimal interval design for dose finding in drug-combination trials. Stat Methods Med "
    "Res 2017;26:2155-2167."
)


# Tables


class DecisionTables(NamedTuple):
    """What (participants, DLTs) at one regimen imply; every array is indexed ``[n, y]`` or ``[n]``."""

    lambda_e: float
    """Lower end of the interval that calls for staying (Keyboard: of the target key)."""

    lambda_d: float
    """Upper end of that interval."""

    escalate: Integers
    """Most DLTs that escalate, ``[n]``."""

    deescalate: Integers
    """Fewest DLTs that de-escalate, ``[n]``."""

    eliminate: Integers
    """Fewest DLTs that eliminate, n + 1 when none do, ``[n]``."""

    move: Integers
    """1 up, 0 stay, -1 down, ``[n, y]``."""

    score: Floats
    """Probability that the true rate lies in the interval, plus the bonus, ``[n, y]``."""

    eliminated: Booleans
    """Whether the regimen is too toxic, ``[n, y]``."""

    stops: Booleans
    """Whether the lowest regimen is too toxic, ``[n, y]``."""

    toxic: Booleans
    """Whether the observed rate is at or above lambda_d, ``[n, y]``."""


def boundaries(target: float, safe: float, toxic: float) -> tuple[float, float]:
    """Return BOIN's lambda_e and lambda_d (Liu & Yuan 2015, equations 2 and 3).

    Observed rates up to lambda_e escalate, from lambda_d on they de-escalate.

    Parameters
    ----------
    target, safe, toxic : float
        DLT rates, ``0 < safe < target < toxic < 1``.
    """
    lambda_e = np.log((1 - safe) / (1 - target)) / np.log(target * (1 - safe) / (safe * (1 - target)))
    lambda_d = np.log((1 - target) / (1 - toxic)) / np.log(toxic * (1 - target) / (target * (1 - toxic)))
    return float(lambda_e), float(lambda_d)


def check_rates(target: float, safe: float, toxic: float) -> None:
    """Refuse rates that are not ``0 < safe < target < toxic < 1``."""
    if not 0 < safe < target < toxic < 1:
        write = _("a safe rate below the target and a toxic rate above it, inside 0 to 1")
        raise ProtocolError(_("design"), _("{:g}, target {:g}, {:g}").format(safe, target, toxic), write)


@lru_cache(maxsize=32)
def boin_tables(
    target: float, safe: float, toxic: float, cutoff: float, margin: float, largest: int
) -> DecisionTables:
    """Tabulate BOIN for up to `largest` participants at one regimen.

    Parameters
    ----------
    target, safe, toxic : float
        DLT rates, ``0 < safe < target < toxic < 1``.
    cutoff, margin : float
        Posterior probability of a rate above the target that eliminates, and how much less at the lowest.
    largest : int
        Participants at one regimen at most.
    """
    lambda_e, lambda_d = boundaries(target, safe, toxic)
    n = np.arange(largest + 1)
    escalate, deescalate = np.floor(lambda_e * n).astype(int), _first_at_or_above(lambda_d * n)
    return tabulated(target, (lambda_e, lambda_d), escalate, deescalate, cutoff, margin)


def _first_at_or_above(limit: NDArray[np.floating[Any]]) -> Integers:
    """Round up; a limit that is whole to 1e-12 is passed by one, as BOIN does since 2.7.2."""
    whole = np.round(limit)
    return np.where(np.abs(limit - whole) < 1e-12, whole + 1, np.ceil(limit)).astype(int)


def tabulated(
    target: float,
    interval: tuple[float, float],
    escalate: Integers,
    deescalate: Integers,
    cutoff: float,
    margin: float,
    fewest_dlt: int = 1,
) -> DecisionTables:
    """Complete the tables of an interval design, given the DLTs that escalate and de-escalate.

    Parameters
    ----------
    target : float
        Target DLT rate, inside 0 to 1.
    interval : tuple of float
        DLT rates between which a regimen stays.
    escalate, deescalate : ndarray of int, shape (N + 1,)
        Most DLTs that escalate and fewest that de-escalate, by participants.
    cutoff, margin : float
        Posterior probability of a rate above the target that eliminates, and how much less at the lowest.
    fewest_dlt : int
        DLTs below which nothing is eliminated.
    """
    from scipy.special import betainc

    (low, high), largest = interval, len(escalate) - 1
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    eliminated = too_toxic(target, cutoff, largest, fewest_dlt)
    eliminate = np.where(eliminated.any(axis=1), eliminated.argmax(axis=1), n[:, 0] + 1)
    deescalate = np.minimum(deescalate, eliminate)
    move = np.where(y >= deescalate[:, None], DOWN, np.where(y <= escalate[:, None], UP, 0))
    move[0] = 0  # an untried regimen: treat the first cohort there
    shape = y + 0.5, np.maximum(n - y, 0) + 0.5
    return DecisionTables(
        lambda_e=low,
        lambda_d=high,
        escalate=escalate,
        deescalate=deescalate,
        eliminate=eliminate,
        move=move,
        score=betainc(*shape, high) - betainc(*shape, low) + EXPERIENCE_BONUS * n,
        eliminated=eliminated,
        stops=too_toxic(target, cutoff - margin, largest, fewest_dlt),
        toxic=(y <= n) & (n > 0) & (y >= high * n),
    )


@lru_cache(maxsize=32)
def too_toxic(target: float, cutoff: float, largest: int, fewest_dlt: int = 1) -> Booleans:
    """Tabulate which counts eliminate: on three or more participants, a rate above the target is too probable.

    Parameters
    ----------
    target : float
        Target DLT rate, 0 to 1.
    cutoff : float
        Posterior probability (uniform prior) that has to be exceeded; with 1 no regimen is eliminated.
    largest, fewest_dlt : int
        Participants at one regimen at most, and DLTs below which nothing is eliminated.

    Returns
    -------
    ndarray of bool, shape (largest + 1, largest + 1)
        Indexed ``[n, y]``.
    """
    from scipy.special import betainc

    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    above = 1 - betainc(y + 1, np.maximum(n - y, 0) + 1, target)
    return np.asarray((y <= n) & (n >= FEWEST_TO_ELIMINATE) & (y >= fewest_dlt) & (above > cutoff))


# Late outcomes


class LateCounts(NamedTuple):
    """Counts at one regimen of each trial, with pending participants."""

    n: Integers
    """Participants, pending ones among them."""

    y: Integers
    """Participants with a DLT."""

    pending: Integers
    """Participants in the window without a DLT so far."""

    followed: Floats
    """Windows that the pending ones have passed together."""

    @property
    def effective(self) -> Floats:
        """Participants, pending ones in part (Lin & Yuan 2020)."""
        return np.asarray(self.n - self.pending + self.followed)

    @property
    def too_few_complete(self) -> Booleans:
        """Whether so many are pending that no step up is taken."""
        return np.asarray(self.pending > (1 - LEAST_COMPLETE) * self.n)


def late_counts(outcomes: Outcomes, places: Integers) -> LateCounts:
    """Take the counts at `places` of the flattened arrays; the result has the shape of `places`."""
    n, y = outcomes.enrolled.take(places), outcomes.dlt.take(places)
    if outcomes.pending is None or outcomes.followed is None:
        return LateCounts(n, y, np.zeros(places.shape, int), np.zeros(places.shape))
    return LateCounts(n, y, outcomes.pending.take(places), outcomes.followed.take(places))


# Designs


@dataclass(frozen=True, kw_only=True)
class IntervalDesign(StoppingDesign):
    """A design that looks up (participants, DLTs) in tables.

    Parameters
    ----------
    elimination : float
        A regimen is eliminated, with all above it, when the posterior probability that its rate is above the
        target exceeds this (uniform prior), 0.5 to below 1.
    lowest_margin : float
        The lowest regimen stops the trial already at ``elimination - lowest_margin``.
    enough, enough_rule
        As for :class:`~protocol.escalation.design.StoppingDesign`.
    rounded : bool
        Round the estimates to two decimals before the final selection.
    bounded : bool
        Select only regimens whose estimate is at most lambda_d.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    looks_up: ClassVar[bool] = True

    elimination: Annotated[float, Field(ge=0, le=1)] = 0.95
    lowest_margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    enough: Participants = 60
    rounded: bool = False
    bounded: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.5 <= self.elimination - self.lowest_margin <= self.elimination < 1:
            found = _("{:g} less {:g}").format(self.elimination, self.lowest_margin)
            raise ProtocolError(_("design"), found, _("an elimination probability from 0.5 to below 1"))

    @property
    @abstractmethod
    def tables(self) -> DecisionTables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that are too toxic, and all at or above them; shape ``(T, D, F)``."""
        return self._closed(self._codes(outcomes)).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the tried regimen whose isotonic estimate is nearest the target; shape ``(T,)``, STOP for none."""
        highest = self.tables.lambda_d if self.bounded else np.inf
        return select(outcomes, self.target, self.eliminated(outcomes), rounded=self.rounded, highest=highest)

    def decisions(self) -> pd.DataFrame | None:
        """Tabulate what follows from DLTs at the current regimen, for protocols and meetings.

        Returns
        -------
        DataFrame
            treated (1 to ``maximum``), escalate (most DLTs that do), deescalate and eliminate (fewest that
            do, missing when none do).
        """
        tables, treated = self.tables, np.arange(1, self.maximum + 1)
        names = "escalate", "deescalate", "eliminate"
        frame = pd.DataFrame({"treated": treated, **{name: getattr(tables, name)[1:] for name in names}})
        return frame.assign(eliminate=frame["eliminate"].where(frame["eliminate"] <= treated).astype("Int64"))

    def _counted(self, outcomes: Outcomes) -> Integers:
        return outcomes.enrolled if self.reads_pending else outcomes.treated

    def _codes(self, outcomes: Outcomes) -> Integers:
        """Return the place of every regimen's counts in the flat tables, shape ``(T, D * F)``."""
        self._check_counts(outcomes)
        codes = np.multiply(self._counted(outcomes), self.maximum + 1, dtype=np.intp) + outcomes.dlt
        return codes.reshape(-1, self.grid.size)

    def _closed(self, codes: Integers) -> Booleans:
        """Mark eliminated regimens, shape ``(T, D * F)``."""
        over = self.tables.eliminated.take(codes)
        over[:, 0] |= self.tables.stops.take(codes[:, 0])
        marked = np.zeros(len(over), dtype=bool)
        marked[np.flatnonzero(over) // self.grid.size] = True
        found = np.flatnonzero(marked)  # few trials eliminate anything: the others need no look upwards
        over[found] = upwards(over[found].reshape(-1, *self.grid.shape)).reshape(-1, self.grid.size)
        return over

    def _count_words(self, outcomes: Outcomes, current: int) -> str:
        n, y = int(self._counted(outcomes).reshape(-1)[current]), int(outcomes.dlt.reshape(-1)[current])
        name, tables = self.grid.labels[current], self.tables
        if n == 0:
            return _("No participant was treated at {} yet.").format(name)
        counted = ngettext(
            "At {name}, {y} of {n} participant had a DLT, an observed rate of {rate:.2f}.",
            "At {name}, {y} of {n} participants had a DLT, an observed rate of {rate:.2f}.",
            n,
        ).format(name=name, y=y, n=n, rate=y / n)
        limits = (
            _(
                "With {n} treated: escalate at {e} or fewer DLTs, de-escalate at {d} or more, "
                "eliminate at {x} or more {key}."
            )
            if tables.eliminate[n] <= n
            else _("With {n} treated: escalate at {e} or fewer DLTs, de-escalate at {d} or more {key}.")
        ).format(n=n, e=tables.escalate[n], d=tables.deescalate[n], x=tables.eliminate[n], key=self._interval_words())
        return paragraph_of(filter(None, (counted, self._late_words(outcomes, current), limits)))

    def _late_words(self, outcomes: Outcomes, current: int) -> str:  # noqa: ARG002
        return ""

    def _interval_words(self) -> str:
        return _("(DLT rates {:.3f} and {:.3f})").format(self.tables.lambda_e, self.tables.lambda_d)


class Step(NamedTuple):
    """One step of T trials."""

    chosen: Integers
    """Index of the next regimen or STOP, ``(T,)``."""

    move: Integers
    """1 up, 0 stay, -1 down, ``(T,)``."""

    candidates: Integers
    """Index of the dose step and of the frequency step, -1 off the grid, ``(T, 2)``."""

    scores: Floats
    """Score of either, 0 for a step that may not be taken, ``(T, 2)``."""

    eliminated: Booleans
    """Eliminated regimens, ``(T, D * F)``."""


@dataclass(frozen=True, kw_only=True)
class SteppingDesign(IntervalDesign):
    """An interval design that steps by dose or by frequency, whichever scores higher (Lin & Yin 2017).

    Parameters
    ----------
    bar : bool
        Also refuse a higher dose (frequency) at which a lower or equal frequency (dose) showed a rate of at
        least lambda_d. BOIN's ``next.comb`` does so since 2.6.8; the paper and BOIN's own simulations do not.
    preference : {"dose", "frequency", "coin"}
        Which step to take when both score the same; "coin" needs draws.
    """

    reads_pending: ClassVar[bool] = True

    bar: bool = False
    preference: Preference = "dose"

    @abstractmethod
    def late_rate(self, seen: LateCounts) -> Floats:
        """Estimate the DLT rate where participants are pending."""

    @abstractmethod
    def late_move(self, seen: LateCounts) -> Integers:
        """Say where that estimate leads: 1 up, 0 stay, -1 down."""

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`.

        Pending participants count for the part of the window that has passed. Without a rule of the trial that waits
        for them (:class:`~protocol.escalation.trial_rules.TrialRules`), more than half of them pending allows no step
        up. With the coin, a draw below 0.5 changes the dose.
        """
        return self._step(outcomes, current, draws).chosen

    def _step(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None) -> Step:
        at, codes, tables = self._indices(outcomes, current), self._codes(outcomes), self.tables
        drawn = self._draws(outcomes, draws)
        closed, here = self._closed(codes), np.arange(len(at)) * self.grid.size + at
        # 1. Up, stay or down, by the counts at the current regimen.
        move = self._move(outcomes, here, tables.move.take(codes.take(here)))
        move = np.where(closed.take(here), DOWN, move)  # a late DLT at a lower regimen eliminates it too
        # 2. The two regimens one step that way, without those that may not be given.
        candidates = self.grid.neighbours.reshape(-1, 2).take(move % 3 * self.grid.size + at, axis=0)
        first_place = here - at
        places = first_place[:, None] + np.maximum(candidates, 0)
        may = (candidates >= 0) & ~closed.take(places)
        if self.bar:
            may &= ~((move == UP)[:, None] & self._barred(codes).take(2 * places + np.arange(2)))
        # 3. The one with the higher score; where neither may be given, the current regimen or the nearest open below.
        scores = np.where(may, self._scores(outcomes, places, codes), 0.0)
        by_frequency = self._by_frequency(scores, drawn)
        chosen = np.where(may[:, 0] | may[:, 1], np.where(by_frequency, candidates[:, 1], candidates[:, 0]), at)
        for row in np.flatnonzero(closed.take(first_place + chosen) & ~closed[:, 0]):
            chosen[row] = self._nearest_open(closed[row], int(at[row]))
        # 4. Unless the trial ends.
        done = closed[:, 0] | self._ends(outcomes, at, chosen)
        return Step(np.where(done, STOP, chosen), move, candidates, scores, closed)

    def _move(self, outcomes: Outcomes, here: Integers, move: Integers) -> Integers:
        """Replace the move on complete outcomes where participants are pending; a move down stays."""
        if outcomes.pending is None:
            return move
        seen = late_counts(outcomes, here)
        late = self.late_move(seen)
        late = np.where(seen.too_few_complete, np.minimum(late, 0), late)
        return np.where((seen.pending > 0) & (move != DOWN), late, move)

    def _scores(self, outcomes: Outcomes, places: Integers, codes: Integers) -> Floats:
        """Score regimens by the chance of a rate in the interval, on effective numbers (Jeffreys' prior)."""
        scores = self.tables.score.take(codes.take(places))
        if outcomes.pending is None:
            return scores
        from scipy.special import betainc

        seen = late_counts(outcomes, places)
        shape = seen.y + 0.5, seen.effective - seen.y + 0.5
        between = betainc(*shape, self.tables.lambda_d) - betainc(*shape, self.tables.lambda_e)
        return np.where(seen.pending > 0, between + EXPERIENCE_BONUS * seen.effective, scores)

    def _by_frequency(self, scores: Floats, drawn: Floats | None) -> Booleans:
        tossed = drawn if self.preference == "coin" else None
        tied = self.preference == "frequency" if tossed is None else tossed >= 0.5
        return np.where(scores[:, 0] == scores[:, 1], tied, scores[:, 1] > scores[:, 0])

    def _barred(self, codes: Integers) -> Booleans:
        toxic = self.tables.toxic.take(codes).reshape(-1, *self.grid.shape)
        return np.stack([upwards(toxic, axes=(2,)), upwards(toxic, axes=(1,))], axis=-1)

    def _nearest_open(self, closed: Booleans, at: int) -> int:
        """Go down step by step, dose first, to a regimen that is not eliminated."""
        layer = [at]
        while all(closed[index] for index in layer):
            layer = [step for index in layer for step in self.grid.neighbours[DOWN, index].tolist() if step >= 0]
        return next(index for index in layer if not closed[index])

    def descends(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Mark trials that go down or end with any outcome of the pending participants; shape ``(T,)``."""
        at, codes = self._indices(outcomes, current), self._codes(outcomes)
        here, closed = np.arange(len(at)) * self.grid.size + at, self._closed(codes)
        return np.asarray(closed.take(here) | closed[:, 0] | (self.tables.move.take(codes.take(here)) == DOWN))

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        step = self._step(outcomes, [current], [0.0])
        sentences = [self._count_words(outcomes, current), self._rule_words(outcomes, current, step)]
        if step.chosen[0] != STOP and step.move[0]:
            sentences.append(self._choice_words(current, step))
        return paragraph_of(filter(None, sentences))

    def _late_words(self, outcomes: Outcomes, current: int) -> str:
        seen = late_counts(outcomes, np.array([current]))
        if not (pending := int(seen.pending[0])):
            return ""
        words = ngettext(
            "{n} of them is in the window ({part:.0%} of it passed); counted in part, the rate is {rate:.2f}.",
            "{n} of them are in the window ({part:.0%} of it passed); counted in part, the rate is {rate:.2f}.",
            pending,
        )
        return words.format(n=pending, part=seen.followed[0] / pending, rate=min(self.late_rate(seen)[0], 1))

    def _rule_words(self, outcomes: Outcomes, current: int, step: Step) -> str:
        n, name = int(outcomes.enrolled.reshape(-1)[current]), self.grid.labels[current]
        if step.eliminated[0, 0]:
            return _("The lowest regimen, {}, is too toxic: the trial stops.").format(self.grid.labels[0])
        if step.chosen[0] == STOP:
            return self._end_words(outcomes, current)
        if step.eliminated[0, current]:
            return _("{} is eliminated with every regimen above it.").format(name)
        if step.move[0] or n == 0:
            return ""
        if late_counts(outcomes, np.array([current])).too_few_complete[0]:
            return _("More than half are in the window, so no step up is taken: stay at {}.").format(name)
        return _("The count lies between: stay at {}.").format(name)

    def _choice_words(self, current: int, step: Step) -> str:
        labels, chosen, up = self.grid.labels, int(step.chosen[0]), step.move[0] == UP
        pairs = zip(step.candidates[0].tolist(), step.scores[0].tolist(), strict=True)
        scored = {index: score for index, score in pairs if index >= 0}
        if chosen == current:
            end = _("there is no higher regimen") if up else _("there is no lower regimen")
            refused = _both([self._refused_words(index, step) for index in scored]) or end
            return _("Stay at {}: {}.").format(labels[current], refused)
        verb = _("Escalate to {}") if up else _("De-escalate to {}")
        if chosen not in scored:
            return _("{}, the nearest regimen below that is not eliminated.").format(verb.format(labels[chosen]))
        compared = _both(
            [
                _("{} scores {:.3f}").format(labels[index], score) if score else self._refused_words(index, step)
                for index, score in scored.items()
            ]
        )
        names, tie = labels[chosen], ""
        if len(scored) == 2 and len({*scored.values()}) == 1:
            tie = {
                "dose": _("; the tie goes to the dose, as stated"),
                "frequency": _("; the tie goes to the frequency, as stated"),
                "coin": _("; a coin decides the tie"),
            }[self.preference]
            names = alternatives(labels[index] for index in scored) if self.preference == "coin" else names
        rule = _("{} by the score, the chance of a rate between the boundaries: {}{}.")
        return rule.format(verb.format(names), compared, tie)

    def _refused_words(self, index: int, step: Step) -> str:
        reason = _("{} is eliminated") if step.eliminated[0, index] else _("{} is barred")
        return reason.format(self.grid.labels[index])


def _both(clauses: Sequence[str]) -> str:
    """Return one clause, or two of them in one."""
    return (
        _("{first} and {second}").format(first=clauses[0], second=clauses[1])
        if len(clauses) > 1
        else "".join(clauses)
    )


def stepping_rule() -> str:
    """Describe, for a protocol, how a stepping design finds the next regimen."""
    return _(
        "After each cohort the observed DLT rate at the current regimen is compared with two boundaries: below them "
        "the dose or the frequency goes up by one level, above them one goes down, between them the regimen stays. "
        "Of two possible steps the one goes first whose DLT rate lies between the boundaries with the higher "
        "probability. A regimen that is too toxic with high probability is eliminated with all above it."
    )
