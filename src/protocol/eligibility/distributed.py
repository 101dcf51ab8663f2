"""Cohorts too large for one machine: the same engine on every batch of a Spark or Dask frame.

Nothing of Spark or Dask is imported here; the frame brings it along. What comes back is one row per participant with
a column per criterion, and from them counts that can be summed.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from protocol.eligibility.cohort import screen_frame
from protocol.eligibility.cohort_counts import CohortScreening
from protocol.eligibility.criteria import Catalogue
from protocol.eligibility.frames import IDENTITY
from protocol.eligibility.verdicts import STATUSES, phase_of
from protocol.records import Phase, ProtocolError
from protocol.translation import _


def screen_partitions(catalogue: Catalogue, frame: Any, phase: Phase | None = None) -> Any:
    """Screen a Spark or Dask frame where its rows are.

    Parameters
    ----------
    catalogue : Catalogue
        The criteria, with the parameters to be used.
    frame : pyspark.sql.DataFrame or dask.dataframe.DataFrame
        One row per participant, with a column of ids: rows have no order to be numbered by.
    phase : str, optional
        A phase of the record; its first when left out.

    Returns
    -------
    the same kind of frame
        participant_id, and a column of whole numbers per criterion, named by its id: 0 passes, 1 excludes, 2 unknown,
        3 not applicable. Not computed yet; a cell that cannot be used is refused when it is.

    Raises
    ------
    ProtocolError
        For another kind of frame, one without ids, or an unknown phase.
    """
    phase = phase_of(catalogue, phase)
    kind = type(frame).__module__.partition(".")[0]
    if kind not in ("pyspark", "dask"):
        raise ProtocolError(_("cohort"), type(frame).__name__, _("a Spark or Dask frame"))
    if IDENTITY not in frame.columns:
        raise ProtocolError(
            _("cohort"),
            _("no column {identity}").format(identity=IDENTITY),
            _("{identity}, with one id per participant").format(identity=IDENTITY),
        )
    known = {fact.id for fact in catalogue.facts} | {IDENTITY}
    frame = frame[[name for name in frame.columns if name in known]]
    if kind == "pyspark":
        columns = [f"{IDENTITY} string", *(f"{criterion.id} tinyint" for criterion in catalogue.criteria)]
        return frame.mapInArrow(partial(_arrow, catalogue, phase), ", ".join(columns))
    empty = _rows(catalogue, [], np.empty((0, len(catalogue.criteria)), dtype=np.int8))
    return frame.map_partitions(partial(_pandas, catalogue, phase), meta=empty)


def counts(catalogue: Catalogue, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts in some rows; such counts of several parts of a cohort can be added up.

    Parameters
    ----------
    catalogue : Catalogue
    verdicts : pandas.DataFrame
        Rows of what :func:`screen_partitions` returns.

    Returns
    -------
    pandas.DataFrame
        One row per criterion, by its id: passes, excludes, unknown, not applicable.
    """
    rows = {
        criterion.id: np.bincount(verdicts[criterion.id].to_numpy(dtype=np.intp), minlength=len(STATUSES))
        for criterion in catalogue.criteria
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(STATUSES)).rename_axis("criterion")


def _arrow(catalogue: Catalogue, phase: Phase, batches: Iterable[Any]) -> Iterator[Any]:
    """Screen Spark's Arrow batches."""
    import pyarrow as pa

    for batch in batches:
        found = screen_frame(catalogue, pa.Table.from_batches([batch]), phase)
        columns = [pa.array(list(found.participants), pa.string()), *(pa.array(one) for one in found.codes().T)]
        names = [IDENTITY, *(criterion.id for criterion in catalogue.criteria)]
        yield pa.RecordBatch.from_arrays(columns, names=names)


def _pandas(catalogue: Catalogue, phase: Phase, part: pd.DataFrame) -> pd.DataFrame:
    found: CohortScreening = screen_frame(catalogue, part, phase)
    return _rows(catalogue, list(found.participants), found.codes())


def _rows(catalogue: Catalogue, ids: list[str], codes: Any) -> pd.DataFrame:
    columns = {criterion.id: codes[:, i] for i, criterion in enumerate(catalogue.criteria)}
    return pd.DataFrame({IDENTITY: pd.Series(ids, dtype="str")} | columns)
