"""The invented examples: the same seed writes the same bytes, rules are followed, and all is labelled as invented."""

import importlib.util
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from support.paths import EXAMPLES, FOLDER
from support.trial import TRIAL

from protocol.conduct import State, fold, outcome_notation, participant_status
from protocol.conduct.privacy import check_event
from protocol.escalation import Outcomes
from protocol.trial import so_far_of

ENTRIES = TRIAL.examples.entries if TRIAL.examples else ()


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), [("make_examples", "cohort.csv"), ("make_log", "log.jsonl")])
def test_the_scripts_write_what_is_shipped(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = script(name)
    folder = tmp_path / "examples"
    folder.mkdir()
    (tmp_path / "NCT05672420").symlink_to(FOLDER)
    monkeypatch.setattr(module, "HERE", folder)
    module.main()
    assert (folder / file).exists()
    for written in folder.iterdir():
        assert written.read_bytes() == (EXAMPLES / written.name).read_bytes(), f"run: python data/examples/{name}.py"


@pytest.mark.slow
def test_every_event_of_the_log_could_have_been_recorded() -> None:
    state = State()
    for entry in ENTRIES:
        state.check(entry.event, entry.site, entry.reason)
        check_event(entry.event, entry.reason)
        assert date.fromisoformat(entry.time[:10]) >= date.fromisoformat(entry.content.get("on", "0001-01-01"))
        state = fold([entry], state)
    assert state == fold(ENTRIES)


def test_every_decision_follows_what_the_design_recommended_but_one_that_says_why() -> None:
    escalation = TRIAL.escalation
    design, grid, window = escalation.designed(), escalation.grid, escalation.dlt_window_days.value
    otherwise = []
    for place, entry in enumerate(ENTRIES):
        if entry.kind != "decision" or entry.sequence == 2:  # the first opens the first regimen
            continue
        so_far = so_far_of(fold(ENTRIES[:place]), TRIAL, date.fromisoformat(entry.content["on"]), invented=True)
        table = participant_status(so_far, window)
        assert table["progress"].isin(["evaluable", "DLT"]).all()
        outcomes = Outcomes.parse(grid, outcome_notation(table))
        following = int(design.next(outcomes, [grid.index(so_far.open_regimen)])[0])
        assert grid.labels[following] == entry.content["recommended"]
        if entry.content["chosen"] != entry.content["recommended"]:
            otherwise.append(entry.content["why"])
    assert len(otherwise) == 1
    assert "slow recovery" in otherwise[0]


def test_screened_people_were_answered_by_the_real_criteria() -> None:
    dates = {fact.id for fact in TRIAL.eligibility.facts if fact.type == "date"}
    for entry in [entry for entry in ENTRIES if entry.kind == "screened"][::10]:
        result = entry.content["result"]
        facts = {n: date.fromisoformat(v) if n in dates else v for n, v in result["facts"].items()}
        screening = TRIAL.eligibility.screen(facts, entry.content["phase"])
        assert screening.overall == entry.content["overall"]
        assert {v.id: v.status for v in screening.verdicts} == result["verdicts"]


def test_the_log_has_something_of_everything() -> None:
    kinds = {entry.kind for entry in ENTRIES}
    assert kinds >= {"correction", "withdrawn", "decision", "recovery", "response", "treatment_ended"}
    assert 55 <= sum(entry.kind == "enrolled" for entry in ENTRIES) <= 65
    assert any(entry.kind == "visit" and not entry.content["done"] for entry in ENTRIES)
    assert [entry.reason for entry in ENTRIES if entry.kind == "enrolled" and entry.reason]


def test_everybody_in_the_examples_is_marked_as_invented() -> None:
    assert TRIAL.examples
    assert TRIAL.examples.so_far.invented
    assert ENTRIES[0].content["text"].startswith("Invented example")
    assert all(name.startswith("INV-") for name in fold(ENTRIES).people)
    assert TRIAL.examples.cohort().count(b"INV-") == 500


def test_an_infusion_is_the_visit_that_the_schedule_has_for_it() -> None:
    assert TRIAL.so_far
    courses = fold(ENTRIES).histories
    levels = {level.level: level.infusion_days for level in TRIAL.followup.frequencies}
    for person in TRIAL.so_far.participants:
        planned = levels[int(person.regimen[1:])]
        for number, day in courses[person.id].infusions.items():
            assert person.visits[f"infusion_day_{planned[number - 1]}"] == day
