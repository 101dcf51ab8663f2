"""Where the tests find the files of the repository."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
VECTORS = TESTS / "vectors"
NOTEBOOKS = ROOT / "notebooks"
DATA = ROOT / "data"
EXAMPLES = DATA / "examples"
FOLDER = DATA / "NCT05672420"
"""The folder of the trial's record."""
