"""Visit windows for statisticians: no day 0, and the same days as the ledger."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import FOLLOWUP

from protocol.exchange.registry.adam import relative_day, visit_windows
from protocol.exchange.spreadsheet import csv
from protocol.followup import timeline

WINDOWS = visit_windows(FOLLOWUP)
DAYS = ["AWLO", "AWTARGET", "AWHI"]


def test_there_is_no_day_zero_and_a_target_lies_in_its_window():
    assert not (WINDOWS[DAYS] == 0).any().any()
    assert ((WINDOWS["AWLO"] <= WINDOWS["AWTARGET"]) & (WINDOWS["AWTARGET"] <= WINDOWS["AWHI"])).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_table_says_what_the_ledger_says(level):
    day = date(2025, 3, 1)  # the ledger counts calendar months, the table months of mean length
    dates = {"enrolment": day, "start_of_therapy": day, "first_infusion": day, "end_of_treatment": date(2025, 3, 15)}
    ledger = timeline(FOLLOWUP, dates, level, day).set_index("name")
    names = {visit.id: visit.name for visit in FOLLOWUP.all_visits}
    roots = {names[visit]: root for visit, root in FOLLOWUP.roots(level).items()}
    usual = [row for row in WINDOWS[WINDOWS["FREQ"] == level].itertuples() if roots[row.AVISIT] in dates]
    assert len(usual) >= 12  # all but the visit of those who leave early
    for row in usual:
        for column, counted in (("opens", row.AWLO), ("target", row.AWTARGET), ("closes", row.AWHI)):
            elapsed = (ledger.loc[row.AVISIT, column].date() - dates[roots[row.AVISIT]]).days
            apart = abs(elapsed - (counted - 1 if counted > 0 else counted))
            assert apart <= (2 if row.NOTE else 0), (row.AVISIT, column)


def test_visits_of_a_level_are_those_of_the_record_in_its_order():
    for level in (1, 2, 3):
        own = WINDOWS[WINDOWS["FREQ"] == level]
        assert set(own["AVISIT"]) == {visit.name for visit in FOLLOWUP.visits_at(level)}
        assert own["AVISITN"].is_unique
    assert WINDOWS.groupby("AVISIT")["AVISITN"].nunique().eq(1).all()


def test_assumptions_are_called_assumptions():
    names = {visit.name: visit for visit in FOLLOWUP.all_visits}
    for row in WINDOWS.itertuples():
        assert row.AWBASIS.startswith("assumption: ")
        assert row.BASIS.startswith("assumption: ") == names[row.AVISIT].is_assumption


def test_the_file_keeps_negative_days_as_numbers():
    lines = csv(WINDOWS).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("FREQ,AVISITN,AVISIT,ANCHOR,AWTARGET,AWLO,AWHI,AWU,")
    assert any(",Screening,Enrolment,-7,-14,1,DAYS," in line for line in lines)


@given(st.integers(-3000, 3000))
def test_relative_days_follow_each_other_without_a_zero(elapsed):
    before, after = relative_day(elapsed), relative_day(elapsed + 1)
    assert 0 not in (before, after)
    assert after - before == (2 if elapsed == -1 else 1)


def test_first_infusion_is_day_one():
    first = WINDOWS[WINDOWS["AVISIT"] == "Infusion, day 1"]
    assert first[DAYS].to_numpy().tolist() == [[1, 1, 1]] * 3
