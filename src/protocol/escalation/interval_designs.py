"""Interval designs: tables on (participants, DLTs), late outcomes, and stepping by dose or by frequency.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523) for BOIN's boundaries and the elimination rule; Yan, Mandrekar
& Yuan 2017 (Clin Cancer Res 23:3994-4003) for the keys; Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the
score.

Sources: Yuan, Lin, Li, Nie & Warren 2018 (Clin Cancer Res 24:4921-4930) for the imputed rate of TITE-BOIN; Lin & Yuan
2020 (Biostatistics 21:807-824) for the effective number of participants, which suits any interval design. Both are
published for one line of doses; that the neighbours on the grid are scored by their effective numbers is ours.

What differs between interval designs are their tables and where they step.

Source: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167).

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523; erratum 2022, 71:491-492); Yuan, Lin, Li, Nie & Warren 2018 (Clin
Cancer Res 24:4921-4930) for late outcomes.
"""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.design import UsualDesign, check_coin, check_counts, check_trial, places
from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers, upwards
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import select
from protocol.records import ProtocolError
from protocol.translation import _, ngettext

UP, DOWN = 1, -1

FEWEST_TO_ELIMINATE = 3  # Liu & Yuan 2015: no elimination on fewer than three participants

TINY = 1e-9  # a key narrower than this is rounding

EXPERIENCE_BONUS = 0.0005  # Lin & Yin 2017: what a participant adds to the score


class Tables(NamedTuple):
    """What (participants, DLTs) at one regimen imply; every array is indexed ``[n, y]`` or ``[n]``."""

    lambda_e: float  # ends of the interval that calls for staying (Keyboard: of the target key)
    lambda_d: float
    escalate: Integers  # most DLTs that escalate, [n]
    deescalate: Integers  # fewest DLTs that de-escalate, [n]
    eliminate: Integers  # fewest DLTs that eliminate, n + 1 when none do, [n]
    move: Integers  # 1 up, 0 stay, -1 down
    score: Floats  # probability that the true rate lies between the boundaries, plus the bonus
    eliminated: Booleans
    stops: Booleans  # at the lowest regimen
    toxic: Booleans  # observed rate at or above lambda_d


def boundaries(target: float, safe: float, toxic: float) -> tuple[float, float]:
    """Return lambda_e and lambda_d: observed rates up to the first escalate, from the second on de-escalate.

    Parameters
    ----------
    target, safe, toxic : float
        DLT rates, ``0 < safe < target < toxic < 1``.
    """
    lambda_e = np.log((1 - safe) / (1 - target)) / np.log(target * (1 - safe) / (safe * (1 - target)))
    lambda_d = np.log((1 - target) / (1 - toxic)) / np.log(toxic * (1 - target) / (target * (1 - toxic)))
    return float(lambda_e), float(lambda_d)


@lru_cache(maxsize=32)
def boin_tables(target: float, safe: float, toxic: float, cutoff: float, margin: float, largest: int) -> Tables:
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
    return _tabulated(target, lambda_e, lambda_d, escalate, deescalate, cutoff, margin, fewest_dlt=1)


@lru_cache(maxsize=32)
def keyboard_tables(target: float, low: float, high: float, cutoff: float, margin: float, largest: int) -> Tables:
    """Tabulate Keyboard for up to `largest` participants at one regimen.

    Parameters
    ----------
    target, low, high : float
        Target DLT rate and the ends of the target key, ``0 < low < target < high < 1``.
    cutoff, margin : float
        Posterior probability of a rate above the target that eliminates, and how much less at the lowest.
    largest : int
        Participants at one regimen at most.
    """
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    real, move = y <= n, key_moves(n, y, target, low, high)
    escalate = (real & (move == UP)).sum(axis=1) - 1
    deescalate = (real & (move != DOWN)).sum(axis=1)
    return _tabulated(target, low, high, escalate, deescalate, cutoff, margin, fewest_dlt=3)


def key_moves(n: ArrayLike, y: ArrayLike, target: float, low: float, high: float) -> Integers:
    """Say where the key with the highest posterior probability leads: 1 up, 0 stay, -1 down.

    Parameters
    ----------
    n, y : array_like
        Participants, whole or in part, and DLTs; of shapes that fit each other.
    target, low, high : float
        Target DLT rate and the ends of the target key, ``0 < low < target < high < 1``.
    """
    from scipy.special import betainc

    width = high - low
    below, above = np.arange(low, 0, -width)[::-1], np.arange(high, 1, width)
    edges = np.concatenate([[0.0], below[below > TINY], above[above < 1 - TINY], [1.0]])
    n, y = np.asarray(n)[..., None], np.asarray(y)[..., None]
    inside = np.diff(betainc(y + 1, np.maximum(n - y, 0) + 1, edges), axis=-1)
    strength = inside * (width / np.diff(edges))  # the shorter keys at the ends are made as wide as the others
    strongest = len(edges) - 2 - np.argmax(strength[..., ::-1], axis=-1)  # of equals the rightmost
    return np.asarray(np.sign(int(np.searchsorted(edges, target)) - 1 - strongest))


def _tabulated(
    target: float, low: float, high: float, escalate: Integers, deescalate: Integers,
    cutoff: float, margin: float, fewest_dlt: int,
) -> Tables:  # fmt: skip
    from scipy.special import betainc

    n, y = np.arange(len(escalate))[:, None], np.arange(len(escalate))[None]
    real = y <= n
    eliminated = too_toxic(target, cutoff, len(escalate) - 1, fewest_dlt)
    eliminate = np.where(eliminated.any(axis=1), eliminated.argmax(axis=1), n[:, 0] + 1)
    deescalate = np.minimum(deescalate, eliminate)
    move = np.where(y >= deescalate[:, None], DOWN, np.where(y <= escalate[:, None], UP, 0))
    move[0] = 0  # a regimen nobody was treated at: treat the first cohort there
    shape = y + 0.5, np.maximum(n - y, 0) + 0.5
    score = betainc(*shape, high) - betainc(*shape, low) + EXPERIENCE_BONUS * n
    toxic_seen = real & (n > 0) & (y >= high * n)
    return Tables(
        low, high, escalate, deescalate, eliminate, move, score, eliminated,
        too_toxic(target, cutoff - margin, len(escalate) - 1, fewest_dlt), toxic_seen,
    )  # fmt: skip


@lru_cache(maxsize=32)
def too_toxic(target: float, cutoff: float, largest: int, fewest_dlt: int = 1) -> Booleans:
    """Tabulate which counts eliminate: on three or more participants, a rate above the target is too probable.

    Parameters
    ----------
    target : float
        Target DLT rate, 0 to 1.
    cutoff : float
        Posterior probability (uniform prior) that has to be exceeded; 1 eliminates nothing.
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


def _first_at_or_above(limit: NDArray[np.floating[Any]]) -> Integers:
    """Round up; a limit that is whole to 1e-12 is passed by one, as BOIN does since 2.7.2."""
    whole = np.round(limit)
    return np.where(np.abs(limit - whole) < 1e-12, whole + 1, np.ceil(limit)).astype(int)


LEAST_COMPLETE = 0.5  # no step up on fewer complete outcomes than this share (Yuan and others 2018 suspend accrual)


class Seen(NamedTuple):
    """Counts at one regimen a trial, pending participants among `n`."""

    n: Integers
    y: Integers
    pending: Integers
    followed: Floats  # windows that the pending ones have passed together

    @property
    def effective(self) -> Floats:
        """Participants, pending ones in part."""
        return np.asarray(self.n - self.pending + self.followed)


def seen_at(outcomes: Outcomes, places: Integers) -> Seen:
    """Take the counts at `places` of the flattened arrays, whatever their shape."""
    pending, followed = outcomes.pending, outcomes.followed
    if pending is None or followed is None:
        none = np.zeros(places.shape, int)
        return Seen(outcomes.treated.take(places), outcomes.dlt.take(places), none, none.astype(float))
    return Seen(
        outcomes.enrolled.take(places), outcomes.dlt.take(places), pending.take(places), followed.take(places)
    )


def imputed_rate(seen: Seen, target: float) -> Floats:
    """Estimate the DLT rate, each pending participant having a DLT yet with what is left of its odds.

    Yuan and others 2018: the rate among the complete outcomes has a Beta(target / 2, 1 - target / 2) prior.
    """
    rate = (seen.y + target / 2) / (seen.n - seen.pending + 1)
    left = rate / (1 - rate) * (seen.pending - seen.followed)
    return np.asarray((seen.y + left) / np.maximum(seen.n, 1))


def chance_between(seen: Seen, low: float, high: float) -> Floats:
    """Return the probability of a true rate from `low` to `high` on the effective number (Jeffreys' prior)."""
    from scipy.special import betainc

    shape = seen.y + 0.5, seen.effective - seen.y + 0.5
    return np.asarray(betainc(*shape, high) - betainc(*shape, low))


@dataclass(frozen=True)
class IntervalDesign(UsualDesign, ABC):
    """A design that looks every step up in tables; see :class:`protocol.escalation.designs.boin.Boin`."""

    grid: Grid
    target: float = 0.30
    _: KW_ONLY
    elimination: float = 0.95
    lowest_margin: float = 0.0
    cohort_size: int = 3
    maximum: int = 60
    enough: int = 60
    rounded: bool = False
    bounded: bool = False

    def __post_init__(self) -> None:
        check_trial(self.target, self.cohort_size, self.maximum, self.enough)
        if not 0.5 <= self.elimination - self.lowest_margin <= self.elimination < 1:
            found = _("{:g} less {:g}").format(self.elimination, self.lowest_margin)
            raise ProtocolError(_("design"), found, _("an elimination probability from 0.5 to below 1"))

    @property
    @abstractmethod
    def tables(self) -> Tables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that are too toxic, and all at or above them; shape ``(T, D, F)``."""
        return self._closed(self._codes(outcomes)).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the recommended phase II regimen of T finished trials; STOP means none."""
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
        columns = {
            "escalate": tables.escalate,
            "deescalate": tables.deescalate,
            "eliminate": tables.eliminate,
        }
        frame = pd.DataFrame({"treated": treated, **{name: values[1:] for name, values in columns.items()}})
        return frame.assign(eliminate=frame["eliminate"].where(frame["eliminate"] <= treated).astype("Int64"))

    def _counted(self, outcomes: Outcomes) -> Integers:
        return outcomes.enrolled if self.reads_pending else outcomes.treated

    def _codes(self, outcomes: Outcomes) -> Integers:
        """Return the place of every regimen's counts in the flat tables, shape (T, D * F)."""
        check_counts(outcomes, self.maximum)
        codes = np.multiply(self._counted(outcomes), self.maximum + 1, dtype=np.intp) + outcomes.dlt
        return codes.reshape(-1, self.grid.size)

    def _closed(self, codes: Integers) -> Booleans:
        over = self.tables.eliminated.take(codes)
        over[:, 0] |= self.tables.stops.take(codes[:, 0])
        marked = np.zeros(len(over), dtype=bool)
        marked[np.flatnonzero(over) // self.grid.size] = True
        found = np.flatnonzero(marked)  # few trials eliminate anything: the others need no look upwards
        over[found] = upwards(over[found].reshape(-1, *self.grid.shape)).reshape(-1, self.grid.size)
        return over

    def _count(self, outcomes: Outcomes, current: int) -> str:
        n, y = int(self._counted(outcomes).reshape(-1)[current]), int(outcomes.dlt.reshape(-1)[current])
        name, tables = self.grid.labels[current], self.tables
        if n == 0:
            return _("Nobody was treated at {} yet.").format(name)
        counted = ngettext(
            "At {name}, {y} of {n} participant had a DLT, a rate of {rate:.2f}.",
            "At {name}, {y} of {n} participants had a DLT, a rate of {rate:.2f}.", n,
        ).format(name=name, y=y, n=n, rate=y / n)  # fmt: skip
        limits = _("With {n} treated: escalate at {e} or fewer, de-escalate at {d} or more").format(
            n=n, e=tables.escalate[n], d=tables.deescalate[n]
        )
        over = _(", eliminate at {} or more").format(tables.eliminate[n]) if tables.eliminate[n] <= n else ""
        return f"{counted}{self._late_words(outcomes, current)} {limits}{over} {self._limits()}"

    def _late_words(self, outcomes: Outcomes, current: int) -> str:  # noqa: ARG002
        return ""

    def _limits(self) -> str:
        return _("(rates {:.3f} and {:.3f}).").format(self.tables.lambda_e, self.tables.lambda_d)


Preference = Literal["dose", "frequency", "coin"]


class Decision(NamedTuple):
    """One step of T trials."""

    chosen: Integers  # (T,) index or STOP
    move: Integers  # (T,)
    candidates: Integers  # (T, 2) dose step and frequency step, -1 off the grid
    scores: Floats  # (T, 2), 0 for a step that may not be taken
    eliminated: Booleans  # (T, D * F)


@dataclass(frozen=True)
class TwoWays(IntervalDesign):
    """A design that climbs by dose or by frequency; see :class:`protocol.escalation.designs.boin.Boin`."""

    reads_pending: ClassVar[bool] = True

    bar: bool = field(default=False, kw_only=True)
    preference: Preference = field(default="dose", kw_only=True)

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort.

        Parameters
        ----------
        outcomes : Outcomes
            T trials. Pending participants count for the part of the window that has passed; without a rule of the
            trial that waits for them (:class:`~protocol.escalation.trial_rules.TrialRules`) more than half of them
            pending allows no step up.
        current : array_like of int, shape (T,)
            Index of the regimen each trial is at.
        draws : array_like of float, shape (T,), optional
            Uniform draws from 0 to 1 for ties with ``preference="coin"``: below 0.5 the dose rises (falls).

        Returns
        -------
        ndarray of int, shape (T,)
            Index of a regimen, or :data:`~protocol.escalation.grid.STOP`.

        Raises
        ------
        ProtocolError
            When a regimen has more participants than ``maximum``, or the coin has no draws.
        """
        return self._decide(outcomes, current, draws).chosen

    @abstractmethod
    def late_rate(self, seen: Seen) -> Floats:
        """Estimate the DLT rate where participants are pending."""

    @abstractmethod
    def late_move(self, seen: Seen) -> Integers:
        """Say where that estimate leads: 1 up, 0 stay, -1 down."""

    def descends(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Mark trials whose next step is down or out whatever the pending outcomes will be; shape ``(T,)``."""
        at, codes = places(self.grid, outcomes, current), self._codes(outcomes)
        here, closed = np.arange(len(at)) * self.grid.size + at, self._closed(codes)
        return np.asarray(closed.take(here) | closed[:, 0] | (self.tables.move.take(codes.take(here)) == DOWN))

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        decision = self._decide(outcomes, [current], [0.0])
        sentences = [self._count(outcomes, current), self._rule(outcomes, current, decision)]
        if decision.chosen[0] != STOP and decision.move[0]:
            sentences.append(self._choice(current, decision))
        return " ".join(filter(None, sentences))

    def _decide(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None) -> Decision:
        at, codes, tables = places(self.grid, outcomes, current), self._codes(outcomes), self.tables
        closed, here = self._closed(codes), np.arange(len(at)) * self.grid.size + at
        base = here - at
        # A late DLT below can eliminate the current regimen: it is left whatever its own counts say.
        move = np.where(closed.take(here), DOWN, self._move(outcomes, here, tables.move.take(codes.take(here))))
        candidates = self.grid.neighbours.reshape(-1, 2).take(move % 3 * self.grid.size + at, axis=0)
        pairs = base[:, None] + np.maximum(candidates, 0)
        may = (candidates >= 0) & ~closed.take(pairs)
        if self.bar:
            may &= ~((move == UP)[:, None] & self._barred(codes).take(2 * pairs + np.arange(2)))
        scores = np.where(may, self._scores(outcomes, pairs, codes), 0.0)
        side = self._side(scores, draws)
        chosen = np.where(may[:, 0] | may[:, 1], np.where(side, candidates[:, 1], candidates[:, 0]), at)
        for row in np.flatnonzero(closed.take(base + chosen) & ~closed[:, 0]):
            chosen[row] = self._nearest_open(closed[row], int(at[row]))
        enrolled = outcomes.enrolled.reshape(closed.shape)
        full = enrolled @ np.ones(self.grid.size, np.int16) >= self.maximum
        done = closed[:, 0] | full | (enrolled.reshape(-1).take(here) >= self.enough)
        return Decision(np.where(done, STOP, chosen), move, candidates, scores, closed)

    def _move(self, outcomes: Outcomes, here: Integers, move: Integers) -> Integers:
        if outcomes.pending is None:
            return move
        seen = seen_at(outcomes, here)
        late = self.late_move(seen)
        late = np.where(seen.pending > (1 - LEAST_COMPLETE) * seen.n, np.minimum(late, 0), late)
        return np.where((seen.pending > 0) & (move != DOWN), late, move)

    def _scores(self, outcomes: Outcomes, pairs: Integers, codes: Integers) -> Floats:
        scores = self.tables.score.take(codes.take(pairs))
        if outcomes.pending is None:
            return scores
        seen = seen_at(outcomes, pairs)
        between = chance_between(seen, self.tables.lambda_e, self.tables.lambda_d)
        return np.where(seen.pending > 0, between + EXPERIENCE_BONUS * seen.effective, scores)

    def _side(self, scores: Floats, draws: ArrayLike | None) -> Booleans:
        check_coin(self.preference, draws)
        second = np.asarray(draws) >= 0.5 if self.preference == "coin" else self.preference == "frequency"
        return np.where(scores[:, 0] == scores[:, 1], second, scores[:, 1] > scores[:, 0])

    def _barred(self, codes: Integers) -> Booleans:
        toxic = self.tables.toxic.take(codes).reshape(-1, *self.grid.shape)
        return np.stack([upwards(toxic, axes=(2,)), upwards(toxic, axes=(1,))], axis=-1)

    def _nearest_open(self, closed: Booleans, at: int) -> int:
        """Go down step by step, dose first, to a regimen that is not eliminated."""
        layer = [at]
        while all(closed[index] for index in layer):
            layer = [step for index in layer for step in self.grid.neighbours[DOWN, index].tolist() if step >= 0]
        return next(index for index in layer if not closed[index])

    def _late_words(self, outcomes: Outcomes, current: int) -> str:
        seen = seen_at(outcomes, np.array([current]))
        if not (pending := int(seen.pending[0])):
            return ""
        words = ngettext(
            " {n} of them is in the window ({part:.0%} of it passed); counted in part, the rate is {rate:.2f}.",
            " {n} of them are in the window ({part:.0%} of it passed); counted in part, the rate is {rate:.2f}.",
            pending,
        )
        return words.format(n=pending, part=seen.followed[0] / pending, rate=min(self.late_rate(seen)[0], 1))

    def _rule(self, outcomes: Outcomes, current: int, decision: Decision) -> str:
        n, name = outcomes.enrolled.reshape(-1), self.grid.labels[current]
        if decision.eliminated[0, 0]:
            return _("The lowest regimen, {}, is too toxic: the trial stops.").format(self.grid.labels[0])
        if n.sum() >= self.maximum:
            return _("The maximum of {} participants is reached.").format(self.maximum)
        if n[current] >= self.enough:
            return _("{} participants at {} are enough.").format(n[current], name)
        if decision.eliminated[0, current]:
            return _("{} is eliminated with every regimen above it.").format(name)
        if decision.move[0] or n[current] == 0:
            return ""
        pending = seen_at(outcomes, np.array([current])).pending[0]
        if pending > (1 - LEAST_COMPLETE) * n[current]:
            return _("More than half are in the window, so no step up is taken: stay at {}.").format(name)
        return _("The count lies between: stay at {}.").format(name)

    def _choice(self, current: int, decision: Decision) -> str:
        labels, chosen = self.grid.labels, int(decision.chosen[0])
        steps = [
            (int(c), float(s)) for c, s in zip(decision.candidates[0], decision.scores[0], strict=True) if c >= 0
        ]
        up = decision.move[0] == UP
        if chosen == current:
            end = _("there is no higher regimen") if up else _("there is no lower regimen")
            refused = _(" and ").join(self._refused(index, decision) for index, _score in steps) or end
            return _("Stay at {}: {}.").format(labels[current], refused)
        verb = _("Escalate to {}") if up else _("De-escalate to {}")
        if chosen not in [index for index, _score in steps]:
            return verb.format(labels[chosen]) + _(", the nearest regimen below that is not eliminated.")
        scored = _(" and ").join(
            _("{} scores {:.3f}").format(labels[index], score) if score else self._refused(index, decision)
            for index, score in steps
        )
        names, tie = labels[chosen], ""
        if len(steps) == 2 and steps[0][1] == steps[1][1]:
            tie = {
                "dose": _("; the tie goes to the dose, as stated"),
                "frequency": _("; the tie goes to the frequency, as stated"),
                "coin": _("; a coin decides the tie"),
            }[self.preference]
            names = _(" or ").join(labels[index] for index, _score in steps) if self.preference == "coin" else names
        rule = _("{} by the score, the chance of a rate between the boundaries: {}{}.")
        return rule.format(verb.format(names), scored, tie)

    def _refused(self, index: int, decision: Decision) -> str:
        reason = _("{} is eliminated") if decision.eliminated[0, index] else _("{} is barred")
        return reason.format(self.grid.labels[index])


@dataclass(frozen=True)
class OptimalInterval(IntervalDesign):
    """An interval design with the boundaries of BOIN; see :class:`protocol.escalation.designs.boin.Boin`."""

    safe: float = 0.18
    toxic: float = 0.42

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.safe < self.target < self.toxic < 1:
            found = _("{:g}, target {:g}, {:g}").format(self.safe, self.target, self.toxic)
            raise ProtocolError(
                _("design"), found, _("a safe rate below the target and a toxic rate above it, inside 0 to 1")
            )

    @property
    def tables(self) -> Tables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""
        return boin_tables(self.target, self.safe, self.toxic, self.elimination, self.lowest_margin, self.maximum)

    def late_rate(self, seen: Seen) -> Floats:
        """Estimate the DLT rate where participants are pending (TITE-BOIN, Yuan and others 2018)."""
        return imputed_rate(seen, self.target)

    def late_move(self, seen: Seen) -> Integers:
        """Say where that estimate leads; down only when the DLTs seen reach the target already."""
        rate = self.late_rate(seen)
        down = (rate >= self.tables.lambda_d) & (seen.y >= self.target * seen.n)
        return np.where(down, DOWN, np.where(rate <= self.tables.lambda_e, UP, 0))
