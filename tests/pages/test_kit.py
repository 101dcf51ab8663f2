"""The kit of the pages: text, fields, panels, tables and background tasks."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets as widgets
import pandas as pd
import pytest
from markupsafe import Markup
from support.paths import ROOT
from support.trial import TRIAL

from protocol.pages.eligibility import EligibilityPage
from protocol.pages.kit import Day, FileField, Panel, Table, Task, Text, button, field, note, offer, table
from protocol.records import ProtocolError

WRONG = ProtocolError("Age", "<b>old</b>", "a number")
MODULES = sorted((ROOT / "src/protocol/pages").rglob("*.py"))


# --- Text ---


@pytest.mark.parametrize("role", ["status", "alert"])
def test_a_text_keeps_its_role_at_every_update(role: str) -> None:
    text = Text("first", role=role)
    for content in ("second", note("third"), Markup("<i>fourth</i>")):
        text.show(content)
        assert text.value.startswith(f'<div role="{role}">')
    text.show(None)
    assert text.value == ""
    text.show("again")
    assert text.value == f'<div role="{role}">again</div>'


def test_a_text_escapes_what_is_plain_and_shows_an_error_as_an_alert() -> None:
    text = Text("<script>")
    assert text.value == '<div role="status">&lt;script&gt;</div>'
    text.show(WRONG, note("the last one stays"))
    assert 'role="alert"><b>Age</b>' in text.value
    assert "&lt;b&gt;old" in text.value
    assert '<div role="status"><p class="pw-note">the last one stays' in text.value
    text.show("well")
    assert "alert" not in text.value


def test_every_text_of_a_page_keeps_its_role_after_an_update() -> None:
    page = EligibilityPage(TRIAL, date(2026, 11, 20))
    try:
        texts = [one for one in _all(page.view) if isinstance(one, Text)]
        assert {one.role for one in texts} == {"status", "alert", ""}
        for text in texts:
            for content in ("one", note("two")):
                text.show(content)
                assert not text.role or text.value.startswith(f'<div role="{text.role}">')
    finally:
        page.view.close()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_html_stands_in_templates_only(module: Any) -> None:
    assert not re.findall(r"""["']\s*</?[a-z]""", module.read_text(encoding="utf-8"))


def test_the_style_of_a_page_reaches_nothing_outside_pages() -> None:
    sheet = (ROOT / "src/protocol/pages/kit/page.css").read_text(encoding="utf-8")
    sheet = re.sub(r"/\*.*?\*/|@keyframes[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet, flags=re.DOTALL)
    selectors = [text.strip() for text in re.findall(r"([^{}]+)\{", sheet) if not text.strip().startswith("@")]
    assert len(selectors) > 100
    for selector in selectors:
        for one in re.split(r",(?![^(]*\))", selector):
            assert ".pw-" in one, selector


COMPUTED = {"light-amber", "light-green", "light-grey", "light-red", "step-done", "step-left-out", "step-next"}
"""Classes whose last part a template fills in."""


@pytest.mark.slow
def test_every_class_of_the_style_is_used() -> None:
    sheet = (ROOT / "src/protocol/pages/kit/page.css").read_text(encoding="utf-8")
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.j2"), *(ROOT / "src").rglob("*.js")]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    words = {word for word in re.findall(r"\.pw-([a-z-]+)", sheet) if f"pw-{word}" not in everything}
    assert {word for word in words if not re.search(rf"""["']{word}["']""", everything)} <= COMPUTED


def test_a_table_escapes_its_cells_and_keeps_markup() -> None:
    shown = table(pd.DataFrame({"a<": ["<i>", Markup("<b>x</b>"), None]}, dtype=object), "Rows")
    assert "a&lt;" in shown
    assert "<td>&lt;i&gt;</td>" in shown
    assert "<td><b>x</b></td>" in shown
    assert "<td></td>" in shown
    assert 'role="group" aria-label="Rows"' in shown


# --- Fields ---


def refuse_negative(value: float) -> None:
    if value < 0:
        raise ProtocolError("Age", str(value), "a number from 0")


def test_a_field_carries_its_label_with_unit_and_is_no_wider_than_a_phone() -> None:
    age = field(widgets.FloatText, "Age", unit="years", help="at consent")
    assert (age.description, age.tooltip) == ("Age (years)", "at consent")
    assert age.style.description_width == "initial"
    assert age.layout.width.endswith("100%)")
    assert field(Day, "On", value=date(2026, 3, 1)).tooltip == "On"
    assert field(widgets.Text, "In a form", width="form").layout.width is None


def test_the_error_of_a_field_shows_until_the_field_is_right() -> None:
    problem = Text(role="alert")
    one, other = (field(widgets.FloatText, name, check=refuse_negative, problem=problem) for name in "ab")
    one.value, other.value = -1, -2
    assert problem.value.count('role="alert"') == 2
    one.value = 1
    assert "-2" in problem.value
    assert "-1" not in problem.value
    other.value = 2
    assert problem.value == ""


def test_a_choice_that_is_still_offered_stays() -> None:
    control = widgets.Dropdown(options=["a", "b"], value="b")
    offer(control, [("A", "a"), ("B", "b"), ("C", "c")])
    assert control.value == "b"
    offer(control, ["a"])
    assert control.value is None


def test_a_button_calls_without_arguments() -> None:
    clicked = list[bool]()
    button("Go", lambda: clicked.append(True), primary=True).click()
    assert clicked == [True]


# --- Panels ---


class Sum(Panel):
    """Adds what it shows to its control."""

    def __init__(self) -> None:
        self.control, self.drawn = widgets.IntText(1), list[int]()
        self.view = self.control
        self.redraw_on(self.control)

    def draw(self, number: int) -> None:
        self.drawn.append(number + self.control.value)


def test_a_panel_draws_again_what_it_showed_last() -> None:
    panel = Sum()
    panel.control.value = 2
    assert panel.drawn == []
    panel.show(10)
    panel.control.value = 3
    with panel.redraw_once():
        panel.control.value = 4
        panel.control.value = 5
    assert panel.drawn == [12, 13, 15]


# --- Tables ---


@pytest.fixture
def numbers() -> Iterator[Table]:
    shown = Table("Numbers", "numbers.csv", page_size=10)
    shown.show(
        pd.DataFrame({"name": [f"=P-{n}" for n in range(25)], "share": [f"{n:,}.5 %" for n in range(990, 1015)]})
    )
    yield shown
    shown.view.close()


def first(shown: Table) -> str:
    return re.findall(r"<td>([^<]*)</td>", shown.body.value)[0]


def test_a_table_shows_page_after_page(numbers: Table) -> None:
    assert numbers.body.value.count("<tr>") == 11
    assert numbers.pager.previous.disabled
    numbers.pager.next.click()
    assert first(numbers) == "=P-10"
    numbers.pager.next.click()
    assert "Rows 21 to 25 of 25" in numbers.pager.place.value
    assert numbers.pager.next.disabled
    numbers.show(pd.DataFrame({"name": ["a"]}))
    assert numbers.pager.view.layout.display == "none"


def test_a_table_is_sorted_by_numbers_where_cells_begin_with_them(numbers: Table) -> None:
    numbers.sort.value, numbers.descending.value = "share", True
    assert first(numbers) == "=P-24"
    assert '<th scope="col" class="pw-num" aria-sort="descending">' in numbers.body.value
    numbers.descending.value = False
    assert first(numbers) == "=P-0"


def test_the_head_of_a_column_sorts_by_it_and_turns_the_order_round(numbers: Table) -> None:
    def press(column: str) -> None:
        numbers.body._receive(numbers.body, {"column": column}, [])

    press("share")
    assert (first(numbers), numbers.sort.value, numbers.descending.value) == ("=P-0", "share", False)
    press("share")
    assert (first(numbers), numbers.descending.value) == ("=P-24", True)
    press("name")
    assert (numbers.sort.value, numbers.descending.value) == ("name", False)
    press("no such column")
    assert numbers.sort.value == "name"


def test_every_head_of_a_table_of_several_rows_is_a_button(numbers: Table) -> None:
    assert re.findall('<button type="button" class="pw-sort" data-column="([^"]+)"', numbers.body.value) == [
        "name",
        "share",
    ]
    numbers.show(pd.DataFrame({"name": ["only one"]}))
    assert "<button" not in numbers.body.value


@pytest.mark.parametrize(
    ("cells", "on_the_right"),
    [
        ([1, 20], True),
        (["1,200 (4 %)", "–"], True),
        (["0.12 ± 0.01", ""], True),
        (["3 of 9", None], True),
        (["<0.01"], True),
        ([date(2026, 3, 1)], False),
        (["2026-03-01"], False),
        (["P-1", "2"], False),
        (["", "–"], False),
    ],
)
def test_numbers_are_set_on_the_right(cells: list[Any], on_the_right: bool) -> None:
    shown = table(pd.DataFrame({"cells": cells}, dtype=object), "Rows")
    assert (shown.count('class="pw-num"') == 1 + len(cells)) is on_the_right


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["2026-03-01", "–"], "date"),
        (["INV-001", "C2"], "date"),
        (["中国医学科学院血液病医院"], ""),  # no blank, and wider than a telephone if it were not broken
        (["two words"], ""),
        (["No DLT in 3 evaluable participants at A1.", "short"], "said"),
    ],
)
def test_no_day_and_no_code_is_broken_and_a_sentence_keeps_its_room(cells: list[str], kind: str) -> None:
    shown = table(pd.DataFrame({"cells": cells}, dtype=object), "Rows")
    assert re.findall(r"<t[hd](?: scope=\"col\")?(?: class=\"pw-(\w+)\")?>", shown) == [kind] * (1 + len(cells))


def test_a_table_is_filtered_and_exported_whole_without_formulas(numbers: Table) -> None:
    numbers.pager.next.click()
    numbers.filter.value = "p-2"
    assert "Rows 1 to 6 of 6" in numbers.pager.place.value
    numbers.filter.value = "nobody"
    assert "Rows 0 to 0 of 0" in numbers.pager.place.value
    content = b64decode(re.findall(r"base64,([^\"]+)", numbers.export.value)[0]).decode("utf-8-sig")
    assert content.count("\r\n") == 26
    assert "\r\n'=P-0,990.5 %" in content


# --- Tasks ---


def failing(error: Exception) -> Iterator[tuple[Any, float]]:
    yield 1, 0.5
    raise error


def failing_call(error: Exception) -> Callable[..., Any]:
    def work(*_arguments: Any) -> Any:
        raise error

    return work


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("error", "words"), [(WRONG, "a number"), (ZeroDivisionError("by zero"), "by zero")])
@pytest.mark.parametrize("work", [failing, failing_call])
def test_an_error_of_any_kind_ends_on_the_page(work: Any, error: Exception, words: str, at_once: bool) -> None:
    task = Task(lambda _found: None)
    task.begin(work(error), at_once=at_once)
    if task.thread:
        task.thread.join(10)
    assert words in task.problem.value
    assert task.view.layout.display == "flex"
    assert task.stop.disabled
    task.begin(iter([(1, 1.0)]), at_once=True)
    assert task.problem.value == ""


def test_inputs_that_cannot_be_used_start_nothing() -> None:
    def ask() -> Any:
        raise WRONG

    task = Task(lambda _found: None, ask)
    task.run.click()
    assert "Age" in task.problem.value
    assert task.thread is None


def test_a_call_with_progress_shows_its_results_and_is_stopped() -> None:
    shown = list[int]()

    def work(progress: Callable[[Any], None], stop: Callable[[], bool]) -> Any:
        trials = 0
        while not stop():
            trials = min(trials + 1, 9)
            progress(SimpleNamespace(trials=trials, requested=10))
        return SimpleNamespace(trials=trials, requested=10)

    task = Task(lambda found: shown.append(found.trials), lambda: (10, work))
    task.run.click()
    while not shown:
        pass
    assert task.is_running
    assert task.run.disabled
    task.stop.click()
    task.wait()
    assert (task.progress.value, task.progress.max) == (shown[-1], 10)
    assert not task.run.disabled


def _all(widget: widgets.Widget) -> list[widgets.Widget]:
    return [widget, *(below for child in getattr(widget, "children", ()) for below in _all(child))]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FileField, list[Any]]]:
    for name in ("PROTOCOL_UPLOAD_BYTES", "PROTOCOL_UPLOAD_PATHS"):
        monkeypatch.delenv(name, raising=False)
    found = list[Any]()
    shown = FileField(field(widgets.FileUpload, "Open"), lambda change: found.extend(change["new"]))
    yield shown, found
    shown.close()


def test_an_upload_says_what_jupyter_takes_and_offers_the_path_of_a_larger_file(
    opened: tuple[FileField, list[Any]], tmp_path: Path
) -> None:
    shown, found = opened
    assert "at most 10 MB at once" in shown.limit.value
    (tmp_path / "large.csv").write_bytes(b"participant_id\nP-1\n")
    shown.paths.value = f" {tmp_path / 'large.csv'} "
    assert [(one["name"], bytes(one["content"])) for one in found] == [("large.csv", b"participant_id\nP-1\n")]
    assert shown.upload.value == ()
    shown.paths.value = str(tmp_path / "none.csv")
    assert "No such file" in shown.problem.value
    assert len(found) == 1


def test_the_dashboard_takes_larger_uploads_and_no_paths_of_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTOCOL_UPLOAD_BYTES", str(512 * 2**20))
    monkeypatch.setenv("PROTOCOL_UPLOAD_PATHS", "no")
    shown = FileField(field(widgets.FileUpload, "Open"), lambda _change: None)
    assert "at most 512 MB at once" in shown.limit.value
    assert shown.paths not in shown.children[0].children


def test_work_that_needs_too_much_memory_says_so() -> None:
    def large() -> Any:
        yield None, 0.0
        raise MemoryError

    task = Task(lambda _found: None)
    task.begin(large(), at_once=True)
    assert "more than this page may use" in task.problem.value
