"""Interval designs that climb by dose or by frequency: one rule of stepping, whatever the tables.

Source: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167).
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.checks import check_coin, places
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, upwards
from protocol.escalation.intervals import DOWN, EXPERIENCE_BONUS, UP
from protocol.escalation.late import LEAST_COMPLETE, Seen, chance_between, seen_at
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.stepping import IntervalDesign
from protocol.translation import _, ngettext

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
            trial that waits for them (:class:`~protocol.escalation.rules.TrialRules`) more than half of them
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
