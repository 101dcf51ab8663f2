"""Counts, adverse events and the product are recorded on the participant's path; the committee declares a regimen."""

from datetime import date, timedelta

import pytest
from support.hospital_files import excel_file
from support.participant_log import START, said

from protocol.conduct import event
from protocol.pages.escalation.decision_tab import DeclarationForm
from protocol.pages.trial_log.enrolment import EnrolmentForm
from protocol.pages.trial_log.participant_path import ParticipantPath
from protocol.records import ProtocolError

pytestmark = pytest.mark.slow  # every test builds a page


@pytest.fixture
def panel(life):
    made = ParticipantPath(life.desk(), life.day)
    made.participant.value = "W-001"
    return made


def opened(panel, kind):
    panel.other.click()
    panel.kind.value = kind
    return panel.observed[kind]


def test_a_draw_is_recorded_with_the_units_of_the_laboratory_which_stay(panel, life):
    fields = opened(panel, "blood_count")
    assert fields.view.layout.display is None
    fields.values["platelets"].value, fields.in_units["platelets"].value = "12", "10^9/L"
    fields.values["haemoglobin"].value, fields.in_units["haemoglobin"].value = "7.4", "g/dL"
    fields.limits["platelets"].value = "125"
    panel.happened.record.click()
    assert life.last().content["counts"] == {
        "platelets": {"value": 12.0, "unit": "10^9/L", "normal_limit": 125.0},
        "haemoglobin": {"value": 7.4, "unit": "g/dL"},
    }
    assert [fields.values["platelets"].value, fields.in_units["platelets"].value] == ["", "10^9/L"]
    assert "Platelets 12 10^9/L" in panel.story.value


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        ("12000", None, "Choose the unit of 12000."),
        ("12000", "10^9/L", "12,000 10^9/L cannot be"),
        ("12,000", "/uL", "cannot be: write a number with a point"),
        ("-3", "10^9/L", "cannot be"),
        ("", None, "Write at least one count."),
    ],
)
def test_a_count_that_cannot_be_is_told_at_its_field_and_nothing_is_recorded(panel, life, number, unit, said):
    fields, before = opened(panel, "blood_count"), life.count
    at = fields.values["platelets" if number else "neutrophils"]
    fields.values["platelets"].value, fields.in_units["platelets"].value = number, unit
    panel.happened.record.click()
    where = fields.in_units["platelets"] if number and unit is None else at
    assert said in panel._problems.said(where)
    assert (life.count, fields.values["platelets"].value) == (before, number)


def test_an_adverse_event_is_recorded_and_followed_to_its_end(panel, life):
    fields = opened(panel, "adverse_event")
    panel.happened.record.click()
    assert "Choose one." in panel._problems.said(fields.term)
    fields.term.value, fields.grade.value, fields.relatedness.value = "fever", 2, "possible"
    fields.action.value, fields.outcome.value = "none", "not recovered"
    panel.on.value = life.day - timedelta(days=2)
    panel.happened.record.click()
    entry = life.last()
    assert (entry.kind, entry.content["number"], entry.content["version"]) == ("adverse_event", 1, "5.0")
    assert "Fever, grade 2, possibly related, not recovered" in panel.story.value

    fields = opened(panel, "adverse_event_followed")
    ((label, number),) = fields.number.options
    assert label.startswith("1: Fever, from ")
    fields.number.value, fields.outcome.value, fields.end.value = number, "recovered", life.day
    panel.on.value = life.day
    panel.happened.record.click()
    assert life.last().content == {
        "kind": "adverse_event_followed",
        "on": life.day.isoformat(),
        "participant": "W-001",
        "number": 1,
        "end": life.day.isoformat(),
        "outcome": "recovered",
    }


def test_the_grade_of_a_term_that_has_none_as_high_is_refused_by_the_log(panel, life):
    fields, before = opened(panel, "adverse_event"), life.count
    fields.term.value, fields.grade.value, fields.relatedness.value = "neutrophil_count_decreased", 5, "unrelated"
    fields.action.value, fields.outcome.value, fields.why_serious.value = "none", "fatal", ("death",)
    panel.happened.record.click()
    panel.happened.anyway.click()
    assert "a grade up to 4" in panel._problems.said(fields.grade)
    assert life.count == before


def test_an_infusion_may_say_what_is_known_of_its_product(panel, life):
    fields = opened(panel, "infused")
    fields.lot.value, fields.cells.value, fields.viability.value, fields.started.value = (
        "ucm-01",
        "1.9",
        "91",
        "09:30",
    )
    panel.happened.record.click()
    found = life.last().content
    assert (found["number"], found["lot"], found["cells"], found["viability"]) == (2, "UCM-01", 1.9, 0.91)
    assert "volume_ml" not in found
    assert "lot UCM-01" in panel.story.value


def test_what_was_given_is_chosen_from_the_list(panel, life):
    fields = opened(panel, "given")
    panel.happened.record.click()
    assert "Choose what was given." in panel._problems.said(fields.what)
    fields.what.value = "platelet transfusion"
    panel.happened.record.click()
    assert life.last().content["what"] == "platelet transfusion"


def test_a_record_without_the_topic_has_no_forms_of_it(life, trial):
    life.trial = trial.model_copy(update={"effect": None})
    made = ParticipantPath(life.desk(), life.day)
    assert "adverse_event" not in dict(made.kind.options).values()
    assert set(made.observed) == {"infused"}


def test_the_committee_declares_a_regimen_and_the_next_enrolment_is_of_its_phase(life):
    desk = life.desk()
    form, other = DeclarationForm(desk, life.day), EnrolmentForm(desk, life.day, ParticipantPath(desk, life.day).kind)
    assert other.phase.value == desk.trial.eligibility.phases[0]
    form.declare.record.click()
    assert life.last().kind != "regimen_declared"
    form.regimen.value, form.why.value = "B2", "All windows are complete."
    form.declare.record.click()
    found = life.last().content
    assert (found["kind"], found["phase"], found["regimen"]) == ("regimen_declared", "II", "B2")
    assert "B2 is declared since" in form.standing.value
    assert desk.briefing.declared["regimen"] == "B2"
    assert desk.briefing.action.sentence == "The escalation is over: B2 is the regimen of phase II."
    assert (other._open_phase(), other._open_regimen()) == ("II", "B2")


def test_a_participant_of_phase_two_changes_no_figure_of_the_escalation(life):
    life.log.append(
        event(
            {"kind": "decision", "on": START, "waits_for": {}, "chosen": life.start, "why": "w", "decided_by": "c"}
        ),
        actor="other",
    )
    before = life.desk().briefing
    declared = {"phase": "II", "regimen": life.start, "advised": None, "why": "w", "decided_by": "c"}
    life.log.append(event({"kind": "regimen_declared", "on": START, **declared}), actor="other")
    life.screen("W-009")
    life.add("consented", "W-009")
    life.add("enrolled", "W-009", regimen=life.start, phase="II")
    life.add("infused", "W-009", number=1)
    life.add("dlt_assessed", "W-009", dlt=True, code="other", grade=3)
    now = life.desk().briefing
    assert (now.notation, now.regimens["enrolled"].tolist()) == (
        before.notation,
        before.regimens["enrolled"].tolist(),
    )
    assert now.counts["dlts"] == before.counts["dlts"] + 1
    assert str(now) == str(now)
    assert "phase II at" in repr(now)


def test_counts_of_a_table_are_shown_first_and_recorded_once(panel, life):
    before = life.count
    text = (
        "participant,on,platelets [10^9/L],haemoglobin [g/dL]\nW-001,2026-03-05,12,7.4\nW-001,2026-03-08,9,\n"
        "W-777,2026-03-08,9,\nW-001,2026-03-09,12000000,\n"
    )
    panel.counts.open("counts.csv", text.encode())
    assert "2 new draws." in panel.counts.found.value
    assert "no such participant" in panel.counts.found.value
    assert "12,000,000 10^9/L" in panel.counts.found.value
    assert life.count == before
    panel.counts.record.click()
    assert "Recorded 2 draws" in panel.counts.said.value
    assert life.count == before + 2
    panel.counts.open("counts.csv", text.encode())
    assert "0 new draws. 2 are in the log already." in panel.counts.found.value
    assert panel.counts.record.layout.display == "none"


def test_what_a_hospital_s_file_of_counts_does_not_say_is_asked_and_then_read(panel):
    rows = [["受试者编号", "采样日期", "血小板(PLT)", "ANC"], ["W-001", "2026年3月5日", 12, 0.4]]
    panel.counts.open("血常规.xlsx", excel_file(rows, sheets=("血常规", "说明")))
    assert "several sheets" in panel.counts.said.value
    assert not panel.counts.asked
    panel.counts.sheet.value = "血常规"
    assert "no unit of 血小板(PLT), ANC" in panel.counts.said.value
    panel.counts.asked["血小板(PLT)"].value = "10^9/L"
    assert not panel.counts.found.value
    panel.counts.asked["ANC"].value = "10^9/L"
    assert "1 new draw." in panel.counts.found.value
    assert not panel.counts.said.value
    panel.counts.asked["ANC"].value = ""
    panel.counts.record.click()
    assert panel._desk.courses["W-001"].draws[date(2026, 3, 5)] == {"platelets": 12}
    panel.counts.open("counts.csv", b"participant,on,platelets [10^9/L]\nW-001,2026-03-09,12\n")
    assert panel.counts.sheet.layout.display == "none"
    assert not panel.counts.asked


def test_the_first_counts_of_a_file_are_shown_as_they_will_be_recorded(panel, life):
    life.day = START + timedelta(days=60)
    text = "participant,on,PLT [10^9/L],HGB [g/dL]\nW-001,2026-03-05,12,7.4\nW-001,2026-03-08,9,7.1\n"
    panel.counts.open("counts.csv", text.encode())
    shown = said(panel.counts.found)
    assert "2 new draws. The first 4 of 4 counts, as they will be recorded" in shown
    assert "W-001 2026-03-05 Platelets 12 10^9/L W-001 2026-03-05 Haemoglobin 7.4 g/dL" in shown
    panel.counts.open("counts.csv", many_draws(35))
    assert "The first 10 of 35 counts, as they will be recorded" in said(panel.counts.found)


def test_a_table_without_study_ids_is_of_the_participant_who_is_open_and_a_column_can_be_chosen(panel):
    text = "日期,床号,代码,PLT(10^9/L)\n2026-03-05,12,W-001,8\n2026-03-06,12,W-777,9\n"
    panel.counts.open("血常规.csv", text.encode())
    shown = said(panel.counts.found)
    assert "no column of study ids: every row is taken as a draw of W-001" in shown
    assert "2 new draws." in shown
    column = panel.counts.column
    assert (column.layout.display, column.options[0]) == ("flex", ("none: the table is of W-001", ""))
    column.value = "代码"
    shown = said(panel.counts.found)
    assert "1 new draw." in shown
    assert "W-777 no such participant" in shown
    assert "every row" not in shown
    column.value = ""
    assert "every row is taken as a draw of W-001" in said(panel.counts.found)
    panel.counts.open("counts.csv", b"participant,on,platelets [10^9/L]\nW-001,2026-03-09,12\n")
    assert column.layout.display == "none"


def test_without_a_participant_the_column_of_study_ids_is_asked(life):
    path = ParticipantPath(life.desk(), life.day)
    path.counts.open("血常规.csv", "日期,代码,PLT(10^9/L)\n2026-03-05,W-001,8\n".encode())
    assert "no column participant" in path.counts.said.value
    path.counts.column.value = "代码"
    assert "1 new draw." in path.counts.found.value
    assert not path.counts.said.value


def test_a_count_that_contradicts_the_log_is_left_to_a_person(panel, life):
    life.add("blood_count", "W-001", counts={"platelets": {"value": 8, "unit": "10^9/L"}})
    panel._desk.refresh()
    panel.counts.open("c.csv", f"participant,on,platelets [10^9/L]\nW-001,{START},9\n".encode())
    assert "already recorded: platelets" in panel.counts.found.value
    assert panel.counts.record.layout.display == "none"


def many_draws(n, who="W-001"):
    days = (START + timedelta(days=place) for place in range(n))
    rows = [f"{who},{day},{place % 90}" for place, day in enumerate(days)]
    return "\n".join(["participant,on,platelets [10^9/L]", *rows, ""]).encode()


def test_a_long_list_is_recorded_beside_the_page_with_its_progress(panel, life):
    life.day, before, looked = START + timedelta(days=60), life.count, []
    desk = panel._desk
    desk.on_change(lambda: looked.append(desk.briefing.head.count))
    panel.counts.open("counts.csv", many_draws(35))
    panel.counts.record.click()
    panel.counts.task.join()
    assert "Recorded 35 draws" in panel.counts.said.value
    assert panel.counts.task.progress.value == 1
    assert life.count == before + 35
    assert looked == [before + 35]  # the page follows once
    assert len(desk.courses["W-001"].draws) == 35


def test_stop_keeps_what_is_recorded_and_the_rest_is_new_again(panel, life, monkeypatch):
    life.day, before = START + timedelta(days=60), life.count
    panel.counts.open("counts.csv", many_draws(40))
    append = panel._desk._append

    def stopping(*about):
        if life.count == before + 15:
            panel.counts.task.end()
        return append(*about)

    monkeypatch.setattr(panel._desk, "_append", stopping)
    panel.counts.record.click()
    panel.counts.task.join()
    assert life.count == before + 20
    assert "Recorded 20 draws" in panel.counts.said.value
    assert "Stopped after 50 %" in panel.counts.task.words.value
    panel.counts.open("counts.csv", many_draws(40))
    assert "20 new draws. 20 are in the log already." in panel.counts.found.value


def test_an_error_in_the_middle_keeps_what_is_recorded_and_offers_the_rest(panel, life, monkeypatch):
    before, append = life.count, panel._desk._append

    def failing(*about):
        if life.count == before + 2:
            raise ProtocolError("trial log", "no room on the disk", "to another disk")
        return append(*about)

    monkeypatch.setattr(panel._desk, "_append", failing)
    panel.counts.open("counts.csv", many_draws(5))
    panel.counts.record.click()
    assert "no room on the disk" in panel.counts.said.value
    assert "Recorded 2 draws" in panel.counts.said.value
    monkeypatch.undo()
    panel.counts.record.click()
    assert "Recorded 3 draws" in panel.counts.said.value
    assert life.count == before + 5


PERSON = b"person_id,gender_concept_id,year_of_birth\n1,8507,1970\n2,8507,1980\n"
MEASURED = (
    b"measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_source_value\n"
    b"1,1,3024929,2026-03-05,12,10*9/L\n2,1,3024929,2026-03-06,14000,\n3,2,3024929,2026-03-06,30,10*9/L\n"
)


def test_counts_of_omop_are_of_the_participant_or_of_those_that_a_file_names(panel, life):
    own = MEASURED.replace(b"3,2,", b"3,1,")
    panel.counts.open_tables({"person.csv": PERSON, "MEASUREMENT.csv": own})
    assert "2 new draws." in panel.counts.found.value
    assert "no unit" in panel.counts.found.value
    panel.counts.open_tables({"person.csv": PERSON, "measurement.csv": MEASURED})
    assert "counts of several persons" in panel.counts.said.value
    assert panel.counts.record.layout.display == "none"
    ids = b"person_id,participant\n1,W-001\n"
    panel.counts.open_tables({"person.csv": PERSON, "measurement.csv": MEASURED, "study_ids.csv": ids})
    assert "1 new draw." in panel.counts.found.value
    assert "1 person without a study id" in panel.counts.found.value
    panel.counts.record.click()
    assert life.last().content["counts"] == {"platelets": {"value": 12.0, "unit": "10*9/L"}}


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (b"person,participant\n1,W-001\n", "no column person_id"),
        (b"person_id,participant\n1,Zhang San\n", "study_ids.csv, row 2"),
        (b"person_id,participant\n1,W-001\n1,W-002\n", "a second study id of a person"),
    ],
)
def test_study_ids_that_cannot_be_used_are_refused_with_their_row(panel, ids, says):
    panel.counts.open_tables({"person.csv": PERSON, "measurement.csv": MEASURED, "study_ids.csv": ids})
    assert says in panel.counts.said.value
    assert "Zhang" not in panel.counts.said.value


def test_tables_of_nobody_are_refused(panel):
    panel.participant.value = ""
    panel.counts.open_tables({"person.csv": PERSON, "measurement.csv": MEASURED})
    assert "tables of nobody" in panel.counts.said.value


def test_an_end_before_the_onset_is_told_and_the_form_stays(panel, life):
    fields, before = opened(panel, "adverse_event"), life.count
    fields.term.value, fields.grade.value, fields.relatedness.value = "fever", 2, "possible"
    fields.action.value, fields.outcome.value = "none", "recovered"
    panel.on.value, fields.end.value = START + timedelta(days=5), START + timedelta(days=4)
    panel.happened.record.click()
    assert "2026-03-06, before the onset on 2026-03-07" in panel.said.value
    assert (life.count, fields.term.value, fields.end.value) == (before, "fever", START + timedelta(days=4))
