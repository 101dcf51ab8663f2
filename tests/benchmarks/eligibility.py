"""Compare the speed of the criteria engine with the same criteria written by hand in Polars and SQL (``make bench``).

A million invented participants and 34 criteria, from a Parquet file to counts per criterion, funnel, leave-one-out
and totals; all three must give the same numbers. Every run is a process of its own, taking turns, and the best of
several counts; memory is the most that the process ever held. ``--large`` adds ten millions and a broken CSV file of
two gigabytes, ``--csv`` times that file alone.
Exit code 3 when a ratio to a peer is missed. Run it on an otherwise idle machine.
"""

import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

from report import Report
from support.paths import ROOT

RUNS, PASSES = 3, 3
PEERS = ("engine", "polars", "duckdb")
LIMITS = {"polars": 1.0, "duckdb": 1.3}  # times the peer


def record():
    from support.trial import ELIGIBILITY

    return ELIGIBILITY


def counted(eligibility):
    return sum(1 << i for i, criterion in enumerate(eligibility.criteria) if criterion.mirrors is None)


def engine(path):
    """Return the engine's answers as the peers give theirs."""
    import numpy as np

    found = record().screen_cohort(path, "II")
    counts, funnel, left = (
        table.iloc[:, 2:].to_numpy()
        for table in (found.counts(), found.funnel().drop(columns="fails"), found.leave_one_out())
    )
    return [*counts.ravel().tolist(), *np.hstack([funnel, left]).ravel().tolist(), *found.totals().values()]


def answers(who, path):
    if who == "engine":
        return engine(path)
    peer = __import__(f"eligibility_{who}")
    return peer.answers(path, counted(record()))


def contestant(who, path, passes):
    """Run one contestant: best time, memory and a hash of the answers."""
    taken = []
    for _pass in range(int(passes)):
        start = time.perf_counter()
        found = answers(who, path)
        taken.append(time.perf_counter() - start)
    digest = hashlib.sha256(json.dumps([int(value) for value in found]).encode()).hexdigest()
    return {"seconds": min(taken), "gigabytes": peak(), "digest": digest}


def csv(path):
    """Read a CSV file into a Parquet file and screen that."""
    from protocol.exchange.cohort.files import read_cohort

    start, path = time.perf_counter(), Path(path)
    cohort = read_cohort(path.name, path, record(), into=path.with_suffix(".parquet"))
    read, most = time.perf_counter() - start, peak()
    found = record().screen_cohort(cohort.frame, "II")
    screened = time.perf_counter() - start - read
    return {"read": read, "screened": screened, "rows": len(found.fail), "reading": most, "gigabytes": peak(),
            "problems": [problem.where for problem in cohort.problems]}  # fmt: skip


def parquet(path, size):
    """Write an invented cohort."""
    from invented_cohort import write_parquet

    write_parquet(Path(path), int(size))


def written(path, size):
    """Write an invented CSV file of at least some bytes, with a mark, CRLF and a broken row now and then."""
    from invented_cohort import batches

    places = []
    with Path(path).open("wb") as file:
        for number, batch in enumerate(batches(10_000_000, 2)):
            text = batch.write_csv(
                include_header=number == 0, include_bom=number == 0, line_terminator="\r\n"
            ).encode()
            lines = text.split(b"\r\n")
            for place in range(SPRINKLED, len(lines) - 1, SPRINKLED):
                broken = BROKEN[len(places) % len(BROKEN)]
                row = place + 1 + (number and number * batch.height + 1)
                places.append(broken.where.format(row=row, id=DOUBLED))
                lines[place] = broken.change(lines[place].split(b","))
            file.write(b"\r\n".join(lines))
            if file.tell() > int(size):
                break
    return sorted(set(places))


class Broken(NamedTuple):
    """One way to break a row, and where the reader has to say so."""

    where: str
    change: Callable[[list[bytes]], bytes]


def with_cell(place, text):
    return lambda cells: b",".join([*cells[:place], text, *cells[place + 1 :]])


SPRINKLED, DOUBLED = 9973, "INV-00000001"
BROKEN = (
    Broken("row {row}, column height_cm", with_cell(7, b"tall")),
    Broken("row {row}, column birth_date", with_cell(2, b"1970-02-30")),
    Broken("participant {id}", with_cell(0, DOUBLED.encode())),
    Broken("row {row}", lambda cells: b",".join(cells[:-1])),
    Broken("row {row}", lambda cells: b",".join([*cells, b""])),
    Broken("line {row}", lambda cells: b",".join(["王小乙".encode() + cells[0], *cells[1:]])),
    Broken("row {row}, column sex", with_cell(3, "男性".encode("gb18030"))),
)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def run(*arguments):
    """Do one thing in a process of its own; this one stays small, because a child's peak begins at its parent's."""
    command = [sys.executable, __file__, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def race(report, path, size, runs=RUNS, passes=PASSES):
    """Race the three on one file."""
    rounds = [{who: run("contestant", who, path, passes) for who in PEERS} for _round in range(runs)]
    assert len({one["digest"] for turn in rounds for one in turn.values()}) == 1, "the answers differ"
    best = {who: min(turn[who]["seconds"] for turn in rounds) for who in PEERS}
    for who in PEERS:
        most = max(turn[who]["gigabytes"] for turn in rounds)
        report.figure(f"{size:,} participants, {who}", best[who], "s")
        report.figure(f"{size:,} participants, {who}: memory", most, "GB")
    for who, limit in LIMITS.items():
        report.ratio(f"{size:,} participants, engine to {who} by hand", best["engine"] / best[who], limit)


def changes(path):
    """Time what a person does at a cohort of a million: a slider, a toggle."""
    cohort = record().cohort(path)
    found = cohort.screen("II")
    values = [1.0 + step / 10 for step in range(1, 11)]
    thresholds = [seconds(lambda v=value: cohort.screen("II", transaminase_max_uln=v).funnel()) for value in values]
    ids = found.funnel()["criterion"]
    toggles = [seconds(lambda i=i: (found.funnel(leave_out=[i]), found.totals())) for i in ids[:10]]
    return {"threshold": statistics.median(thresholds), "toggle": statistics.median(toggles)} | curves(cohort, found)


def curves(cohort, found):
    """Time the pass over a threshold's range, and then 300 points of its curve."""
    import numpy as np

    from protocol.eligibility.cohort import reader
    from protocol.eligibility.sensitivity import sweep

    passes, after = [], []
    ranges = {"transaminase_max_uln": (1.0, 10.0), "bmi_max_kg_m2": (20.0, 45.0), "washout_days": (0.0, 90.0)}
    for name, ends in ranges.items():
        start = time.perf_counter()
        swept = sweep(record(), found, reader(cohort), name, ends, "II")
        passes.append(time.perf_counter() - start)
        after.append(seconds(lambda s=swept, e=ends: s.at(np.linspace(*e, 300))))
    return {"pass": max(passes), "curve": max(after)}


def one():
    """Time one participant with all reasons."""
    from invented_cohort import batches

    people = [{k: v for k, v in row.items() if v is not None} for row in next(batches(200, 1)).to_dicts()]
    for person in people:
        del person["participant_id"]
    eligibility = record()
    taken = [seconds(lambda p=person: eligibility.screen(p, "II")) for _pass in range(3) for person in people]
    return 1000 * statistics.median(taken)


def large(report, folder):
    """Ten millions from Parquet, and a CSV file of two gigabytes."""
    run("parquet", folder / "large.parquet", 10_000_000)
    race(report, folder / "large.parquet", 10_000_000, runs=1, passes=1)
    (folder / "large.parquet").unlink()
    large_csv(report, folder)


def large_csv(report, folder, size=2_000_000_000):
    """Read and screen a broken CSV file to the end."""
    path = folder / "large.csv"
    planted = run("written", path, size)
    found, gigabytes = run("csv", path), path.stat().st_size / 1e9
    named = sorted(where for where in found["problems"] if where.partition(" ")[0] != "column")
    assert named == planted, "the problems found are not the ones planted"
    print(f"CSV of {gigabytes:.2f} GB, {found['rows']:,} participants, all {len(planted)} planted problems found")
    report.figure("reading it", found["read"], "s")
    report.figure("reading it, a second", gigabytes * 1000 / found["read"], "MB")
    report.figure("reading it: memory", found["reading"], "GB")
    report.figure("screening it", found["screened"], "s")
    report.figure("reading and screening it: memory", found["gigabytes"], "GB")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--csv" in sys.argv:
            large_csv(report, folder, *map(int, sys.argv[2:]))
            return report.exit_code()
        path = folder / "cohort.parquet"
        run("parquet", path, 1_000_000)
        race(report, path, 1_000_000)
        changed = run("changes", path)
        report.figure("a changed threshold to its funnel, median", changed["threshold"], "s")
        report.figure("a toggle, median", changed["toggle"], "s")
        report.figure("the pass of a threshold over its range, longest", changed["pass"], "s")
        report.figure("300 points of its curve after it, longest", 1000 * changed["curve"], "ms")
        report.figure("one participant with all reasons, median", run("one"), "ms")
        if "--large" in sys.argv:
            large(report, folder)
    return report.exit_code()


if __name__ == "__main__":
    STEPS = {step.__name__: step for step in (contestant, csv, parquet, written, changes, one)}
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:])))
    else:
        sys.exit(main())
