"""Calendar files: opened by an independent reader, and the same bytes for the same input."""

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import FOLLOWUP
from twins import calendar_files as twin

from protocol.exchange.contacts.calendar import calendar_file
from protocol.followup import timeline
from protocol.records import ProtocolError

TODAY = date(2026, 3, 1)
DATES = {"enrolment": date(2026, 1, 5), "first_infusion": date(2026, 1, 20), "end_of_treatment": date(2026, 2, 3)}
TRIAL, PERSON = "NCT05672420", "INV-P01"


WINDOW = b"""BEGIN:VEVENT
SUMMARY:Window: Month 6
DTSTART;VALUE=DATE:20260601
DTEND;VALUE=DATE:20260801
UID:INV-P01-month_6-window@NCT05672420
END:VEVENT
""".replace(b"\n", b"\r\n")


def file(dates=DATES, level=3, revision=0, **more):
    ledger = timeline(FOLLOWUP, dates, level, TODAY)
    return calendar_file(TRIAL, PERSON, ledger, revision, TODAY, **more)


def day(text):
    return date.fromisoformat(text)


@pytest.mark.slow
@given(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.sampled_from([1, 2, 3]))
def test_what_is_written_is_read_back_day_by_day(enrolment, level):
    dates = {"enrolment": enrolment, "first_infusion": enrolment + timedelta(days=9)}
    ledger = timeline(FOLLOWUP, dates, level, TODAY)
    _calendar, events = twin.read(calendar_file(TRIAL, PERSON, ledger, 0, TODAY))
    found = {event["UID"]: event for event in events}
    assert len(found) == len(events)
    for row in ledger[ledger["target"].notna()].itertuples():
        event = found.pop(f"{PERSON}-{row.id}@{TRIAL}")
        expected = row.target if pd.isna(row.done) else row.done
        assert day(event["DTSTART"]) == expected.date()
        assert day(event["DTEND"]) == expected.date() + timedelta(days=1)
        window = f" (window {row.opens.date()} to {row.closes.date()})"
        is_to_come = pd.isna(row.done) and row.closes > row.opens
        assert event["SUMMARY"] == row.name + (window if is_to_come else "")
    assert found == {}


def test_the_windows_of_a_file_of_an_earlier_version_are_cancelled():
    earlier = file().replace(b"BEGIN:VEVENT", WINDOW + b"BEGIN:VEVENT", 1)
    later = statuses(file(revision=1, previous=earlier))
    assert (later["month_6"], later["month_6-window"]) == ("CONFIRMED", "CANCELLED")
    assert not [key for key in statuses(file(revision=1)) if key.endswith("-window")], "there never was one"


def test_the_same_input_gives_the_same_bytes():
    assert file() == file()


def test_uids_stay_and_the_sequence_rises_when_a_date_changes():
    later = DATES | {"first_infusion": date(2026, 1, 22), "end_of_treatment": date(2026, 2, 5)}
    (one, first), (other, second) = twin.read(file()), twin.read(file(later, revision=1))
    assert one["UID"] == other["UID"]
    known = [event["UID"] for event in first]
    assert [event["UID"] for event in second if event["STATUS"] == "CONFIRMED"] == known
    assert {event["SEQUENCE"] for event in first} == {"0"}
    assert {event["SEQUENCE"] for event in second} == {"1"}


def test_nothing_but_the_uid_names_the_participant():
    for event in twin.read(file())[1]:
        for name, value in event.items():
            assert (PERSON in value) == (name == "UID")


def test_a_cancelled_visit_is_told_to_the_calendar():
    events = twin.read(file(DATES | {"withdrawal": date(2026, 2, 15)}))[1]
    status = {event["UID"].partition("@")[0]: event["STATUS"] for event in events}
    assert status[f"{PERSON}-month_12"] == "CANCELLED"
    assert status[f"{PERSON}-early_termination"] == "CONFIRMED"


def test_an_agreed_day_stands_in_for_the_target():
    events = twin.read(file(planned={"month_6": date(2026, 7, 6)}))[1]
    assert next(event for event in events if "month_6@" in event["UID"])["DTSTART"] == "20260706"


@pytest.mark.parametrize(("person", "revision"), [("Zhang San", 0), ("", 0), ("P\r\nX", 0), ("P1", -1)])
def test_a_name_or_a_negative_revision_is_refused(person, revision):
    with pytest.raises(ProtocolError):
        calendar_file(TRIAL, person, timeline(FOLLOWUP, DATES, 1, TODAY), revision, TODAY)


def statuses(content):
    return {
        event["UID"].partition("@")[0].removeprefix(f"{PERSON}-"): event["STATUS"] for event in twin.read(content)[1]
    }


def test_visits_that_no_longer_apply_are_cancelled_in_the_next_revision():
    before, after = statuses(file(level=3)), statuses(file(level=1, revision=1))
    gone = {key for key in before if after.get(key) != "CONFIRMED"}
    assert gone == {"infusion_day_4", "infusion_day_8", "infusion_day_11"}
    assert {after[key] for key in gone} == {"CANCELLED"}


def test_a_withdrawal_or_a_first_infusion_taken_back_cancels_what_it_had_brought():
    ended = DATES | {"withdrawal": date(2026, 2, 15)}
    assert statuses(file(ended))["early_termination"] == "CONFIRMED"
    assert statuses(file(DATES, revision=1))["early_termination"] == "CANCELLED"
    planned = {"enrolment": DATES["enrolment"]}
    later = statuses(file(planned, revision=1))
    assert {later[key] for key in statuses(file()) if key.startswith("infusion")} == {"CANCELLED"}


def test_with_the_earlier_file_only_what_it_has_is_cancelled_on_its_own_day():
    earlier = file(level=3)
    events = {event["UID"]: event for event in twin.read(file(level=1, revision=1, previous=earlier))[1]}
    old = {event["UID"]: event for event in twin.read(earlier)[1]}
    cancelled = {uid for uid, event in events.items() if event["STATUS"] == "CANCELLED"}
    assert cancelled == set(old) - set(statuses_by_uid(file(level=1)))
    for uid in cancelled:
        assert [events[uid][name] for name in ("DTSTART", "DTEND", "SUMMARY", "SEQUENCE")] == [
            old[uid]["DTSTART"], old[uid]["DTEND"], old[uid]["SUMMARY"], "1",
        ]  # fmt: skip


def statuses_by_uid(content):
    return {event["UID"]: event["STATUS"] for event in twin.read(content)[1]}


def test_a_first_revision_cancels_nothing_that_was_never_sent():
    assert "CANCELLED" not in statuses(file(level=1)).values()


def test_every_event_has_what_publishing_asks_for():
    calendar, events = twin.read(file(revision=2))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")
    for event in events:
        assert event["DTSTAMP"] == "20260301T000000Z"
        assert (event["SEQUENCE"], event["ORGANIZER"]) == ("2", "invalid:nomail")
        assert len(event["DTSTART"]) == len(event["DTEND"]) == 8


@pytest.mark.parametrize("previous", [b"", b"BEGIN:VCALENDAR", b"\xff", b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"])
def test_an_earlier_file_that_is_none_is_refused(previous):
    with pytest.raises(ProtocolError, match="Earlier calendar file"):
        file(revision=1, previous=previous)


def test_an_earlier_file_of_another_participant_or_not_earlier_is_refused():
    ledger = timeline(FOLLOWUP, DATES, 3, TODAY)
    with pytest.raises(ProtocolError, match="another participant"):
        file(revision=1, previous=calendar_file(TRIAL, "INV-P02", ledger, 0, TODAY))
    with pytest.raises(ProtocolError, match="above that of the earlier file"):
        file(revision=1, previous=file(revision=1))


@pytest.mark.parametrize("revision", [1.5, "1", True, 2**31, -1])
def test_a_revision_that_the_format_cannot_hold_is_refused(revision):
    with pytest.raises(ProtocolError, match="Revision"):
        file(revision=revision)


def test_the_other_calendar_of_a_participant_is_no_earlier_revision():
    eligibility = file().replace(f"UID:{PERSON}@".encode(), f"UID:{PERSON}-eligibility@".encode(), 1)
    with pytest.raises(ProtocolError, match="another calendar"):
        file(revision=1, previous=eligibility)
