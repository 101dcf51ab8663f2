"""Cohorts too large for one machine: the same engine on every batch of a Spark or Dask frame.

Nothing of Spark or Dask is imported here; the frame brings it along. What comes back is one row per participant with
its three masks, and from them counts that can be summed.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pandas as pd

from protocol.eligibility.cohort import screen_frame
from protocol.eligibility.cohort_counts import MASKS, CohortScreening
from protocol.eligibility.criteria import Catalogue
from protocol.eligibility.frames import IDENTITY
from protocol.eligibility.verdicts import check_phase
from protocol.records import Phase, ProtocolError

SCHEMA = ", ".join([f"{IDENTITY} string", *(f"{name} bigint" for name in MASKS)])
"""The columns that come back, as Spark writes them."""


def screen_partitions(catalogue: Catalogue, frame: Any, phase: Phase = "Ib") -> Any:
    """Screen a Spark or Dask frame where its rows are.

    Parameters
    ----------
    catalogue : Catalogue
        The criteria, with the parameters to be used.
    frame : pyspark.sql.DataFrame or dask.dataframe.DataFrame
        One row per participant, with a column of ids: rows have no order to be numbered by.
    phase : {"Ib", "II"}
        The phase of the trial.

    Returns
    -------
    the same kind of frame
        participant_id, fail, unknown, not_applicable: bit ``i`` of a mask belongs to ``catalogue.criteria[i]``. Not
        computed yet; a cell that cannot be used is refused when it is.

    Raises
    ------
    ProtocolError
        For another kind of frame, one without ids, or an unknown phase.
    """
    check_phase(phase)
    kind = type(frame).__module__.partition(".")[0]
    if kind not in ("pyspark", "dask"):
        raise ProtocolError("cohort", type(frame).__name__, "a Spark or Dask frame")
    if IDENTITY not in frame.columns:
        raise ProtocolError("cohort", f"no column {IDENTITY}", f"{IDENTITY}, with one id per participant")
    known = {fact.id for fact in catalogue.facts} | {IDENTITY}
    frame = frame[[name for name in frame.columns if name in known]]
    if kind == "pyspark":
        return frame.mapInArrow(partial(_arrow, catalogue, phase), SCHEMA)
    return frame.map_partitions(partial(_pandas, catalogue, phase), meta=_rows([], [[], [], []]))


def counts(catalogue: Catalogue, masks: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts in some rows of masks; such counts of several parts of a cohort can be added up.

    Parameters
    ----------
    catalogue : Catalogue
    masks : pandas.DataFrame
        Rows of what :func:`screen_partitions` returns.

    Returns
    -------
    pandas.DataFrame
        One row per criterion, by its id: met, not met, unknown, not applicable.
    """
    ids, three = masks[IDENTITY].tolist(), [masks[name].to_numpy(dtype="int64") for name in MASKS]
    titles = tuple(catalogue.title(criterion) for criterion in catalogue.criteria)
    found = CohortScreening.of_masks(catalogue.criteria, titles, ids, *three).counts()
    return found.set_index("criterion").drop(columns="title")


def _arrow(catalogue: Catalogue, phase: Phase, batches: Iterable[Any]) -> Iterator[Any]:
    """Screen Spark's Arrow batches."""
    import pyarrow as pa

    for batch in batches:
        table = pa.Table.from_batches([batch])
        found = screen_frame(catalogue, table, phase)
        columns = [pa.array(list(found.participants), pa.string()), *(pa.array(mask) for mask in _three(found))]
        yield pa.RecordBatch.from_arrays(columns, names=[IDENTITY, *MASKS])


def _pandas(catalogue: Catalogue, phase: Phase, part: pd.DataFrame) -> pd.DataFrame:
    found = screen_frame(catalogue, part, phase)
    return _rows(list(found.participants), _three(found))


def _three(found: CohortScreening) -> list[Any]:
    return [getattr(found, name) for name in MASKS]


def _rows(ids: list[str], masks: list[Any]) -> pd.DataFrame:
    columns = {name: pd.Series(mask, dtype="int64") for name, mask in zip(MASKS, masks, strict=True)}
    return pd.DataFrame({IDENTITY: pd.Series(ids, dtype="str")} | columns)
