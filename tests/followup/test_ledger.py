"""The ledger of one participant: four anchors, calendar months, and one status a visit."""

import json
import tomllib
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import FOLDER
from support.trial import FOLLOWUP
from twins import followup as twin

from protocol.figures import followup as figures
from protocol.followup import STATUSES, FollowupRecord, duration, landmarks, lookbacks, shifted, timeline
from protocol.records import ProtocolError, read_record
from protocol.trial import load_trial

FILE = FOLDER / "followup.toml"
TABLE = tomllib.loads(FILE.read_text(encoding="utf-8"))
TODAY = date(2026, 3, 1)
DATES = {
    "enrolment": date(2026, 1, 5),
    "start_of_therapy": date(2026, 1, 8),
    "first_infusion": date(2026, 1, 20),
    "end_of_treatment": date(2026, 2, 3),
}
DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))


def row(ledger, name):
    return ledger.set_index("id").loc[name]


def written(tmp_path, old, new):
    """The record's file with one text replaced."""
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "followup.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@st.composite
def participants(draw):
    """Anchors in their order, some of them missing, with visits done on days up to today."""
    today = draw(DAYS)
    gaps = draw(st.lists(st.integers(0, 60), min_size=5, max_size=5))
    day = today - timedelta(days=draw(st.integers(-30, 900)))
    dates = {}
    for anchor, gap in zip(FOLLOWUP.anchors, gaps, strict=True):
        day += timedelta(days=gap)
        given = draw(st.integers(0, 5)) if anchor.id != "withdrawal" else draw(st.integers(0, 2)) == 0
        dates[anchor.id] = day if given else None
    level = draw(st.sampled_from([1, 2, 3]))
    ledger = timeline(FOLLOWUP, dates, level, today)
    can = [name for name, target in zip(ledger["id"], ledger["target"], strict=True) if pd.notna(target)]
    can = [name for name in can if name != "infusion_day_1"]
    chosen = draw(st.lists(st.sampled_from(can), unique=True, max_size=4)) if can else []
    done = {name: today - timedelta(days=draw(st.integers(0, 200))) for name in chosen}
    return dates, level, today, done


@pytest.mark.requirement("R-FUP-02")
@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(participants())
def test_the_ledger_agrees_with_its_twin(participant):
    dates, level, today, done = participant
    ledger = timeline(FOLLOWUP, dates, level, today, done)
    ours = {
        line.id: (
            *(None if pd.isna(day) else day.date() for day in (line.opens, line.target, line.closes)),
            line.status,
        )
        for line in ledger.itertuples()
    }
    assert ours == twin.timeline(TABLE, dates, level, today, done)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(participants())
def test_every_visit_stands_once_with_one_known_status(participant):
    dates, level, today, done = participant
    ledger = timeline(FOLLOWUP, dates, level, today, done)
    assert sorted(ledger["id"]) == sorted(visit.id for visit in FOLLOWUP.all_visits)
    assert set(ledger["status"]) <= set(STATUSES) == set(figures.SIGNS)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(participants(), st.integers(-400, 400))
def test_shifting_every_date_shifts_visits_of_days_and_weeks_alike(participant, days):
    dates, level, today, done = participant
    step = timedelta(days=days)
    moved = {name: day and day + step for name, day in dates.items()}
    before = timeline(FOLLOWUP, dates, level, today, done).set_index("id")
    after = timeline(FOLLOWUP, moved, level, today + step, {n: day + step for n, day in done.items()}).set_index("id")
    in_days = [visit.id for visit in FOLLOWUP.all_visits if not set("MY") & set(visit.offset)]
    assert len(in_days) > 8
    for name in in_days:
        assert before.loc[name, "status"] == after.loc[name, "status"]
        for column in ("opens", "target", "closes"):
            one, other = before.loc[name, column], after.loc[name, column]
            assert (pd.isna(one) and pd.isna(other)) or other - one == pd.Timedelta(step)


@pytest.mark.requirement("R-FUP-02")
@pytest.mark.slow
@settings(max_examples=20, deadline=None)  # several ledgers for each visit of each participant
@given(participants())
def test_the_last_day_of_a_window_is_due_and_the_day_after_is_overdue(participant):
    dates, level, today, _done = participant
    for line in timeline(FOLLOWUP, dates, level, today).itertuples():
        if pd.isna(line.target) or line.id == "infusion_day_1" or line.status == "cancelled":
            continue
        last = line.closes.date()
        assert row(timeline(FOLLOWUP, dates, level, last), line.id)["status"] == "due"
        assert row(timeline(FOLLOWUP, dates, level, last + timedelta(days=1)), line.id)["status"] == "overdue"


@pytest.mark.parametrize(
    ("today", "status"),
    [
        (date(2026, 2, 7), "not yet"), (date(2026, 2, 8), "open"), (date(2026, 2, 9), "open"),
        (date(2026, 2, 10), "due"), (date(2026, 2, 12), "due"), (date(2026, 2, 13), "overdue"),
        (date(2026, 2, 19), "overdue"), (date(2026, 2, 20), "missed"),
    ],
)  # fmt: skip
def test_a_visit_not_done_goes_along_the_axis(today, status):
    assert row(timeline(FOLLOWUP, DATES, 1, today), "dlt_day_22")["status"] == status


@pytest.mark.parametrize(
    ("done", "status"),
    [
        (date(2026, 2, 7), "early"), (date(2026, 2, 8), "in window"), (date(2026, 2, 12), "in window"),
        (date(2026, 2, 13), "late"),
    ],
)  # fmt: skip
def test_a_visit_done_is_judged_on_both_ends_of_its_window(done, status):
    assert row(timeline(FOLLOWUP, DATES, 1, TODAY, {"dlt_day_22": done}), "dlt_day_22")["status"] == status


@pytest.mark.requirement("R-FUP-01")
@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        (date(2025, 8, 31), "P6M", date(2026, 2, 28)),
        (date(2023, 8, 31), "P6M", date(2024, 2, 29)),
        (date(2024, 2, 29), "P1Y", date(2025, 2, 28)),
        (date(2024, 2, 29), "P2Y", date(2026, 2, 28)),
        (date(2026, 3, 31), "-P1M", date(2026, 2, 28)),
        (date(2026, 1, 31), "P1M1D", date(2026, 3, 1)),
        (date(2026, 1, 20), "P2W", date(2026, 2, 3)),
    ],
)
def test_months_are_calendar_months_clipped_to_their_end(start, length, end):
    assert shifted(start, length) == twin.moved(start, length) == end


@pytest.mark.parametrize("text", ["", "P", "-P", "2W", "PT5H", "P1.5D", "P-3D", "P3D2W", "p3d", "P3D "])
def test_other_texts_are_no_durations(text):
    with pytest.raises(ValueError, match="write"):
        duration(text)


@pytest.mark.requirement("R-FUP-01")
@given(DAYS, st.integers(0, 5), st.integers(0, 40), st.integers(0, 9), st.integers(0, 99))
def test_durations_move_dates_as_the_twin_does(day, years, months, weeks, days):
    text = f"P{years}Y{months}M{weeks}W{days}D"
    assert shifted(day, text) == twin.moved(day, text)
    assert shifted(day, "-" + text) == shifted(day, text, -1)


def test_a_date_beyond_the_calendar_is_refused():
    with pytest.raises(ProtocolError, match="nearer date"):
        timeline(FOLLOWUP, {"enrolment": date(9999, 1, 1)}, 1, TODAY)


def test_two_years_count_from_enrolment_and_infusions_from_the_first():
    ledger = timeline(FOLLOWUP, DATES, 3, TODAY)
    assert row(ledger, "month_24")["target"] == pd.Timestamp(2028, 1, 5) == row(ledger, "month_24")["closes"]
    assert row(ledger, "infusion_day_11")["target"] == pd.Timestamp(2026, 1, 30)


def test_study_days_have_no_zero_and_elapsed_days_have():
    ledger = timeline(FOLLOWUP, DATES | {"start_of_therapy": date(2026, 1, 19)}, 1, TODAY)
    assert [*row(ledger, "infusion_day_1")[["elapsed_days", "study_day"]]] == [0, 1]
    assert [*row(ledger, "dlt_day_29")[["elapsed_days", "study_day"]]] == [28, 29]
    assert [*row(ledger, "ecog_check")[["elapsed_days", "study_day"]]] == [-1, -1]


@pytest.mark.parametrize(("level", "days"), [(1, [1]), (2, [1, 8]), (3, [1, 4, 8, 11])])
def test_a_frequency_has_its_own_infusions_and_no_others(level, days):
    ledger = timeline(FOLLOWUP, DATES, level, TODAY)
    here = ledger[(ledger["kind"] == "infusion") & (ledger["status"] != "not applicable")]
    assert list(here["study_day"]) == days
    assert row(ledger, "after_last_infusion")["study_day"] == days[-1] + 1
    assert (row(ledger, "safety_day_8")["status"] == "not applicable") == (level != 1)


@pytest.mark.requirement("R-FUP-03")
def test_visits_without_their_anchor_are_not_yet_known_and_never_guessed():
    ledger = timeline(FOLLOWUP, {"enrolment": DATES["enrolment"]}, 2, TODAY)
    waiting = ledger[ledger["status"] == "not yet known"]
    assert {"infusion_day_1", "end_of_treatment_visit", "dlt_day_29", "end_of_contraception"} <= set(waiting["id"])
    assert waiting[["opens", "target", "closes", "elapsed_days"]].isna().all(axis=None)
    assert row(ledger, "month_3")["target"] == pd.Timestamp(2026, 4, 5)


def test_a_visit_on_a_visit_counts_from_the_day_that_one_took_place():
    ledger = timeline(FOLLOWUP, DATES, 2, TODAY, {"infusion_day_8": date(2026, 1, 28)})
    assert row(ledger, "after_last_infusion")["target"] == pd.Timestamp(2026, 1, 29)


def test_contraception_lasts_six_months_after_the_end_of_treatment():
    marks = row(landmarks(FOLLOWUP, DATES | {"end_of_treatment": date(2026, 8, 31)}, TODAY), "contraception")
    assert (marks["opens"], marks["closes"]) == (pd.Timestamp(2026, 1, 20), pd.Timestamp(2027, 2, 28))
    assert pd.isna(row(landmarks(FOLLOWUP, {}, TODAY), "contraception")["closes"])


@pytest.mark.parametrize(
    ("dates", "done", "level", "said"),
    [
        ({"first_infusion": date(2026, 1, 4)}, {}, 1, "First infusion"),
        ({"end_of_treatment": date(2026, 1, 19)}, {}, 1, "End of treatment"),
        ({"birthday": date(2026, 1, 1)}, {}, 1, "birthday"),
        ({}, {"dlt_day_22": date(2026, 3, 2)}, 1, "after today"),
        ({}, {"infusion_day_4": date(2026, 1, 23)}, 1, "no visit of frequency 1"),
        ({}, {"infusion_day_1": date(2026, 1, 21)}, 1, "the same date"),
        (
            {"end_of_treatment": None},
            {"end_of_contraception": date(2026, 2, 21)},
            1,
            "no date to count it from",
        ),
        ({}, {"tea": date(2026, 1, 21)}, 1, "tea"),
        ({}, {}, 4, "frequency"),
    ],
)
def test_dates_that_cannot_be_are_refused(dates, done, level, said):
    with pytest.raises(ProtocolError, match=said):
        timeline(FOLLOWUP, DATES | dates, level, TODAY, done)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('hangs_on = "last_infusion"', 'hangs_on = "enrollment"', "after_last_infusion → enrollment"),
        (
            'hangs_on = "last_infusion"',
            'hangs_on = "after_last_infusion"',
            "after_last_infusion → after_last_infusion",
        ),
        ('hangs_on = "last_infusion"', 'hangs_on = "infusion_day_4"', "no visit at frequency 1"),
        ('offset = "P21D"', 'offset = "21 days"', "21 days"),
        ('before = "P7D", after', 'before = "-P7D", after', "negative"),
        ("infusion_days = [1, 8]", "infusion_days = [1, 16]", "day 16"),
        ("infusion_days = [1, 8]", "infusion_days = [8, 1]", "rising"),
        ('"blood_count", "disease"]', '"blood", "disease"]', "blood"),
        ('name = "Month 6"', 'name = "Month 3"', "same name"),
        ('id = "month_6"', 'id = "month_3"', "duplicate"),
        ("frequencies = [1]", "frequencies = [7]", "frequency 7"),
        (
            'window = { before = "P2D", after = "P2D"',
            'window = { before = "P22D", after = "P2D"',
            "wider than its gap of P21D to 'first_infusion'",
        ),
        ('before = "P7D", after = "P7D"', 'before = "P7D", after = "P8D"', "wider than its gap of -P7D"),
        ('before = "P1D"\nafter = "P1D"', 'before = "P1D"\nafter = "P2D"', "infusion days 8 and 11 meet"),
        ('before = "P1D"\nafter = "P1D"', 'before = "P3D"\nafter = "P1D"', "infusion days 1 and 4 meet"),
    ],
)
def test_a_record_that_does_not_hold_together_is_refused(tmp_path, old, new, said):
    with pytest.raises(ProtocolError, match=said):
        read_record(written(tmp_path, old, new), FollowupRecord)


def test_a_circle_of_visits_is_refused_with_its_path(tmp_path):
    path = written(tmp_path, 'hangs_on = "last_infusion"', 'hangs_on = "safety_day_8"')
    text = path.read_text(encoding="utf-8")
    start = text.index('id = "safety_day_8"')
    text = text[:start] + text[start:].replace('hangs_on = "first_infusion"', 'hangs_on = "after_last_infusion"', 1)
    path.write_text(text.replace("frequencies = [1]\n", ""), encoding="utf-8")
    with pytest.raises(ProtocolError, match="after_last_infusion → safety_day_8 → after_last_infusion"):
        read_record(path, FollowupRecord)


def test_a_visit_is_added_by_one_table(tmp_path):
    table = """
[[visits]]
id = "call"
name = "Telephone call"
hangs_on = "dlt_day_29"
offset = "P3D"
window = { before = "P1D", after = "P1D", assumption = "Invented for this test." }
procedures = ["adverse_events"]
frequencies = [2, 3]
assumption = "Invented for this test."

[[lookbacks]]"""
    text = FILE.read_text(encoding="utf-8").replace("\n[[lookbacks]]", table, 1)
    path = tmp_path / "followup.toml"
    path.write_text(text, encoding="utf-8")
    record = read_record(path, FollowupRecord)
    assert row(timeline(record, DATES, 2, TODAY), "call")["target"] == pd.Timestamp(2026, 2, 20)
    assert row(timeline(record, DATES, 1, TODAY), "call")["status"] == "not applicable"


def test_every_infusion_checks_exclusion_15():
    ledger = timeline(FOLLOWUP, DATES, 3, TODAY)
    assert ledger.loc[ledger["kind"] == "infusion", "procedures"].str.contains("inhibits cell division").all()


def test_only_what_the_listing_says_has_a_source():
    listed = {visit.id for visit in FOLLOWUP.all_visits if not visit.is_assumption}
    assert listed == {"ecog_check", "month_24"}
    assert all(item.is_assumption for item in FOLLOWUP.frequencies)
    assert not any(item.is_assumption for item in (*FOLLOWUP.lookbacks, *FOLLOWUP.periods))


def test_the_two_panels_together_show_every_applicable_visit_once():
    ledger, marks = timeline(FOLLOWUP, DATES, 2, TODAY), landmarks(FOLLOWUP, DATES, TODAY)
    panels = [figures.schedule_rows(ledger, marks, panel) for panel in ("course", "years")]
    shown = sum((panel["kind"].isin(["visit", "infusion"]).sum() for panel in panels), 0)
    assert shown == (ledger["status"] != "not applicable").sum()
    for panel in panels:
        assert list(panel["today"].dropna()) == ["2026-03-01T12:00:00"]


def test_rows_of_pictures_can_be_sent_as_json():
    ledger = timeline(FOLLOWUP, {"enrolment": DATES["enrolment"]}, 2, TODAY)
    marks = landmarks(FOLLOWUP, {"enrolment": DATES["enrolment"]}, TODAY)
    clocks = figures.clock_rows(
        lookbacks(FOLLOWUP, {"drug_trial": TODAY, "other_malignancy": date(2020, 1, 1)}, TODAY)
    )
    for frame in (*(figures.schedule_rows(ledger, marks, panel) for panel in ("course", "years")), clocks):
        json.dumps(frame.to_dict("records"), allow_nan=False)


def test_a_bar_ends_with_the_last_day_of_its_window():
    rows = figures.schedule_rows(timeline(FOLLOWUP, DATES, 2, TODAY), landmarks(FOLLOWUP, DATES, TODAY), "course")
    bar = rows[rows["label"].str.startswith("Infusion, day 8")].iloc[0]
    assert (bar["opens"], bar["until"]) == ("2026-01-26T00:00:00", "2026-01-29T00:00:00")


def test_follow_up_and_escalation_mean_the_same_frequencies_and_dlt_window():
    trial = load_trial(FILE.parent)
    assert [str(item.level) for item in FOLLOWUP.frequencies] == [item.id for item in trial.escalation.frequencies]
    complete = row(timeline(FOLLOWUP, DATES, 3, TODAY), "dlt_day_29")
    assert complete["elapsed_days"] == trial.escalation.dlt_window_days.value
    assert complete["opens"] == complete["target"]  # never before the window is complete
