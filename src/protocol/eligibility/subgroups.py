"""Exclusion rates by subgroup: age bands, sex and others, with small numbers hidden.

A number from 1 to 9 is never shown, and neither is one from which it could be worked out: where one group of a
criterion is hidden, the smallest other group is hidden too, until the hidden groups together are not small either.
Groups of fewer than ten are put together first. A zero is shown; it is nobody's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.cohort import Cohort
from protocol.eligibility.cohort_counts import Places, Tally
from protocol.eligibility.fact_sources import Choices, Columns
from protocol.eligibility.frames import ParquetFile
from protocol.eligibility.record import EligibilityRecord
from protocol.eligibility.verdicts import logic_of, names_behind
from protocol.records import ProtocolError
from protocol.translation import _, list_of

SMALLEST = 10
"""Counts from 1 to one below this are hidden."""

_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: intervals are 95 %."""

SITE = "site"
"""The column that names the hospital, if a cohort has one."""

_UNKNOWN_GROUP = _("not known")

_COLUMNS = ["criterion", "group", "size", "fails", "rate", "low", "high", "difference", "ratio", "hidden"]

ALL, COMPUTABLE = "all", "computable"
"""The two views: every criterion, and without those that only an investigator can judge."""


class Grouping(NamedTuple):
    """Which group each participant belongs to: positions in `labels`, shape (participants,)."""

    places: NDArray[np.intp]
    labels: tuple[str, ...]


def grouping(record: EligibilityRecord, cohort: Cohort, fact: str) -> Grouping:
    """Group a cohort by a fact that the record names as a subgroup; the fact is computed if it is not given.

    Parameters
    ----------
    record : EligibilityRecord
    cohort : Cohort
    fact : str
        The id of a fact in ``record.subgroups``.

    Returns
    -------
    Grouping
        The options of a choice or the bands of a number, and a last group of those of whom it is not known.

    Raises
    ------
    ProtocolError
        For a fact that the record names no subgroups of.
    """
    named_by_record = {subgroup.fact: subgroup for subgroup in record.subgroups}
    if fact not in named_by_record:
        raise ProtocolError(
            _("Subgroups by"), repr(fact), _("one of {options}").format(options=list_of(named_by_record))
        )
    asked = next(one for one in record.facts if one.id == fact)
    numbers, known = [], []
    for batch in cohort.values(names_behind(record, [fact])):
        value = logic_of(record, Columns(batch)).fact(asked)
        size = max((len(column.known) for column in batch.values()), default=len(cohort))
        data = value.data.positions if isinstance(value.data, Choices) else value.data
        numbers.append(np.broadcast_to(np.asarray(np.nan if data is None else data, dtype=float), size))
        known.append(np.broadcast_to(np.asarray(value.known, dtype=bool), size))
    every, which = np.concatenate(numbers), np.concatenate(known)
    if bands := named_by_record[fact].bands:
        return banded(every, which, [(band.low, band.label) for band in bands])
    labels = list(asked.options.values())
    return named([labels[int(place)] if ok else None for place, ok in zip(every, which, strict=True)], {})


def has_sites(cohort: Cohort) -> bool:
    """Whether a cohort has a column of sites; only a data frame or a Parquet file can have one."""
    source = cohort.source
    return SITE in (
        source.schema if isinstance(source, ParquetFile) else getattr(source, "frame", pd.DataFrame()).columns
    )


def sites(cohort: Cohort) -> Grouping:
    """Group a cohort by site; only for a cohort with that column, see :func:`has_sites`."""
    source: Any = cohort.source
    frame = source.scan.select(SITE).collect() if isinstance(source, ParquetFile) else source.frame
    return named(list(frame[SITE]), {})


def banded(numbers: NDArray[np.float64], known: NDArray[np.bool_], bands: Sequence[tuple[float, str]]) -> Grouping:
    """Put numbers into bands given by their lower ends; unknown ones form a group of their own."""
    labels = (*(label for _low, label in bands), _UNKNOWN_GROUP)
    places = np.searchsorted([low for low, _label in bands], np.where(known, numbers, 0.0), "right") - 1
    return Grouping(np.where(known, np.maximum(places, 0), len(bands)).astype(np.intp), labels)


def named(values: Sequence[object], labels: Mapping[str, str]) -> Grouping:
    """Group by a column of texts; a missing text forms a group of its own."""
    codes, found = pd.factorize(pd.Series(list(values), dtype=object))
    names = tuple(labels.get(str(value), str(value)) for value in found)
    return Grouping(np.where(codes < 0, len(names), codes).astype(np.intp), (*names, _UNKNOWN_GROUP))


def merged(grouping: Grouping) -> Grouping:
    """Leave out empty groups, and put those of fewer than ten together until none is small."""
    sizes = np.bincount(grouping.places, minlength=len(grouping.labels))
    filled = [int(group) for group in np.argsort(sizes, kind="stable") if sizes[group]]
    small = [group for group in filled if sizes[group] < SMALLEST]
    while small and sizes[small].sum() < SMALLEST and len(small) < len(filled):
        small.append(filled[len(small)])
    kept = [group for group in range(len(sizes)) if sizes[group] and group not in small]
    place = np.full(len(sizes), len(kept), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    together = (" + ".join(grouping.labels[group] for group in sorted(small)),) if small else ()
    return Grouping(place[grouping.places], tuple(grouping.labels[group] for group in kept) + together)


class _Single(NamedTuple):
    """One criterion: how many of each group fail it, and the groups in which that is hidden."""

    id: str
    fails: NDArray[np.int64]
    covered: NDArray[np.bool_]


def exclusion_rates(tally: Tally, grouping: Grouping) -> pd.DataFrame:
    """Compare groups criterion by criterion.

    Parameters
    ----------
    tally : Tally
    grouping : Grouping
        Of the same participants.

    Returns
    -------
    pandas.DataFrame
        criterion (an id, or "all" and "computable" for any criterion at all), group, size; fails (known to fail; the
        unknown are in the size and not here); rate, low, high (Wilson's 95 % interval); difference (standardised
        mean difference against everybody else), ratio (of the rate to everybody else's); hidden. Where `hidden` the
        numbers are missing; where any group is, so are the comparisons, which would give it away.
    """
    grouping = merged(grouping)
    sizes = np.bincount(grouping.places, minlength=len(grouping.labels))
    single = list[_Single]()
    for name in tally.on:
        fails = _by_group(tally.failing(name), grouping)
        covered = hidden(np.stack([fails, sizes - fails]), sizes)
        single.append(_Single(name, fails, covered))
    rows = _overall(tally, grouping, sizes, single)
    rows += [row for one in single for row in _rows(one.id, grouping, sizes, one.fails, one.covered)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _overall(
    tally: Tally, grouping: Grouping, sizes: NDArray[np.int64], single: Sequence[_Single]
) -> list[dict[str, object]]:
    """Any criterion at all, in both views.

    What lies between the views, and between a view and a criterion that is shown, is a number of its own and can be
    small.
    """
    everything = _by_group(tally.rows("excluded"), grouping)
    computable = _by_group(tally.without(tally.judged).rows("excluded"), grouping)
    covered = hidden(np.stack([everything, sizes - everything]), sizes) | _beside(everything, single, sizes)
    between = hidden(np.stack([computable, everything - computable, sizes - everything]), sizes)
    between |= _beside(computable, [one for one in single if one.id not in tally.judged], sizes)
    return [
        *_rows(ALL, grouping, sizes, everything, covered),
        *_rows(COMPUTABLE, grouping, sizes, computable, covered | between),
    ]


def _beside(counts: NDArray[np.int64], single: Sequence[_Single], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose the groups to hide because of who is in a count and does not fail one of the criteria shown."""
    found = np.zeros(len(sizes), dtype=bool)
    for one in single:
        found |= hidden(np.where(one.covered, 0, counts - one.fails)[np.newaxis], sizes)
    return found


def _by_group(rows: Places, grouping: Grouping) -> NDArray[np.int64]:
    return np.bincount(grouping.places[rows], minlength=len(grouping.labels))


def hidden(cells: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose the groups to hide, so that no number from 1 to 9 can be worked out from the rest and the totals.

    Parameters
    ----------
    cells : array of int, shape (kinds, groups)
        The participants of each group by kind; every participant is of one kind.
    sizes : array of int, shape (groups,)
        What the kinds add up to.
    """
    hide: NDArray[np.bool_] = np.any((cells > 0) & (cells < SMALLEST), axis=0)
    for group in np.argsort(sizes, kind="stable"):
        together = cells[:, hide].sum(axis=1)
        enough = hide.sum() > 1 and not ((together > 0) & (together < SMALLEST)).any()
        if enough or not hide.any():
            break
        hide[group] = True
    return hide


def _rows(
    name: str,
    grouping: Grouping,
    sizes: NDArray[np.int64],
    fails: NDArray[np.int64],
    covered: NDArray[np.bool_],
) -> list[dict[str, object]]:
    rows = []
    for group, label in enumerate(grouping.labels):
        row: dict[str, object] = {"criterion": name, "group": label, "size": int(sizes[group])}
        if not covered[group]:
            rate, low, high = wilson(int(fails[group]), int(sizes[group]))
            row |= {"fails": int(fails[group]), "rate": rate, "low": low, "high": high}
        if not covered.any():
            others = (int(fails.sum() - fails[group]), int(sizes.sum() - sizes[group]))
            row |= dict(zip(("difference", "ratio"), against(rate, *others), strict=True))
        rows.append(row | {"hidden": bool(covered[group])})
    return rows


def wilson(count: int, total: int) -> tuple[float, float, float]:
    """Return a proportion and Wilson's 95 % interval (Wilson 1927, J Am Stat Assoc 22:209, page 212)."""
    rate, squared = count / total, _Z * _Z / total
    middle = (rate + squared / 2) / (1 + squared)
    reach = _Z * float(np.sqrt(rate * (1 - rate) / total + squared / (4 * total))) / (1 + squared)
    return rate, max(middle - reach, 0.0) if count else 0.0, min(middle + reach, 1.0)


def against(rate: float, fails: int, size: int) -> tuple[float, float]:
    """Compare a rate with that of others: standardised mean difference of two proportions, and their ratio.

    NaN where there is nobody else, where nothing varies, or where the others' rate is zero. Standardised as in
    Austin (2009), Commun Stat Simul Comput 38:1228, for proportions.
    """
    if not size:
        return float("nan"), float("nan")
    other = fails / size
    spread = float(np.sqrt((rate * (1 - rate) + other * (1 - other)) / 2))
    return (rate - other) / spread if spread else float("nan"), rate / other if other else float("nan")
