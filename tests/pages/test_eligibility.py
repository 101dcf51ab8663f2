"""The eligibility page without a browser: set a control, read what the page says."""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from threading import Event
from typing import Any

import pytest
from support.clinical_records import PATIENT, bundle, condition, observation, quantity
from support.trial import TRIAL

from protocol.eligibility.screening_record import changed_verdicts
from protocol.exchange.cohort.files import ReadingStep
from protocol.exchange.documents.screening import read_screening
from protocol.pages.eligibility.page import EligibilityPage
from protocol.pages.eligibility.screening_files import kept_screening

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 20)


@pytest.fixture
def page() -> Iterator[EligibilityPage]:
    shown = EligibilityPage(TRIAL, TODAY)
    yield shown
    shown.view.close()


def upload(page: EligibilityPage, name: str, content: bytes, *, wait: bool = True) -> None:
    file = {
        "name": name,
        "type": "",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(UTC),
    }
    page.cohort.upload.set_trait("value", (file,))
    if page.cohort.reading.thread and wait:
        page.cohort.reading.thread.join(30)


def test_an_empty_form_leaves_everything_unknown_and_asks(page: EligibilityPage) -> None:
    assert "Possibly eligible" in page.person.answer.value
    assert "What to find out next" in page.person.next.list.value
    assert page.person.verdicts.value.count('class="pw-open">? unknown') >= 34
    assert "1 of 63 answered" in page.person.answer.value


def test_a_field_changes_its_verdict_with_reason_and_registry_words(page: EligibilityPage) -> None:
    page.person.form.fields["ecog"].value = "3"
    assert "Not eligible" in page.person.answer.value
    assert "ECOG performance status 3 above 2" in page.person.verdicts.value
    assert "(by the day anti-cancer therapy is initiated)" in page.person.verdicts.value
    page.person.form.fields["ecog"].value = "0"
    assert "Possibly eligible" in page.person.answer.value


def test_a_threshold_moves_the_verdict_and_the_page_says_so(page: EligibilityPage) -> None:
    page.person.form.fields["bmi_kg_m2"].value = "31"
    assert "Not eligible" in page.person.answer.value
    page.parameters["bmi_max_kg_m2"].value = 32
    assert "Possibly eligible" in page.person.answer.value
    assert (
        "1 value changed. Highest body mass index allowed: 32 kg/m² (was 30 kg/m²)" in page.thresholds.changes.value
    )
    page.thresholds.reset.click()
    assert page.changed == {}
    assert "Not eligible" in page.person.answer.value


def test_the_phase_switch_opens_the_transplant_arm(page: EligibilityPage) -> None:
    transplant = {"planned_treatment": "auto_hsct", "diagnosis": "myeloma", "cd34_pb_per_ul": "8", "veins_ok": True}
    for name, value in transplant.items():
        page.person.form.fields[name].value = value
    part = '<span class="pw-id">I2</span><span class="{}">{}</span>'
    assert part.format("pw-bad", "✕ excludes") in page.person.verdicts.value
    page.phase.value = "II"
    assert part.format("pw-good", "✓ passes") in page.person.verdicts.value


def test_a_field_that_cannot_be_read_says_what_to_write_and_keeps_the_rest(page: EligibilityPage) -> None:
    page.person.form.fields["ecog"].value = "3"
    page.person.form.fields["lvef_pct"].value = "<img src=x onerror=alert(1)>"
    problem = state(page, "lvef_pct")[4]
    assert "Write a number from 1 to 95 %" in problem
    assert "Not eligible" in page.person.answer.value


def test_the_criteria_are_listed_by_verdict_and_what_passes_is_folded(page: EligibilityPage) -> None:
    page.person.form.fields["ecog"].value = "3"
    write(page, sex="male")
    said = page.person.verdicts.value
    assert '<details class="pw-verdicts" open><summary><h3>✕ excludes (1)' in said
    assert '<details class="pw-verdicts"><summary><h3>✓ passes (1)' in said
    assert said.index("✕ excludes (1)") < said.index("? unknown (") < said.index("✓ passes (1)")


def test_a_participant_of_the_cohort_fills_the_form(page: EligibilityPage) -> None:
    page.cohort.chosen.value = "INV-001"
    assert page.person.form.fields["sex"].value in ("female", "male")
    assert page.person.verdicts.value.count('class="pw-open">? unknown') < 10
    assert "INV-001" in page.person.who.value
    assert "Invented example" in page.person.who.value
    from_browser(page, {"clear": True})
    assert page.person.form.fields["sex"].value == ""
    assert page.person.who.value == ""
    page.cohort.chosen.value = "INV-001"
    assert page.person.form.fields["sex"].value in ("female", "male")


def test_a_slider_redraws_the_cohort(page: EligibilityPage) -> None:
    page.tabs.value = "cohort"
    before = page.cohort.totals.value
    page.parameters["ecog_max"].value = 0
    assert page.cohort.totals.value != before


def test_the_example_says_that_it_is_invented(page: EligibilityPage) -> None:
    assert "Invented example" in page.cohort.source.value


@pytest.mark.parametrize("content", [b"", b"fruit\napple\n", b"\x89PNG\x00"])
def test_a_file_that_cannot_be_used_leaves_the_cohort_in_place(page: EligibilityPage, content: bytes) -> None:
    page.tabs.value = "cohort"
    before = page.cohort.totals.value
    upload(page, "mine.csv", content)
    assert "mine.csv" in page.cohort.message.value
    assert page.cohort.totals.value == before
    assert "Invented example" in page.cohort.source.value
    assert "The cohort before stays." in page.cohort.message.value


def test_a_file_of_ones_own_replaces_the_example(page: EligibilityPage) -> None:
    page.tabs.value = "cohort"
    upload(page, "<b>mine</b>.csv", b"participant_id,ecog\n<img src=x onerror=alert(1)>,3\n")
    assert "Invented" not in page.cohort.source.value
    assert "&lt;b&gt;mine" in page.cohort.source.value
    assert "<img" not in page.cohort.message.value
    assert '<span class="pw-number">1</span><br><span class="pw-bad">' in page.cohort.totals.value
    assert "could not be used" in page.cohort.message.value


@pytest.mark.parametrize(
    ("content", "said"), [(b"participant_id,ecog\nP-1,3\n", "could not be used"), (b"", "empty")]
)
def test_a_file_of_any_size_is_read_beside_the_page(page: EligibilityPage, content: bytes, said: str) -> None:
    upload(page, "mine.csv", content, wait=False)
    thread = page.cohort.reading.thread
    assert thread is not None
    thread.join(10)
    assert said in page.cohort.message.value
    assert ("mine.csv" in page.cohort.source.value) == bool(content)
    assert page.cohort.reading.view.layout.display == "none"


def test_reading_a_file_can_be_stopped_and_leaves_the_cohort_in_place(
    page: EligibilityPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.tabs.value = "cohort"
    waiting, going, before = Event(), Event(), page.cohort.totals.value

    def slowly(*_arguments: Any, **_options: Any) -> Iterator[ReadingStep]:
        waiting.set()
        going.wait(10)
        yield ReadingStep(1, 4)
        raise AssertionError("read on")

    monkeypatch.setattr("protocol.pages.eligibility.cohort.read_cohort_stepwise", slowly)
    upload(page, "mine.csv", b"participant_id,ecog\nP-1,3\n", wait=False)
    assert waiting.wait(10)
    assert page.cohort.reading.view.layout.display == "flex"
    page.parameters["ecog_max"].value = 1  # the page answers meanwhile
    assert page.cohort.totals.value != before
    page.cohort.reading.stop.click()
    going.set()
    page.cohort.reading.wait()
    assert "Stopped after 25 %; nothing was taken over" in page.cohort.reading.words.value
    assert "Invented example" in page.cohort.source.value


def test_an_empty_form_counts_every_criterion_once_and_says_that_nothing_is_entered(page: EligibilityPage) -> None:
    counted = [one for one in TRIAL.eligibility.criteria if one.counted_with is None]
    assert "Possibly eligible: nothing is entered yet" in page.person.answer.value
    assert f"unknown {len(counted)} · E9, E23 counted with others" in page.person.why.value
    page.person.form.fields["ecog"].value = "1"
    assert "nothing is entered" not in page.person.answer.value


def test_an_implied_criterion_counts_where_the_other_is_met(page: EligibilityPage) -> None:
    page.person.form.fields["expected_survival_months"].value = "0.05"
    assert "excludes 1 · ? unknown 31 · E9, E23 counted with others" in page.person.why.value
    page.parameters["survival_min_months"].value = 0.0
    assert "✓ passes 1 · ✕ excludes 1 · ? unknown 31 · E23 counted with others" in page.person.why.value


def test_an_id_that_nobody_has_is_said(page: EligibilityPage) -> None:
    page.cohort.chosen.value = "P-404"
    assert "P-404" in page.cohort.not_found.value
    assert page.tabs.value == "patient"
    page.cohort.chosen.value = page.cohort.chosen.options[0]
    assert page.cohort.not_found.value == ""
    assert page.cohort.chosen.value in page.person.who.value


def test_prepared_files_go_with_the_numbers_they_were_written_from(page: EligibilityPage) -> None:
    upload(page, "mine.csv", b"participant_id,ecog\nP-1,1\n")
    for change in (
        lambda: setattr(page.parameters["ecog_max"], "value", 1),
        lambda: setattr(page.cohort.counted["I5"], "value", False),
        lambda: upload(page, "other.csv", b"participant_id,ecog\nP-2,2\n"),
    ):
        page.handing_over.prepare.click()
        assert "redcap_import.csv" in page.handing_over.links.value
        change()
        assert page.handing_over.links.value == ""


def test_more_problems_than_are_listed_are_in_a_file(page: EligibilityPage) -> None:
    rows = "".join(f"P-{n},high,{'heavy' if n == 149 else 'light'}\n" for n in range(150))
    upload(page, "wrong.csv", f"participant_id,ecog,weight_kg\n{rows}".encode())
    said = page.cohort.message.value
    assert "Show the first 200" in said
    content = b64decode(re.findall(r'download="problems.csv" href="[^,]*,([^"]*)"', said)[0]).decode("utf-8-sig")
    assert "heavy" in content
    assert "heavy" not in said.partition("problems.csv")[0]


def test_the_record_s_values_come_back_with_one_screening(
    page: EligibilityPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.tabs.value = "cohort"
    page.parameters["ecog_max"].value, page.parameters["washout_days"].value = 1, 20
    seen = list[dict[str, Any]]()
    monkeypatch.setattr(page.cohort, "show", lambda changed, _phase: seen.append(changed))
    page.thresholds.reset.click()
    assert seen == [{}]
    assert page.thresholds.reset.disabled


def test_an_early_answer_lists_what_can_only_be_confirmed_later(page: EligibilityPage) -> None:
    assert "Still to confirm" in page.person.why.value
    assert (
        "<b>I5</b> ECOG performance status at most 2: on the day anti-cancer therapy starts" in page.person.why.value
    )
    assert "<b>E15</b>" in page.person.why.value
    assert "<b>D1</b> Myelosuppression induced by the treatment: before each infusion" in page.person.why.value
    page.person.form.fields["ecog"].value = "3"
    assert "Still to confirm" not in page.person.why.value


def test_dates_are_written_in_one_order(page: EligibilityPage) -> None:
    page.person.form.fields["birth_date"].value = "10/08/2026"
    assert "a date like 2026-03-01" in page.person.form._state["facts"]["birth_date"][-1]
    page.person.form.fields["birth_date"].value = "1990-08-10"
    assert page.person.form._state["facts"]["birth_date"][-1] == ""


# --- One participant in depth ------------------------------------------------------------------------------------


def write(page: EligibilityPage, **facts: str | bool) -> None:
    for name, value in facts.items():
        page.person.form.fields[name].value = value


def test_evidence_names_where_a_value_came_from(page: EligibilityPage) -> None:
    page.cohort.chosen.value = "INV-001"
    assert "invented example, participant INV-001" in page.person.verdicts.value
    write(page, lvef_pct="61")
    assert "entered in the form" in page.person.verdicts.value


def test_a_compound_criterion_shows_its_parts_and_how_they_are_joined(page: EligibilityPage) -> None:
    write(page, ever_anticancer_therapy=True, last_anticancer_therapy_date="2026-11-19")
    assert '<ul class="pw-tree">' in page.person.verdicts.value
    assert "at least one of these" in page.person.verdicts.value
    assert "● true" in page.person.verdicts.value


def test_the_infusion_has_a_gate_of_its_own(page: EligibilityPage) -> None:
    page.person.gate.value = "infusion"
    assert "Not yet clear" in page.person.answer.value
    assert "Assumed for it: I3, " in page.person.why.value
    assert page.person.clocks.view.layout.display == "none"
    write(page, treatment_myelosuppression=False)
    assert "Not to be infused" in page.person.answer.value
    page.person.gate.value = "enrolment"
    assert "Possibly eligible" in page.person.answer.value
    assert page.person.clocks.view.layout.display == ""


def test_the_days_are_told_and_drawn(page: EligibilityPage) -> None:
    assert page.person.clocks.picture.layout.display == "none"
    write(page, ever_anticancer_therapy=True, last_anticancer_therapy_date="2026-11-19")
    assert "From 2026-12-03 on, all criteria that depend on the day pass" in page.person.clocks.answer.value
    assert "I8a No anti-cancer therapy for 14 days" in page.person.clocks.answer.value
    assert page.person.clocks.picture.layout.display == ""
    write(page, birth_date="1950-12-10")
    assert "Last day: 2026-12-09" in page.person.clocks.answer.value
    write(page, lvef_pct="60", lvef_date="2026-10-30")
    assert "Waiting is over on 2026-12-03; to be done again by then: Echocardiography" in (
        page.person.clocks.answer.value
    )


def test_a_failed_criterion_says_what_would_do(page: EligibilityPage) -> None:
    write(page, alt_u_l="112", alt_uln_u_l="40")
    assert "Alanine aminotransferase (ALT) at most 100 U/L (now 112 U/L)" in page.person.why.value
    write(page, ast_u_l="112", ast_uln_u_l="40", bilirubin_umol_l="90", bilirubin_uln_umol_l="20")
    assert "Each removes one obstacle: " in page.person.why.value


def test_costs_reorder_what_to_find_out_next(page: EligibilityPage) -> None:
    first = page.person.next.list.value.index
    assert first("Look into the medical record") < first("Echocardiography")
    page.person.next.costs["echo"].value = 0.1
    first = page.person.next.list.value.index
    assert first("Echocardiography") < first("Look into the medical record")
    assert "the invented example" in page.person.next.basis.value
    pairs = page.person.next.editor.children[0].children[: len(page.person.next.costs)]
    reasons = [pair.children[1].value for pair in pairs]
    assert any("Flow cytometry" in re.sub(r"<[^>]+>", "", str(reason)) for reason in reasons)


def test_one_fact_gets_a_cost_of_its_own_and_goes_back_to_the_others(page: EligibilityPage) -> None:
    asked = page.person.next
    before = asked.list.value
    assert asked.apart.disabled
    asked.fact.value = "alt_u_l"
    asked.own_cost.value = 0.1
    asked.apart.click()
    assert asked.list.value.index("<b>Alanine aminotransferase (ALT)</b>") < asked.list.value.index("Blood tests")
    assert asked.set_apart.value.count("Alanine aminotransferase (ALT), cost 0.1") == 1
    asked.fact.value = "lvef_pct"
    assert asked.back.disabled
    assert asked.own_cost.value == 1
    asked.fact.value = "alt_u_l"
    assert asked.own_cost.value == 0.1
    asked.back.click()
    assert asked.list.value == before
    assert "ALT" not in asked.set_apart.value


def test_a_day_that_is_none_is_said_and_the_last_one_kept(page: EligibilityPage) -> None:
    page.person.as_of.value = None
    assert "Day" in page.person.problems.value
    assert page.person.day == TODAY
    page.person.as_of.value = date(2026, 12, 1)
    assert page.person.problems.value == ""
    assert page.person.day == date(2026, 12, 1)


def test_a_screening_is_written_down_under_a_study_id_and_never_under_a_name(page: EligibilityPage) -> None:
    page.cohort.chosen.value = "INV-001"
    saving = page.screenings
    saving.study_id.value = "Li Wei"
    saving.download.click()
    assert "no name" in saving.links.value
    saving.study_id.value = "WUH-017"
    saving.download.click()
    for ending in ("json", "html", "ics"):
        assert f'download="screening-WUH-017-enrolment-2026-11-20.{ending}"' in saving.links.value
    coded = re.search(r"data:application/json;base64,([^\"]+)", saving.links.value)
    assert coded
    record = read_screening("kept.json", b64decode(coded[1]))
    assert changed_verdicts(record, TRIAL.eligibility) == {}
    assert record.sources["ecog"] == "invented example, participant INV-001"
    write(page, ecog="3")
    assert saving.links.value == ""


def test_the_participant_waits_while_the_cohort_is_looked_at(page: EligibilityPage) -> None:
    write(page, bmi_kg_m2="31")
    page.tabs.value = "cohort"
    page.parameters["bmi_max_kg_m2"].value = 32
    assert "Not eligible" in page.person.answer.value
    page.tabs.value = "patient"
    assert "Possibly eligible" in page.person.answer.value


# --- The form ----------------------------------------------------------------------------------------------------


def state(page: EligibilityPage, fact: str) -> list[Any]:
    found: list[Any] = page.person.form._state["facts"][fact]
    return found


def from_browser(page: EligibilityPage, content: dict[str, Any], *buffers: bytes) -> None:
    page.person.form._handle_custom_msg(content, list(buffers))


def counted(page: EligibilityPage) -> str:
    [count] = re.findall(r"(\d+) of \d+ answered", page.person.answer.value)
    return str(count)


def group_of(page: EligibilityPage, fact: str) -> int:
    names = [[one.id for one in facts] for _name, facts in page.person.form._groups]
    return next(place for place, some in enumerate(names) if fact in some)


def test_the_outcome_of_a_criterion_stands_beside_its_field(page: EligibilityPage) -> None:
    assert state(page, "ecog")[1] == [("? I5", "open", "I5 ECOG performance status at most 2: ? unknown")]
    write(page, ecog="1")
    assert [mark[0] for mark in state(page, "ecog")[1]] == ["✓ I5"]
    write(page, ecog="3")
    assert [mark[0] for mark in state(page, "ecog")[1]] == ["✕ I5"]


def test_a_laboratory_line_fills_value_and_limit_and_says_the_criterion_s_limit(page: EligibilityPage) -> None:
    assert state(page, "alt_u_l")[2] == "≤ 2.5 × upper limit of normal"
    write(page, alt_u_l="32 U/L (9–40)")
    assert page.person.form.value["alt_u_l"] == "32 U/L"
    assert page.person.form.value["alt_uln_u_l"] == "40 U/L"
    assert state(page, "alt_u_l")[2] == "≤ 100 U/L (2.5 × 40)"


def test_a_value_in_another_unit_is_converted_and_a_wrong_unit_is_refused_at_the_field(page: EligibilityPage) -> None:
    write(page, creatinine_umol_l="1.1 mg/dL")
    assert state(page, "creatinine_umol_l")[3] == "= 97.2419 μmol/L"
    write(page, creatinine_umol_l="1.1 U/L")
    assert "U/L where μmol/L is meant" in state(page, "creatinine_umol_l")[4]
    assert "Possibly eligible" in page.person.answer.value


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("lvef_pct", ">12"),
        ("lvef_pct", "250"),
        ("therapy_start_date", "2026-13-01"),
        ("alt_uln_u_l", ">40"),
        ("creatinine_umol_l", "1.1 mmHg"),
        ("ecog", "1.5"),
    ],
)
def test_a_value_that_cannot_be_used_is_unknown_and_counts_as_no_answer(
    page: EligibilityPage, fact: str, text: str
) -> None:
    place = group_of(page, fact)
    before = counted(page)
    write(page, **{fact: text})
    shown = page.person.answer.value
    [label] = [one.label for one in TRIAL.eligibility.facts if one.id == fact]
    assert "1 value cannot be used:" in shown
    assert f'data-fact="{fact}">{label}</a>' in shown
    assert state(page, fact)[0], "the field waits for a value that can be used"
    assert page.person.form._state["groups"][place]["said"].startswith("0 of ")
    assert counted(page) == before
    assert page.screening == EligibilityPage(TRIAL, TODAY).screening, "the verdict knows nothing of it"
    write(page, **{fact: ""})
    assert "cannot be used" not in page.person.answer.value


def test_a_refused_value_keeps_its_group_open_though_no_criterion_waits_for_it(page: EligibilityPage) -> None:
    write(page, ecog="4", lvef_pct=">12", hbsag="negative")
    groups = page.person.form._state["groups"]
    write(page, lvef_pct="")
    assert "/" in groups[group_of(page, "lvef_pct")]["short"]
    write(page, cd34_pb_per_ul="many", lvef_pct="unknown")
    assert "1 value cannot be used:" in page.person.answer.value
    assert page.person.form._state["groups"][group_of(page, "cd34_pb_per_ul")]["said"].startswith("0 of ")
    assert state(page, "lvef_pct")[4] == "", "the word for an unknown value is no mistake"


def test_none_of_these_answers_what_is_open_in_a_group_and_no_judgement(page: EligibilityPage) -> None:
    write(page, ever_anticancer_therapy=True)
    from_browser(page, {"none": group_of(page, "ever_anticancer_therapy")})
    form = page.person.form
    assert form.fields["ever_anticancer_therapy"].value is True
    assert form.fields["organ_transplant"].value is False
    assert form.fields["radiotherapy_field"].value == "none"
    assert form.sources["organ_transplant"] == "answered with: none of these"
    from_browser(page, {"none": -1})
    answered = {fact.id for fact in TRIAL.eligibility.facts if fact.judgement and fact.id in form.value}
    assert answered == set()
    assert form.findings() == {}


def test_what_a_record_found_and_cannot_use_is_not_answered_with_none(page: EligibilityPage) -> None:
    page.person.fill({}, "record", {"hbsag": "conflicting sources"})
    from_browser(page, {"none": -1})
    assert page.person.form.fields["hbsag"].value == ""
    assert "conflicting sources" in state(page, "hbsag")[3]


def test_the_line_of_the_verdict_names_what_is_unknown_as_links_to_fields(page: EligibilityPage) -> None:
    page.cohort.chosen.value = "INV-001"
    write(page, antimitotic_with_infusion="")
    assert '<a href="#fact-antimitotic_with_infusion" data-fact="antimitotic_with_infusion"' in (
        page.person.answer.value
    )
    assert "E15 Agents inhibiting cell division" in page.person.answer.value
    write(page, creatinine_umol_l="900", creatinine_uln_umol_l="100")
    assert 'data-fact="creatinine_umol_l"' in page.person.answer.value


def test_the_next_question_is_the_cheapest_that_decides_and_ends_with_the_verdict(page: EligibilityPage) -> None:
    form = page.person.form
    from_browser(page, {"asking": True})
    first = form._state["lit"]
    assert first in page.person.next.steps[0].facts
    assert "can decide" in form._state["question"]
    from_browser(page, {"skip": first})
    assert form._state["lit"] not in ("", first)
    from_browser(page, {"set": {"ecog": "4"}, "view": "one", "number": 1})
    assert form._state["lit"] == ""
    assert "The verdict is reached" in form._state["done"]
    assert form._seen == {"one": 1}


def test_groups_count_what_is_answered_of_what_is_asked(page: EligibilityPage) -> None:
    place = group_of(page, "weight_kg")
    assert page.person.form._state["groups"][place]["said"] == "0 of 1 answered"
    write(page, weight_kg="70", height_cm="1.75 m")
    assert page.person.form._state["groups"][place]["said"] == "2 of 2 answered"
    assert state(page, "bmi_kg_m2")[3] == "= 22.86 kg/m²"


def test_what_cannot_change_is_no_change(page: EligibilityPage) -> None:
    write(page, age_years="90")
    assert "Age at consent 90" in page.person.why.value
    assert "Passes with" not in page.person.why.value


def test_a_pasted_record_fills_the_form_and_says_what_is_left(page: EligibilityPage) -> None:
    record = bundle(
        PATIENT, observation("2160-0", "k1", valueQuantity=quantity(1.65, "mg/dL")), condition("91861009")
    )
    from_browser(page, {"record": "pasted record"}, record)
    form = page.person.form
    assert form.fields["diagnosis"].value == "aml"
    said = page.person.who.value
    assert re.search(r"\d+ facts filled, \d+ not usable, \d+ unknown left", said)
    assert 'data-fact="ecog"' in said or "Unknown:" in said
    from_browser(page, {"record": "other.json"}, b"{")
    assert "other.json" in page.person.who.value
    assert form.fields["diagnosis"].value == "aml"


def test_a_draft_comes_back_and_ends_when_it_is_saved(page: EligibilityPage) -> None:
    draft = page.drafts["form"]
    assert draft.value == ""
    write(page, ecog="1")
    kept = draft.value
    write(page, ecog="")
    assert draft.value == ""
    draft.value = kept
    assert page.person.form.fields["ecog"].value == "1"
    draft.keep()
    assert draft.value == ""
    draft.value = "{"
    assert page.person.form.fields["ecog"].value == "1"


def test_an_address_holds_the_changed_thresholds(page: EligibilityPage) -> None:
    changed = page.in_address["changed"]
    changed.value = "ecog_max=1,hbv_reading=any_hbsag,nonsense=3"
    assert page.changed == {"ecog_max": 1, "hbv_reading": "any_hbsag"}
    page.parameters["ecog_max"].value = 0
    assert changed.value == "ecog_max=0.0,hbv_reading=any_hbsag"
    page.thresholds.reset.click()
    assert changed.value == ""


MOMENT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


def test_judgements_are_confirmed_together_only_when_a_person_says_so_and_each_says_by_whom(
    page: EligibilityPage,
) -> None:
    form = page.person.form
    form.confirmer, form.clock = "investigator-1", lambda: MOMENT
    judged = [fact for fact in form.facts.values() if fact.stated]
    assert len(judged) == len(form.statements) > 5
    form.answer_none()
    assert not {fact.id for fact in judged} & set(form.value), "no other click answers a judgement"
    names = list(form.statements)
    form._receive(None, {"confirm": [*names, "ecog", "nonsense"]}, None)
    said = f"confirmed together, {len(names)} statements, investigator-1, 2026-03-10 09:30 UTC"
    assert {form.sources[name] for name in names} == {said}
    assert {name: form.value[name] for name in names} == {name: form.facts[name].stated for name in names}
    assert "ecog" not in form.value
    assert form.statements == {}
    assert said in page.person.verdicts.value, "the explanation says it"
    facts = form._state["facts"]
    assert all(facts[name][3] == "confirmed together" for name in names)


def test_a_confirmation_is_taken_back_and_an_answer_of_its_own_stays(page: EligibilityPage) -> None:
    form = page.person.form
    names = list(form.statements)
    form.confirm(names)
    write(page, mental_illness="yes")
    assert form.sources["mental_illness"] == "entered in the form"
    assert len(form.together) == len(names) - 1
    form._receive(None, {"take_back": True}, None)
    assert form.value["mental_illness"] == "yes"
    assert not set(names) - {"mental_illness"} & set(form.value)
    assert set(form.statements) == set(names) - {"mental_illness"}
    assert form._state["together"] == ""


def test_some_statements_are_confirmed_and_the_others_stay_unknown(page: EligibilityPage) -> None:
    form = page.person.form
    first, *others = form.statements
    form.confirm([first])
    assert "1 statement," in form.sources[first]
    assert list(form.statements) == others


def test_a_judgement_about_which_a_record_found_something_is_not_among_the_statements(page: EligibilityPage) -> None:
    form = page.person.form
    form.fill({}, "", {"mental_illness": "judgement pending"})
    assert "mental_illness" not in form.statements
    assert "poor_compliance" in form.statements


def test_what_was_confirmed_together_stays_so_in_a_draft_and_in_the_record(page: EligibilityPage) -> None:
    form, draft = page.person.form, page.drafts["form"]
    form.confirm(form.statements)
    kept, sources = draft.value, dict(form.sources)
    together = set(form.together)
    page.person.fill({}, "")
    draft.value = kept
    assert set(form.together) == together
    assert form.sources == sources
    assert set(kept_screening(page.trial, page.person.present(), "W-001").sources) >= together
