"""Two writers of one log, with random actions, checked against a plain list."""

import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.log_events import DAY, NOON, SITE
from twins.log import PlainLog

from protocol.conduct import Conflict, Correction, Event, Log, event, fold, open_log
from protocol.records import ProtocolError

PEOPLE = st.sampled_from(["W-001", "W-002"])
CLIENTS = st.integers(0, 1)
STEPS = st.one_of(
    st.sampled_from([("screened", None), ("consented", None), ("enrolled", "A1")]),
    st.tuples(st.just("infused"), st.integers(1, 3)),
    st.tuples(st.just("visit"), st.sampled_from(["month_3", "month_6"])),
)
MORE = {
    "screened": lambda _: {"phase": "Ib", "overall": "eligible so far"},
    "consented": lambda _: {},
    "enrolled": lambda detail: {"regimen": detail},
    "infused": lambda detail: {"number": detail},
    "visit": lambda detail: {"visit": detail},
}


class TwoPeople(RuleBasedStateMachine):
    """Record, send twice, correct, look again, close and open; the database decides, the plain list knows."""

    def __init__(self, place: Callable[[], str]) -> None:
        super().__init__()
        self.url, self.model, self.numbers = place(), PlainLog(), itertools.count()

    @initialize()
    def begin(self) -> None:
        self.logs = [self.opened(), self.opened()]
        self.seen = [0, 0]
        for _ in range(4):
            self.go_on(0, "W-001")

    def opened(self) -> Log:
        return open_log(self.url, clock=lambda: NOON)

    def send(self, who: int, happened: Event, participant: str, kind: str, detail: object) -> None:
        """Record with what the person has seen; the outcome must be the one the plain list expects."""
        key, log = f"form-{next(self.numbers)}", self.logs[who]

        def append() -> object:
            return log.append(happened, actor=f"person-{who}", site=SITE, key=key, expected=self.seen[who])

        if self.model.seen_by_nobody(participant, self.seen[who]):
            with pytest.raises(Conflict):
                append()
            self.seen[who] = log.head().count  # the person looks again
        elif not self.model.possible(participant, kind, detail):
            with pytest.raises(ProtocolError) as refused:
                append()
            assert not isinstance(refused.value, Conflict)
        else:
            assert append().sequence == len(self.model.rows) + 1
            self.model.rows.append((participant, kind, detail))
            self.model.keys.append(key)

    @rule(who=CLIENTS, participant=PEOPLE, step=STEPS)
    def record(self, who: int, participant: str, step: tuple[str, object]) -> None:
        kind, detail = step
        happened = event({"kind": kind, "on": DAY, "participant": participant} | MORE[kind](detail))
        self.send(who, happened, participant, kind, detail)

    @rule(who=CLIENTS, participant=PEOPLE)
    def go_on(self, who: int, participant: str) -> None:
        """Look, then record what comes next on the usual way."""
        self.look(who)
        kinds = [kind for kind, _ in self.model.holds(participant)]
        given = kinds.count("infused")
        way = [("screened", None), ("consented", None), ("enrolled", "A1"), ("infused", given + 1)]
        self.record(who, participant, next(step for step in way if step[0] not in kinds or step[0] == "infused"))

    @precondition(lambda self: self.model.rows)
    @rule(who=CLIENTS, choice=st.integers(0), other=st.booleans())
    def remove(self, who: int, choice: int, other: bool) -> None:
        number = choice % len(self.model.rows) + 1
        participant = "W-001" if other else self.model.rows[number - 1][0]
        own = self.logs[who].entries(number - 1)[0].hash
        fix = Correction(of=number, hash=own, participant=participant, why="mistyped")
        self.send(who, fix, participant, "removal", number)

    @precondition(lambda self: self.model.rows)
    @rule(who=CLIENTS, choice=st.integers(0))
    def send_twice(self, who: int, choice: int) -> None:
        number = choice % len(self.model.rows)
        entry = self.logs[who].entries()[number]
        again = self.logs[who].append(entry.event, actor="anyone", site=SITE, key=self.model.keys[number], expected=0)
        assert again == entry

    @rule(who=CLIENTS)
    def look(self, who: int) -> None:
        self.seen[who] = self.logs[who].state().head.count
        assert self.seen[who] == len(self.model.rows)

    @rule(who=CLIENTS)
    def close_and_open(self, who: int) -> None:
        self.logs[who].close()
        self.logs[who] = self.opened()

    @invariant()
    def the_log_is_the_list(self) -> None:
        entries = self.logs[0].entries()
        assert [entry.key for entry in entries] == self.model.keys
        assert self.logs[1].verify().problems == ()
        state = fold(entries)
        assert self.logs[1].state() == state
        for participant in ("W-001", "W-002"):
            held = [entry.kind for entry in state.people.get(participant, ())]
            assert held == [kind for kind, _ in self.model.holds(participant)]

    def teardown(self) -> None:
        for log in getattr(self, "logs", ()):
            log.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "examples"), [("sqlite", 25), pytest.param("postgresql", 4, marks=pytest.mark.server)]
)
def test_the_log_does_what_a_plain_list_does(request, database, examples):
    folder = Path(tempfile.mkdtemp())
    files = (str(folder / f"{number}.sqlite") for number in itertools.count())
    place = request.getfixturevalue("postgresql").database if database == "postgresql" else files.__next__
    steps = settings(max_examples=examples, stateful_step_count=30)
    run_state_machine_as_test(lambda: TwoPeople(place), settings=steps)
    shutil.rmtree(folder)
