"""The screening record: as JSON, as a page to print, and as a calendar of the days on which a verdict changes."""

import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.participants import participants
from support.random_examples import random_examples
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.screening_record import (
    ScreeningRecord,
    changed_verdicts,
    facts_of,
    interpretation_id,
    rule_hash,
    screening_record,
)
from protocol.exchange.contacts.calendar import eligibility_calendar
from protocol.exchange.documents.screening import read_screening, screening_file_name, screening_json, screening_page
from protocol.records import ProtocolError, is_study_id

TODAY = date(2026, 3, 1)
ABOUT = {"study_id": "WUH-017", "trial_id": "NCT05672420", "registry_version": "2023-01-05", "software": "0.1.0"}
FACTS: dict[str, Any] = {
    "ecog": 3,
    "birth_date": date(1960, 5, 1),
    "lvef_pct": 61.5,
    "lvef_date": date(2026, 2, 20),
    "sex": "male",
    "enrolment_date": TODAY,
    "infusion_date": TODAY,
}


def kept(record: EligibilityRecord = ELIGIBILITY, facts: dict[str, Any] = FACTS, **more: Any) -> ScreeningRecord:
    return screening_record(record, facts, "Ib", TODAY, **(ABOUT | more))


@pytest.mark.requirement("R-ELI-06")
@pytest.mark.slow
@random_examples(25)
@given(st.data(), st.sampled_from(["enrolment", "infusion"]), st.sampled_from(["Ib", "II"]))
def test_a_record_comes_back_from_its_file_and_gets_the_same_verdicts_again(
    data: st.DataObject, gate: Any, phase: Any
) -> None:
    facts = {n: v for n, v in data.draw(participants(ELIGIBILITY)).items() if v == v} | {"infusion_date": TODAY}
    record = screening_record(ELIGIBILITY, facts, phase, TODAY, gate=gate, **ABOUT)
    again = read_screening("kept.json", screening_json(record))
    assert again == record
    assert screening_json(again) == screening_json(record)
    assert facts_of(again, ELIGIBILITY) == facts
    assert changed_verdicts(again, ELIGIBILITY) == {}


@pytest.mark.requirement("R-ELI-06")
def test_the_record_says_what_was_asked_known_and_by_which_rules() -> None:
    sources = {"lvef_pct": "echo.csv, row 3"}
    record = kept(sources=sources, unusable={"creatinine_umol_l": "unit unknown"})
    assert (record.overall, record.as_of, record.trial_id) == ("ineligible", TODAY, "NCT05672420")
    entries = {entry.id: entry for entry in record.criteria}
    assert [*entries] == [criterion.id for criterion in ELIGIBILITY.criteria]
    assert all(entry.wording for entry in record.criteria)
    assert entries["I5"].status == "excludes"
    assert (entries["I5"].provisional_until, entries["I5"].provisional_day) == ("therapy start", None)
    echo = {item.fact: item for item in entries["I7"].evidence}["lvef_pct"]
    assert (echo.value, echo.measured, echo.where) == (61.5, date(2026, 2, 20), "echo.csv, row 3")
    assert [part.id for part in entries["I7"].parts] == ["I7.1", "I7.2", "I7.3", "I7.4"]
    assert "unit unknown" in entries["I7"].unknown_because
    assert record.decides == "Decision support; the investigator decides."


def test_a_changed_reading_changes_the_interpretation_and_not_the_rules() -> None:
    other = ELIGIBILITY.with_parameters(bmi_max_kg_m2=32.0)
    assert interpretation_id(other) != interpretation_id(ELIGIBILITY)
    assert rule_hash(other) == rule_hash(ELIGIBILITY)
    assert re.fullmatch(r"[0-9a-f]{16}", rule_hash(ELIGIBILITY))


def test_a_changed_condition_changes_the_rules_and_a_translated_label_does_not() -> None:
    first, *rest = ELIGIBILITY.criteria
    stricter = first.model_copy(update={"condition": "age_years >= age_min_years"})
    assert rule_hash(ELIGIBILITY.model_copy(update={"criteria": (stricter, *rest)})) != rule_hash(ELIGIBILITY)
    renamed = first.model_copy(update={"title": "年龄"})
    labels = tuple(fact.model_copy(update={"label": "标签"}) for fact in ELIGIBILITY.facts)
    translated = ELIGIBILITY.model_copy(update={"criteria": (renamed, *rest), "facts": labels})
    assert rule_hash(translated) == rule_hash(ELIGIBILITY)


def test_a_record_screened_under_other_thresholds_says_what_changes() -> None:
    assert changed_verdicts(kept(), ELIGIBILITY.with_parameters(ecog_max=3)) == {"I5": ("excludes", "passes")}


@pytest.mark.parametrize("study_id", ["Li Wei", "", "Zhang", "017 Wei", "<b>1</b>", "-1", "7" * 65, "张1"])
def test_a_name_is_no_study_id(study_id: str) -> None:
    assert not is_study_id(study_id)
    with pytest.raises(ProtocolError, match="Study id"):
        kept(study_id=study_id)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": "another"}', b"\xff\xfe", b'{"format": 1'])
def test_a_file_that_is_no_record_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"mine\.json"):
        read_screening("mine.json", content)


class Page(HTMLParser):
    """Collects the links and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_printed_page_has_every_criterion_and_needs_nothing_from_anywhere() -> None:
    record = kept(sources={"lvef_pct": "<img src=x onerror=alert(1)>"}, unusable={"hbsag": "conflicting sources"})
    page = Page(screening_page(record))
    text = " ".join(" ".join(page.text).split())
    assert page.links == []
    assert {"img", "script", "link"}.isdisjoint(page.tags)
    for entry in record.criteria:
        assert entry.wording in text
        assert f"{entry.id} {entry.title}" in text
    for words in ("WUH-017", record.rule_hash, record.interpretation_id, "2026-03-01", "2023-01-05", "Investigator"):
        assert words in text
    assert "Decision support; the investigator decides." in text
    assert "provisional until: therapy start" in text
    assert screening_file_name(record, "html") == "screening-WUH-017-enrolment-2026-03-01.html"


def test_the_page_and_the_file_tell_the_workbooks_assumptions_from_the_registrys_rules() -> None:
    record = kept(facts={"infusion_date": TODAY}, gate="infusion", unusable={"creatinine_umol_l": "unit unknown"})
    entries = {entry.id: entry for entry in record.criteria}
    assert [entries[name].is_assumption for name in ("D1", "D2", "E15", "I3", "I7.1")] == [
        False,
        False,
        False,
        True,
        True,
    ]
    text = " ".join(" ".join(Page(screening_page(record)).text).split())
    for recheck in ELIGIBILITY.rechecks:
        says = "assumption of the workbook: " if recheck.is_assumption else ""
        assert says + recheck.origin in text
    assert "creatinine_umol_l" not in text
    assert next(fact.label for fact in ELIGIBILITY.facts if fact.id == "creatinine_umol_l") + ": unit unknown" in text
    assumed = {parameter.id: parameter.assumption for parameter in ELIGIBILITY.parameters if parameter.assumption}
    assert read_screening("a.json", screening_json(record)).assumed == assumed
    assert record.assumed.keys() < record.parameters.keys()


@pytest.mark.parametrize(
    ("gate", "facts", "says"),
    [
        ("enrolment", FACTS, "✕ Not eligible"),
        ("enrolment", {}, "? Possibly eligible"),
        ("infusion", {"infusion_date": TODAY, "treatment_myelosuppression": False}, "✕ Not to be infused"),
        ("infusion", {"infusion_date": TODAY}, "? Not yet clear"),
    ],
)
def test_the_printed_answer_is_that_of_its_gate(gate: str, facts: dict[str, Any], says: str) -> None:
    assert says in screening_page(kept(facts=facts, gate=gate))


def test_the_calendar_holds_the_turning_points_and_no_name() -> None:
    facts = {"ever_anticancer_therapy": True, "last_anticancer_therapy_date": TODAY, "birth_date": date(1950, 6, 15)}
    when = ELIGIBILITY.timeline(facts, start=TODAY)
    content = eligibility_calendar("NCT05672420", "WUH-017", when, TODAY)
    assert content == eligibility_calendar("NCT05672420", "WUH-017", when, TODAY)
    events = {str(e["uid"]): e for e in icalendar.Calendar.from_ical(content).walk("VEVENT")}
    assert events["WUH-017-opens@NCT05672420"].decoded("dtstart") == date(2026, 3, 15)
    assert events["WUH-017-closes@NCT05672420"].decoded("dtstart") == date(2026, 6, 14)
    turn = events["WUH-017-I8a-1@NCT05672420"]
    assert turn.decoded("dtstart") == date(2026, 3, 15)
    assert "passes from this day on" in str(turn["summary"])
    assert len(events) == 4
    with pytest.raises(ProtocolError):
        eligibility_calendar("NCT05672420", "Li Wei", when, TODAY)


def test_a_turning_point_that_is_gone_is_cancelled_in_the_next_file() -> None:
    first = ELIGIBILITY.timeline(
        {"ever_anticancer_therapy": True, "last_anticancer_therapy_date": TODAY}, start=TODAY
    )
    before = eligibility_calendar("NCT05672420", "WUH-017", first, TODAY)
    second = ELIGIBILITY.timeline({"ever_anticancer_therapy": False}, start=TODAY)
    after = eligibility_calendar("NCT05672420", "WUH-017", second, TODAY, previous=before)

    def events(content: bytes) -> dict[str, Any]:
        return {str(e["uid"]): e for e in icalendar.Calendar.from_ical(content).walk("VEVENT")}

    gone = {uid for uid, event in events(after).items() if event["status"] == "CANCELLED"}
    assert "WUH-017-I8a-1@NCT05672420" in gone
    assert set(events(before)) <= set(events(after))
    assert {event["sequence"] for event in events(after).values()} == {events(before)[min(gone)]["sequence"] + 1}
    alone = events(eligibility_calendar("NCT05672420", "WUH-017", second, TODAY))
    assert all(alone[f"WUH-017-{key}@NCT05672420"]["sequence"] > 0 for key in ("opens", "closes"))


def test_the_calendar_marks_a_day_that_waits_for_an_answer_as_possible() -> None:
    facts = {"immunosuppressant_use": "continuous", "last_immunosuppressant_date": date(2025, 12, 1)}
    when = ELIGIBILITY.timeline(facts, start=TODAY)
    content = eligibility_calendar("NCT05672420", "WUH-017", when, TODAY)
    events = {str(e["uid"]): e for e in icalendar.Calendar.from_ical(content).walk("VEVENT")}
    opens = events["WUH-017-opens@NCT05672420"]
    assert opens.decoded("dtstart") == when.possibly_from
    assert str(opens["summary"]).startswith("Possible: ")
    assert "organ transplant" in str(opens["summary"])


def test_a_day_that_is_none_in_a_kept_record_is_refused_by_name() -> None:
    broken = kept(facts={"birth_date": date(1950, 6, 15)}).model_copy(update={"facts": {"birth_date": "2026-99-99"}})
    with pytest.raises(ProtocolError, match="Date of birth: found '2026-99-99'"):
        changed_verdicts(broken, ELIGIBILITY)
