"""The requirements: each has a test, no marker names another one, and what is named beside them exists."""

import importlib
import re

import pytest
from support.paths import ROOT, TESTS, VECTORS

from protocol.qualification import requirements

IDS = [one.id for one in requirements()]


@pytest.fixture
def traceability(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/_ext")
    return importlib.import_module("traceability")


def test_every_requirement_has_a_test_and_every_marker_names_a_requirement(traceability):
    assert set(traceability.carriers()) == set(IDS)


@pytest.mark.slow
def test_every_marker_stands_at_a_test(traceability):
    read = sum(len(tests) for tests in traceability.carriers().values())
    texts = [file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py")]
    assert sum(len(re.findall(r"@pytest\.mark\.requirement\(\"R", text)) for text in texts) == read


def test_the_checks_of_the_installed_system_name_requirements(traceability):
    assert traceability.checked() <= set(IDS)
    assert len(traceability.checked()) > 20


@pytest.mark.parametrize("one", requirements(), ids=IDS)
def test_the_reference_values_and_second_implementations_of_a_requirement_exist(one):
    assert [name for name in one.vectors if not (VECTORS / name).is_file()] == []
    assert [name for name in one.twins if not (TESTS / f"twins/{name}.py").is_file()] == []


def test_the_last_result_is_the_worst_of_its_tests(traceability):
    one, other = (traceability.Carrier("tests/a.py", name) for name in ("test_one", "test_other"))
    known = {"tests/a.py::test_one": {"outcome": "passed", "day": "2026-11-30"}}
    assert traceability.last_result([one], known) == "passed 2026-11-30"
    assert traceability.last_result([one, other], known) == "1 of 2 passed 2026-11-30"
    assert traceability.last_result([other], known) == "not run here"
    known["tests/a.py::test_other"] = {"outcome": "failed", "day": "2026-11-29"}
    assert traceability.last_result([one, other], known) == "FAILED 2026-11-29"
