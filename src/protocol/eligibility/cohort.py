"""Many participants at once: which criteria fail, are unknown or do not apply, kept while thresholds change."""

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.cohort_counts import CohortScreening, Words, joined
from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import RECENCY_ANCHOR, Catalogue, Criterion, Fact
from protocol.eligibility.fact_sources import Choices, PackedColumns, value_of
from protocol.eligibility.frames import Batch, Participants, Source, empty, source_of
from protocol.eligibility.logic import Logic, Value, both, either, opposite
from protocol.eligibility.verdicts import blocked, check_phase, in_phase, prepared, rails_of
from protocol.records import Phase

Progress = Callable[[int, int], None]
"""Called with as many participants as the work done is worth, and all of them; what it raises stops the work."""

HELD_BYTES, BYTES_A_PARTICIPANT = 1 << 30, 300
"""Columns of a cohort that may need more are read again at each change instead of being held."""

BATCH = 1 << 17
"""Participants worked out together: enough that Python costs little, few enough that memory stays small."""

Three = Words
"""Who fails, for whom it is unknown, to whom it does not apply: shape (3, criteria, words)."""


class Cohort:
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
        self._uses = [uses(catalogue, criterion) for criterion in catalogue.criteria]
        self._hold = hold and len(self) * BYTES_A_PARTICIPANT <= HELD_BYTES
        self._held = {name: empty(fact, len(self)) for name, fact in self.source.facts.items()} if self._hold else {}
        self._have: set[str] = set()
        self._kept: dict[tuple[Any, ...], Three] = {}

    def __len__(self) -> int:
        return len(self.source)

    def screen(self, phase: Phase = "Ib", *, progress: Progress | None = None, **parameters: Any) -> CohortScreening:
        """Screen everybody with some parameters changed for this screening.

        Parameters
        ----------
        phase : {"Ib", "II"}
            The phase of the trial.
        progress : callable, optional
            Called now and then with the number of participants done and in all; raise from it to stop.
        **parameters
            Changed thresholds or readings, by parameter id; the record itself never changes.

        Raises
        ------
        ProtocolError
            For an unknown phase or parameter, a value outside its range, or a cell of the wrong type.
        """
        check_phase(phase)
        changed = self.catalogue.with_parameters(**parameters) if parameters else self.catalogue
        settings = self._settings(changed, phase)
        start, bits = self._nearest(settings)
        stale = [i for i, (new, old) in enumerate(zip(settings, start, strict=True)) if new != old]
        if stale or bits is None:
            found = self._worked_out(changed, phase, stale, progress)
            bits = found if bits is None else _merged(bits, found, stale)
            self._keep(settings, bits)
        titles = tuple(changed.title(criterion) for criterion in changed.criteria)
        return CohortScreening(changed.criteria, titles, self.participants, *bits)

    def _settings(self, catalogue: Catalogue, phase: Phase) -> tuple[Any, ...]:
        """Return for each criterion all that its answers depend on besides the participants."""
        values = {parameter.id: parameter.value for parameter in catalogue.parameters}
        return tuple(
            (
                in_phase(criterion, phase),
                tuple(phase in part.phases for part in criterion.parts),
                tuple(values[name] for name in names if name in values),
            )
            for criterion, names in zip(catalogue.criteria, self._uses, strict=True)
        )

    def _nearest(self, settings: tuple[Any, ...]) -> tuple[tuple[Any, ...], Three | None]:
        """Return the kept answers that differ in the fewest criteria."""
        nothing: tuple[Any, ...] = (None,) * len(settings)
        kept = sorted(self._kept.items(), key=lambda one: sum(map(_differ, one[0], settings)))
        return kept[0] if kept else (nothing, None)

    def _keep(self, settings: tuple[Any, ...], bits: Three) -> None:
        """Keep the first answers, which changes come back to, and the last.

        What is kept is replaced, never changed: another thread may be looking at it.
        """
        self._kept = dict([*self._kept.items()][:1]) | {settings: bits}

    def _worked_out(self, catalogue: Catalogue, phase: Phase, stale: list[int], progress: Progress | None) -> Three:
        parts = self._halves(stale)
        found: list[dict[int, Three]] = [{} for _part in parts]

        def work(half: int, first: int, last: int) -> None:
            part = parts[half]
            for row, batch in self._read(self._names(part), first, last):
                found[half][row] = screened(catalogue, batch, phase, part, min(BATCH, last - row))

        self._do([partial(work, half, *piece) for piece in self.pieces for half in range(len(parts))], progress)
        self._have = self._have.union(*map(self._names, parts)) if self._hold else self._have
        joints = [joined(words, (3, len(part)), len(self)) for part, words in zip(parts, found, strict=True)]
        return np.concatenate(joints, axis=1)

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

    def values(self, names: Iterable[str]) -> Iterator[dict[str, Value]]:
        """Read some facts in the order of the participants, a batch at a time; a fact nobody has is left out."""
        known = [name for name in names if name in self.source.facts]
        for first, last in self.pieces:
            for _row, batch in self._read(known, first, last):
                yield {name: value_of(column, self.source.facts[name]) for name, column in batch.items()}

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


def _differ(one: object, other: object) -> bool:
    return one != other


def uses(catalogue: Catalogue, criterion: Criterion) -> tuple[str, ...]:
    """Return every fact and parameter that can change a criterion's answer, dates of measurements included."""
    facts, found = {fact.id: fact for fact in catalogue.facts}, dict[str, None]()
    waiting = [name for text in criterion.conditions() for name in names_in(text)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        if name in facts and (fact := facts[name]).derived:
            waiting += names_in(fact.derived)
        if name in facts and fact.dated_by and fact.valid_days:
            waiting += [fact.dated_by, fact.valid_days, RECENCY_ANCHOR]
    return tuple(found)


def _merged(bits: Three, found: Three, stale: list[int]) -> Three:
    merged = bits.copy()
    merged[:, stale] = found
    return merged


def screen_frame(catalogue: Catalogue, frame: Any, phase: Phase) -> CohortScreening:
    """Screen a frame; see :meth:`protocol.eligibility.EligibilityRecord.screen_cohort`."""
    return Cohort(catalogue, frame, hold=False).screen(phase)


def column_of(column: Any, fact: Fact) -> Value:
    """Return one column of a frame (a narwhals Series) as an array of its fact's type, and which values are known.

    Raises
    ------
    ProtocolError
        Naming the column that does not hold values of its fact's type.
    """
    source = source_of(column.alias(fact.id).to_frame().to_native(), {fact.id: fact})
    return value_of(source.read([fact.id], 0, len(source))[fact.id], fact)


def screened(catalogue: Catalogue, batch: Batch, phase: Phase, criteria: Sequence[int], size: int) -> Three:
    """Work out some criteria for some participants, 64 to a word."""
    ready = prepared(catalogue)
    values = {name: value_of(column, ready.facts[name]) for name, column in batch.items()}
    logic = Logic(ready.facts, ready.parameters, PackedColumns(values, size))
    everybody = np.packbits(np.ones(size, dtype=bool), bitorder="little")
    octets = np.zeros((3, len(criteria), -(-size // 64) * 8), dtype=np.uint8)
    for place, i in enumerate(criteria):
        fail, clear, absent = _flags(logic, catalogue.criteria[i], phase)
        unknown = opposite(either(either(fail, clear), absent))
        for kind, flags in enumerate((fail, unknown, absent)):
            octets[kind, place, : len(everybody)] = both(flags, everybody) if flags is not False else 0
    return octets.view("<u8").astype(np.uint64, copy=False)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    """Keep the threads: new ones would find memory of their own each time, and that of the old ones would stay."""
    return ThreadPoolExecutor(workers(), "screening")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)


def workers() -> int:
    """Return how many pieces are worked on at a time: one on each processor, and few enough for the memory."""
    return min(4, os.cpu_count() or 1)


def _flags(logic: Logic, criterion: Criterion, phase: Phase) -> tuple[Any, Any, Any]:
    """Fails, clear, not applicable: each packed flags or constant."""
    if not in_phase(criterion, phase):
        return False, False, True
    blocks = blocked(criterion, rails_of(logic, criterion, phase))
    if criterion.applies_if is None:
        return blocks.true, blocks.false, False
    applies = logic.condition(criterion.applies_if)
    return both(applies.true, blocks.true), both(opposite(applies.false), blocks.false), applies.false


Rows = NDArray[np.intp]

Read = Callable[[Collection[str], Rows], Iterator[tuple[Rows, Mapping[str, Value]]]]
"""Reads some facts of some rows in ascending order; gives the rows of a batch and their facts."""


def reader(cohort: Cohort, progress: Progress | None = None) -> Read:
    """Return what reads facts of a cohort.

    Parameters
    ----------
    cohort : Cohort
    progress : callable, optional
        Called after each batch with the participants passed and all of them; an exception raised in it stops.
    """

    def read(names: Collection[str], rows: Rows) -> Iterator[tuple[Rows, Mapping[str, Value]]]:
        first = 0
        for batch in cohort.values(names):
            size = max((_length(value) for value in batch.values()), default=len(cohort))
            begin, end = np.searchsorted(rows, [first, first + size])
            these = rows[begin:end]
            if len(these):
                yield these, {name: taken(value, these - first) for name, value in batch.items()}
            first += size
            if progress is not None:
                progress(first, len(cohort))

    return read


def _length(value: Value) -> int:
    return len(value.known)


def taken(column: Value, rows: NDArray[Any]) -> Value:
    """Return a column for some rows only."""
    data = column.data
    some = Choices(data.positions[rows], data.options) if isinstance(data, Choices) else data[rows]
    return Value(some, column.known[rows])
