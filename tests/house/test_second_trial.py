"""A second trial is a second folder: no text of the trial that the workbook was written for appears on its pages."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import pytest
from markupsafe import Markup
from support import paths
from support.trial import TRIAL

from protocol.exchange.registry import ctgov
from protocol.pages import PAGES, open_page

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


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_no_word_of_the_first_trial_is_on_a_page_of_another(path, page, own_texts, tmp_path, monkeypatch):
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ROLES"):
        monkeypatch.delenv(name, raising=False)
    files = ctgov.draft(path.read_bytes(), path.name)
    ctgov.write_folder(files, tmp_path / path.stem)
    registered = json.dumps([files, json.loads(path.read_text(encoding="utf-8"))], ensure_ascii=False)
    shown = "\n".join(said(open_page(page, tmp_path / path.stem)))
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
    """The ids of the first trial's facts, parameters, criteria, parts, ambiguities, sites and phases."""
    eligibility = TRIAL.eligibility
    rules = [rule for criterion in eligibility.criteria for rule in (criterion, *criterion.parts)]
    items = [*eligibility.facts, *eligibility.parameters, *rules, *TRIAL.ambiguities, *TRIAL.sites]
    return {item.id for item in items} - GENERAL


GENERAL = {"sex"}
"""Ids that are words of the formats as well."""


@pytest.mark.parametrize(
    "path", sorted(paths.ROOT.glob("src/**/*.py")), ids=lambda path: str(path.relative_to(paths.ROOT))
)
def test_no_id_and_no_word_of_the_trial_stands_in_the_code(path):
    ids = own_ids()
    code = path.read_text(encoding="utf-8")
    assert [(line, text) for line, text in strings(code) if text in ids or re.search(r"\bIb\b", text)] == []
    assert [word for word in OWN_WORDS if word.casefold() in code.casefold()] == []
