"""The state of the trial, computed from the entries: corrections, and events that cannot follow each other."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log_events import DAY, NOON, SITE, beginning, chain, screened

from protocol.conduct import (
    Consented,
    Correction,
    Decision,
    DltAssessed,
    Enrolled,
    Entry,
    Head,
    Infused,
    Note,
    Recovery,
    Response,
    State,
    TherapyStarted,
    TreatmentEnded,
    VisitRecorded,
    Withdrawn,
    content,
    event,
    fold,
    sealed,
)
from protocol.records import ProtocolError

P = "W-001"


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def after(*events: object) -> State:
    return fold(chain(list(events)))


def of(kind: type, on: int = 0, **values: object) -> object:
    return kind(on=day(on), participant=P, **values)


def correction(state: State, number: int, replacement: object = None, participant: str | None = P) -> Correction:
    pool = (*state.people.get(participant or "", ()), *state.decisions, *state.notes)
    old = next(entry for entry in pool if entry.sequence == number)
    return Correction(of=number, hash=old.hash, participant=participant, replacement=replacement, why="mistyped")


def corrected(state: State, fix: Correction) -> State:
    state.check(fix, SITE)
    return fold([sealed(fix, state.head, NOON, actor="a", site=SITE)], state)


WHOLE = [
    *beginning(infusions=2), of(DltAssessed, 20, dlt=True, code="rash", grade=3),
    of(Response, 20, category="partial"),
    of(Recovery, 21, lineage="neutrophils"), of(Recovery, 25, lineage="platelets"),
    of(VisitRecorded, 9, visit="month_3"), of(VisitRecorded, 30, visit="month_6", done=False), of(TreatmentEnded, 22),
    of(Withdrawn, 40, cause="progression"),
]  # fmt: skip


def test_a_course_has_every_date():
    course = after(*WHOLE).histories[P]
    assert (course.site, course.overall, course.regimen) == (SITE, "eligible so far", "A1")
    assert course.infusions == {1: day(7), 2: day(14)}
    assert (course.dlt_on, course.treatment_ended, course.withdrawn) == (day(20), day(22), day(40))
    assert course.recoveries == {"neutrophils": day(21), "platelets": day(25)}
    assert (course.visits, course.missed) == ({"month_3": day(9)}, {"month_6": day(30)})
    assert (course.responses, course.cause) == (((day(20), "partial"),), "progression")
    assert (course.assessments[0].code, course.assessments[0].grade) == ("rash", 3)


def test_the_pages_get_the_trial_so_far():
    decision = Decision(on=day(1), recommended="A1", chosen="B1", why="why", decided_by="committee")
    stop = decision.model_copy(update={"chosen": None})
    state = after(*WHOLE, screened("W-002", "ineligible"), decision, stop)
    so_far = state.so_far(day(60), start="A1", invented=True)
    assert (so_far.open_regimen, so_far.screened, so_far.invented) == ("B1", {SITE: 2}, True)
    assert state.open_regimen is None
    (person,) = so_far.participants
    assert (person.id, person.first_infusion, person.dlt_on, person.withdrawal) == (P, day(7), day(20), day(40))
    assert after().so_far(DAY, start="A1", invented=False).open_regimen == "A1"


def test_a_missed_visit_that_takes_place_later_took_place():
    course = after(
        *beginning(), of(VisitRecorded, 9, visit="month_3", done=False), of(VisitRecorded, 12, visit="month_3")
    ).histories[P]
    assert (course.visits, course.missed) == ({"month_3": day(12)}, {})


SCREENED, CONSENTED, ENROLLED, STARTED, INFUSED = beginning()
IMPOSSIBLE = {
    "a participant who is not enrolled": ([SCREENED, CONSENTED], INFUSED),
    "a participant who was not screened": ([CONSENTED], ENROLLED),
    "a participant without informed consent": ([SCREENED], ENROLLED),
    "before the consent": ([SCREENED, of(Consented, 3)], ENROLLED),
    "an enrolment of a participant whose last screening says not eligible": (
        [screened(P, "ineligible"), CONSENTED], ENROLLED),
    "the enrolment recorded before": (beginning(), ENROLLED),
    "the consent recorded before": ([CONSENTED], CONSENTED),
    "a participant who is enrolled; write a note": (beginning(), SCREENED),
    "the start of therapy recorded before": (beginning(), STARTED),
    "after the first infusion": ([SCREENED, CONSENTED, ENROLLED, INFUSED], of(TherapyStarted, 8)),
    "before the enrolment": ([SCREENED, CONSENTED, ENROLLED], of(TherapyStarted, -1)),
    "infusion 3 after 1 infusions; write infusion 2": (beginning(), of(Infused, 9, number=3)),
    "this infusion recorded before": (beginning(), of(Infused, 9, number=1)),
    "before the infusion before": (beginning(), of(Infused, 6, number=2)),
    "before the start of therapy": ([SCREENED, CONSENTED, ENROLLED, of(TherapyStarted, 8)], INFUSED),
    "after the end of treatment": ([*beginning(), of(TreatmentEnded, 8)], of(Infused, 9, number=2)),
    "after the withdrawal": ([*beginning(), of(Withdrawn, 8, cause="other")], of(Infused, 9, number=2)),
    "before the last infusion": (beginning(), of(TreatmentEnded, 6)),
    "the end of treatment recorded before": ([*beginning(), of(TreatmentEnded, 8)], of(TreatmentEnded, 9)),
    "a participant without an infusion": ([SCREENED, CONSENTED, ENROLLED], of(DltAssessed, 9, dlt=False)),
    "before the first infusion": (beginning(), of(DltAssessed, 6, dlt=False)),
    "a DLT recorded before": ([*beginning(), of(DltAssessed, 9, dlt=True)], of(DltAssessed, 10, dlt=False)),
    "this recovery recorded before": (
        [*beginning(), of(Recovery, 9, lineage="platelets")], of(Recovery, 9, lineage="platelets")),
    "who is not enrolled; write the enrolment first": ([SCREENED], of(Response, 9, category="partial")),
    "this visit recorded before": ([SCREENED, of(VisitRecorded, 1, visit="v")], of(VisitRecorded, 2, visit="v")),
    "this missed visit recorded before": (
        [SCREENED, of(VisitRecorded, 1, visit="v", done=False)], of(VisitRecorded, 2, visit="v", done=False)),
    "a participant who is not in the log": ([], of(VisitRecorded, 1, visit="v")),
    "not in the log; write the screening or the consent first": ([], of(Withdrawn, 1, cause="other")),
    "the withdrawal recorded before": ([SCREENED, of(Withdrawn, 1, cause="other")], of(Withdrawn, 2, cause="other")),
    "a participant who has left": (
        [SCREENED, CONSENTED, of(Withdrawn, 1, cause="other")], of(Enrolled, 2, regimen="A1")),
    "no such participant": ([], Note(on=DAY, participant=P, text="x")),
    "before the decision of": (
        [Decision(on=day(5), recommended=None, chosen="A1", why="w", decided_by="c")],
        Decision(on=day(4), recommended=None, chosen="A1", why="w", decided_by="c")),
}  # fmt: skip


@pytest.mark.requirement("R-LOG-05")
@pytest.mark.parametrize("found", IMPOSSIBLE)
def test_what_cannot_have_happened_is_refused(found):
    before, then = IMPOSSIBLE[found]
    with pytest.raises(ProtocolError, match=found):
        after(*before).check(then, SITE)


@pytest.mark.parametrize("position", range(len(WHOLE)))
def test_what_can_have_happened_is_admitted(position):
    after(*WHOLE[:position]).check(WHOLE[position], SITE)


def test_a_participant_belongs_to_one_site():
    with pytest.raises(ProtocolError, match="of another site; write Wuhan Union Hospital"):
        after(SCREENED).check(CONSENTED, "Elsewhere")
    with pytest.raises(ProtocolError, match="no site"):
        after().check(SCREENED, "")


def test_a_correction_replaces_and_can_be_corrected_again():
    state = after(*WHOLE)
    once = corrected(state, correction(state, 3, of(Enrolled, regimen="B1")))
    twice = corrected(once, correction(once, 3, of(Enrolled, regimen="C1")))
    assert [s.histories[P].regimen for s in (state, once, twice)] == ["A1", "B1", "C1"]
    assert [(new.sequence, old.sequence, old.content["regimen"]) for new, old in twice.corrections] == [
        (len(WHOLE) + 1, 3, "A1"), (len(WHOLE) + 2, 3, "B1"),
    ]  # fmt: skip


def test_a_correction_removes_decisions_notes_and_events():
    decision = Decision(on=DAY, recommended="A1", chosen="B1", why="why", decided_by="committee")
    state = after(*WHOLE, decision, Note(on=DAY, text="aside"), Note(on=DAY, participant=P, text="of one"))
    first = len(WHOLE) + 1
    for number, participant in ((first, None), (first + 1, None), (first + 2, P), (6, P)):
        state = corrected(state, correction(state, number, participant=participant))
    assert (state.decisions, state.notes, state.histories[P].infusions) == ((), (), {1: day(7)})
    assert len(state.corrections) == 4


def test_a_participant_whose_only_event_is_removed_is_gone():
    state = after(SCREENED)
    assert P not in corrected(state, correction(state, 1)).people


@pytest.mark.parametrize(
    ("number", "replacement", "found"),
    [
        (3, None, "a participant who is not enrolled"),
        (3, of(Enrolled, 30, regimen="A1"), "before the enrolment"),
        (5, of(Infused, 15, number=1), "before the infusion before"),
        (5, of(TherapyStarted, 0), "a replacement of another kind or of another participant"),
        (
            5,
            Infused(on=DAY, participant="W-002", number=1),
            "a replacement of another kind or of another participant",
        ),
    ],
)
def test_a_correction_that_leaves_something_impossible_is_refused(number, replacement, found):
    state = after(*WHOLE)
    with pytest.raises(ProtocolError, match=found):
        state.check(correction(state, number, replacement), SITE)


def test_a_correction_of_what_its_author_did_not_see_is_refused():
    state = after(*WHOLE)
    for wrong in ({"hash": "0" * 64}, {"of": 99}, {"participant": None}):
        with pytest.raises(ProtocolError, match="no event of this participant that holds"):
            state.check(correction(state, 3).model_copy(update=wrong), SITE)


@pytest.mark.slow
@given(st.lists(st.integers(0, len(WHOLE) - 1), max_size=4), st.data())
def test_folding_in_pieces_is_folding_at_once(removed, data):
    entries: list[Entry] = chain(WHOLE)
    state = fold(entries)
    for position in removed:
        fix = Correction(of=position + 1, hash=entries[position].hash, participant=P, replacement=None, why="no")
        entries.append(sealed(fix, state.head, NOON, actor="a"))
        state = fold(entries[-1:], state)
    cut = data.draw(st.integers(0, len(entries)))
    assert fold(entries[cut:], fold(entries[:cut])) == fold(entries) == state
    assert fold((), state) is state


def test_a_form_with_a_wrong_field_is_told_which():
    with pytest.raises(ProtocolError, match=r"infused\.number: found nothing; write"):
        event({"kind": "infused", "on": DAY, "participant": P})
    with pytest.raises(ProtocolError, match="study id"):
        event({"kind": "consented", "on": DAY, "participant": "WANG"})
    with pytest.raises(ProtocolError, match="kind"):
        event({"kind": "vanished"})
    assert event({"kind": "consented", "on": "2026-03-02", "participant": P}) == of(Consented)


DECIDED = {"kind": "decision", "on": "2026-03-02", "chosen": "A1", "why": "why", "decided_by": "committee"}


@pytest.mark.parametrize("basis", [{"recommended": "A1"}, {"recommended": None}, {"waits_for": {"places": 2}},
                                   {"waits_for": {}}])  # fmt: skip
def test_a_decision_is_kept_as_it_was_given_so_that_older_hashes_hold(basis):
    given = DECIDED | basis
    assert content(event(given)) == given
    replaced = {
        "kind": "correction",
        "of": 1,
        "hash": "0" * 64,
        "participant": None,
        "why": "w",
        "replacement": given,
    }
    assert content(event(replaced)) == replaced


@pytest.mark.requirement("R-ESC-08")
@pytest.mark.parametrize(
    "basis", [{}, {"recommended": "A1", "waits_for": {"places": 1}}, {"waits_for": {"W-001": 1}},
              {"waits_for": {"places": 0}}]
)  # fmt: skip
def test_a_decision_says_what_was_recommended_or_what_that_waits_for_and_never_both(basis):
    with pytest.raises(ProtocolError):
        event(DECIDED | basis)


def much_corrected() -> list[Entry]:
    """A log in which an event was changed twice, another removed, and a note corrected."""
    entries = chain([*beginning(), Note(on=DAY, text="a"), *beginning("W-002")])

    def change(number: int, replacement: object, participant: str | None = P) -> None:
        named = {"of": number, "hash": entries[number - 1].hash, "participant": participant, "why": "why"}
        happened = Correction(**named, replacement=replacement)
        entries.append(sealed(happened, Head(len(entries), entries[-1].hash), NOON, actor="a"))

    change(5, entries[4].event.model_copy(update={"on": day(8)}))
    change(5, entries[4].event.model_copy(update={"on": day(9)}))
    change(4, None)
    change(6, Note(on=DAY, text="b"), None)
    return entries


def test_a_state_keeps_each_entry_once_and_gives_them_back_as_they_were_recorded():
    entries = much_corrected()
    state = fold(entries)
    assert [(e.sequence, e.hash, e.content) for e in state.entries] == [
        (e.sequence, e.hash, e.content) for e in entries
    ]
    assert {(e.key, e.previous) for e in state.entries} == {("", "")}
    assert fold(state.entries).people == state.people


def test_a_state_of_a_reader_keeps_no_hashes_and_says_the_same():
    entries = much_corrected()
    state = fold(entries, hashes=False)
    assert {entry.hash for entry in state.entries} == {""}
    assert state.head == Head(len(entries), entries[-1].hash)
    assert state.histories == {
        name: replace(course, screenings=state.histories[name].screenings)
        for name, course in fold(entries).histories.items()
    }


def test_only_the_courses_of_those_about_whom_something_is_new_are_put_together_again():
    entries = chain([*beginning(), *beginning("W-002"), Note(on=DAY, participant=P, text="a")])
    before = fold(entries[:-2])
    known = before.histories
    later = fold(entries[-2:], before)
    assert later.histories["W-001"] is known["W-001"]
    assert later.histories["W-002"] == fold(entries).histories["W-002"] != known["W-002"]
    assert fold(entries[-1:], fold(entries[:-1])).histories == fold(entries).histories
