"""Run all parts of the benchmarks to their end (``make bench``), and say at the end which ratio is missed.

``python tests/benchmarks [part ...]``, a part such as escalation. Exit code 1 when a ratio is missed or a part stops
with an error. Run it on an otherwise idle machine.
"""

import subprocess
import sys
from pathlib import Path

from report import MISSED

PARTS = ("followup", "escalation", "effect", "eligibility", "eligibility_page", "log", "dashboard")


def run(script: Path) -> list[str]:
    """Run one part as a process of its own and show its lines; return what is wrong, a line each."""
    print(f"\n{script.stem}", flush=True)
    wrong = []
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(f"  {line}", end="", flush=True)
            if line.endswith("MISSED\n"):
                wrong.append(f"{script.stem}: {' '.join(line.split())}")
    if process.returncode not in (0, MISSED):
        wrong.append(f"{script.stem}: stopped with an error, exit code {process.returncode}")
    return wrong


def main(scripts: list[Path]) -> int:
    """Run the parts one after the other, also when one is wrong; return the exit code."""
    wrong = [line for script in scripts for line in run(script)]
    print("", *(wrong or ["All ratios are within their limits."]), sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    names = sys.argv[1:] or PARTS
    sys.exit(main([Path(__file__).parent / f"{name}.py" for name in names]))
