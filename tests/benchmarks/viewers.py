"""What a viewer costs: processor time, memory and bytes of each page, and the time until the last one is served.

``python tests/benchmarks/viewers.py [viewers [page ...]]``, a page such as 01-overview.ipynb. Each figure is measured
twice in one run: with kernels that are each started anew, as before, and with forked ones. The viewers are plain
websocket clients that do what a browser does in the first minute of a page, so that browsers take no processor time.
Exit code 1 if a page did not open, 3 if a ratio is missed. Run it on an otherwise idle machine.
"""

import asyncio
import os
import statistics
import sys
from contextlib import suppress

import psutil
from dashboard import NOTEBOOKS, running, wait_for_warm
from report import Report
from support.kernels import kernels
from support.viewer import Viewer

ALL = sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
NAMES = sys.argv[2:] or ALL
MINUTE = float(os.environ.get("MINUTE", "60"))  # seconds that a page is played
THIRD, OWN_MB = 1 / 3, 50


def spent(process):
    """Processor seconds of a server and of everything below it."""
    seconds = 0.0
    for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        with suppress(psutil.Error):
            seconds += sum(one.cpu_times()[:2])
    return seconds


def own_mb(process, viewers):
    """Memory that only the viewers' kernels have, one figure each."""
    living = kernels(process)
    found = [living[viewer.kernel[:8]].memory_full_info() for viewer in viewers]
    return [one.uss / 2**20 for one in found]


async def visit(address, process, name, count):
    """Let `count` viewers open a page at once; return seconds, processor seconds, memory and bytes of each."""
    viewers = [Viewer(address) for _number in range(count)]
    await asyncio.gather(*(viewer.enter() for viewer in viewers))
    before = spent(process)
    seconds = await asyncio.gather(*(viewer.open(name) for viewer in viewers))
    sizes = [viewer.bytes for viewer in viewers]
    await asyncio.gather(*(viewer.look(MINUTE) for viewer in viewers))
    processor, memory = spent(process) - before, own_mb(process, viewers)
    await asyncio.gather(*(viewer.leave() for viewer in viewers))
    return sorted(seconds), processor / count, statistics.median(memory), statistics.median(sizes)


async def main(count):
    launch = [sys.executable, "-m", "protocol", "dashboard", "--no-browser", "--most-pages", "100", str(NOTEBOOKS)]
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ACTOR", "PROTOCOL_ROLES"):
        os.environ.pop(name, None)
    report, found = Report(), {}
    print(f"{count} viewers at once, {os.cpu_count()} processors, {MINUTE:.0f} s each")
    for way, option in (("anew", ["--no-fork"]), ("forked", [])):
        with running([*launch, *option], r"http://\S+") as (process, address):
            for name in NAMES:
                for many in (1, count):
                    wait_for_warm(process, len(ALL))
                    found[way, name, many] = await visit(address, process, name, many)
                    seconds, processor, memory, size = found[way, name, many]
                    print(
                        f"{name:22} {way:7} {many:3} at once: first {seconds[0]:5.1f} s  last {seconds[-1]:5.1f} s"
                        f"  processor {processor:5.2f} s a page  own {memory:4.0f} MB  sent {size / 2**10:6.0f} kB",
                        flush=True,
                    )
    for name in NAMES:
        (old_s, old_p, _mb, _b), (new_s, new_p, mb, _) = found["anew", name, count], found["forked", name, count]
        report.ratio(f"{name}: processor time, forked to anew", new_p / old_p, THIRD)
        report.ratio(f"{name}: the last of {count}, forked to anew", new_s[-1] / old_s[-1], THIRD)
        report.ratio(f"{name}: own memory to {OWN_MB} MB", mb / OWN_MB, 1)
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)))
