"""The invented examples: the same seed writes the same bytes, and they say that they are invented."""

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from protocol.trial import load_trial

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "data" / "examples"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_examples", EXAMPLES / "make_examples.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_writes_what_is_shipped(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    (tmp_path / "NCT05672420").symlink_to(ROOT / "data" / "NCT05672420")
    monkeypatch.setattr(script, "HERE", folder)
    script.main()
    for name in ("cohort.csv", "trial_so_far.toml"):
        assert (folder / name).read_bytes() == (EXAMPLES / name).read_bytes(), (
            "run: python data/examples/make_examples.py"
        )


def test_the_trial_so_far_followed_the_design_of_the_record(script: ModuleType) -> None:
    record = load_trial(ROOT / "data" / "NCT05672420").escalation
    open_regimen, people = script.trial_so_far(np.random.default_rng(script.TRIAL_SEED), record)
    regimens = [person["regimen"] for person in people][::3]
    assert regimens[0] == record.design.start.value
    assert regimens[-1] == open_regimen
    for one, two in pairwise(regimens):
        assert abs(ord(one[0]) - ord(two[0])) + abs(int(one[1]) - int(two[1])) <= 1


def test_everybody_in_the_examples_is_marked_as_invented() -> None:
    examples = load_trial(ROOT / "data" / "NCT05672420").examples
    assert examples
    assert examples.so_far.invented
    assert all(person.id.startswith("INV-") for person in examples.so_far.participants)
    assert examples.cohort().count(b"INV-") == 500
