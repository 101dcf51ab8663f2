"""Corrections of the log: of a value, a day, a late toxicity or a missed visit, and what is read from it then."""

from datetime import UTC, date, datetime, timedelta

import pytest
from support.log_events import DAY, NOON, WHO, beginning, chain
from support.trial import TRIAL

from protocol.briefing import brief, changes, ledgers, news
from protocol.conduct import Correction, Decision, DltAssessed, Note, VisitRecorded, fold, sealed
from protocol.conduct.log import open_log
from protocol.conduct.roles import Reader
from protocol.pages.followup.trial_board import TrialBoard
from protocol.pages.overview.tables import news_text
from protocol.records import ProtocolError
from protocol.trial import so_far_of

CHIEF, VIEWER = Reader(role="coordinator", actor="coordinator-1"), Reader()
INFUSED = DAY + timedelta(7)


def corrected(entry, **changes):
    """A correction with changed fields; a removal without any."""
    new = entry.event.model_copy(update=changes) if changes else None
    values = {"of": entry.sequence, "hash": entry.hash, "participant": entry.participant}
    return Correction(**values, replacement=new, why="Typed wrongly.")


def dlt(days, toxic=True, name="W-001"):
    return DltAssessed(on=INFUSED + timedelta(days), participant=name, dlt=toxic, code="infection" if toxic else None)


def decided(on, chosen="A1"):
    return Decision(on=on, recommended=chosen, chosen=chosen, why="As recommended.", decided_by="committee")


def timed(events_at):
    """Entries recorded at given moments."""
    entries, state = [], fold(())
    for event, moment in events_at:
        entries.append(sealed(event, state.head, moment, **WHO))
        state = fold(entries[-1:], state)
    return entries


def test_a_late_toxicity_does_not_keep_out_the_dlt_before_it():
    state = fold(chain([*beginning(), dlt(60)]))
    state.check(dlt(5), WHO["site"])
    with pytest.raises(ProtocolError, match="a DLT recorded before"):
        state.check(dlt(61), WHO["site"])
    now = brief(TRIAL, fold(chain([*beginning(), dlt(60), dlt(5)])), CHIEF, INFUSED + timedelta(70))
    assert now.notation == "A1:T"


def test_a_correction_cannot_move_anything_into_the_future(tmp_path):
    moment = [NOON]
    log = open_log(tmp_path / "trial.sqlite", clock=lambda: moment[0])
    last = [log.append(event, **WHO) for event in beginning()][-1]
    with pytest.raises(ProtocolError, match="a day that has come"):
        log.append(corrected(last, on=date(2062, 3, 2)), **WHO)
    log.append(corrected(last, on=INFUSED + timedelta(1)), **WHO)
    log.close()


def test_today_is_the_day_of_the_trial(tmp_path):
    late = datetime(2026, 11, 20, 17, tzinfo=UTC)  # 1 o'clock of the next day in Wuhan
    assert TRIAL.local_day(late) == date(2026, 11, 21)
    log = open_log(tmp_path / "trial.sqlite", clock=lambda: late, zone=TRIAL.zone)
    entry = log.append(Note(on=date(2026, 11, 21), text="A note."), actor="coordinator-1")
    assert TRIAL.day_of(entry) == date(2026, 11, 21)
    with pytest.raises(ProtocolError, match="a day that has come"):
        log.append(Note(on=date(2026, 11, 22), text="A note."), actor="coordinator-1")
    log.close()


@pytest.mark.slow
def test_dates_that_cannot_be_laid_out_are_named_and_hide_nobody_else():
    wrong = VisitRecorded(on=DAY, participant="W-001", visit="no_such_visit")
    state = fold(chain([*beginning(), *beginning("W-002"), wrong]))
    now = brief(TRIAL, state, CHIEF, INFUSED + timedelta(35))
    assert now.visits[["overdue", "due", "open"]].to_numpy().sum() > 0
    (words,) = now.left_out
    assert "W-001" in words
    assert "no_such_visit" in words
    assert "W-001" not in brief(TRIAL, state, VIEWER, INFUSED + timedelta(35)).left_out[0]
    board = TrialBoard(TRIAL, now.so_far)
    assert "The dates of W-001 cannot be used" in board.left_out.value
    assert set(board._ledger["participant"]) == {"W-002"}
    alone = brief(TRIAL, fold(chain([*beginning(), wrong])), CHIEF, INFUSED + timedelta(35)).so_far
    assert "W-001" in TrialBoard(TRIAL, alone).left_out.value


def test_corrections_and_notes_are_of_the_participants_site():
    entries = chain(beginning())
    state = fold(entries)
    for happened in (corrected(entries[-1]), Note(on=DAY, participant="W-001", text="A note.")):
        state.check(happened, WHO["site"])
        for site in ("", "Wuhan Tongji Hospital"):
            with pytest.raises(ProtocolError, match="site"):
                state.check(happened, site)


@pytest.mark.slow
def test_a_visit_found_missed_is_missed_on_the_board_until_it_takes_place():
    today = INFUSED + timedelta(35)
    due = ledgers(TRIAL, so_far_of(fold(chain(beginning())), TRIAL, today, invented=True))[0]
    visit = due.loc[due["status"] == "overdue", "id"].iloc[0]
    missed = VisitRecorded(on=today, participant="W-001", visit=visit, done=False)
    done = VisitRecorded(on=today, participant="W-001", visit=visit)

    def status(*more, on=today):
        found = ledgers(TRIAL, so_far_of(fold(chain([*beginning(), *more])), TRIAL, on, invented=True))[0]
        return found.loc[found["id"] == visit, "status"].iloc[0]

    assert status(missed) == "missed"
    assert status(missed, on=today - timedelta(1)) != "missed"
    assert status(missed, done) == "late"
    before, after = (
        brief(TRIAL, fold(chain([*beginning(), *more])), CHIEF, today).visits["overdue"].sum()
        for more in ((), (missed,))
    )
    assert after == before - 1


def test_what_came_after_the_decision_of_a_day_is_news_on_that_day_and_the_next_morning():
    meeting = datetime(2026, 4, 20, 2, tzinfo=UTC)
    hours = timedelta(hours=1)
    entries = timed(
        [(event, meeting - 30 * hours) for event in beginning()]
        + [(dlt(3), meeting - hours), (decided(date(2026, 4, 20)), meeting)]
        + [(event, meeting + hours) for event in beginning("W-002")]
        + [(dlt(4, name="W-002"), meeting + 2 * hours), (decided(date(2026, 4, 21)), meeting + 16 * hours)]
    )  # fmt: skip
    now = brief(TRIAL, fold(entries), CHIEF, date(2026, 4, 22))
    told = news(TRIAL, entries, date(2026, 4, 20), now)
    assert told[["kind", "participant"]].to_numpy().tolist() == [["dlt_assessed", "W-002"], ["decision", ""]]
    table = changes(TRIAL, entries, date(2026, 4, 20), now).set_index("what")
    assert table.loc["treated"].tolist() == [1, 2]
    assert news(TRIAL, entries, date(2026, 4, 21), now).empty
    assert len(news(TRIAL, entries, date(2026, 4, 19), now)) == 4  # nobody met: from the following day on


def test_news_say_which_dlt_was_corrected_away_and_hold_nobodys_words():
    entries = chain([*beginning(), dlt(3)])
    entries = chain([*beginning(), dlt(3), corrected(entries[-1], dlt=False, code=None)])
    now = brief(TRIAL, fold(entries), VIEWER, date(2026, 5, 1))
    told = news(TRIAL, entries, date(2026, 1, 1), now)
    old, new = told.to_dict("records")
    assert (old["kind"], old["corrected"], new["kind"]) == (
        "dlt_assessed",
        new_number := entries[-1].sequence,
        "correction",
    )
    assert "later corrected" in news_text(old)
    assert str(new_number) in news_text(old)
    assert new["change"] == "DLT (2026-03-12) → no DLT (2026-03-12)"
    assert "Typed" not in told.to_string()
    assert "W-001" not in told.to_string()


def test_a_corrected_decision_stays_between_its_neighbours():
    entries = chain([decided(date(2026, 1, 10)), decided(date(2026, 2, 10)), decided(date(2026, 3, 10))])
    state = fold(entries)
    state.check(corrected(entries[1], on=date(2026, 3, 10)))
    for place, day in ((0, date(2026, 2, 11)), (1, date(2026, 3, 11)), (1, date(2026, 1, 9))):
        with pytest.raises(ProtocolError, match="decision"):
            state.check(corrected(entries[place], on=day))
