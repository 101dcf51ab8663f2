"""Invented events for the tests of the log."""

from datetime import UTC, date, datetime, timedelta

from protocol.conduct import Consented, Enrolled, Event, Infused, Screened, TherapyStarted, fold, sealed

DAY = date(2026, 3, 2)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SITE = "Wuhan Union Hospital"
WHO = {"actor": "investigator-1", "site": SITE}


def screened(participant: str = "W-001", overall: str = "eligible so far", **result: object) -> Screened:
    return Screened(on=DAY, participant=participant, phase="Ib", overall=overall, result=result)


def beginning(participant: str = "W-001", regimen: str = "A1", infusions: int = 1) -> list[Event]:
    """From the screening to an infusion."""
    days = [DAY + timedelta(days=7 * number) for number in range(infusions + 1)]
    given = [Infused(on=days[n], participant=participant, number=n) for n in range(1, infusions + 1)]
    return [
        screened(participant),
        Consented(on=DAY, participant=participant),
        Enrolled(on=DAY, participant=participant, regimen=regimen),
        TherapyStarted(on=DAY, participant=participant),
        *given,
    ]


def chain(events: list[Event], **about: str) -> list:
    """Entries of a log that is in no database; nothing is asked."""
    entries, state = [], fold(())
    for event in events:
        entries.append(sealed(event, state.head, NOON, **(WHO | about)))
        state = fold(entries[-1:], state)
    return entries
