"""When something was: the trial's zone, partial dates, and forms of effective, performed, onset, abatement."""

from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clinical_records import (
    PATIENT,
    SNOMED,
    bundle,
    concept,
    condition,
    everybody,
    observation,
    quantity,
    read,
    state,
)
from support.trial import ELIGIBILITY, TRIAL

from protocol.exchange.clinical import Setting, read_fhir
from protocol.exchange.clinical.fhir_times import Clock, When
from protocol.exchange.dates import PartialDate, partial_date

BORN = PartialDate(date(1980, 5, 6), date(1980, 5, 6))


def alt(value: float = 40, own: str = "o1", **more: Any) -> dict[str, Any]:
    return observation("1742-6", own, valueQuantity=quantity(value, "U/L"), **{"day": None, **more})


def therapy(status: str = "completed", **more: Any) -> dict[str, Any]:
    code = {"subject": {"reference": "Patient/1"}, "code": concept("367336001", SNOMED)}
    return {"resourceType": "Procedure", "id": "p", "status": status, **code, **more}


def age(value: float, unit: str = "a", **more: Any) -> dict[str, Any]:
    return quantity(value, unit, **more)


# --- The trial's zone ---


def test_the_record_of_a_trial_counts_days_in_the_trials_zone() -> None:
    assert ELIGIBILITY.zone == TRIAL.zone == ZoneInfo("Asia/Shanghai")
    assert ELIGIBILITY.with_parameters().zone == TRIAL.zone
    assert type(ELIGIBILITY).model_validate(ELIGIBILITY.model_dump()).zone == UTC


def test_a_therapy_at_six_in_the_morning_in_wuhan_is_of_that_day_though_its_moment_is_written_in_utc() -> None:
    chemo = therapy(performedDateTime="2026-02-28T22:00:00Z")
    person = read(chemo, as_of=date(2026, 3, 14))
    assert person.facts["last_anticancer_therapy_date"] == date(2026, 3, 1)
    elsewhere = Setting(ELIGIBILITY.with_zone(UTC), date(2026, 3, 14))
    found = read_fhir({"a.json": bundle(PATIENT, chemo)}, elsewhere, str).participants[0]
    assert found.facts["last_anticancer_therapy_date"] == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-08T15:59:59Z", 8),
        ("2026-03-08T16:00:00Z", 9),
        ("2026-03-08T23:30:00-05:00", 9),
        ("2026-03-08T23:59:60+08:00", 8),  # a leap second
        ("2026-03-08T23:59:59.9999999+08:00", 8),
        ("2026-03-08T23:30:00", 8),  # no zone: the day as written
        ("2026-03-08T00:00+08:00", 8),
    ],
)
def test_a_moment_counts_for_the_day_in_the_trials_zone(moment: str, day: int) -> None:
    person = read(alt(effectiveDateTime=moment))
    assert person.provenance["alt_u_l"].day == date(2026, 3, day)


def test_what_happens_after_the_as_of_day_of_the_zone_does_not_count() -> None:
    assert "alt_u_l" in read(alt(effectiveDateTime="2026-03-10T15:59:59Z")).facts
    assert "alt_u_l" not in read(alt(effectiveDateTime="2026-03-10T16:00:00Z")).facts


def test_the_newest_is_so_by_its_moment_and_not_by_its_text() -> None:
    west = alt(400, "w", effectiveDateTime="2026-03-08T23:30:00-05:00")  # half past twelve on 9 March in Wuhan
    east = alt(40, "e", effectiveDateTime="2026-03-09T11:00:00+08:00")
    assert read(west, east).facts["alt_u_l"] == 400
    fraction = alt(50, "f", effectiveDateTime="2026-03-09T12:30:00.5+08:00")
    assert read(west, east, fraction).facts["alt_u_l"] == 50


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-08T24:00:00Z",
        "2026-03-08T25:00:00Z",
        "2026-03-08T12:60:00Z",
        "2026-03-08T12:00:61Z",
        "2026-03-08T12:00:00+15:00",
        "2026-03-08Tmorning",
        "2026-03-08 12:00",
        "2026-W10",
        "2026-02-30",
        "0000-03-08",
        "0001-01-01",
        "0001-01-01T00:00:00Z",
        "1899-12-30",
        "2101-01-01",
        "9999-12-31T23:59:59Z",
        "99999-01-01",
        "-2026-03-08",
        "２０２６-03-08",
        "08/03/2026",
        "",
        7,
        ["2026-03-08"],
    ],
)
@pytest.mark.parametrize("element", ["effectiveDateTime", "issued"])
def test_what_is_no_possible_day_is_listed_and_leaves_the_value_open(element: str, text: Any) -> None:
    old = alt(40, "old", effectiveDateTime="2026-03-01")
    found = everybody({"a.json": bundle(PATIENT, old, alt(400, **{element: text}))})
    assert found.participants[0].unusable["alt_u_l"] == "conflicting sources"
    assert [problem.where for problem in found.problems] == [f"a.json, entry 3, {element}"]


# --- Every form of effective ---


@pytest.mark.parametrize(
    ("given_", "first", "last"),
    [
        ({"effectiveDateTime": "2026-03-05"}, "2026-03-05", None),
        ({"effectiveInstant": "2026-03-05T01:00:00Z"}, "2026-03-05", None),
        ({"effectivePeriod": {"start": "2026-03-01", "end": "2026-03-05"}}, "2026-03-05", None),
        ({"effectivePeriod": {"end": "2026-03-05"}}, "2026-03-05", None),
        ({"effectivePeriod": {"start": "2026-03-05"}}, "2026-03-05", "2026-03-10"),
        ({"effectivePeriod": {"start": "2026-03-05", "end": "2026-03-20"}}, "2026-03-05", "2026-03-10"),
        ({"effectiveTiming": {"event": ["2026-03-05", "2026-03-01"]}}, "2026-03-05", None),
        ({"effectiveTiming": {"repeat": {"boundsPeriod": {"end": "2026-03-05"}}}}, "2026-03-05", None),
        ({"effectiveDateTime": "2026-03"}, "2026-03-01", "2026-03-31"),
        ({"effectiveDateTime": "2026"}, "2026-01-01", "2026-12-31"),
        ({"issued": "2026-03-05T01:00:00Z"}, "2026-03-05", None),
    ],
)
def test_a_result_is_dated_by_every_form_of_effective(given_: dict[str, Any], first: str, last: str | None) -> None:
    found = read(alt(**given_)).provenance["alt_u_l"]
    assert (str(found.day), found.latest and str(found.latest)) == (first, last)


@pytest.mark.parametrize(
    "given_",
    [
        {"effectivePeriod": {"start": "2026-03-08", "end": "2026-03-01"}},
        {"effectivePeriod": {"start": "?", "end": "soon"}},
        {"effectivePeriod": "2026-03-05"},
        {"effectiveTiming": {"event": ["2026-03-05", "later"]}},
        {"effectiveTiming": {"code": concept("QD")}},
        {"effectiveDateTime": "2026-03-05", "effectivePeriod": {"end": "2026-03-06"}},
        {},
    ],
)
def test_a_result_whose_day_nobody_tells_may_be_the_newest(given_: dict[str, Any]) -> None:
    old = alt(40, "old", effectiveDateTime="2026-03-09")
    assert read(old, alt(400, **given_)).unusable["alt_u_l"] == "conflicting sources"
    assert read(old, alt(40, **given_)).facts["alt_u_l"] == 40


# --- Partial dates ---


def test_a_result_of_a_month_may_be_newer_than_one_of_a_day_in_it() -> None:
    exact = alt(40, "b", effectiveDateTime="2026-03-05")
    person = read(alt(400, "a", effectiveDateTime="2026-03"), exact)
    assert person.unusable["alt_u_l"] == "conflicting sources"
    assert "2026-03-01 to 2026-03-31" in person.unused["alt_u_l"].note
    assert read(alt(40, "a", effectiveDateTime="2026-03"), exact).facts["alt_u_l"] == 40
    assert read(alt(400, "a", effectiveDateTime="2026-02"), exact).facts["alt_u_l"] == 40
    assert read(alt(400, "a", effectiveDateTime="2026"), exact).unusable["alt_u_l"] == "conflicting sources"
    text = observation("1742-6", "a", "2026-03", valueString="high")
    assert read(text, exact).unusable["alt_u_l"] == "conflicting sources"


def test_the_oxygen_of_some_day_of_a_month_says_nothing_about_a_saturation_of_that_month() -> None:
    flow = {"code": concept("3151-8"), "valueQuantity": quantity(0, "L/min")}
    saturation = {"valueQuantity": quantity(96, "%")}
    together = observation("59408-5", "s", "2026-03", component=[flow], **saturation)
    assert read(together).facts["on_room_air"] is True
    apart = observation("3151-8", "f", "2026-03", valueQuantity=quantity(0, "L/min"))
    assert "on_room_air" not in read(observation("59408-5", "s", "2026-03", **saturation), apart).facts


def test_a_death_in_a_month_that_is_not_over_is_open() -> None:
    for text, months in (("2026-02", 0), ("2026-03", None), ("2026-04", None)):
        person = read(patient={**PATIENT, "deceasedDateTime": text})
        assert person.facts.get("expected_survival_months") == months
    assert read(patient={**PATIENT, "deceasedDateTime": "2026-03"}).unusable["expected_survival_months"] == "missing"


# --- Every form of performed, onset and abatement ---


@pytest.mark.parametrize(
    ("given_", "last"),
    [
        ({"performedDateTime": "2026-02-01"}, "2026-02-01"),
        ({"performedDateTime": "2026-02"}, "2026-02-28"),
        ({"performedPeriod": {"start": "2026-01-01", "end": "2026-02-01T20:00:00Z"}}, "2026-02-02"),
        ({"performedPeriod": {"end": "2026-02"}}, "2026-02-28"),
        ({"performedAge": age(44)}, "2025-05-05"),
        ({"performedAge": age(45)}, "2026-03-10"),
        ({"performedRange": {"low": age(40), "high": age(44)}}, "2025-05-05"),
        ({"performedAge": age(549, "mo")}, "2026-03-05"),  # from 6 February 2026
        ({"performedAge": age(1, "d")}, "1980-05-07"),
    ],
)
def test_the_last_day_of_a_therapy_is_the_last_that_is_possible(given_: dict[str, Any], last: str) -> None:
    assert str(read(therapy(**given_)).facts["last_anticancer_therapy_date"]) == last


@pytest.mark.parametrize(
    "given_",
    [
        {"performedString": "last spring"},
        {"performedAge": age(44, comparator=">")},
        {"performedAge": age(44, "h")},
        {"performedAge": {"value": "44", "code": "a"}},
        {"performedRange": {"low": age(40)}},
        {"performedPeriod": {"start": "2026-02-01", "end": "2026-01-01"}},
        {"performedDateTime": "2026-02-31"},
        {},
    ],
)
def test_a_therapy_whose_day_nobody_tells_has_an_open_last_day(given_: dict[str, Any]) -> None:
    person = read(therapy(**given_), therapy("completed", id="q", performedDateTime="2020-01-01"))
    assert person.facts["ever_anticancer_therapy"] is True
    assert "last_anticancer_therapy_date" not in person.facts


def test_an_age_is_no_day_without_a_date_of_birth() -> None:
    nobody = {"resourceType": "Patient", "id": "1"}
    assert "last_anticancer_therapy_date" not in read(therapy(performedAge=age(44)), patient=nobody).facts
    born = {**nobody, "birthDate": "1980"}
    person = read(therapy(performedAge=age(44)), patient=born)
    assert str(person.facts["last_anticancer_therapy_date"]) == "2025-12-30"


@pytest.mark.parametrize(
    ("given_", "day"),
    [
        ({"onsetDateTime": "2026-01-05"}, "2026-01-05"),
        ({"onsetDateTime": "2026-01-04T17:00:00Z"}, "2026-01-05"),
        ({"onsetPeriod": {"start": "2026-01", "end": "2026-02"}}, "2026-01-01"),
        ({"onsetAge": age(45)}, "2025-05-06"),
        ({"onsetRange": {"low": age(40), "high": age(45)}}, "2020-05-06"),
        ({"onsetString": "in winter", "recordedDate": "2026-01-20"}, "2026-01-20"),
        ({"onsetString": "in winter"}, "None"),
    ],
)
def test_a_diagnosis_dates_from_every_form_of_onset(given_: dict[str, Any], day: str) -> None:
    noted = {**condition("91861009"), "onsetDateTime": None, **given_}
    assert str(read(noted).provenance["diagnosis"].since or read(noted).provenance["diagnosis"].day) == day


@pytest.mark.parametrize(
    ("given_", "day"),
    [
        ({"abatementDateTime": "2023-03-10"}, "2023-03-10"),
        ({"abatementDateTime": "2023-03"}, "2023-03-31"),
        ({"abatementPeriod": {"start": "2023-01-01", "end": "2023-03-10"}}, "2023-03-10"),
        ({"abatementAge": age(40)}, "2021-05-05"),
        ({"abatementRange": {"low": age(40), "high": age(41)}}, "2022-05-05"),
        ({"abatementDateTime": "2026"}, "2026-03-10"),
        ({"abatementString": "after surgery"}, None),
        ({"abatementPeriod": {"start": "2023-01-01"}}, None),
        ({"abatementDateTime": "2023-02-31"}, None),
    ],
)
@pytest.mark.parametrize("clinical", [None, "resolved", "remission"])
def test_a_tumour_ends_on_the_last_day_that_its_abatement_can_mean(
    given_: dict[str, Any], day: str | None, clinical: str | None
) -> None:
    status = {"clinicalStatus": state(clinical)} if clinical else {}
    tumour = condition("93761005", **{"onsetDateTime": "2015-01-01", **given_, **status})
    facts = read(tumour).facts
    assert facts["other_malignancy"]
    assert facts.get("last_other_malignancy_date") == (date.fromisoformat(day) if day else None)


@pytest.mark.parametrize("given_", [{"abatementDateTime": "2015-01-01"}, {"abatementString": "years ago"}])
def test_an_active_tumour_that_has_ended_is_a_contradiction(given_: dict[str, Any]) -> None:
    torn = condition("93761005", **{"onsetDateTime": "2010-01-01", "clinicalStatus": state("active"), **given_})
    found = everybody({"a.json": bundle(PATIENT, torn)})
    assert found.participants[0].unusable["other_malignancy"] == "missing"
    assert any("clinicalStatus" in problem.found for problem in found.problems)


def test_a_diagnosis_that_may_have_ended_is_unknown() -> None:
    assert read(condition("91861009", abatementDateTime="2026-03")).unusable["diagnosis"] == "missing"
    assert "diagnosis" not in read(condition("91861009", abatementString="gone")).facts
    over = condition("91861009", abatementDateTime="2026-03", clinicalStatus=state("resolved"))
    assert "diagnosis" not in read(over).facts


# --- The reader itself ---


def test_nothing_that_stands_there_is_taken_for_something() -> None:
    clock = Clock(ZoneInfo("Asia/Shanghai"), BORN)
    assert clock.when({}, "effective") == When()
    assert clock.when({"effectiveAge": age(10**9)}, "effective") == When(is_given=True)
    assert clock.when({"effectiveAge": age(float("nan"))}, "effective") == When(is_given=True)


@pytest.mark.slow
@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_of_any_zone_is_the_day_and_the_moment_it_is(moment: Any) -> None:
    text = moment.isoformat()
    zone = ZoneInfo("Asia/Shanghai")
    try:
        found = partial_date(text, zone=zone)
    except ValueError:  # an offset with seconds, of local mean time
        return
    if found.moment:
        assert found.first == found.last == moment.astimezone(zone).date()
        assert found.moment == moment.astimezone(UTC).isoformat()
