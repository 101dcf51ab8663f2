"""Waterfall: one subtrial after the other along lines of the grid, for an answer at every frequency.

Source: Zhang & Yuan 2016 (Stat Med 35:4924-4936). Every line is a trial of its own with BOIN's boundaries; where one
ends says where the next begins.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.design import Description, Participants, Rate
from protocol.escalation.grid import STOP, Booleans, Floats, Integers
from protocol.escalation.interval_designs import (
    DOWN,
    LIU_YUAN_2015,
    UP,
    DecisionTables,
    IntervalDesign,
    boin_tables,
    check_rates,
)
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import ROBERTSON_1988, select, select_contour
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _, list_of, paragraph_of

PER_REGIMEN = 4  # participants a regimen of a subtrial, when its size is not stated (Zhang & Yuan 2016)

RANK_STEP = 1e-10  # of equal estimates, the higher one below the target and the lower one above it


class WaterfallParameters(Record):
    """Sizes of the subtrials of the waterfall."""

    cohorts: Sourced[tuple[Participants, ...]]


@dataclass(frozen=True, kw_only=True)
class Waterfall(IntervalDesign):
    """Waterfall for a grid of regimens; what is not listed is as for BOIN.

    The first subtrial climbs the frequencies at the lowest dose and then the doses at the highest frequency. Each
    further one climbs the doses, from the second, at the next lower frequency; it starts one dose above the regimen
    that the one before it selected. If the first one selects the lowest dose below the highest frequency, the
    frequencies above are closed: they are not run, and no regimen is named for them. The answer is a regimen for each
    frequency (:meth:`contour`). One of them is recommended: the one whose isotonic estimate is nearest the target.

    Parameters
    ----------
    cohorts : tuple of int
        Cohorts of the first subtrial, then of those at the lower frequencies, highest first. Empty: about four
        participants a regimen.
    enough, enough_rule
        A subtrial ends, and not the trial, when the current regimen has enough participants; "staying" means that its
        next cohort would stay there.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range or `cohorts` does not fit the grid.
    """

    parameters = WaterfallParameters

    safe: Rate = 0.18
    cohorts: tuple[Participants, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rates(self.target, self.safe, self.toxic)
        frequencies = self.grid.shape[1]
        if self.cohorts and len(self.cohorts) != frequencies:
            write = _("{} numbers of cohorts, one a frequency, each 1 or more").format(frequencies)
            raise ProtocolError(_("design"), repr(self.cohorts), write)

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "The grid is divided into subtrials along lines of regimens, each run with the boundaries of BOIN; "
                "the end of one says where the next begins, so that every frequency gets an answer."
            ),
            _(
                "At the end the regimen nearest the target is named for every frequency, by isotonic regression "
                "along dose and frequency; of these the one whose estimate is nearest the target is recommended."
            ),
            (
                (
                    "Zhang L, Yuan Y. A practical Bayesian design to identify the maximum tolerated dose contour for "
                    "drug combination trials. Stat Med 2016;35:4924-4936."
                ),
                LIU_YUAN_2015,
                ROBERTSON_1988,
            ),
            {"cohorts": _("Cohorts of the subtrials, the first one first")},
        )

    @property
    def tables(self) -> DecisionTables:
        """The look-up tables of BOIN for up to ``maximum`` participants at one regimen."""
        return boin_tables(self.target, self.safe, self.toxic, self.elimination, self.lowest_margin, self.maximum)

    @cached_property
    def lines(self) -> tuple[Integers, ...]:
        """Indices of the regimens of each subtrial from low to high, by the frequency it belongs to."""
        index = np.arange(self.grid.size).reshape(self.grid.shape)
        return *(index[1:, frequency] for frequency in range(index.shape[1] - 1)), np.append(index[0], index[1:, -1])

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Participants of each subtrial, in the order of :attr:`lines`."""
        given = self.cohorts[::-1] or [ceil(PER_REGIMEN * len(line) / self.cohort_size) for line in self.lines]
        return tuple(cohorts * self.cohort_size for cohorts in given)

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`.

        The current regimen says which subtrial is under way. A line has no ties, so that `draws` are not used.
        """
        at, codes = self._indices(outcomes, current), self._codes(outcomes)
        self._draws(outcomes, draws)
        closed, move = self._closed(codes), self.tables.move.take(codes)
        chosen: Integers = at.copy()
        treated = outcomes.treated.reshape(codes.shape)
        for line, cells in enumerate(self.lines):
            rows = np.flatnonzero(np.isin(at, cells))
            if not rows.size:
                continue
            step = self._step(line, closed[rows], move[rows], at[rows])
            over = self._over(line, treated[rows], closed[rows], at[rows], step)
            on, ended = rows[~over], rows[over]
            chosen[on] = step[~over]
            if ended.size:
                chosen[ended] = self._start_after(line, outcomes.of(ended), closed[ended], move[ended])
        full = outcomes.enrolled.sum(axis=(1, 2)) >= self.maximum
        return np.where(closed[:, 0] | full, STOP, chosen)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the regimen of the contour whose isotonic estimate is nearest the target; STOP means none."""
        contour = self.contour(outcomes)
        among = np.zeros((len(contour), self.grid.size + 1), dtype=bool)
        np.put_along_axis(among, contour, True, axis=1)  # STOP is -1: the last entry, cut off
        cells = among[:, :-1].reshape(outcomes.treated.shape)
        return select(outcomes, self.target, self.eliminated(outcomes), rounded=self.rounded, among=cells)

    def contour(self, outcomes: Outcomes) -> Integers:
        """Select one regimen a frequency, shape ``(T, F)``; STOP where a frequency has none or is closed."""
        highest = self.tables.lambda_d if self.bounded else np.inf
        closed = self.eliminated(outcomes)
        found = select_contour(outcomes, self.target, closed, rounded=self.rounded, highest=highest)
        return np.where(np.arange(found.shape[1]) > self._highest_frequency(outcomes)[:, None], STOP, found)

    def _highest_frequency(self, outcomes: Outcomes) -> Integers:
        """Return the highest frequency that the first subtrial leaves open, shape ``(T,)``.

        Only its own outcomes count: what a later subtrial eliminates does not change where the first one ended.
        """
        first = len(self.lines) - 1
        own = np.isin(np.arange(self.grid.size), self.lines[first]).reshape(self.grid.shape)
        alone = Outcomes(self.grid, outcomes.treated * own, outcomes.dlt * own)
        cell = self._picked(first, alone, self.eliminated(alone).reshape(-1, self.grid.size))
        dose, frequency = np.divmod(cell, self.grid.shape[1])
        return np.where(dose == 0, frequency, first)

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        labels, following = self.grid.labels, int(self.next(outcomes, [current])[0])
        line = next(number for number, cells in enumerate(self.lines) if current in cells)
        cells, treated = self.lines[line], outcomes.treated.reshape(1, -1)
        closed = self.eliminated(outcomes).reshape(1, -1)
        path = list_of(labels[cell] for cell in cells)
        words = _("The subtrial along {} has {} of at most {} participants.")
        sentences = [
            self._count_words(outcomes, current),
            words.format(path, treated[0, cells].sum(), self.sizes[line]),
        ]
        if closed[0, 0]:
            sentences.append(_("The lowest regimen, {}, is too toxic: the trial stops.").format(labels[0]))
        elif outcomes.enrolled.sum() >= self.maximum:
            sentences.append(_("The maximum of {} participants is reached.").format(self.maximum))
        elif not self._is_over(line, outcomes, closed, current):
            sentences.append(_("It goes on at {}.").format(labels[following]))
        else:
            picked = labels[int(self._picked(line, outcomes, closed)[0])]
            after = _("no subtrial is left, the trial ends") if following == STOP else labels[following]
            words = _("It ends, with {} nearest the target along this line; next: {}.")
            sentences.append(words.format(picked, after))
        return paragraph_of(sentences)

    def _is_over(self, line: int, outcomes: Outcomes, closed: Booleans, current: int) -> bool:
        """Whether the subtrial of one trial is over."""
        at, move = np.array([current]), self.tables.move.take(self._codes(outcomes))
        step, treated = self._step(line, closed, move, at), outcomes.treated.reshape(1, -1)
        return bool(self._over(line, treated, closed, at, step)[0])

    def _over(self, line: int, treated: Integers, closed: Booleans, at: Integers, step: Integers) -> Booleans:
        """Whether a subtrial has all its participants, enough at one regimen, or is closed from its lowest up."""
        cells = self.lines[line]
        enough = treated[np.arange(len(at)), at] >= self.enough
        if self.enough_rule == "staying":
            enough &= step == at
        return np.asarray((treated[:, cells].sum(axis=1) >= self.sizes[line]) | enough | closed[:, cells[0]])

    def _step(self, line: int, closed: Booleans, move: Integers, at: Integers) -> Integers:
        """Move along the line by the counts at the current regimen; never into what is eliminated."""
        cells, rows = self.lines[line], np.arange(len(at))
        way = np.where(closed[rows, at], DOWN, move[rows, at])
        wanted = np.argmax(cells == at[:, None], axis=1) + way
        last_open = (~closed[:, cells]).sum(axis=1) - 1  # what is eliminated lies at the upper end
        return np.asarray(cells[np.clip(wanted, 0, last_open)])

    def _start_after(self, line: int, outcomes: Outcomes, closed: Booleans, move: Integers) -> Integers:
        """Start the next subtrial one dose above the regimen that this one selects; STOP after the last."""
        width, rows = self.grid.shape[1], np.arange(len(closed))
        cell = self._picked(line, outcomes, closed)
        dose, frequency = cell // width, np.full(len(cell), line)
        if line == width - 1:
            frequency = cell % width
            # Selected below the highest frequency: its own doses may come first; `contour` closes what lies above.
            frequency += (frequency < line) & (move[rows, cell] == UP)
        return self._first_open(dose + 1, frequency - 1, closed)

    def _first_open(self, dose: Integers, frequency: Integers, closed: Booleans) -> Integers:
        """Return the regimen at that dose and frequency, or the next lower one that is open."""
        chosen = np.full(len(dose), STOP)
        for line in reversed(range(len(self.lines) - 1)):
            count = (~closed[:, self.lines[line]]).sum(axis=1)
            here = frequency == line
            found = here & (count > 0)
            chosen[found] = self.lines[line][np.minimum(dose, count)[found] - 1]
            skipped = here & (count == 0)
            dose, frequency = np.where(skipped, 1, dose), np.where(skipped, line - 1, frequency)
        return chosen

    def _picked(self, line: int, outcomes: Outcomes, closed: Booleans) -> Integers:
        """Select on the line alone: one-dimensional isotonic regression; the lowest dose where nothing is left."""
        cells = self.lines[line]
        n, y = (counts.reshape(closed.shape)[:, cells] for counts in (outcomes.treated, outcomes.dlt))
        may = (n > 0) & ~closed[:, cells]
        rate = (y + 0.05) / (n + 0.1)
        weight = may / (rate * (1 - rate) / (n + 1.1))  # one over the variance of Beta(y + 0.05, n - y + 0.05)
        distance = np.abs(_isotonic(rate, weight) + RANK_STEP * np.arange(len(cells)) - self.target)
        best = np.where(may, distance, np.inf).argmin(axis=1)
        lowest = cells[0] % self.grid.shape[1]
        return np.asarray(np.where(may.any(axis=1), cells[best], lowest))


def _isotonic(rate: Floats, weight: Floats) -> Floats:
    """Fit rates that never fall along a line, shape ``(T, L)``.

    Over the left ends the largest, over the right ends the smallest, weighted mean between them (Robertson, Wright &
    Dykstra, *Order Restricted Statistical Inference*, 1988, chapter 1).
    """
    length = rate.shape[1]
    total, size = (np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0))) for part in (rate * weight, weight))
    fitted = np.zeros_like(rate)
    for place in range(length):
        lefts, rights = np.arange(place + 1), np.arange(place, length) + 1
        gained = total[:, None, rights] - total[:, lefts, None]
        added = size[:, None, rights] - size[:, lefts, None]
        means = np.divide(gained, added, out=np.full_like(gained, np.inf), where=added > 0)
        fitted[:, place] = means.min(axis=2).max(axis=1)
    return fitted
