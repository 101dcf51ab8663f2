"""Many participants at once: which criteria fail, are unknown or do not apply, kept while thresholds change."""

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache, partial
from operator import ne
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.display import Displayed
from protocol.eligibility.cohort_counts import CohortScreening, Places, Verdicts
from protocol.eligibility.criteria import Catalogue
from protocol.eligibility.fact_sources import Choices, value_of
from protocol.eligibility.frames import Batch, Participants, Source, empty, source_of
from protocol.eligibility.logic import Value
from protocol.eligibility.verdicts import in_phase, names_behind, names_of, phase_of
from protocol.records import Phase

Progress = Callable[[int, int], None]
"""Called with the number of participants that the work done so far amounts to, and the number of all of them.

What it raises stops the work.
"""

_MOST_HELD = (1 << 30) // 300
"""Participants, at 300 bytes each; the columns of a larger cohort are read again at each change."""

BATCH = 1 << 17
"""Participants worked out together: enough that Python costs little, few enough that memory stays small."""


def screen_frame(catalogue: Catalogue, frame: Any, phase: Phase | None = None) -> CohortScreening:
    """Screen a frame; see :meth:`protocol.eligibility.EligibilityRecord.screen_cohort`."""
    return Cohort(catalogue, frame, hold=False).screen(phase)


class Cohort(Displayed):
    """A cohort to be screened again and again: only what a change can touch is worked out anew.

    Parameters
    ----------
    catalogue : Catalogue
        Whose criteria are asked.
    frame
        What :meth:`protocol.eligibility.EligibilityRecord.screen_cohort` takes.
    hold : bool
        Whether to keep the columns for the next time.

    Attributes
    ----------
    participants : sequence of str
        One id per row; read when first used.
    """

    def __init__(self, catalogue: Catalogue, frame: Any, *, hold: bool = True) -> None:
        self.catalogue = catalogue
        self.source: Source = source_of(frame, {fact.id: fact for fact in catalogue.facts})
        self.pieces = self.source.pieces()
        self.participants = Participants(self.source)
        self._uses = [names_behind(catalogue, names_of(criterion)) for criterion in catalogue.criteria]
        self._hold = hold and len(self) <= _MOST_HELD
        self._held = {name: empty(fact, len(self)) for name, fact in self.source.facts.items()} if self._hold else {}
        self._have: set[str] = set()
        self._kept: dict[tuple[Any, ...], Verdicts] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        return f"<Cohort of {len(self)} participants, {len(self.source.facts)} of {len(self.catalogue.facts)} facts>"

    def table(self) -> pd.DataFrame:
        """Return the facts the cohort has a column for: fact, label, type, unit."""
        rows = [(fact.id, fact.label, fact.type, fact.unit_label) for fact in self.source.facts.values()]
        return pd.DataFrame(rows, columns=["fact", "label", "type", "unit"])

    def screen(
        self, phase: Phase | None = None, *, progress: Progress | None = None, **parameters: Any
    ) -> CohortScreening:
        """Screen all participants with some parameters changed for this screening.

        Parameters
        ----------
        phase : str, optional
            A phase of the record; its first when left out.
        progress : callable, optional
            Called now and then with the number of participants done and in all; raise from it to stop.
        **parameters
            Changed thresholds or readings, by parameter id; the record itself never changes.

        Raises
        ------
        ProtocolError
            For an unknown phase or parameter, a value outside its range, or a cell of the wrong type.
        """
        phase = phase_of(self.catalogue, phase)
        changed = self.catalogue.with_parameters(**parameters) if parameters else self.catalogue
        settings = self._settings(changed, phase)
        start, verdicts = self._nearest(settings)
        stale = [i for i, (new, old) in enumerate(zip(settings, start, strict=True)) if new != old]
        if stale or verdicts is None:
            found = self._worked_out(changed, phase, stale, progress)
            verdicts = found if verdicts is None else verdicts.replaced(stale, found)
            self._keep(settings, verdicts)
        titles = tuple(changed.title(criterion) for criterion in changed.criteria)
        return CohortScreening(changed.criteria, titles, self.participants, verdicts)

    def values(self, names: Iterable[str]) -> Iterator[dict[str, Value]]:
        """Read some facts in the order of the participants, a batch at a time; a fact nobody has is left out."""
        known = [name for name in names if name in self.source.facts]
        for first, last in self.pieces:
            for _row, batch in self._read(known, first, last):
                yield {name: value_of(column, self.source.facts[name]) for name, column in batch.items()}

    def _settings(self, catalogue: Catalogue, phase: Phase) -> tuple[Any, ...]:
        """Return for each criterion all that its answers depend on besides the participants."""
        values = {parameter.id: parameter.value for parameter in catalogue.parameters}
        return tuple(
            (
                in_phase(criterion, phase),
                tuple(part.holds_in(phase) for part in criterion.parts),
                tuple(values[name] for name in names if name in values),
            )
            for criterion, names in zip(catalogue.criteria, self._uses, strict=True)
        )

    def _nearest(self, settings: tuple[Any, ...]) -> tuple[tuple[Any, ...], Verdicts | None]:
        """Return the kept answers that differ in the fewest criteria."""
        nothing: tuple[tuple[Any, ...], Verdicts | None] = (None,) * len(settings), None
        return min(self._kept.items(), key=lambda one: sum(map(ne, one[0], settings)), default=nothing)

    def _keep(self, settings: tuple[Any, ...], verdicts: Verdicts) -> None:
        """Keep the first answers, which changes come back to, and the last.

        What is kept is replaced, never changed: another thread may be looking at it.
        """
        self._kept = dict([*self._kept.items()][:1]) | {settings: verdicts}

    def _worked_out(
        self, catalogue: Catalogue, phase: Phase, stale: list[int], progress: Progress | None
    ) -> Verdicts:
        parts = self._halves(stale)
        found: list[dict[int, Verdicts]] = [{} for _part in parts]

        def work(half: int, first: int, last: int) -> None:
            part = parts[half]
            for row, batch in self._read(self._names(part), first, last):
                found[half][row] = Verdicts.judged(catalogue, batch, phase, part, min(BATCH, last - row))

        self._do([partial(work, half, *piece) for piece in self.pieces for half in range(len(parts))], progress)
        self._have = self._have.union(*map(self._names, parts)) if self._hold else self._have
        joints = [Verdicts.joined(pieces, len(part), len(self)) for part, pieces in zip(parts, found, strict=True)]
        return Verdicts.stacked(joints)

    def _halves(self, criteria: list[int]) -> list[list[int]]:
        """Cut criteria in two that look at about as many facts: only one half's columns are in memory for a piece."""
        seen = [len(self._names(criteria[:count])) for count in range(1, len(criteria) + 1)]
        half = 1 + bisect_left(seen, max(seen, default=0) / 2)
        return [part for part in (criteria[:half], criteria[half:]) if part] or [criteria]

    def _names(self, criteria: Iterable[int]) -> list[str]:
        """Return the facts some criteria look at, as far as there are columns of them."""
        return sorted({name for i in criteria for name in self._uses[i]} & set(self.source.facts))

    def _do(self, steps: Sequence[Callable[[], None]], progress: Progress | None) -> None:
        """Do the steps of some work, several at a time; one that fails ends the rest."""
        waiting = [_threads().submit(step) for step in steps]
        try:
            for count, done in enumerate(waiting, start=1):
                done.result()
                if progress is not None:
                    progress(len(self) * count // len(steps), len(self))
        finally:
            wait([done for done in waiting if not done.cancel()])

    def _read(self, names: Sequence[str], first: int, last: int) -> Iterator[tuple[int, Batch]]:
        """Read columns in batches, and hold them when they are to be held: reading takes longer than using."""
        fresh = [name for name in names if name not in self._have]
        batch = self.source.read(fresh, first, last) if fresh else {}
        if self._hold:
            for name, column in batch.items():
                self._held[name][first:last] = column
        batch |= {name: self._held[name][first:last] for name in names if name in self._have}
        for row in range(first, last, BATCH):
            yield row, {name: column[row - first : row - first + BATCH] for name, column in batch.items()}


Read = Callable[[Collection[str], Places], Iterator[tuple[Places, Mapping[str, Value]]]]
"""Reads some facts of some rows in ascending order; gives the rows of a batch and their facts."""


def reader(cohort: Cohort, progress: Progress | None = None) -> Read:
    """Return what reads facts of a cohort.

    Parameters
    ----------
    cohort : Cohort
    progress : callable, optional
        Called after each batch with the participants passed and all of them; an exception raised in it stops.
    """

    def read(names: Collection[str], rows: Places) -> Iterator[tuple[Places, Mapping[str, Value]]]:
        first = 0
        for batch in cohort.values(names):
            size = len(next(iter(batch.values())).known) if batch else len(cohort)
            begin, end = np.searchsorted(rows, [first, first + size])
            these = rows[begin:end]
            if len(these):
                yield these, {name: taken(value, these - first) for name, value in batch.items()}
            first += size
            if progress is not None:
                progress(first, len(cohort))

    return read


def taken(column: Value, rows: NDArray[Any]) -> Value:
    """Return a column for some rows only."""
    data = column.data
    some = Choices(data.positions[rows], data.options) if isinstance(data, Choices) else data[rows]
    return Value(some, column.known[rows])


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    """Keep the threads: new ones would find memory of their own each time, and that of the old ones would stay."""
    return ThreadPoolExecutor(workers(), "screening")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)


def end_threads() -> None:
    """End the threads, which a fork would not have; the next cohort begins new ones."""
    _threads().shutdown()
    _threads.cache_clear()


def workers() -> int:
    """Return how many pieces are worked on at a time: one on each processor, and few enough for the memory."""
    return min(4, os.cpu_count() or 1)
