"""The address of a page, the drafts of its forms, links between pages, and tabs that are built when opened."""

from datetime import date

import ipywidgets as widgets
import pytest

from protocol.pages import PAGES
from protocol.pages.kit import Day, Draft, PageState, Tabs, field, link_to
from protocol.pages.kit.page_state import ORDER, is_closed, set_from_text, text_of
from protocol.records import ProtocolError


@pytest.fixture
def controls():
    return {
        "tab": Tabs({"a": ("A", widgets.VBox()), "b": ("B", widgets.VBox())}),
        "phase": field(widgets.Dropdown, "Phase", options=[("phase Ib", 1), ("phase II", 2)]),
        "day": field(Day, "Day"),
        "age": field(widgets.BoundedFloatText, "Age", value=50, min=0, max=120),
        "strict": field(widgets.Checkbox, "Strict", value=False),
    }


def test_an_address_sets_the_controls_and_what_they_hold_stands_in_the_address(controls):
    state = PageState(controls, {})
    assert state.address == {}
    state.address = {"tab": "b", "phase": "2", "day": "2026-03-10", "age": "61.5", "strict": "yes"}
    values = {name: control.value for name, control in controls.items()}
    assert values == {"tab": "b", "phase": 2, "day": date(2026, 3, 10), "age": 61.5, "strict": True}
    controls["phase"].value = 1
    assert state.address == {"tab": "b", "day": "2026-03-10", "age": "61.5", "strict": "yes"}


def test_going_back_takes_away_what_the_address_no_longer_says(controls):
    state = PageState(controls, {})
    controls["tab"].value, controls["age"].value = "b", 70
    state.address = {"tab": "b"}
    assert (controls["tab"].value, controls["age"].value) == ("b", 50)


@pytest.mark.parametrize(
    "wrong", [{"phase": "7"}, {"day": "10/03/2026"}, {"age": "old"}, {"colour": "red"}, {"tab": "z"}]
)
def test_what_an_address_says_and_the_page_does_not_have_is_named_and_the_rest_followed(controls, wrong):
    state = PageState(controls, {})
    state.address = {"strict": "yes"} | wrong
    (name, text) = next(iter(wrong.items()))
    assert f"{name}={text}" in state.problem.value
    assert controls["strict"].value
    assert state.address == {"strict": "yes"}


def test_a_draft_is_put_back_and_ends_when_the_form_is_empty():
    note = field(widgets.Textarea, "Why")
    state = PageState({}, {"why": note})
    state.draft = {"why": "half a sentence", "gone": "x"}
    assert (note.value, state.unsaved, state.draft) == ("half a sentence", True, {"why": "half a sentence"})
    note.value = ""
    assert (state.draft, state.unsaved) == ({}, False)


def test_what_a_reload_loses_is_asked_about_and_is_no_draft():
    note, opened = field(widgets.Textarea, "Why"), field(widgets.Text, "File")
    state = PageState({}, {"why": note}, [opened])
    opened.value = "cohort.csv"
    assert (state.draft, state.unsaved) == ({}, True)
    note.value = "half a sentence"
    note.value = ""
    assert state.unsaved
    opened.value = ""
    assert not state.unsaved


def test_an_empty_choice_is_written_as_nothing_and_read_back():
    choice = field(widgets.Dropdown, "Participant", options=["P-001"], value=None)
    assert text_of(choice.value) == ""
    assert set_from_text(choice, "P-001")
    assert set_from_text(choice, "")
    assert choice.value is None


def test_links_name_the_notebook_and_what_it_shall_show(monkeypatch):
    monkeypatch.setenv("PROTOCOL_UPLOAD_PATHS", "no")
    link = link_to("followup", "P-001", tab="participant", participant="P-001", day="")
    assert 'href="04-followup.ipynb?tab=participant&amp;participant=P-001"' in link
    assert tuple(PAGES) == ORDER


def test_in_jupyterlab_a_link_is_its_text(monkeypatch):
    monkeypatch.delenv("PROTOCOL_UPLOAD_PATHS", raising=False)
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    assert link_to("sites", "<b>") == "&lt;b&gt;"


def test_a_tab_is_built_when_it_is_first_opened_and_once():
    built = []

    def build():
        built.append("b")
        return widgets.VBox()

    tabs = Tabs({"a": ("A", widgets.VBox()), "b": ("B", build)})
    assert not built
    for name in ("b", "a", "b"):
        tabs.value = name
    assert built == ["b"]
    assert [panel.layout.display for panel in tabs.children[1:]] == ["none", None]


def test_a_tab_gets_another_title():
    tabs = Tabs({"today": ("Today", widgets.VBox())})
    tabs.rename("today", "Today (3)")
    assert tabs.titles == {"today": "Today (3)"}


def test_an_error_of_a_part_stands_in_its_tab():
    def build():
        raise ProtocolError("file", "nothing", "something")

    with pytest.raises(ProtocolError):  # without a running kernel it is the caller's
        Tabs({"a": ("A", build)})


@pytest.mark.parametrize(
    ("control", "closed"),
    [
        (widgets.Dropdown(options=["a"]), True),
        (widgets.Select(options=["a"]), True),
        (widgets.RadioButtons(options=["a"]), True),
        (widgets.ToggleButtons(options=["a"]), True),
        (widgets.SelectionSlider(options=["a"]), True),
        (widgets.Combobox(options=["a"], ensure_option=True), True),
        (widgets.Combobox(options=["a"]), False),
        (widgets.Text(), False),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_closed_list_takes_its_own_values_only_and_an_open_one_any(control, closed):
    assert is_closed(control) is closed
    assert set_from_text(control, "a")
    assert set_from_text(control, "new") is not closed
    assert control.value == ("a" if closed else "new")


def test_a_closed_list_that_is_empty_takes_no_value():
    assert not set_from_text(widgets.Dropdown(options=[], value=None), "a")


@pytest.fixture
def entry():
    who = widgets.Combobox(options=["P-1", "P-2"], value="P-1")
    kind = widgets.Dropdown(options=["consent", "infusion"])
    day = Day(date(2026, 3, 1))
    return who, kind, day, Draft({"kind": kind, "day": day}, of=who)


def test_the_draft_of_a_form_holds_every_field_and_comes_back_in_their_order(entry):
    _who, kind, day, draft = entry
    assert draft.value == ""
    kind.value, day.value = "infusion", date(2026, 3, 5)
    kept = draft.value
    kind.value, day.value = "consent", date(2026, 3, 1)
    assert draft.value == ""
    draft.value = kept
    assert (kind.value, day.value) == ("infusion", date(2026, 3, 5))
    assert draft.value == kept
    draft.keep()
    assert draft.value == ""


def test_a_draft_is_put_back_for_the_same_person_only(entry):
    who, kind, _day, draft = entry
    kind.value = "infusion"
    kept = draft.value
    kind.value, who.value = "consent", "P-2"
    draft.value = kept
    assert (kind.value, draft.value) == ("consent", "")


def test_what_the_page_puts_in_is_no_draft_unless_a_person_wrote_before(entry):
    _who, kind, day, draft = entry
    with draft.put_in():
        kind.value = "infusion"
    assert draft.value == ""
    day.value = date(2026, 3, 5)
    with draft.put_in():
        kind.value = "consent"
    assert '"day": "2026-03-05"' in draft.value


@pytest.mark.parametrize("text", ["{", "[]", '{"of": "P-1"}', '{"of": "P-1", "fields": 3}', '"x"'])
def test_a_draft_of_another_version_changes_nothing(entry, text):
    _who, kind, _day, draft = entry
    draft.value = text
    assert (kind.value, draft.value) == ("consent", "")
