"""What a file may cost: small files that ask for gigabytes or hours are refused before they are read."""

import io
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.fhir import read_fhir_stepwise
from protocol.exchange.clinical.findings import Setting, keyed
from protocol.exchange.clinical.omop import read_omop_files_stepwise
from protocol.exchange.cohort.files import CohortFile, read_cohort, read_cohort_stepwise
from protocol.exchange.limits import MOST_COLUMNS, MOST_ROWS, check_size
from protocol.records import ProtocolError

pytestmark = pytest.mark.slow

SETTING = Setting(ELIGIBILITY, date(2026, 3, 10), "", ())


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd", **options)
    return buffer.getvalue()


def on_a_page(content: bytes, name: str = "small.parquet") -> CohortFile:
    *_before, last = read_cohort_stepwise(name, content, ELIGIBILITY, most=MOST_ROWS)
    assert last.cohort is not None
    return last.cohort


def test_a_small_parquet_file_of_many_equal_rows_is_refused_on_a_page_by_its_footer() -> None:
    rows = 3_000_000
    content = parquet({"participant_id": pa.repeat("P", rows), "ecog": pa.repeat(1, rows)})
    assert len(content) < 100_000
    with pytest.raises(ProtocolError, match=r"3,000,000 rows.*at most 1,000,000 here"):
        on_a_page(content)


@pytest.mark.parametrize("count", [1, 20_000])
def test_a_long_cell_that_a_small_parquet_file_repeats_is_refused_by_its_column(count: int) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), ["x" * 200_000])
    content = parquet({"participant_id": ids, "ecog": pa.repeat(1, count)})
    assert len(content) < 50_000
    with pytest.raises(ProtocolError, match=r"column participant_id: found a cell of 200,000 bytes"):
        read_cohort("small.parquet", content, ELIGIBILITY)


def test_a_row_group_that_unpacks_to_more_than_a_page_may_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.exchange.limits.LARGEST_GROUP", 5_000_000)
    ids = ["x" * 1_000_000] * 6
    content = parquet({"participant_id": ids, "ecog": [1] * 6}, use_dictionary=False)
    assert len(content) < 1_000_000
    with pytest.raises(ProtocolError, match=r"row group of \d+ MB unpacked"):
        on_a_page(content)


def test_columns_that_the_record_does_not_have_are_not_read_however_large_they_are() -> None:
    content = parquet({"participant_id": ["P-1"], "ecog": [1], "note": ["x" * 100_000_000]})
    assert len(on_a_page(content).frame) == 1


def test_a_list_or_a_structure_is_named_and_never_unpacked() -> None:
    content = parquet({"participant_id": ["P-1"], "sex": ["male"], "ecog": [[1.0] * 2_000_000]})
    assert len(content) < 10_000
    start = time.process_time()
    cohort = on_a_page(content)
    assert time.process_time() - start < 5
    assert ("row 1, column ecog", "'list'") in [one[:2] for one in cohort.problems]


def test_a_footer_too_large_to_read_is_refused_before_it_is() -> None:
    with pytest.raises(ProtocolError, match="a description of the columns of 256 MB"):
        read_cohort("small.parquet", b"PAR1" + (1 << 28).to_bytes(4, "little") + b"PAR1", ELIGIBILITY)


def test_a_table_with_thousands_of_columns_is_refused_at_its_header() -> None:
    header = ",".join(["participant_id", *(f"c{n}" for n in range(MOST_COLUMNS))])
    with pytest.raises(ProtocolError, match="5,001 columns"):
        read_cohort("wide.csv", f"{header}\n".encode(), ELIGIBILITY)


def test_short_rows_of_a_wide_file_do_not_grow_in_memory() -> None:
    names = [f"c{n}" for n in range(MOST_COLUMNS - 2)]
    content = ",".join(["participant_id", "ecog", *names]) + "\n" + "P,1\n" * 50_000
    cohort = read_cohort("wide.csv", content.encode(), ELIGIBILITY)  # 250 million cells if they were filled up
    assert len(cohort.frame) == 50_000


def test_more_participants_than_a_page_takes_are_refused_while_a_csv_file_is_read(tmp_path: Path) -> None:
    content = b"participant_id,ecog\n" + b"P,1\n" * (MOST_ROWS + 100_000)
    with pytest.raises(ProtocolError, match="at most 1,000,000 here"):
        on_a_page(content, "long.csv")


BAD = {
    "too few cells": lambda n: f"P{n},1\n",
    "too many cells": lambda n: f"P{n}" + "," * (len(ELIGIBILITY.facts) + 3) + "\n",
    "a quotation mark inside": lambda n: f'P{n},a"b' + "," * (len(ELIGIBILITY.facts) - 1) + "\n",
    "a line end inside": lambda n: f'P{n},"a\nb"' + "," * (len(ELIGIBILITY.facts) - 1) + "\n",
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_lines_cost_a_few_times_what_good_ones_do(kind: str) -> None:
    header = ",".join(["participant_id", *(fact.id for fact in ELIGIBILITY.facts)]) + "\n"
    good = "P{},1" + "," * (len(ELIGIBILITY.facts) - 1) + "\n"

    def seconds(lines: list[str]) -> float:
        start = time.process_time()
        read_cohort("lines.csv", (header + "".join(lines)).encode(), ELIGIBILITY)
        return time.process_time() - start

    seconds([good.format(0)] * 20_000)  # loads what reads large files
    count = 40_000
    usual = seconds([good.format(n) for n in range(count)])
    assert seconds([BAD[kind](n) for n in range(count)]) < 8 * usual + 1


def test_json_of_more_values_than_a_page_takes_is_refused_before_it_is_read() -> None:
    content = b"[" + b"{}," * 11_000_000 + b"{}]"
    with pytest.raises(ProtocolError, match=r"values; write at most 10,000,000 here"):
        next(read_fhir_stepwise({"many.json": content}, SETTING, keyed(b"key")))


def test_a_small_table_of_omop_with_many_equal_rows_is_refused_by_its_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.exchange.clinical.omop.MOST_ROWS", 1_000_000)
    rows = 2_100_000
    measurement = parquet({"measurement_id": pa.repeat(1, rows), "person_id": pa.repeat(1, rows)})
    person = parquet({"person_id": [1], "gender_concept_id": [8507]})
    with pytest.raises(ProtocolError, match=r"measurement\.parquet: found 2,100,000 rows"):
        list(
            read_omop_files_stepwise(
                {"person.parquet": person, "measurement.parquet": measurement}, SETTING, keyed(b"k")
            )
        )


def test_a_file_larger_than_asked_for_says_how_large_it_may_be() -> None:
    check_size("a.json", 100_000, 100_000)
    with pytest.raises(ProtocolError, match="found 200 kB; write at most 100 kB"):
        check_size("a.json", 200_000, 100_000)
