"""Near-misses: participants whom one criterion alone excludes, the nearest to its threshold first."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import Catalogue, Criterion, Parameter
from protocol.eligibility.crossings import Evaluation, Numbers, comparisons, facts_of, is_linear
from protocol.eligibility.rows import Read
from protocol.eligibility.tally import Tally
from protocol.records import Phase

COLUMNS = ["participant", "criterion", "parameter", "threshold", "needed", "distance", "open"]


def near_misses(
    catalogue: Catalogue, tally: Tally, read: Read, phase: Phase, only: str | None = None
) -> pd.DataFrame:
    """List those who fail exactly one criterion, by how far its threshold would have to move.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters of the screening.
    tally : Tally
        Of the screening; says which criteria are on.
    read : callable
        Gives the facts of some rows.
    phase : {"Ib", "II"}
    only : str, optional
        The criterion that excludes; every one that is on when left out.

    Returns
    -------
    pandas.DataFrame
        participant (row, from 0), criterion, parameter (id; None where no single threshold decides within its range),
        threshold (its present value), needed (at which the criterion no longer fails), distance (in units of the
        threshold: 0.1 is a tenth of it; where the threshold is 0, in its unit), open (other criteria that are
        unknown).
    """
    criteria = {criterion.id: criterion for criterion in catalogue.criteria}
    pieces = [
        piece.assign(open=_open(tally, piece["participant"].to_numpy()))
        for i in tally.on
        if only in (None, tally.planes.ids[i])
        for piece in _of_one(catalogue, criteria[tally.planes.ids[i]], tally, read, phase)
    ]
    found = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=COLUMNS)
    found = found.sort_values(["distance", "participant"], kind="stable", na_position="last", ignore_index=True)
    return found[COLUMNS]


def _open(tally: Tally, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count the criteria that are on and unknown for some participants; what says the same counts once."""
    words, shifts = rows // 64, (rows % 64).astype(np.uint64)
    counts: NDArray[np.int64] = (tally.unknown[:, words] >> shifts & np.uint64(1)).sum(axis=0, dtype=np.int64)
    return counts


def _of_one(
    catalogue: Catalogue, criterion: Criterion, tally: Tally, read: Read, phase: Phase
) -> Iterator[pd.DataFrame]:
    rows = tally.only_reason(criterion.id)
    named = {name for text in criterion.conditions() for name in names_in(text)}
    thresholds = [p for p in catalogue.parameters if p.id in named and not p.options]
    for these, columns in read(facts_of(catalogue, [criterion]), rows) if len(rows) else ():
        evaluation = Evaluation(catalogue, [criterion], phase, columns, len(these))
        best = np.full(len(these), np.inf)
        frame = pd.DataFrame({"participant": these, "criterion": criterion.id, "parameter": None})
        frame = frame.assign(threshold=np.nan, needed=np.nan).astype({"parameter": object})
        for parameter in thresholds:
            needed, distance = _needed(catalogue, evaluation, criterion, parameter)
            nearer = distance < best
            best = np.where(nearer, distance, best)
            frame.loc[nearer, ["parameter", "threshold"]] = parameter.id, float(parameter.value)
            frame.loc[nearer, "needed"] = needed[nearer]
        yield frame.assign(distance=np.where(np.isfinite(best), best, np.nan))


def _needed(
    catalogue: Catalogue, evaluation: Evaluation, criterion: Criterion, parameter: Parameter
) -> tuple[Numbers, NDArray[np.float64]]:
    """The nearest value of a threshold at which a criterion no longer fails, and how far it lies from the present."""
    present, low, high = float(parameter.value), float(parameter.minimum or 0.0), float(parameter.maximum or 1.0)
    needed, distance = np.full(evaluation.size, np.nan), np.full(evaluation.size, np.inf)
    for comparison in comparisons(catalogue, [criterion], parameter.id):
        if not is_linear(comparison, parameter.id):
            continue
        crossing = evaluation.crossing(comparison, parameter.id, low, high)
        if crossing is None:
            continue
        for side in (0.0, -1.0, 1.0):
            value = np.where(np.isfinite(crossing.value), crossing.value, present)
            tried = value + side * (parameter.step or 0.1)
            settable = np.isclose(tried, np.clip(tried, low, high), rtol=0, atol=1e-9)
            passes = settable & ~evaluation.at(parameter.id, tried)[0]
            away = abs(tried - present) / (abs(present) or 1.0)
            nearer = passes & (away < distance)
            needed, distance = np.where(nearer, tried, needed), np.where(nearer, away, distance)
    return needed, distance
