"""Long attacks on a log and a dashboard, with figures: `make attacks`, or `python tests/attacks tampering --count 9`.

Each attack ends with one line of figures, and the program with an error if something was lost or unseen.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # support, as the tests see it

import kernels
import logs

ATTACKS = {
    "kills-sqlite": (logs.kill_writers_of_a_file, 1000),
    "kills-postgresql": (logs.kill_servers, 50),
    "snapshots": (logs.copies_during_writes, 100),
    "tampering": (logs.flip_bits, 1000),
    "schema": (logs.change_the_schema, 200),
    "replacing": (logs.replace_files, 100),
    "tls": (logs.wrong_certificates, 20),
    "kernels": (kernels.kill_kernels, 300),
}
"""Name to the attack (takes a folder and a count, returns its figures) and the count if none is given."""


def main() -> int:
    """Run the attacks that are named, or all; return 1 if one of them broke something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="attack", help=", ".join(ATTACKS))
    parser.add_argument("--count", type=int, help="how often each is tried (default: each attack's own count)")
    asked = parser.parse_args()
    if unknown := set(asked.names) - ATTACKS.keys():
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    broken = 0
    for name in asked.names or ATTACKS:
        attack, count = ATTACKS[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="attack-") as folder:
            try:
                figures = attack(Path(folder), asked.count or count)
            except AssertionError as error:
                broken, figures = 1, f"BROKEN: {error}"
        print(f"{name}: {figures} ({time.monotonic() - began:.0f} s)", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main())
