"""Counts, transfusions, adverse events, relapse, phases and declared regimens: what the log takes and refuses."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_events import DAY, NOON, SITE, WHO, beginning, chain, screened

from protocol.conduct import (
    AdverseEventFollowed,
    BloodCount,
    Consented,
    Correction,
    Decision,
    Enrolled,
    Infused,
    ProtocolRules,
    ReasonNeeded,
    Received,
    RegimenDeclared,
    Relapsed,
    Stagger,
    Withdrawn,
    content,
    event,
    fold,
    history_of,
    is_grave,
    open_log,
    questions,
    read_entries,
    sealed,
    write_entries,
)
from protocol.records import ProtocolError

INFUSED = DAY + timedelta(days=7)
PHASES = ProtocolRules(phases=("Ib", "II"))


def adverse(**changes):
    values = {
        "kind": "adverse_event",
        "on": INFUSED,
        "participant": "W-001",
        "number": 1,
        "term": "fever",
        "version": "5.0",
        "grade": 2,
        "relatedness": "possible",
        "action": "none",
        "outcome": "not recovered",
    }
    return event(values | changes)


def followed(**changes):
    return AdverseEventFollowed(**({"on": INFUSED, "participant": "W-001", "number": 1} | changes))


def drawn(on=INFUSED, **counts):
    given = counts or {"platelets": {"value": 12, "unit": "10^9/L"}}
    return BloodCount(on=on, participant="W-001", counts=given)


def after(*events):
    return fold(chain([*beginning(), *events]))


def refused(state, happened, match, **about):
    with pytest.raises(ProtocolError, match=match):
        state.check(happened, SITE, **about)


def history(*events):
    return after(*events).histories["W-001"]


# Reports


def test_an_entry_about_reports_is_no_observation_and_no_question_after_the_end():
    sent = {"known_on": INFUSED + timedelta(days=1), "reported_on": INFUSED + timedelta(days=6)}
    about = AdverseEventFollowed(
        on=INFUSED + timedelta(days=9), participant="W-001", number=1, expected=False, **sent
    )
    before, after_it = history(adverse()), history(adverse(), about)
    assert (after_it.last_seen, after_it.adverse_events[1].last_known) == (
        before.last_seen,
        before.adverse_events[1].last_known,
    )
    assert after_it.adverse_events[1].reported_on == sent["reported_on"]
    left = Withdrawn(on=INFUSED + timedelta(days=5), participant="W-001", cause="death")
    assert questions(history(adverse(), left), about, 28) == ()
    assert questions(history(adverse(), left), followed(on=INFUSED + timedelta(days=9), grade=3), 28) != ()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"reported_on": INFUSED}, "the sponsor was not told of"),
        (
            {"known_on": INFUSED + timedelta(days=2), "reported_on": INFUSED},
            "before the day on which the sponsor knew",
        ),
        ({"known_on": INFUSED, "completed_on": INFUSED}, "a completed report without a first report"),
        (
            {"known_on": INFUSED, "reported_on": INFUSED + timedelta(days=2), "completed_on": INFUSED},
            "before the first report",
        ),
    ],
)
def test_a_report_needs_what_comes_before_it(sent, says):
    refused(after(adverse()), AdverseEventFollowed(on=INFUSED, participant="W-001", number=1, **sent), says)


def test_a_death_and_a_dlt_told_later_are_confirmed_too():
    assert is_grave(followed(grade=5, outcome="fatal", why_serious=["death"]))
    assert is_grave(followed(dlt=True))
    assert not is_grave(followed(grade=3))


# What is recorded


def test_what_is_not_known_of_an_event_is_left_out_of_its_entry():
    assert content(Infused(on=DAY, participant="W-001", number=1)) == {
        "kind": "infused",
        "on": "2026-03-02",
        "participant": "W-001",
        "number": 1,
    }
    assert "phase" not in content(Enrolled(on=DAY, participant="W-001", regimen="A1"))
    assert {"end", "dlt", "expected", "known_on"}.isdisjoint(content(adverse()))
    assert content(adverse())["why_serious"] == []


def test_an_entry_from_before_these_fields_still_has_its_hash():
    about = {"key": "k", "software": "0.1.0", **WHO}
    old = sealed(Infused(on=DAY, participant="W-001", number=1), fold(()).head, NOON, **about)
    assert old.hash == "a5d74a25b85bef229953b501dc42ee6a9c9e96dde564fd753b2f8627d6ee9539"
    assert old.event == Infused(on=DAY, participant="W-001", number=1)


def test_every_new_kind_survives_the_export_as_json_lines(tmp_path):
    told = [
        drawn(neutrophils={"value": 0.45, "unit": "10^9/L", "normal_limit": 1.8}),
        Received(on=INFUSED, participant="W-001", what="platelet transfusion"),
        adverse(why_serious=["hospitalisation"], known_on=INFUSED, expected=False, dlt=None),
        followed(grade=3),
        Relapsed(on=INFUSED, participant="W-001"),
        Infused(on=INFUSED, participant="W-001", number=2, lot="UCM-01", cells=1.9, viability=0.9, started="09:30"),
        RegimenDeclared(on=DAY, phase="II", regimen="B2", advised="B2", why="as advised", decided_by="committee"),
    ]
    entries = chain([*beginning(), *told])
    write_entries(tmp_path / "log.jsonl", entries)
    assert read_entries(tmp_path / "log.jsonl") == tuple(entries)
    assert [entry.event for entry in entries[-7:]] == told


def test_the_history_has_the_counts_of_each_day_and_the_last_day_on_which_anything_was_seen():
    later = INFUSED + timedelta(days=3)
    known = history(drawn(), drawn(haemoglobin={"value": 70, "unit": "g/L"}), Received(
        on=later, participant="W-001", what="red cell transfusion"
    ))  # fmt: skip
    assert known.draws == {INFUSED: {"platelets": 12, "haemoglobin": 70}}
    assert known.received == ((later, "red cell transfusion"),)
    assert known.last_seen == later


def test_an_adverse_event_keeps_every_grade_with_its_day_and_counts_the_worst():
    later, end = INFUSED + timedelta(days=2), INFUSED + timedelta(days=6)
    known = history(adverse(), followed(on=later, grade=4, why_serious=["life-threatening"]),
                    followed(on=end, grade=1, end=end, outcome="recovered"))  # fmt: skip
    seen = known.adverse_events[1]
    assert seen.grades == ((INFUSED, 2), (later, 4), (end, 1))
    assert (seen.grade, seen.end, seen.outcome) == (4, end, "recovered")
    assert seen.why_serious == ("life-threatening",)
    assert (seen.relatedness, seen.last_known) == ("possible", end)


def test_death_is_known_from_an_adverse_event_of_grade_5_and_from_the_end_of_participation():
    fatal = followed(grade=5, outcome="fatal", why_serious=["death"], on=INFUSED + timedelta(days=1))
    assert history(adverse(), fatal).died == INFUSED + timedelta(days=1)
    left = event({"kind": "withdrawn", "on": INFUSED, "participant": "W-001", "cause": "death"})
    assert history(left).died == INFUSED
    assert history().died is None


# What is refused


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"grade": 6}, "grade: found 6; write a number up to 5"),
        ({"grade": 0}, "grade: found 0; write a number of 1 or more"),
        ({"outcome": "well"}, "outcome: found 'well'; write one of 'recovered'"),
        ({"term": "very bad fever"}, "term"),
        ({"on": "2026-3-9"}, "write a date like"),
    ],
)
def test_an_adverse_event_that_cannot_be_read_is_refused_at_its_field(changes, match):
    with pytest.raises(ProtocolError, match=match):
        adverse(**changes)


@pytest.mark.parametrize("counts", [{}, {"platelets": {"value": -1, "unit": "10^9/L"}}, {"platelets": {"value": 1}}])
def test_a_draw_without_a_count_or_a_count_without_its_unit_is_refused(counts):
    with pytest.raises(ProtocolError, match="counts"):
        event({"kind": "blood_count", "on": DAY, "participant": "W-001", "counts": counts})


@pytest.mark.parametrize(
    ("happened", "match"),
    [
        (adverse(on=DAY - timedelta(days=1)), "before the consent"),
        (adverse(end=INFUSED - timedelta(days=1)), "before the onset on 2026-03-09"),
        (adverse(known_on=INFUSED - timedelta(days=1)), "before the onset"),
        (adverse(number=2), "adverse event 2 after 0 adverse events; write adverse event 1"),
        (adverse(grade=5), "grade 5 alone; write grade 5, a fatal outcome and death as seriousness together"),
        (adverse(outcome="fatal"), "a fatal outcome alone"),
        (adverse(on=DAY, dlt=True), "before the first infusion"),
        (followed(grade=3), "adverse event 1 of 0 adverse events; write the adverse event first"),
        (Relapsed(on=DAY - timedelta(days=9), participant="W-001"), "before the enrolment"),
    ],
)
def test_what_cannot_have_happened_is_refused(happened, match):
    refused(after(), happened, match)


def test_a_follow_up_says_what_changed_and_no_day_before_the_onset():
    state = after(adverse())
    refused(state, followed(), "nothing that changed")
    refused(state, followed(on=DAY, grade=1), "before the onset")
    refused(state, followed(end=DAY), "before the onset")
    refused(state, followed(grade=5), "grade 5 alone")
    state.check(followed(grade=1), SITE)


def test_somebody_who_is_not_in_the_log_has_no_counts():
    for happened in (drawn(), Received(on=DAY, participant="W-001", what="G-CSF")):
        refused(fold(()), happened, "not in the log")
    refused(fold(()), adverse(), "without informed consent")


def test_a_correction_may_not_leave_a_follow_up_without_its_event():
    entries = chain([*beginning(), adverse(), followed(grade=3)])
    state = fold(entries)
    wrong = entries[-2]
    fix = Correction(of=wrong.sequence, hash=wrong.hash, participant="W-001", why="another participant")
    refused(state, fix, "write the adverse event first")
    right = adverse(grade=1, term="chills")
    state.check(fix.model_copy(update={"replacement": right}), SITE)


def test_the_topic_that_knows_the_units_may_refuse_at_the_log(tmp_path):
    def refuse(happened):
        raise ProtocolError("count of platelets", "12,000 10^9/L", "another unit")

    log = open_log(tmp_path / "log.sqlite", rules=ProtocolRules(refuse=refuse), clock=lambda: NOON)
    with pytest.raises(ProtocolError, match="12,000"):
        log.append(drawn(), **WHO)
    assert log.head().count == 0
    log.close()


@pytest.mark.parametrize("lot", ["13812345678", "11010519491231002X"])
def test_the_number_of_a_person_is_no_lot(tmp_path, lot):
    log = open_log(tmp_path / "log.sqlite", clock=lambda: NOON)
    with pytest.raises(ProtocolError, match="lot"):
        log.append(Infused(on=DAY, participant="W-001", number=1, lot=lot), **WHO)
    log.close()


# What is asked about


def test_a_second_draw_of_a_day_and_a_second_event_of_a_term_are_asked_about():
    known = history(drawn(), adverse(end=INFUSED + timedelta(days=3)))
    assert "platelets" in questions(known, drawn(), 28)[0]
    assert questions(known, drawn(neutrophils={"value": 1, "unit": "10^9/L"}), 28) == ()
    assert "adverse event 1" in questions(known, adverse(number=2), 28)[0]
    assert questions(known, adverse(number=2, on=INFUSED + timedelta(days=9)), 28) == ()
    assert "DLT assessment" in questions(known, adverse(number=2, term="chills", dlt=True), 28)[0]


def test_a_dlt_and_a_death_are_confirmed():
    assert is_grave(adverse(dlt=True))
    assert is_grave(adverse(grade=5, outcome="fatal", why_serious=["death"]))
    assert not is_grave(adverse(grade=4))


# Phases


def declared(regimen="B2", on=DAY, phase="II"):
    return RegimenDeclared(on=on, phase=phase, regimen=regimen, advised=regimen, why="w", decided_by="committee")


def enrolled(regimen="A1", phase=None, participant="W-002"):
    return Enrolled(on=DAY, participant=participant, regimen=regimen, phase=phase)


def ready(*more):
    opened = Decision(on=DAY, waits_for={}, chosen="A1", why="w", decided_by="committee")
    return fold(chain([opened, screened("W-002"), Consented(on=DAY, participant="W-002"), *more]))


def test_a_phase_enrols_at_the_regimen_that_is_declared_for_it():
    state = ready(declared("B2"))
    assert state.declared == {"II": "B2"}
    state.check(enrolled("B2", "II"), SITE, rules=PHASES)
    state.check(enrolled("A1", "Ib"), SITE, rules=PHASES)
    state.check(enrolled("A1"), SITE, rules=PHASES)
    refused(state, enrolled("A1", "II"), "A1 while B2 is open; write a reason", rules=PHASES)
    refused(state, enrolled("B2", "Ib"), "B2 while A1 is open", rules=PHASES)
    state.check(enrolled("A1", "II"), SITE, "thawed too late", PHASES)


def test_a_phase_without_a_declared_regimen_needs_a_reason():
    refused(ready(), enrolled("A1", "II"), "for which no regimen is declared", rules=PHASES)
    ready().check(enrolled("A1", "II"), SITE, "agreed with the committee", PHASES)


def test_the_regimen_of_the_escalation_is_not_declared_and_declarations_keep_their_order():
    refused(ready(), declared(phase="Ib"), "in which the regimen is still sought", rules=PHASES)
    state = ready(declared(on=DAY))
    refused(state, declared(on=DAY - timedelta(days=1)), "declared regimen: .* before the decision", rules=PHASES)
    state.check(declared("C1", on=DAY + timedelta(days=1)), SITE, rules=PHASES)


def test_a_declaration_can_be_corrected_and_removed():
    entries = chain([declared("B2")])
    fix = Correction(of=1, hash=entries[0].hash, why="another regimen", replacement=declared("B3"))
    state = fold(entries)
    state.check(fix)
    moved = fold([sealed(fix, state.head, NOON, **WHO)], state)
    assert moved.declared == {"II": "B3"}
    assert [entry.content["kind"] for entry in moved.entries] == ["regimen_declared", "correction"]
    gone = fold([sealed(fix.model_copy(update={"replacement": None}), state.head, NOON, **WHO)], state)
    assert gone.declared == {}


def test_an_older_enrolment_is_of_no_named_phase():
    known = history_of(chain(beginning()))
    assert known.phase is None
    assert known.as_participant("W-001", {}).phase is None


# Stagger


def with_two(first=None, opened=DAY):
    events = [Decision(on=opened, waits_for={}, chosen="A1", why="w", decided_by="committee")]
    for name in ("W-001", "W-002"):
        events += [screened(name), Consented(on=DAY, participant=name), enrolled(participant=name)]
    if first:
        events.append(Infused(on=first, participant="W-001", number=1))
    return fold(chain(events))


@pytest.mark.parametrize("of", ["cohort", "regimen"])
def test_the_first_participant_of_a_cohort_is_observed_alone_for_the_days_of_the_rule(of):
    rules = ProtocolRules(phases=("Ib",), stagger=Stagger(14, of))
    state = with_two(first=INFUSED)

    def second(days):
        return Infused(on=INFUSED + timedelta(days=days), participant="W-002", number=1)

    for days in (0, 13):
        with pytest.raises(ReasonNeeded, match="a day from 2026-03-23 on, or a reason"):
            state.check(second(days), SITE, rules=rules)
        state.check(second(days), SITE, "the committee allowed it", rules)
        state.check(second(days), SITE)
    state.check(second(14), SITE, rules=rules)
    with_two().check(second(0), SITE, rules=rules)


def test_a_new_cohort_has_a_first_participant_of_its_own():
    events = [Decision(on=DAY, waits_for={}, chosen="A1", why="w", decided_by="committee"), *beginning("W-001")]
    again = INFUSED + timedelta(days=1)
    events.append(Decision(on=again, waits_for={}, chosen="A1", why="w", decided_by="committee"))
    events += [screened("W-002"), Consented(on=DAY, participant="W-002")]
    events.append(Enrolled(on=again, participant="W-002", regimen="A1"))
    state, infusion = fold(chain(events)), Infused(on=again, participant="W-002", number=1)
    state.check(infusion, SITE, rules=ProtocolRules(stagger=Stagger(14, "cohort")))
    refused(state, infusion, "write a day from", rules=ProtocolRules(stagger=Stagger(14, "regimen")))


@given(st.integers(0, 40), st.integers(1, 40))
@settings(max_examples=30)
def test_a_longer_wait_never_allows_what_a_shorter_one_refuses(day, days):
    state = with_two(first=INFUSED)
    happened = Infused(on=INFUSED + timedelta(days=day), participant="W-002", number=1)

    def allowed(wait):
        try:
            state.check(happened, SITE, rules=ProtocolRules(stagger=Stagger(wait)))
        except ReasonNeeded:
            return False
        return True

    assert allowed(days) == (day >= days)
    assert allowed(days) or not allowed(days + 1)


# A log with many of them


def test_1200_new_entries_are_read_and_verified_in_a_moment(tmp_path):
    told = [drawn(on=INFUSED + timedelta(days=n % 60)) for n in range(900)]
    told += [adverse(number=n, on=INFUSED + timedelta(days=n % 60), end=date(2026, 9, 1)) for n in range(1, 100)]
    told += [Received(on=INFUSED, participant="W-001", what="platelet transfusion")] * 200
    entries = chain(beginning())
    for one in told:
        entries.append(sealed(one, fold(entries[-1:]).head, NOON, **WHO))
    log = open_log(tmp_path / "log.sqlite", clock=lambda: NOON)
    log.restore(entries)
    assert log.verify().ok
    state = log.state()
    assert len(state.histories["W-001"].adverse_events) == 99
    assert state == fold(entries)
    log.append(drawn(), **WHO)
    log.close()
