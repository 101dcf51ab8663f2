"""All participants: one table of visits, the list of visits that are due, and the lanes of the picture."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import FOLLOWUP, TRIAL

from protocol.conduct import table_of_dates
from protocol.figures import followup as figures
from protocol.followup import agenda, full_days, timeline, timelines
from protocol.pages.followup.trial_board import lanes_of
from protocol.records import ProtocolError

SO_FAR = TRIAL.so_far
TABLE = table_of_dates(SO_FAR.participants)
LEDGER = timelines(FOLLOWUP, TABLE, SO_FAR.as_of)
SITES = {person.id: person.site for person in SO_FAR.participants}
DAY = date(2026, 1, 31)


@pytest.mark.slow
def test_many_participants_have_the_ledgers_each_has_alone():
    visits = {visit.id for visit in FOLLOWUP.all_visits}
    for person in SO_FAR.participants:
        row = TABLE.set_index("participant").loc[person.id]
        anchors = {anchor.id: row[anchor.id] or None for anchor in FOLLOWUP.anchors}
        assert set(person.visits) <= visits
        alone = timeline(FOLLOWUP, anchors, int(row["frequency"]), SO_FAR.as_of, person.visits, person.missed)
        among = LEDGER[LEDGER["participant"] == person.id].drop(columns="participant").reset_index(drop=True)
        among = among.astype(dict.fromkeys(among.select_dtypes("category"), object))
        pd.testing.assert_frame_equal(alone, among)


def test_participants_keep_the_order_of_their_table():
    upside_down = TABLE.iloc[::-1]
    ledger = timelines(FOLLOWUP, upside_down, SO_FAR.as_of)
    assert list(ledger["participant"].astype(object).unique()) == list(upside_down["participant"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enrolment": "yesterday"}, "P2, enrolment: found 'yesterday'"),
        ({"first_infusion": date(2025, 1, 1)}, "P2, First infusion"),
        ({"frequency": 9}, "P2, frequency"),
        ({"participant": "P1"}, "'P1' twice"),
        ({"month_3": date(2030, 1, 1)}, "P2, Month 3: found done on 2030-01-01, which is after today"),
        ({"infusion_day_4": DAY}, "P2, Infusion, day 4"),
        ({"end_of_contraception": DAY}, "P2, End of contraception: found done on 2026-01-31, but no date"),
    ],
)
def test_a_mistake_in_a_table_names_the_participant_and_the_column(change, said):
    good = {"participant": "P1", "frequency": 1, "enrolment": date(2026, 1, 1), "first_infusion": date(2026, 1, 10)}
    table = pd.DataFrame([good, good | {"participant": "P2"} | change], dtype=object)
    with pytest.raises(ProtocolError, match=said.replace("'", ".")):
        timelines(FOLLOWUP, table, date(2026, 3, 1))


@pytest.mark.parametrize("columns", [["participant"], ["frequency"], ["participant", "frequency", "birthday"]])
def test_a_table_with_other_columns_is_refused(columns):
    with pytest.raises(ProtocolError):
        timelines(FOLLOWUP, pd.DataFrame([dict.fromkeys(columns, 1)]), DAY)


def test_an_empty_table_is_refused():
    with pytest.raises(ProtocolError, match="no participants"):
        timelines(FOLLOWUP, TABLE.iloc[:0], DAY)


def test_one_who_leaves_early_has_a_last_visit_and_no_more_open_ones():
    leaver = next(person for person in SO_FAR.participants if person.withdrawal)
    own = LEDGER[LEDGER["participant"] == leaver.id].set_index("id")
    assert own.loc["month_24", "status"] == "cancelled"
    assert own.loc["early_termination", "status"] in ("in window", "missed", "late")
    others = LEDGER[(LEDGER["id"] == "early_termination") & (LEDGER["participant"] != leaver.id)]
    assert set(others["status"]) == {"not applicable"}


def test_the_board_lists_what_is_overdue_due_open_or_near_and_nothing_else():
    board = agenda(LEDGER, SITES, SO_FAR.as_of, 28)
    urgent = LEDGER[LEDGER["status"].isin(["overdue", "due", "open"])]
    assert len(board[board["status"] != "not yet"]) == len(urgent)
    assert (
        board.loc[board["status"] == "not yet", "target"] <= pd.Timestamp(SO_FAR.as_of) + pd.Timedelta(28, "D")
    ).all()
    assert set(board["week"].dt.day_of_week) == {0}
    assert (board["week"] >= pd.Timestamp(SO_FAR.as_of) - pd.Timedelta(6, "D")).all()
    order = [("overdue", "due", "open", "not yet").index(status) for status in board["status"]]
    assert order == sorted(order)
    assert (board["site"] == board["participant"].map(SITES)).all()


def test_a_day_with_as_many_visits_as_a_site_takes_is_full():
    board = pd.DataFrame({"site": ["a", "a", "b"], "target": pd.to_datetime(["2026-03-02"] * 3)})
    assert full_days(board, "a", 2) == {date(2026, 3, 2)}
    assert full_days(board, "b", 2) == set()


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 80)), max_size=60), st.integers(1, 8))
def test_no_mark_of_a_lane_touches_another(marks, gap):
    marks = np.array(sorted(marks)).reshape(-1, 2)
    placed = figures.slots(marks[:, 0], marks[:, 1], gap)
    rows = {}
    for (lane, day), slot in zip(marks.tolist(), placed, strict=True):
        assert all(abs(day - other) >= gap for other in rows.get((lane, slot), []))
        rows.setdefault((lane, slot), []).append(day)


@pytest.mark.slow
@pytest.mark.parametrize("view", figures.VIEWS)
def test_the_lanes_show_every_visit_of_their_stretch_once(view):
    people = lanes_of(SO_FAR, 28, {})
    rows = figures.lane_rows(LEDGER, people, pd.Timestamp(SO_FAR.as_of), view)
    assert json.dumps(rows.to_dict("records"), allow_nan=False)
    first, last, origin, _gap, _grid = figures.VIEWS[view]
    known = LEDGER[~LEDGER["status"].isin(["not applicable", "not yet known", "cancelled"])]
    day = known["done"].fillna(known["target"])
    enrolled = known["participant"].astype(object).map({p.id: pd.Timestamp(p.enrolled) for p in SO_FAR.participants})
    zero = enrolled if origin == "enrolment" else pd.Timestamp(SO_FAR.as_of)
    expected = (day - zero).dt.days.between(first, last).sum()
    assert (rows["kind"] == "visit").sum() == expected > 20
    assert not rows[rows["kind"] == "visit"].duplicated(["lane", "slot", "at"]).any()


def test_who_goes_on_has_an_arrow_and_who_left_has_none():
    rows = figures.lane_rows(LEDGER, lanes_of(SO_FAR, 28, {}), pd.Timestamp(SO_FAR.as_of), "years")
    left = {person.id for person in SO_FAR.participants if person.withdrawal}
    over = {p.id for p in SO_FAR.participants if (SO_FAR.as_of - p.enrolled).days > 2 * 366 + 30}
    arrows = set(rows.loc[rows["kind"] == "ongoing", "lane"].str.split(" ").str[0])
    assert arrows == {person.id for person in SO_FAR.participants} - left - over


def test_a_lane_has_four_states_and_a_legend_above_it():
    rows = figures.lane_rows(LEDGER, lanes_of(SO_FAR, 28, {}), pd.Timestamp(SO_FAR.as_of), "now")
    assert set(rows["state"]) - {""} == set(figures.STATES)
    rows = figures.lane_rows(LEDGER, lanes_of(SO_FAR, 28, {}), pd.Timestamp(SO_FAR.as_of), "course")
    drawn = figures.lanes(rows, "course", 6, (-14, 60)).to_dict()
    marks = next(layer["encoding"] for layer in drawn["layer"] if "shape" in layer["encoding"])
    assert marks["color"]["legend"]["orient"] == marks["shape"]["legend"]["orient"] == "top"
    assert marks["color"]["scale"]["domain"] == list(figures.STATES)
    assert marks["x"]["axis"]["values"] == [0, 14, 28, 42, 56]
