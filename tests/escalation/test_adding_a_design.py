"""The recipe of CONTRIBUTING.md for a design, followed with an invented one in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import FOLDER, ROOT

DESIGN = '''
"""Invented: one step of the dose after every cohort without a DLT."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from protocol.escalation.design import Description, Design
from protocol.escalation.grid import STOP, upwards
from protocol.records import Record, Sourced


class InventedParameters(Record):
    """The parameter of the invented design."""

    patience: Sourced[Annotated[int, Field(ge=1)]]


@dataclass(frozen=True, kw_only=True)
class Invented(Design):
    """Invented for a test."""

    parameters = InventedParameters

    patience: int = 1

    @classmethod
    def description(cls):
        return Description(
            "The dose goes up after every cohort without a DLT.",
            "The highest open dose is recommended.",
            ("Nobody N. An invented design. J Invented Res 2026;1:1-2.",),
            {"patience": "Cohorts before a step"},
        )

    def next(self, outcomes, current, draws=None):
        at = self._indices(outcomes, current)
        rows = np.arange(len(at))
        seen = outcomes.dlt.reshape(len(at), -1)[rows, at]
        higher = np.minimum(at + self.grid.shape[1], self.grid.size - self.grid.shape[1])
        done = outcomes.enrolled.sum(axis=(1, 2)) >= self.maximum
        return np.where(done | (seen > self.patience), STOP, np.where(seen == 0, higher, at))

    def why(self, outcomes, current):
        return "It is invented."

    def eliminated(self, outcomes):
        return upwards(outcomes.dlt > self.patience)

    def selected(self, outcomes):
        tried = (outcomes.treated > 0) & ~self.eliminated(outcomes)
        flat = tried.reshape(len(tried), -1)
        return np.where(flat.any(axis=1), flat.shape[1] - 1 - flat[:, ::-1].argmax(axis=1), STOP)
'''

TABLE = """
[design.invented.patience]
value = 2
assumption = "invented for a test"
"""

SEEN = """
import sys
from datetime import date
from protocol.escalation import simulate
from protocol.exchange.documents.statistics import StatisticalSection
from protocol.pages.escalation import EscalationPage
from protocol.trial import load_trial

trial = load_trial(sys.argv[1])
record, name = trial.escalation, "Invented"
page = EscalationPage(trial, date(2026, 1, 1))
assert name in page.settings.design.options
page.settings.design.value = name
design = record.designed(name)
assert design.patience == 2
result = simulate(design, record.scenarios[0].truth, 50, 1)
assert result.trials == 50
simulations = {record.scenarios[0].title: result}
text = StatisticalSection(record, "N", name, design, simulations, date(2026, 1, 1)).markdown()
for words in ("every cohort without a DLT", "highest open dose", "J Invented Res 2026", "Cohorts before a step"):
    assert words in text, words
print("seen everywhere")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and the record, with the invented design added by the recipe."""
    leave = shutil.ignore_patterns("__pycache__")
    designs = shutil.copytree(ROOT / "src", tmp_path / "src", ignore=leave) / "protocol" / "escalation" / "designs"
    (designs / "invented.py").write_text(DESIGN, encoding="utf-8")
    listing = (designs / "__init__.py").read_text(encoding="utf-8")
    first = "from protocol.escalation.designs.boin import Boin\n"
    listing = listing.replace(first, first + "from protocol.escalation.designs.invented import Invented\n")
    listing = listing.replace('"BOIN (2-D)": Boin,', '"BOIN (2-D)": Boin, "Invented": Invented,')
    (designs / "__init__.py").write_text(listing, encoding="utf-8")
    record = shutil.copytree(FOLDER, tmp_path / "trial")
    with (record / "escalation.toml").open("a", encoding="utf-8") as file:
        file.write(TABLE)
    return tmp_path


@pytest.mark.slow
def test_an_invented_design_is_offered_simulated_and_described(copy: Path) -> None:
    line = [sys.executable, "-c", SEEN, str(copy / "trial")]
    done = subprocess.run(
        line, env=os.environ | {"PYTHONPATH": str(copy / "src")}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "seen everywhere", done.stderr[-2000:]
