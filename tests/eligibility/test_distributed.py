"""Cohorts on Spark and on Dask: the verdicts of each row are those of one machine."""

import os
import sys
import warnings
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd
import pytest
from support.paths import EXAMPLES, ROOT
from support.trial import ELIGIBILITY

from protocol.eligibility.distributed import counts, screen_partitions
from protocol.exchange.cohort.files import read_cohort
from protocol.records import ProtocolError

EXAMPLE = EXAMPLES / "cohort.csv"
COHORT = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame
RULES = [criterion.id for criterion in ELIGIBILITY.criteria]


def alone(phase: Any = "II") -> pd.DataFrame:
    found = ELIGIBILITY.screen_cohort(COHORT, phase)
    index = pd.Index(list(found.participants), name="participant_id")
    return pd.DataFrame(found.codes(), index=index, columns=RULES)


def in_order(found: pd.DataFrame) -> pd.DataFrame:
    return found.set_index("participant_id").loc[list(COHORT["participant_id"])]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Spark's own, about its own use of other packages
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
            .getOrCreate()
        )
        yield session
        session.stop()


def test_spark_gives_every_participant_the_verdicts_of_one_machine(spark: Any, tmp_path: Path) -> None:
    import polars as pl

    plain = {str(name): COHORT[name].astype(object).where(COHORT[name].notna(), None).tolist() for name in COHORT}
    days = [fact.id for fact in ELIGIBILITY.facts if fact.type == "date" and fact.id in COHORT]
    plain |= {name: [day and day.date() for day in plain[name]] for name in days}
    pl.DataFrame(plain).write_parquet(tmp_path / "cohort.parquet")
    frame = spark.read.parquet(str(tmp_path / "cohort.parquet")).repartition(3)
    found = pd.DataFrame([row.asDict() for row in screen_partitions(ELIGIBILITY, frame, "II").collect()])
    pd.testing.assert_frame_equal(in_order(found)[RULES], alone(), check_index_type=False, check_dtype=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own, about its own use of other packages
def test_dask_gives_every_participant_the_verdicts_of_one_machine() -> None:
    changed = ELIGIBILITY.with_parameters(transaminase_max_uln=1.0)
    with dask.config.set(scheduler="threads"):
        found = screen_partitions(changed, dd.from_pandas(COHORT, npartitions=3), "Ib").compute()
    once = changed.screen_cohort(COHORT, "Ib")
    assert in_order(found)[RULES].to_numpy().tolist() == once.codes().tolist()
    assert (once.fail != ELIGIBILITY.screen_cohort(COHORT, "Ib").fail).any()


def test_counts_of_the_parts_add_up_to_the_counts_of_the_whole() -> None:
    whole = alone("Ib").reset_index()
    parts = [counts(ELIGIBILITY, whole.iloc[first : first + 111]) for first in range(0, len(whole), 111)]
    once = ELIGIBILITY.screen_cohort(COHORT, "Ib").counts().set_index("criterion").drop(columns="title")
    pd.testing.assert_frame_equal(reduce(pd.DataFrame.add, parts), once)


def test_frames_that_cannot_be_spread_are_refused_in_words() -> None:
    with pytest.raises(ProtocolError, match="write a Spark or Dask frame"):
        screen_partitions(ELIGIBILITY, COHORT)
    with pytest.raises(ProtocolError, match="no column participant_id"):
        screen_partitions(ELIGIBILITY, dd.from_pandas(pd.DataFrame({"ecog": [1]}), npartitions=1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_what_dask_screened_can_be_written_and_yes_and_no_may_have_become_text(tmp_path: Path) -> None:
    some = COHORT.iloc[:40].assign(consent_signed=[True, None] * 20).astype({"consent_signed": object})
    with dask.config.set(scheduler="threads"):
        found = screen_partitions(ELIGIBILITY, dd.from_pandas(some, npartitions=2), "Ib")
        found.to_parquet(tmp_path / "verdicts")
    kept = pd.read_parquet(tmp_path / "verdicts").set_index("participant_id").loc[list(some["participant_id"])]
    assert kept[RULES].to_numpy().tolist() == ELIGIBILITY.screen_cohort(some, "Ib").codes().tolist()
