"""Pictures in Chinese: no English title, and no day or number that Vega would write with English names.

A browser shows no tooltip before somebody points at a mark, so the charts themselves are looked at.
"""

import json
import os
import re
import subprocess
import sys

import pytest
from support.chinese import english

DRAWN = r"""
import inspect, json
import altair as alt
import pandas as pd
from protocol.figures import conduct, effect, eligibility, escalation, followup, sites

GIVEN = {
    "view": "course", "domain": (0, 1), "outcome": "", "percent": True, "title": "", "label": "",
    "bands": [("3", 0.1, 1.0), ("", 1.0, 10.0)], "times": (1.0, 28.0),
}
BY_TYPE = {"tuple[int, int]": (0, 28), "tuple[str, ...]": ("A1",), "collections.abc.Sequence[str]": ["A1"]}
drawn = {}
for module in (conduct, effect, eligibility, escalation, followup, sites):
    for name in module.__all__:
        make = getattr(module, name)
        if not inspect.isfunction(make) or "Chart" not in str(inspect.signature(make).return_annotation):
            continue
        rows = pd.DataFrame(columns=["dose", "group", "line", "lane", "kind", "label", "numbers"])
        _frame, *others = inspect.signature(make).parameters.values()
        given = {one.name: GIVEN.get(one.name, BY_TYPE.get(str(one.annotation), 2)) for one in others}
        drawn[f"{module.__name__}.{name}"] = make(rows, **given).to_dict(validate=False)
print(json.dumps(drawn))
"""
"""Draws every figure from no rows: what it writes itself is what is looked at."""

ENGLISH_DAYS = re.compile(r"%[aAbBcxpZ]")
"""Parts of a format that Vega writes in English, or in the order of English."""


@pytest.fixture(scope="module")
def pictures():
    found = subprocess.run(
        [sys.executable, "-c", DRAWN],
        env=os.environ | {"PROTOCOL_LANGUAGE": "zh_CN", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    drawn = json.loads(found.stdout)
    assert len(drawn) > 25
    return drawn


def parts(spec, path=""):
    """Yield each object of a chart with its path."""
    if isinstance(spec, dict):
        yield path, spec
        for key, value in spec.items():
            yield from parts(value, f"{path}/{key}") if key not in ("datasets", "data") else ()
    elif isinstance(spec, list):
        for value in spec:
            yield from parts(value, path)


def texts(value):
    """Yield the texts of a title, which may have several lines, and be in an object with its style."""
    if isinstance(value, dict):
        value = value.get("text", "")
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one


@pytest.mark.slow
def test_titles_descriptions_and_words_on_marks_are_in_chinese(pictures):
    wrong = []
    for name, spec in pictures.items():
        for path, part in parts(spec):
            if path.startswith("/config"):
                continue
            on_mark = part.get("value") if path.endswith("/text") else None
            written = [*texts(part.get("title")), *texts(part.get("description")), *texts(on_mark)]
            written += re.findall(r'"[^"]*": "([^"]*)"', part.get("labelExpr") or "")
            wrong += [(name, path, one) for one in written if english(one)]
    assert wrong == []


def test_every_line_of_a_tooltip_has_a_title_of_its_own(pictures):
    lines = [
        (name, part["field"], part.get("title"))
        for name, spec in pictures.items()
        for path, part in parts(spec)
        if path.endswith("/tooltip") and "field" in part
    ]
    assert len(lines) > 80
    assert [line for line in lines if line[2] is None] == []  # Vega would write the name of the column


def test_days_and_numbers_are_written_by_a_format_without_english_names(pictures):
    days = [
        (name, path, part)
        for name, spec in pictures.items()
        for path, part in parts(spec)
        if part.get("type") == "temporal" and "field" in part
    ]
    shown = []
    for name, path, part in days:
        if path.endswith(("/tooltip", "/text")):
            shown.append((name, path, part.get("format")))
        elif path.endswith(("/x", "/y")) and part.get("axis", {}) and part["axis"].get("labels") is not False:
            shown.append((name, path, part["axis"].get("format")))
    assert len(shown) > 8
    assert [one for one in shown if not one[2] or ENGLISH_DAYS.search(one[2])] == []
    assert not [name for name, spec in pictures.items() if '"timeUnit"' in json.dumps(spec)]
