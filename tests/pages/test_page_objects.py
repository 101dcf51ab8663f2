"""Pages as objects: what code sets moves the widgets, and what a widget changed is there to compute with."""

import inspect
from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd
import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter
from support.trial import FOLDER

from protocol import ProtocolError, load_trial
from protocol.briefing import brief
from protocol.conduct import fold
from protocol.escalation import Outcomes
from protocol.pages import PAGES, Facts, Page, Settings, open_page
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds a page

PUBLIC = {
    "overview": set(),
    "eligibility": {"participant", "screening", "cohort", "cohort_screening", "parameters", "phase", "record"},
    "escalation": {"next_action", "outcomes", "settings", "design", "truth", "simulation"},
    "followup": {"participant", "dates", "ledger"},
    "sites": set(),
    "effect": {"summaries"},
}


@pytest.fixture(scope="module", autouse=True)
def _no_log():
    with pytest.MonkeyPatch.context() as patched:
        for name in ("LOG", "LOG_READ", "ROLE", "ROLES", "ACTOR", "UPLOAD_PATHS"):
            patched.delenv(f"PROTOCOL_{name}", raising=False)
        patched.delenv("SERVER_SOFTWARE", raising=False)
        yield


@pytest.fixture(scope="module")
def opened_eligibility(_no_log):
    return open_page("eligibility", FOLDER)


@pytest.fixture
def eligibility(opened_eligibility):
    page = opened_eligibility
    page.participant, page.parameters, page.phase = {}, {}, page.trial.eligibility.phases[0]
    return page


@pytest.fixture(scope="module")
def escalation(_no_log):
    return open_page("escalation", FOLDER)


@pytest.fixture(scope="module")
def opened_followup(_no_log):
    return open_page("followup", FOLDER)


@pytest.fixture
def followup(opened_followup):
    opened_followup.dates, opened_followup.participant = None, ""
    return opened_followup


# --- The object ---


@pytest.mark.parametrize("name", PAGES)
def test_a_page_offers_few_documented_names_and_no_private_one(name):
    kind = PAGES[name]
    names = dir(kind.__new__(kind))
    assert set(names) == {"trial", "view", "briefing", "problems"} | PUBLIC[name]
    for public in names:
        assert inspect.getdoc(getattr(kind, public))
        assert public in inspect.getdoc(kind)
    assert issubclass(kind, Page)


def test_completion_lists_the_public_names_only(eligibility):
    completer = IPCompleter(namespace={"page": eligibility}, use_jedi=False)
    with provisionalcompleter():
        offered = {one.text.rpartition(".")[2] for one in completer.completions("page.", 5)}
    assert offered == set(dir(eligibility))


def test_a_page_shows_itself_as_its_widget_and_in_words_that_name_no_participant(followup):
    bundle = followup._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == followup.view.model_id
    assert bundle["text/plain"] == str(followup)
    assert "Planning: 57 participants" in str(followup)
    assert "picture: A lane for each participant" in str(followup)
    assert "INV-" not in str(followup) + repr(followup)
    assert not any(person.id in str(followup) for person in followup.briefing.so_far.participants)


def test_the_dashboard_says_it_in_one_line_and_builds_no_tab_for_it(monkeypatch):
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    page = open_page("eligibility", FOLDER)
    assert page._repr_mimebundle_()["text/plain"] == repr(page)
    assert "\n" not in repr(page)
    assert "cohort" in page._page.tabs._builders


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [("eligibilty", FOLDER, "eligibility"), ("sites", "no-such-trial", "no-such-trial")],
)
def test_what_cannot_be_opened_raises_and_is_a_message_on_the_dashboard(name, folder, said, monkeypatch):
    with pytest.raises(ProtocolError, match=said):
        open_page(name, folder)
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    shown = open_page(name, folder).children[1].value
    assert 'role="alert"' in shown
    assert said in shown


def test_a_page_says_in_words_what_it_shows_to_be_wrong(eligibility):
    assert "problem" not in str(eligibility)
    eligibility._page.person.problems.show(ProtocolError("Day", "nothing", "a day"))
    assert "\n  problem: Day: found nothing; write a day\n" in str(eligibility)
    assert eligibility.problems == ("Day: found nothing; write a day",)
    eligibility._page.person.problems.show(None)


# --- Eligibility ---


def test_facts_set_by_code_stand_in_the_form_and_facts_of_the_form_are_read(eligibility):
    eligibility.participant = {"age_years": np.int64(40), "ecog": None, "weight_kg": float("nan"), "sex": "female"}
    form = eligibility._page.person.form
    assert form.value == {"age_years": "40", "sex": "female"}
    assert eligibility.participant == {"age_years": 40, "sex": "female"}
    eligibility.participant["creatinine_umol_l"] = "1.1 mg/dL"
    assert eligibility.participant["creatinine_umol_l"] == pytest.approx(97.2, abs=0.1)
    eligibility.participant["birth_date"] = pd.Timestamp("1980-05-06")
    assert eligibility.participant["birth_date"] == date(1980, 5, 6)
    form.enter({"ecog": "1"})  # what a person types
    assert eligibility.participant["ecog"] == 1
    del eligibility.participant["ecog"]
    assert "ecog" not in eligibility.participant
    assert isinstance(eligibility.participant, Facts)
    assert form.sources["age_years"] == "set by code"


@pytest.mark.parametrize(
    ("fact", "value", "said"), [("age_years", "old", "number"), ("agee", 40, "age_years"), ("age_years", 400, "120")]
)
def test_a_fact_that_cannot_be_used_raises_and_changes_nothing(eligibility, fact, value, said):
    before = dict(eligibility.participant)
    with pytest.raises(ProtocolError, match=said):
        eligibility.participant[fact] = value
    with pytest.raises(ProtocolError, match=said):
        eligibility.participant = {"ecog": 1, fact: value}
    assert dict(eligibility.participant) == before


def test_the_screening_is_that_of_the_record_and_says_what_the_page_says(eligibility):
    facts = {"age_years": 52, "weight_kg": 95.0, "height_cm": 170.0}
    eligibility.participant = facts
    assert eligibility.screening.table().equals(eligibility.record.screen(facts, eligibility.phase).table())
    assert eligibility.screening["E3"].status == "excludes"
    assert "Not eligible" in eligibility._page.person.answer.value
    eligibility.parameters["bmi_max_kg_m2"] = 35
    assert eligibility.screening["E3"].status == "passes"
    assert "Not eligible" not in eligibility._page.person.answer.value
    eligibility._page.parameters["bmi_max_kg_m2"].value = 31.0  # what a person drags
    assert eligibility.parameters["bmi_max_kg_m2"] == 31.0
    assert eligibility.screening["E3"].status == "excludes"
    eligibility.parameters = {}
    assert eligibility.record == eligibility.trial.eligibility


def test_the_phase_moves_the_buttons_and_an_unknown_one_raises(eligibility):
    other = eligibility.trial.eligibility.phases[-1]
    eligibility.phase = other
    assert eligibility._page.phase.value == eligibility.screening.phase == other
    with pytest.raises(ProtocolError, match=other):
        eligibility.phase = "IX"


def test_a_cohort_set_by_code_is_screened_on_the_page(eligibility, tmp_path):
    frame = pd.DataFrame({"participant_id": ["W-1", "W-2"], "age_years": [30, 15]})
    eligibility.cohort = frame
    assert len(eligibility.cohort) == 2
    assert eligibility.cohort_screening.totals()["ineligible"] == 1
    assert eligibility._page.tabs.value == "cohort"
    assert eligibility._page.cohort.screened.screening.totals() == eligibility.cohort_screening.totals()
    frame.assign(age_years=["30", "x"]).to_csv(tmp_path / "mine.csv", index=False)
    eligibility.cohort = tmp_path / "mine.csv"
    assert eligibility.cohort_screening.totals()["ineligible"] == 0
    assert "row 3, column age_years" in eligibility._page.cohort.message.value
    with pytest.raises(ProtocolError):
        eligibility.cohort = pd.DataFrame({"participant_id": ["W-1"], "age_years": ["x"]})
    assert len(eligibility.cohort) == 2


# --- Escalation ---


def test_settings_make_the_design_and_the_simulation_is_complete(escalation):
    escalation.settings = {"name": "Keyboard (2-D)", "target": 0.25, "trials": 300, "seed": 7}
    assert isinstance(escalation.settings, Settings)
    assert escalation.design == escalation.trial.escalation.designed("Keyboard (2-D)", target=0.25)
    assert escalation._page.settings.design.value == "Keyboard (2-D)"
    found = escalation.simulation
    assert (found.trials, found.seed, found.design) == (300, 7, escalation.design)
    assert escalation.simulation is found
    assert escalation._page.lab.simulation.result is found
    escalation._page.settings.target.value = 0.3  # what a person types
    assert escalation.design.target == escalation.simulation.design.target == 0.3


@pytest.mark.parametrize("values", [{"target": 0.9}, {"trials": 2.5}, {"bar": 1}, {"name": "no design"}, {"size": 3}])
def test_a_setting_that_a_control_does_not_take_raises_and_sets_none(escalation, values):
    before = dict(escalation.settings)
    with pytest.raises(ProtocolError):
        escalation.settings = {"seed": 99, **values}
    assert dict(escalation.settings) == before


def test_true_rates_are_set_as_an_array_or_a_scenario(escalation):
    escalation.settings["trials"] = 50
    scenario = escalation.trial.escalation.scenarios[-1]
    escalation.truth = scenario.id
    assert escalation.truth == [list(line) for line in scenario.truth]
    assert escalation._page.lab.simulation.truth.scenario.value == scenario.id
    rates = np.full(escalation.trial.escalation.grid.shape, 0.123456789)
    escalation.truth = rates
    assert np.array_equal(escalation.truth, rates)
    assert np.array_equal(escalation.simulation.truth, rates)
    for wrong in ("no scenario", [[0.1]], rates[:, ::-1] - np.arange(rates.shape[1]) / 100):
        with pytest.raises(ProtocolError):
            escalation.truth = wrong
    assert np.array_equal(escalation.truth, rates)


def test_outcomes_set_by_code_open_the_sandbox_and_none_returns_to_the_log(escalation):
    own, action = escalation.outcomes.notation(), escalation.next_action
    assert action == escalation.briefing.action
    escalation.outcomes = "A1:NNN"
    assert escalation._page.decision.trying.value
    assert escalation.outcomes.notation() == "A1:NNN"
    assert escalation.next_action.sentence in escalation._page.sandbox.answer.card.value
    escalation.outcomes = Outcomes.parse(escalation.trial.escalation.grid, "A1:NNN A2:NNT")
    assert escalation.outcomes.notation() == "A1:NNN A2:NNT"
    with pytest.raises(ProtocolError):
        escalation.outcomes = "Z9:NNN"
    escalation.outcomes = None
    assert (escalation.outcomes.notation(), escalation.next_action) == (own, action)


# --- Follow-up ---


def test_the_ledger_is_of_all_of_the_chosen_or_of_the_copy(followup):
    everybody = followup.ledger
    people = list(everybody["participant"].unique())
    followup.participant = people[3]
    assert followup._page.path.participant.value == people[3]
    assert set(followup.ledger["participant"]) == {people[3]}
    assert list(followup.ledger.columns) == list(everybody.columns)
    assert followup.dates["frequency"] in (1, 2, 3)
    first = next(anchor.id for anchor in followup.trial.followup.anchors if anchor.role == "enrolment")
    followup.dates = {"frequency": 2, first: date(2026, 3, 2)}
    assert followup._page.what_if.anchors[first].value == date(2026, 3, 2)
    assert followup.dates == {"frequency": 2, first: date(2026, 3, 2)}
    followup._page.what_if.anchors[first].value = date(2026, 3, 3)  # what a person types
    assert followup.dates[first] == date(2026, 3, 3)
    assert len(followup.ledger) == len(followup._page.what_if.case.ledger)
    followup.dates = None
    assert followup._page.what_if is None
    followup.participant = ""
    assert len(followup.ledger) == len(everybody)


@pytest.mark.parametrize("dates", [{"no_visit": date(2026, 3, 2)}, {"frequency": 9}, {"enrolment": "yesterday"}])
def test_dates_that_cannot_be_used_raise_and_keep_the_copy(followup, dates):
    followup.dates = {"frequency": 1}
    with pytest.raises(ProtocolError):
        followup.dates = dates
    assert followup.dates == {"frequency": 1}


def test_an_unknown_participant_raises_without_repeating_what_was_written(followup):
    with pytest.raises(ProtocolError, match="study id") as raised:
        followup.participant = "Zhang Wei"
    assert "Zhang" not in str(raised.value)


@pytest.mark.parametrize("further", [False, True])
def test_what_a_person_changes_in_the_briefing_of_the_example_is_on_no_other_page(further):
    trial = load_trial(FOLDER).in_phase_two() if further else load_trial(FOLDER)
    first = open_desk(trial, {}, lambda: date(2026, 11, 30)).briefing
    first.counts["enrolled"] = 0
    first.sites["dlts"] = 99
    desk = open_desk(trial, {}, lambda: date(2026, 11, 30))
    state = fold(trial.examples.entries)
    fresh = brief(trial, state, desk.reader, trial.day_of(state.entries[-1]), invented=True)
    for field in fields(fresh):
        shared, new = getattr(desk.briefing, field.name), getattr(fresh, field.name)
        if isinstance(new, pd.DataFrame):
            pd.testing.assert_frame_equal(shared, new)
        else:
            assert repr(shared) == repr(new), field.name
