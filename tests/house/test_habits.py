"""The habits of the house (CONTRIBUTING.md, docs/architecture.md), each checked by a test."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from support.paths import FOLDER, NOTEBOOKS, ROOT, TESTS, VECTORS
from support.trial import TRIAL

from protocol.escalation import DESIGNS
from protocol.pages import PAGES
from protocol.records import Provenance, Record

LISTING = (FOLDER / "registry.txt").read_text(encoding="utf-8")
LISTED = {
    kind: max(
        number
        for number in range(1, 100)
        if re.search(rf"(?:^|; ){number}\. ", LISTING.split(f"{kind} Criteria:")[1].split("\n\n")[1])
    )
    for kind in ("Inclusion", "Exclusion")
}
"""The number of the last criterion of each kind in the listing."""

DOORS = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


def everything(record: object) -> list[Provenance]:
    """Every value with an origin, anywhere below a record."""
    below = vars(record).values() if isinstance(record, Record) else record if isinstance(record, tuple) else ()
    own = [record] if isinstance(record, Provenance) else []
    return own + [found for item in below for found in everything(item)]


@pytest.mark.parametrize("word", PAGES)
def test_a_topic_is_one_word_in_its_five_places(word: str) -> None:
    places = [f"src/protocol/{word}*", f"src/protocol/pages/{word}*", f"src/protocol/figures/{word}*"]
    places += [
        f"data/*/{word}.toml",
        f"notebooks/*-{word}.ipynb",
        f"tests/{word}/test_*.py",
        f"tests/pages/test_{word}.py",
    ]
    if word == "overview":  # shows what the other topics know; its own record is trial.toml
        places = [f"src/protocol/pages/{word}*", f"notebooks/*-{word}.ipynb", f"tests/pages/test_{word}.py"]
    assert [place for place in places if not list(ROOT.glob(place))] == []


@pytest.mark.parametrize("path", DOORS, ids=lambda path: path.name)
def test_a_notebook_is_a_door_with_at_most_five_lines_that_keeps_what_its_page_shows_in_words(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    said, opens = notebook["cells"]
    assert all(len("".join(cell["source"]).splitlines()) <= 5 for cell in (said, opens))
    [output] = opens["outputs"]
    assert list(output["data"]) == ["text/plain"]
    assert "the invented example" in output["data"]["text/plain"][0]
    assert "picture" in "".join(output["data"]["text/plain"])
    assert not re.search(r"problem|note", "".join(output["data"]["text/plain"]))


def test_every_page_has_its_notebook_and_every_notebook_its_page() -> None:
    assert {path.stem.split("-")[1] for path in DOORS} == set(PAGES)


@pytest.mark.requirement("R-REC-02")
def test_the_listing_is_all_there() -> None:
    kinds = Counter(criterion.kind for criterion in TRIAL.eligibility.criteria)
    assert kinds == {"inclusion": LISTED["Inclusion"], "exclusion": LISTED["Exclusion"]}
    assert [len(TRIAL.escalation.doses), len(TRIAL.escalation.frequencies), len(TRIAL.sites)] == [5, 3, 3]
    assert {ambiguity.severity for ambiguity in TRIAL.ambiguities} == {"high", "medium", "low"}


@pytest.mark.requirement("R-REC-02")
def test_criteria_quote_the_listing_word_for_word_and_in_its_order() -> None:
    criteria = TRIAL.eligibility.criteria
    places = [LISTING.index(f"{c.id[1:]}. {c.wording}") for c in criteria if not c.parts]
    assert places == sorted(places)
    for wording in [rule.wording for c in criteria for rule in (c, *c.parts)]:
        assert wording in LISTING


def test_the_identity_quotes_the_listing() -> None:
    for fact in TRIAL.identity.facts:
        if (fact.source or "").startswith("registry:"):
            for words in fact.value if isinstance(fact.value, tuple) else [str(fact.value)]:
                assert words in LISTING
    for arm in (*TRIAL.identity.arms, *TRIAL.identity.interventions):
        assert arm.description in LISTING


@pytest.mark.requirement("R-REC-01")
def test_every_registry_source_names_a_place_of_the_listing() -> None:
    for value in everything(TRIAL):
        kind, _colon, place = (value.source or "assumption: ").partition(": ")
        if kind != "registry":
            continue
        criterion = re.match(r"(Inclusion|Exclusion) (\d+)", place)
        if criterion:
            assert int(criterion[2]) <= LISTED[criterion[1]], place
        else:
            assert place == "title" or any(part.strip() in LISTING for part in re.split(r"[,:]", place)), place


@pytest.mark.requirement("R-REC-03")
def test_a_threshold_said_to_be_the_registrys_stands_in_that_criterion() -> None:
    wordings = {  # parts stand behind the words of their criterion
        f"{c.kind} {c.id[1:]}": " ".join([c.wording, *(part.wording for part in c.parts)])
        for c in TRIAL.eligibility.criteria
    }
    named = [p for p in TRIAL.eligibility.parameters if (p.source or "").startswith("registry:") and not p.options]
    assert len(named) >= 15
    for parameter in named:
        place = str(parameter.source).removeprefix("registry: ").split(",")[0].lower()
        numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", wordings[place])}
        spoken = {"first": 0.0}  # "first re-induction": none before it
        numbers |= {value for word, value in spoken.items() if word in wordings[place]}
        weeks_and_years = {float(parameter.value) / unit for unit in (1, 7, 12)}
        assert numbers & weeks_and_years, parameter.id


@pytest.mark.requirement("R-REC-01")
def test_what_the_registry_does_not_say_is_an_assumption() -> None:
    escalation, followup = TRIAL.escalation, TRIAL.followup
    guesses: list[Provenance] = [dose.amount for dose in escalation.doses]
    guesses += [escalation.dlt_window_days, escalation.design.target, escalation.design.cohort_size]
    guesses += list(followup.frequencies)
    assert all(value.is_assumption for value in guesses)


TOPICS = {"effect", "escalation", "sites"}  # what a question concerns beside the criteria


def test_criteria_parts_and_ambiguities_refer_to_each_other() -> None:
    rules = {rule.id for c in TRIAL.eligibility.criteria for rule in (c, *c.parts)}
    known = {ambiguity.id for ambiguity in TRIAL.ambiguities}
    assert {concern for ambiguity in TRIAL.ambiguities for concern in ambiguity.concerns} <= rules | TOPICS
    assert {name for c in TRIAL.eligibility.criteria for name in c.ambiguities} <= known
    assert {concern for parameter in TRIAL.eligibility.parameters for concern in parameter.concerns} <= rules


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_has_a_twin_and_a_published_vector(name: str) -> None:
    module = DESIGNS[name].__module__.rpartition(".")[2]
    assert (TESTS / "twins" / f"{module}.py").exists()
    assert list(VECTORS.glob(f"{module}*.json"))


@pytest.mark.requirement("R-EXP-03")
def test_nothing_the_browser_gets_names_another_host() -> None:
    pages = [path for path in (ROOT / "src").rglob("*") if path.suffix in {".html", ".j2", ".js", ".css", ".svg"}]
    assert pages
    for path in pages:
        hosts = re.findall(r"(?:https?:)?//([a-z0-9.-]+\.[a-z]{2,})", path.read_text(encoding="utf-8"))
        assert set(hosts) <= {"www.w3.org"}, path


def test_the_readme_commands_are_the_ones_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make dashboard" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_example_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example
    exec(compile(example[1], "README.md", "exec"), {})
    said = re.findall(r"print\(.*\)  # (.*)", example[1])
    assert said
    assert capsys.readouterr().out.splitlines() == said


def test_the_version_is_told_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
