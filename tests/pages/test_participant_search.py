"""Participants are found from any page, by readers who may see them."""

from datetime import date
from types import SimpleNamespace

import ipywidgets as widgets
import pytest

from protocol.pages.kit import PageState, Tabs
from protocol.pages.trial_log.desk import open_desk
from protocol.pages.trial_log.participant_search import ParticipantSearch

pytestmark = pytest.mark.slow  # every test builds a page


@pytest.fixture
def desk_of(trial, log_file):
    desks = []

    def opened(role, **more):
        names = {"PROTOCOL_LOG": str(log_file), "PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": f"{role}-1"} | more
        desks.append(open_desk(trial, names, lambda: date(2026, 6, 1)))
        return desks[-1]

    yield opened
    for desk in desks:
        desk._log.close()


def test_a_participant_found_opens_the_page_of_that_participant(desk_of):
    desk, state = desk_of("coordinator"), PageState({}, {})
    search = ParticipantSearch(desk, state, {})
    name = search.find.options[0]
    search.find.value = name
    assert state.goes_to == f"04-followup.ipynb?tab=participant&participant={name}"
    assert search.find.value == ""


def test_on_the_page_of_participants_nothing_is_opened_anew(desk_of):
    desk, state = desk_of("coordinator"), PageState({}, {})
    here = {
        "tab": Tabs({"today": ("Today", widgets.VBox()), "participant": ("Participant", widgets.VBox())}),
        "participant": widgets.Dropdown(options=[*desk.courses], value=None),
    }
    search = ParticipantSearch(desk, state, here)
    name = search.find.options[-1]
    search.find.value = name
    assert (here["tab"].value, here["participant"].value, state.goes_to) == ("participant", name, "")


def test_who_may_not_see_participants_is_offered_no_search(desk_of):
    search = ParticipantSearch(desk_of("viewer"), PageState({}, {}), {})
    assert search.view.layout.display == "none"
    assert search.find.options == ()


def test_a_site_finds_its_own_participants_only(desk_of, trial):
    site = trial.sites[0].name
    desk = desk_of("investigator", PROTOCOL_SITE=site)
    search = ParticipantSearch(desk, PageState({}, {}), {})
    assert {desk.courses[name].site for name in search.find.options} == {site}


def test_an_id_that_is_not_known_opens_nothing(desk_of):
    state = PageState({}, {})
    search = ParticipantSearch(desk_of("coordinator"), state, {})
    search.find.value = "NOBODY-1"
    assert state.goes_to == ""


@pytest.mark.parametrize(
    ("typed", "said"), [("99", "No participant has this id."), ("w", "Several ids hold this: W-001, W-002.")]
)
def test_a_part_of_an_id_that_finds_none_or_several_says_so(typed, said):
    desk = SimpleNamespace(courses={"W-001": None, "W-002": None}, on_change=lambda _listener: None)
    state = PageState({}, {})
    search = ParticipantSearch(desk, state, {})
    search.find.value = typed
    assert said in search.said.value
    assert state.goes_to == ""


def test_a_part_of_one_id_finds_it(desk_of):
    desk, state = desk_of("coordinator"), PageState({}, {})
    search, name = ParticipantSearch(desk, state, {}), next(iter(desk.courses))
    digits = name.partition("-")[2]
    assert sum(digits in other for other in desk.courses) == 1
    search.find.value = digits
    assert state.goes_to.endswith(f"participant={name}")
