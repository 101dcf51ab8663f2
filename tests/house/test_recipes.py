"""The "to add" table of the README, each row tried on a copy of the record."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from support.paths import FOLDER

from protocol.followup import timeline
from protocol.pages.eligibility.page import EligibilityPage
from protocol.records import ProtocolError
from protocol.trial import load_trial

CRITERION = """
[[criteria]]
id = "E27"
kind = "exclusion"
title = "Body mass index below 15 kg/m²"
wording = "an invented criterion"
condition = "bmi_kg_m2 < 15"
type = "objective"
confirm = "screening"
assumption = "invented for a test"
"""
CASES = """
[[E27]]
says = "20 is enough"
facts = { bmi_kg_m2 = 20.0 }
expect = "passes"
[[E27]]
says = "14 is too low"
facts = { bmi_kg_m2 = 14.0 }
expect = "excludes"
[[E27]]
says = "not known"
expect = "unknown"
"""
VISIT = """
[[visits]]
id = "week_6"
name = "Week 6"
hangs_on = "first_infusion"
offset = "P6W"
window = { before = "P2D", after = "P2D", assumption = "invented for a test" }
procedures = ["blood_count"]
assumption = "invented for a test"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "NCT05672420"))


def append(file: Path, table: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + table, encoding="utf-8")


@pytest.mark.slow
def test_a_criterion_is_one_table_and_its_cases(folder: Path) -> None:
    append(folder / "eligibility.toml", CRITERION)
    with pytest.raises(ProtocolError, match="E27: found no case for passes, excludes, unknown"):
        load_trial(folder)
    append(folder / "eligibility_cases.toml", CASES)
    trial = load_trial(folder)
    assert trial.eligibility.screen({"bmi_kg_m2": 14.0})["E27"].status == "excludes"
    assert "Body mass index below 15 kg/m²" in EligibilityPage(trial, date(2026, 11, 20)).person.verdicts.value


def test_a_visit_is_one_table(folder: Path) -> None:
    append(folder / "followup.toml", VISIT)
    start = date(2026, 3, 2)
    ledger = timeline(load_trial(folder).followup, {"first_infusion": start}, 1, start).set_index("id")
    assert ledger.loc["week_6", "target"].date() == date(2026, 4, 13)


def test_a_site_is_one_table(folder: Path) -> None:
    file = folder / "sites.toml"
    text = file.read_text(encoding="utf-8")
    first = text.index("[[sites]]")
    one = text[first : text.index("[[sites]]", first + 1)]
    copy = one.replace(one.split('id = "')[1].split('"')[0], "fourth").replace(
        "Wuhan Central Hospital", "A fourth hospital"
    )
    append(file, "\n" + copy)
    assert [site.name for site in load_trial(folder).sites][-1] == "A fourth hospital"


BESIDE = {"examples", "so_far"}  # what lies beside the folder


@pytest.mark.slow
def test_a_trial_is_a_folder(folder: Path) -> None:
    other = folder.rename(folder.with_name("another"))
    there, here = (load_trial(place).model_dump_json(exclude=BESIDE) for place in (other, FOLDER))
    assert there == here  # as text, because one case holds a NaN, which equals nothing
