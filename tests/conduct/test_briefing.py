"""The briefing: what each role may see of the trial, and its figures."""

import io
import re
import zipfile
from collections import Counter
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_events import DAY, beginning, chain
from support.trial import TRIAL

from protocol.briefing import COUNTS, KnownThen, brief, changes, known_then, news, quiet
from protocol.conduct import DltAssessed, Reader, State, Withdrawn, event, fold
from protocol.exchange.documents.meeting_pack import meeting_pack
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.overview.tables import missing_assessments, progress_rows
from protocol.pages.trial_log.desk import Desk

ENTRIES = TRIAL.examples.entries
STATE = fold(ENTRIES)
TODAY = TRIAL.so_far.as_of
IDS = set(STATE.people)
VIEWER, CHIEF = Reader(), Reader(role="coordinator", actor="coordinator-1")
UNION = Reader(role="investigator", site="Wuhan Union Hospital", actor="union")


def everything(briefing):
    """All that a briefing holds, as text."""
    parts = [
        value.to_string() if isinstance(value, pd.DataFrame) else str(value) for value in vars(briefing).values()
    ]
    return "\n".join(parts)


def seen(briefing):
    return {name for name in IDS if re.search(rf"\b{name}\b", everything(briefing))}


def plain_counts(entries):
    """The figures counted from the entries alone, in the plainest way: a twin without state and window."""
    of = {kind: {e.participant for e in entries if e.kind == kind} for kind in ("screened", "consented", "enrolled")}
    treated = {e.participant for e in entries if e.kind == "infused"}
    toxic = {e.participant for e in entries if e.kind == "dlt_assessed" and e.content["dlt"]}
    left = {e.participant for e in entries if e.kind == "withdrawn"}
    return {**{k: len(v) for k, v in of.items()}, "treated": len(treated), "dlts": len(toxic), "withdrawn": len(left)}


def test_the_figures_are_those_of_the_entries():
    found = brief(TRIAL, STATE, CHIEF, TODAY).counts
    assert {name: found[name] for name in plain_counts(ENTRIES)} == plain_counts(ENTRIES)
    assert sum(found[name] for name in ("in window", "unassessed", "evaluable")) == found["treated"]


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(0, len(ENTRIES)))
def test_after_any_number_of_entries_the_parts_add_up(number):
    entries = ENTRIES[:number]
    day = date.fromisoformat(entries[-1].time[:10]) if entries else TODAY
    now = brief(TRIAL, fold(entries), CHIEF, day, overdue=False)
    assert {name: now.counts[name] for name in plain_counts(entries)} == plain_counts(entries)
    for name in ("enrolled", "treated", "in window", "unassessed", "not evaluable", "evaluable", "dlts"):
        assert now.regimens[name].sum() == now.counts[name]
    assert now.sites["enrolled"].sum() == now.counts["enrolled"]
    letters = "".join(part.partition(":")[2] for part in now.notation.split())
    assert Counter(letters) == Counter(N=now.counts["evaluable"] - now.counts["dlts"], T=now.counts["dlts"])


@pytest.mark.requirement("R-ACC-03")
@pytest.mark.slow
@pytest.mark.parametrize("identity", [VIEWER, UNION, CHIEF, Reader(rows=True)], ids=["viewer", "own", "all", "rows"])
def test_a_briefing_holds_the_participants_its_reader_may_see_and_no_other(identity):
    if identity is UNION:  # the hospital of somebody who is waited for that day
        waited_for = min(seen(brief(TRIAL, STATE, CHIEF, TODAY)))
        identity = UNION.model_copy(update={"site": STATE.histories[waited_for].site})
    allowed = {name for name, course in STATE.histories.items() if identity.sees(course.site)}
    assert seen(brief(TRIAL, STATE, identity, TODAY)) <= allowed
    if identity is VIEWER:
        assert allowed == set()
    else:
        assert seen(brief(TRIAL, STATE, identity, TODAY))


def test_the_participants_of_the_example_may_be_seen_by_everybody():
    assert brief(TRIAL, STATE, VIEWER, TODAY, invented=True).so_far == TRIAL.so_far


@pytest.mark.slow
def test_few_are_not_told_apart_for_a_viewer():
    assert [quiet(n) for n in (0, 1, 4, 5)] == ["0", "1–4", "1–4", "5"]
    viewer, chief = (brief(TRIAL, STATE, who, TODAY) for who in (VIEWER, CHIEF))
    assert set(viewer.sites["dlts"]) == {"–"}
    assert chief.sites["dlts"].sum() == chief.counts["dlts"]
    assert "1–4" in set(viewer.reasons["participants"])
    assert chief.reasons["participants"].min() == 1
    mixed = brief(TRIAL, STATE, UNION, TODAY).sites.set_index("site")["dlts"]
    assert mixed["Wuhan Union Hospital"] >= 0
    assert mixed["Wuhan Tongji Hospital"] == "–"


@pytest.mark.slow
def test_while_windows_run_nothing_is_recommended_and_afterwards_the_design_is_asked():
    now = brief(TRIAL, STATE, CHIEF, TODAY)
    assert now.action.following is None
    assert len(now.waiting) == 3
    assert now.earliest is None  # one has no first infusion yet
    decided = STATE.decisions[-1]
    before = fold(entry for entry in ENTRIES if entry.sequence < decided.sequence)
    then = brief(TRIAL, before, CHIEF, date.fromisoformat(decided.content["on"]))
    assert TRIAL.escalation.grid.labels[then.action.following] == decided.content["recommended"]
    assert then.earliest == date.fromisoformat(decided.content["on"])
    assert then.action.why


def test_a_free_place_holds_the_decision():
    fresh = brief(TRIAL, State(), CHIEF, TODAY)
    assert (fresh.open_regimen, fresh.free_places, fresh.action.following) == ("A1", 3, None)


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(0, (TODAY - date(2023, 11, 1)).days))
def test_what_changed_is_what_was_recorded_since(ago):
    since, now = TODAY - timedelta(days=ago), brief(TRIAL, STATE, CHIEF, TODAY)
    table = changes(TRIAL, ENTRIES, since, now).set_index("what")
    early = [entry for entry in ENTRIES if entry.time[:10] <= since.isoformat()]
    met = [
        place
        for place, entry in enumerate(early)
        if (entry.kind, entry.content.get("on")) == ("decision", str(since))
    ]
    early = early[: met[-1] + 1] if met else early
    assert {name: table["before"][name] for name in plain_counts(early)} == plain_counts(early)
    assert table["now"].to_dict() == now.counts
    assert list(table.index) == list(COUNTS)
    told = news(TRIAL, ENTRIES, since, now)
    assert (told["kind"] == "dlt_assessed").sum() == table["now"]["dlts"] - table["before"]["dlts"]


@pytest.mark.slow
def test_news_name_nobody_to_a_viewer_and_keep_the_reason_of_a_participant_back():
    since = date(2023, 1, 1)
    viewer, chief = (news(TRIAL, ENTRIES, since, brief(TRIAL, STATE, who, TODAY)) for who in (VIEWER, CHIEF))
    assert set(viewer["participant"]) == {""}
    assert len(viewer) == len(chief)
    corrected = chief.loc[chief["kind"] == "correction", "words"].iloc[0]
    assert corrected
    assert corrected not in viewer.to_string()
    assert "slow recovery" in viewer.to_string()  # the committee's own reason


# --- A log of its own ---

AFTER = date(2026, 5, 1)


def cohort_of_three(*more):
    people = [event for name in ("W-001", "W-002", "W-003") for event in beginning(name)]
    return chain([*people, *more])


def assessed(name, on=DAY + timedelta(35), dlt=False):
    return DltAssessed(on=on, participant=name, dlt=dlt)


def test_nobody_counts_as_free_of_toxicity_whom_nobody_assessed():
    left = [Withdrawn(on=DAY + timedelta(days), participant=name, cause=cause) for name, days, cause in (
        ("W-001", 9, "consent withdrawn"), ("W-002", 8, "death"))]  # fmt: skip
    now = brief(TRIAL, fold(cohort_of_three(*left)), CHIEF, AFTER)
    assert (now.notation, now.action.following, now.free_places, now.earliest) == ("", None, 2, None)
    assert now.waiting[["participant", "progress"]].to_numpy().tolist() == [["W-003", "assessment missing"]]
    found = {name: now.counts[name] for name in ("treated", "unassessed", "not evaluable", "evaluable", "withdrawn")}
    assert list(found.values()) == [3, 1, 2, 0, 2]
    assert missing_assessments(now) == "1 DLT assessment missing (W-003)"
    viewer = brief(TRIAL, fold(cohort_of_three(*left)), VIEWER, AFTER)
    assert missing_assessments(viewer) == "1 DLT assessment missing"


def test_three_who_were_assessed_open_the_next_decision():
    entries = cohort_of_three(*map(assessed, ("W-001", "W-002", "W-003")))
    now = brief(TRIAL, fold(entries), CHIEF, AFTER)
    assert now.notation == "A1:NNN"
    assert now.action.following is not None
    assert now.counts["unassessed"] == 0


def test_who_leaves_before_the_first_infusion_holds_no_decision_and_no_place():
    gone = Withdrawn(on=DAY + timedelta(1), participant="W-004", cause="progression")
    three = map(assessed, ("W-001", "W-002", "W-003"))
    now = brief(TRIAL, fold(cohort_of_three(*three, *beginning("W-004", infusions=0), gone)), CHIEF, AFTER)
    assert now.waiting.empty
    assert now.action.following is not None
    assert now.counts["not evaluable"] == 1
    assert now.counts["treated"] == 3


# --- The meeting pack ---


def pack_for(identity, invented=False):
    desk = Desk(TRIAL, identity, None, lambda: TODAY)
    desk.briefing = brief(TRIAL, STATE, identity, TODAY, invented)
    desk.changes = lambda since: changes(TRIAL, ENTRIES, since, desk.briefing)
    desk.news = lambda since: news(TRIAL, ENTRIES, since, desk.briefing)
    panel = MeetingPanel(desk)
    panel.since.value = date(2026, 6, 1)
    panel.prepare.click()
    return panel.pack.value


def unpacked(link):
    from base64 import b64decode

    name, content = re.search(r'download="([^"]+)" href="data:application/zip;base64,([^"]+)"', link).groups()
    with zipfile.ZipFile(io.BytesIO(b64decode(content))) as pack:
        return name, {file: pack.read(file).decode("utf-8-sig") for file in pack.namelist()}


@pytest.mark.slow
def test_the_pack_is_a_page_that_needs_nothing_else_and_its_figures():
    name, files = unpacked(pack_for(VIEWER))
    assert name == f"meeting-2026-11-20-entry-{len(ENTRIES)}.zip"
    page = files.pop("meeting.html")
    assert "safety-open.html" in files
    assert not any("closed" in file for file in files)
    assert {file for file in files if not file.startswith("safety-open")} == {
        f"{n}.csv" for n in ("regimens", "sites", "visits", "screening", "reasons", "changes", "news", "decisions")
    }
    assert page.count("<svg") == 2
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\ssrc=", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert STATE.head.hash in page
    now = brief(TRIAL, STATE, VIEWER, TODAY)
    regimens = pd.read_csv(io.StringIO(files["regimens.csv"]))
    assert regimens["dlts"].sum() == now.counts["dlts"]
    assert len(pd.read_csv(io.StringIO(files["decisions.csv"]))) == len(STATE.decisions)


@pytest.mark.slow
def test_a_viewers_pack_holds_no_participant_and_the_examples_pack_says_that_it_is_invented():
    _name, files = unpacked(pack_for(VIEWER))
    whole = "\n".join(files.values())
    assert not any(re.search(rf"\b{name}\b", whole) for name in IDS)
    assert "Invented" not in whole
    name, files = unpacked(pack_for(VIEWER, invented=True))
    assert "invented-example" in name
    assert "Invented example." in files["meeting.html"]


def test_the_same_state_gives_the_same_pack():
    now = brief(TRIAL, STATE, VIEWER, TODAY)
    made = [meeting_pack("T", now, TODAY, progress_rows(now), (), (), {}) for _time in range(2)]
    assert made[0] == made[1]


def decided(chosen, on):
    values = {"kind": "decision", "on": on, "recommended": chosen, "chosen": chosen, "why": "w", "decided_by": "we"}
    return event(values)


def known_at_last_decision(entries):
    return known_then(TRIAL, entries, fold(entries).decisions[-1], invented=False)


def test_the_reasons_of_the_example_are_the_figures_known_at_each_decision():
    told = 0
    for decision in STATE.decisions:
        known, why = known_then(TRIAL, ENTRIES, decision, invented=True), decision.content["why"]
        if why.endswith("; as recommended."):
            dlts = "No DLT in" if not known.dlts else f"{known.dlts} of"
            assert why.startswith(f"{dlts} {known.evaluable} evaluable participants at {known.regimen}")
            told += 1
    assert told == len(STATE.decisions) - 2  # the first one, and the one against the rule


def test_before_the_first_decision_no_regimen_was_open():
    assert known_then(TRIAL, ENTRIES, STATE.decisions[0], invented=True) == KnownThen(None)


def test_a_decision_is_shown_with_what_was_known_then_and_not_with_what_was_learned_later():
    opens, window = decided("A1", DAY), TRIAL.escalation.dlt_window_days.value
    ill = DltAssessed(on=DAY + timedelta(9), participant="W-001", dlt=True, code="other", grade=3)
    waiting = beginning("W-002")
    entries = chain([opens, *beginning(), *waiting, ill, decided("A1", DAY + timedelta(20))])
    assert known_at_last_decision(entries) == KnownThen("A1", evaluable=1, dlts=1, pending=1)
    first = next(entry for entry in entries if entry.kind == "dlt_assessed")
    right = {"kind": "correction", "of": first.sequence, "hash": first.hash, "participant": "W-001", "why": "w",
             "replacement": None}  # fmt: skip
    well = DltAssessed(on=DAY + timedelta(7 + window), participant="W-002", dlt=False)
    later = chain([*(entry.event for entry in entries), event(right), well])
    assert known_at_last_decision(later) == KnownThen("A1", evaluable=1, dlts=1, pending=1)


def test_a_decision_that_is_recorded_late_shows_only_what_was_known_on_its_day():
    later = [one.model_copy(update={"on": one.on + timedelta(12)}) for one in beginning("W-002")]
    entries = chain([decided("A1", DAY), *beginning(), *later, decided("A1", DAY + timedelta(9))])
    assert known_at_last_decision(entries) == KnownThen("A1", evaluable=0, dlts=0, pending=1)
