"""A second trial is a second folder: no text of the trial that the workbook was written for appears on its pages."""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import pytest
from markupsafe import Markup
from support import paths
from support.trial import FOLDER, TRIAL

from protocol.dashboard.server import workbook
from protocol.exchange.registry import ctgov
from protocol.followup.schedule import infusion_visit
from protocol.pages import PAGES, open_page
from protocol.pages.trial_log.event_text import event_text, names_of, recoveries_of
from protocol.records import ProtocolError
from protocol.trial import load_trial

RECORDS = sorted((paths.VECTORS / "ctgov").glob("NCT*.json"))
SHORTEST = 24
"""Letters from which on a text of the record is its own; a shorter one ("Age", "not applicable") may be general."""
OWN_WORDS = (
    "NCT05672420",
    "Wuhan",
    "myelosuppression",
    "umbilical",
    "mesenchymal",
    "phase Ib",
    "leukemi",
    "leukaemi",
)
OWN_PLACES = re.compile(r"(?:(?:in|ex)clusion|criterion) \d", re.IGNORECASE)


def texts(content: object) -> Iterator[str]:
    """Yield every text in nested models, mappings and sequences."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from (text for item in content.values() for text in texts(item))
    elif isinstance(content, (list, tuple)):
        yield from (text for item in content for text in texts(item))


def said(widget: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Yield every text of a widget and of all widgets below it, without markup."""
    seen = set() if seen is None else seen
    if id(widget) in seen:
        return
    seen.add(id(widget))
    for value in (getattr(widget, name, None) for name in widget.trait_names()):
        if isinstance(value, widgets.Widget):
            yield from said(value, seen)
        elif isinstance(value, (list, tuple, dict)):
            for item in value.values() if isinstance(value, dict) else value:
                if isinstance(item, widgets.Widget):
                    yield from said(item, seen)
            yield from (Markup(text).striptags() for text in texts(value))
        elif isinstance(value, str):
            yield Markup(value).striptags()


@pytest.fixture(scope="module")
def own_texts() -> set[str]:
    """The sentences of the first trial's record."""
    record = TRIAL.model_dump(mode="json", exclude={"examples", "so_far"})
    return {text for text in texts(record) if len(text) >= SHORTEST}


def shown_page(page: str, folder: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the widget of a page or, if the record does not state its topic, of the message on the dashboard."""
    with monkeypatch.context() as patched:
        patched.setenv("SERVER_SOFTWARE", "voila/0.5")
        opened = open_page(page, folder)
    return getattr(opened, "view", opened)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_no_word_of_the_first_trial_is_on_a_page_of_another(path, page, own_texts, tmp_path, monkeypatch):
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ROLES"):
        monkeypatch.delenv(name, raising=False)
    files = ctgov.draft(path.read_bytes(), path.name)
    ctgov.write_folder(files, tmp_path / path.stem)
    registered = json.dumps([files, json.loads(path.read_text(encoding="utf-8"))], ensure_ascii=False)
    shown = "\n".join(said(shown_page(page, tmp_path / path.stem, monkeypatch)))
    assert path.stem in shown or page != "overview"
    known = registered.casefold()
    assert [text for text in own_texts if text in shown and text.casefold() not in known] == []
    assert [word for word in OWN_WORDS if word.casefold() in shown.casefold() and word.casefold() not in known] == []
    places = {place.casefold() for place in OWN_PLACES.findall(shown)}
    assert [place for place in places if place not in known] == []


def strings(code: str) -> Iterator[tuple[int, str]]:
    """Yield the text constants of a module with their lines; docstrings are left out."""
    tree = ast.parse(code)
    prose = {
        id(node.value)
        for parent in ast.walk(tree)
        if hasattr(parent, "body") and isinstance(parent.body, list)
        for node in parent.body
        if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def own_ids() -> set[str]:
    """The ids that the first trial's record gives to what it is made of, and its regimens.

    The ids of anchors are those of their roles in this record; that the code asks for the roles is tested below.
    """
    eligibility, followup, escalation = TRIAL.eligibility, TRIAL.followup, TRIAL.escalation
    criteria = (*eligibility.criteria, *eligibility.infusion_criteria)
    rules = [rule for criterion in criteria for rule in (criterion, *criterion.parts)]
    named = [*eligibility.facts, *eligibility.parameters, *rules, *TRIAL.ambiguities, *TRIAL.sites]
    steps = [*eligibility.procedures, *followup.visits, *followup.procedures, *followup.periods, *followup.lookbacks]
    steps += escalation.scenarios
    infusions = {infusion_visit(day) for level in followup.frequencies for day in level.infusion_days}
    of_their_own = {item.id for item in steps if not item.id.isalpha()}  # "screening" or "top" may be any word
    return ({item.id for item in named} | of_their_own | infusions | set(escalation.grid.labels)) - GENERAL


GENERAL = {"sex", "infection", "follow_up", "blood_count", "adverse_events"}
"""Ids that are words of the formats as well.

"sex" is a word of FHIR and OMOP, "infection" a kind of toxicity, "blood_count" a kind of event and "adverse_events" a
field of a history in the vocabulary of the trial log, "follow_up" the field of a trial's identity that says how long
participants are followed up.
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted(paths.ROOT.glob("src/**/*.py")), ids=lambda path: str(path.relative_to(paths.ROOT))
)
def test_no_id_and_no_word_of_the_trial_stands_in_the_code(path):
    ids = own_ids()
    code = path.read_text(encoding="utf-8")
    assert [(line, text) for line, text in strings(code) if text in ids or re.search(r"\bIb\b", text)] == []
    assert [word for word in OWN_WORDS if word.casefold() in code.casefold()] == []


SUFFIXES = (".j2", ".html", ".js", ".css", ".svg", ".json")
MARKUP = [path for path in sorted(paths.ROOT.glob("src/**/*")) if path.suffix in SUFFIXES]


@pytest.mark.parametrize("path", MARKUP, ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_no_id_and_no_word_of_the_trial_stands_in_templates_and_scripts(path):
    text = path.read_text(encoding="utf-8")
    words = set(re.findall(r"[\w-]+", text))
    quoted = {second for _first, second in re.findall(r"([\"'`])([\w-]+)\1", text)}
    ids = own_ids()
    assert quoted & ids == set()
    assert {word for word in words & ids if "_" in word} == set()
    assert [word for word in OWN_WORDS if word.casefold() in text.casefold()] == []
    assert re.findall(r"\bIb\b", text) == []


@pytest.mark.parametrize("path", sorted(paths.ROOT.glob("src/**/*.toml")), ids=lambda path: path.name)
def test_the_placeholders_of_a_draft_hold_no_word_of_the_trial(path):
    text = path.read_text(encoding="utf-8")
    assert [word for word in OWN_WORDS if word.casefold() in text.casefold()] == []
    assert TRIAL.escalation.dose_unit not in text


@pytest.mark.slow
@pytest.mark.requirement("R-REC-05")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_same_if_the_anchors_have_other_ids(page, tmp_path, monkeypatch):
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ROLES"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(FOLDER, tmp_path / FOLDER.name)
    (tmp_path / "examples").symlink_to(FOLDER.parent / "examples")
    schedule = (tmp_path / FOLDER.name / "followup.toml").read_text(encoding="utf-8")
    for anchor in TRIAL.followup.anchors:
        schedule = re.sub(rf'((?<!role) = )"{anchor.id}"', rf'\1"anchor_{anchor.id}"', schedule)
        schedule = re.sub(rf"^{anchor.id} = ", f"anchor_{anchor.id} = ", schedule, flags=re.MULTILINE)
    (tmp_path / FOLDER.name / "followup.toml").write_text(schedule, encoding="utf-8")
    anchors = load_trial(tmp_path / FOLDER.name).followup.anchors
    assert [anchor.id for anchor in anchors] == [f"anchor_{anchor.role}" for anchor in anchors]
    shown, known = (list(said(open_page(page, folder).view)) for folder in (tmp_path / FOLDER.name, FOLDER))
    # the panels of tabs are numbered through all pages
    plain = [[re.sub(r"(pw-tabpanel-)\d+", r"\1", text) for text in texts] for texts in (shown, known)]
    assert [text.replace("anchor_", "") for text in plain[0]] == plain[1]


@pytest.mark.requirement("R-REC-05")
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_topic_that_a_record_does_not_have_has_no_page_and_no_advice(path, tmp_path, monkeypatch):
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ROLES"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / path.stem
    ctgov.write_folder(ctgov.draft(path.read_bytes(), path.name), folder)
    trial = load_trial(folder)
    assert [topic for topic in PAGES if not trial.states(topic)] == ["escalation", "followup", "effect"]
    for topic in ("escalation", "followup", "effect"):
        with pytest.raises(ProtocolError, match=f"The record of {path.stem} does not state this topic yet"):
            open_page(topic, folder)
        shown = " ".join(said(shown_page(topic, folder, monkeypatch)))
        assert f"The record of {path.stem} does not state this topic yet" in shown
        assert "Treat the next cohort" not in shown
        assert "DLT" not in shown
    overview = " ".join(said(open_page("overview", folder).view))
    assert "doses by infusion frequencies" not in overview
    eligibility = [
        widget for widget in accordions(open_page("eligibility", folder).view) if "Thresholds" in widget.titles
    ]
    assert eligibility == []


def accordions(widget):
    """Yield the accordions below a widget."""
    if isinstance(widget, widgets.Accordion):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from accordions(child)


def test_the_dashboard_lists_only_pages_whose_topic_the_record_has_and_names_the_second_trial(tmp_path):
    path = RECORDS[-1]
    ctgov.write_folder(ctgov.draft(path.read_bytes(), path.name), tmp_path / "data" / path.stem)
    (tmp_path / "notebooks").mkdir()
    for file in sorted((paths.ROOT / "notebooks").glob("*.ipynb")):
        text = file.read_text(encoding="utf-8").replace(FOLDER.name, path.stem)
        (tmp_path / "notebooks" / file.name).write_text(text, encoding="utf-8")
    shown = workbook(tmp_path / "notebooks")
    assert [page.file[3:-6] for page in shown["pages"]] == ["overview", "eligibility", "sites"]
    assert shown["trial_id"] == path.stem
    assert FOLDER.name not in shown["trial_title"]
    assert len(workbook(paths.ROOT / "notebooks")["pages"]) == len(PAGES)


def test_recoveries_and_frequency_levels_come_from_the_record():
    assert list(recoveries_of(TRIAL)) == ["neutrophils", "platelets"]
    entry = {"kind": "recovery", "participant": "P-1", "on": "2026-01-01", "lineage": "neutrophils"}
    assert "0.5 × 10⁹/L" in event_text(entry, names_of(TRIAL))
    assert event_text(entry) == "P-1, blood counts recovered (neutrophils) (2026-01-01)"
    grid = TRIAL.escalation.grid
    levels = [TRIAL.frequency_level(label) for label in grid.labels]
    assert levels == [1, 2, 3] * (len(levels) // 3)
