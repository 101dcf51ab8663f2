"""The benchmarks run to their end, and say which ratio is missed."""

import json
import subprocess
import sys

import pytest
from support.paths import TESTS

GOOD = "print('one thing  1.0 ms')"
MISSES = "import sys; print('one ratio  2 times, at most 1  MISSED'); sys.exit(3)"
BREAKS = "raise ValueError('a mistake')"


@pytest.mark.parametrize(
    ("parts", "exit_code", "last"),
    [
        ({"first": GOOD, "second": GOOD}, 0, ["All ratios are within their limits."]),
        ({"first": MISSES, "second": GOOD}, 1, ["first: one ratio 2 times, at most 1 MISSED"]),
        (
            {"first": BREAKS, "second": MISSES},
            1,
            ["first: stopped with an error, exit code 1", "second: one ratio 2 times, at most 1 MISSED"],
        ),
    ],
)
def test_every_part_runs_and_what_is_missed_is_said_at_the_end(tmp_path, parts, exit_code, last):
    for name in ("__main__.py", "report.py"):
        (tmp_path / name).write_text((TESTS / "benchmarks" / name).read_text(encoding="utf-8"), encoding="utf-8")
    for name, source in parts.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path, *parts], capture_output=True, text=True)
    assert done.returncode == exit_code
    assert [line for line in done.stdout.splitlines() if line in parts] == list(parts)
    assert done.stdout.splitlines()[-len(last) :] == last


def test_only_a_ratio_above_its_limit_is_missed(tmp_path):
    source = (
        f"import sys; sys.path.insert(0, {str(TESTS / 'benchmarks')!r}); from report import Report; r = Report()\n"
    )
    source += "r.figure('time', 99.0, 'ms'); r.ratio('kept', 1.0, 1.0); print(r.exit_code())\n"
    source += "r.ratio('above', 1.01, 1.0); r.ratio('none', float('nan'), 1.0); print(r.exit_code(), r.missed)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.endswith("MISSED") for line in lines] == [False, False, False, True, True, False]
    assert (lines[2], lines[5]) == ("0", "3 2")


@pytest.mark.slow
def test_the_engine_and_the_two_peers_of_the_benchmark_answer_the_same(tmp_path):
    """The race runs by hand; a criterion that changes would part them unseen."""
    script, path = TESTS / "benchmarks" / "eligibility.py", tmp_path / "cohort.parquet"

    def run(*arguments):
        done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    run("parquet", str(path), "5000")
    assert len({run("contestant", who, str(path), "1")["digest"] for who in ("engine", "polars", "duckdb")}) == 1
