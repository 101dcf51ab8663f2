"""The path of a participant, and the questions before an entry that contradicts what is known."""

from datetime import date, timedelta

import pytest

from protocol.conduct import Entry, history_of, is_grave, next_event, path_of, questions
from protocol.conduct.events import event

START = date(2026, 3, 2)
WINDOW = 28


def day(number):
    """Return study day `number`, counted from the first infusion as day 1."""
    return START + timedelta(days=number - 1)


def entry(kind, on, **more):
    content = {"kind": kind, "on": on.isoformat(), "participant": "P-001", **more}
    return Entry(1, f"{on}T12:00:00Z", "somebody", "a site", "", "", "", "", content, "", "")


SCREENED = entry("screened", day(-6), phase="Ib", overall="eligible so far", result={})
CONSENTED, ENROLLED = entry("consented", day(-7)), entry("enrolled", day(-1), regimen="A2")
THERAPY, FIRST, SECOND = (
    entry("therapy_started", day(0)),
    entry("infused", day(1), number=1),
    entry("infused", day(8), number=2),
)
ENDED = entry("treatment_ended", day(8))
CLEAR = entry("dlt_assessed", day(28), dlt=False, code=None, grade=None)
TOXIC = entry("dlt_assessed", day(5), dlt=True, code="infection", grade=4)
LIFE = [SCREENED, CONSENTED, ENROLLED, THERAPY, FIRST, SECOND, ENDED, CLEAR]


@pytest.mark.parametrize(
    ("known", "on", "kind", "number"),
    [
        (0, 1, "screened", 0), (1, 1, "consented", 0), (2, 1, "enrolled", 0), (3, 1, "therapy_started", 0),
        (4, 1, "infused", 1), (5, 2, "infused", 2), (6, 9, "treatment_ended", 0), (7, 9, "visit", 0),
        (7, 28, "dlt_assessed", 0), (8, 28, "visit", 0),
    ],
)  # fmt: skip
def test_the_next_step_follows_the_order_of_the_path(known, on, kind, number):
    step = next_event(history_of(LIFE[:known]), 2, WINDOW, day(on))
    assert (step.kind, step.number) == (kind, number)


def test_an_assessment_that_is_due_comes_before_an_infusion_that_was_not_given():
    assert next_event(history_of(LIFE[:5]), 2, WINDOW, day(27)).kind == "infused"
    assert next_event(history_of(LIFE[:5]), 2, WINDOW, day(28)).kind == "dlt_assessed"


def test_an_assessment_before_the_last_day_of_the_window_does_not_end_the_step():
    early = entry("dlt_assessed", day(27), dlt=False, code=None, grade=None)
    assert next_event(history_of([*LIFE[:7], early]), 2, WINDOW, day(28)).kind == "dlt_assessed"


def test_after_a_dlt_no_infusion_is_proposed():
    step = next_event(history_of([*LIFE[:5], TOXIC]), 2, WINDOW, day(6))
    assert step.kind == "treatment_ended"


def test_who_left_or_is_not_eligible_has_no_next_step():
    left = entry("withdrawn", day(10), cause="progression")
    path = path_of(history_of([*LIFE[:5], left]), 2, WINDOW, day(40))
    assert [step.state for step in path if step.kind in ("infused", "visit")] == ["done", "left out", "left out"]
    assert path[-1].on == day(10)
    excluded = entry("screened", day(-6), phase="Ib", overall="ineligible", result={})
    assert next_event(history_of([excluded]), 2, WINDOW, day(1)) is None


def test_at_most_one_step_is_next_and_every_done_step_has_its_day():
    for known in range(len(LIFE) + 1):
        for on in range(1, 40):
            path = path_of(history_of(LIFE[:known]), 2, WINDOW, day(on))
            assert sum(step.state == "next" for step in path) == 1
            assert all((step.on is not None) == (step.state == "done") for step in path)


def test_infusions_after_the_end_of_treatment_are_left_out():
    path = path_of(history_of([*LIFE[:5], ENDED]), 4, WINDOW, day(9))
    assert [step.state for step in path if step.kind == "infused"] == ["done", "left out", "left out", "left out"]


# --- Questions ---


def asked(known, kind, on, window=None, **more):
    happened = event({"kind": kind, "on": on, "participant": "P-001", **more})
    return " ".join(questions(history_of(known), happened, WINDOW, window))


@pytest.mark.parametrize(("known", "dlt"), [(CLEAR, True), (CLEAR, False), (TOXIC, True)])
def test_a_second_assessment_of_one_day_is_asked_about(known, dlt):
    on = date.fromisoformat(known.content["on"])
    word = "DLT" if known.content["dlt"] else "no DLT"
    assert f"already recorded: {word}." in asked([*LIFE[:7], known], "dlt_assessed", on, dlt=dlt)


def test_no_dlt_after_a_dlt_and_a_dlt_before_an_assessment_without_one_are_asked_about():
    assert "A DLT is already recorded for 2026-03-06" in asked([*LIFE[:7], TOXIC], "dlt_assessed", day(4), dlt=False)
    assert "later assessment" in asked([*LIFE[:7], CLEAR], "dlt_assessed", day(20), dlt=True)


def test_an_assessment_outside_the_window_is_asked_about():
    assert "does not count" in asked(LIFE[:7], "dlt_assessed", day(29), dlt=True)
    assert "another assessment is needed" in asked(LIFE[:7], "dlt_assessed", day(27), dlt=False)
    assert asked(LIFE[:7], "dlt_assessed", day(28), dlt=False) == ""
    assert asked(LIFE[:7], "dlt_assessed", day(28), dlt=True) == ""


def test_an_enrolment_before_the_screening_is_asked_about():
    assert "after this enrolment" in asked([SCREENED, CONSENTED], "enrolled", day(-7), regimen="A1")
    assert asked([SCREENED, CONSENTED], "enrolled", day(-6), regimen="A1") == ""


def test_an_infusion_of_the_same_day_or_after_a_dlt_is_asked_about():
    assert "already recorded for 2026-03-02" in asked(LIFE[:5], "infused", day(1), number=2)
    assert "A DLT is recorded" in asked([*LIFE[:5], TOXIC], "infused", day(8), number=2)
    assert asked(LIFE[:5], "infused", day(8), number=2) == ""


def test_a_visit_outside_its_window_is_asked_about_and_a_missed_one_is_not():
    window = day(10), day(12)
    assert "before the planned window" in asked(LIFE, "visit", day(9), window, visit="month_3")
    assert "after the planned window" in asked(LIFE, "visit", day(13), window, visit="month_3")
    assert asked(LIFE, "visit", day(12), window, visit="month_3") == ""
    assert asked(LIFE, "visit", day(13), window, visit="month_3", done=False) == ""


def test_what_happens_after_the_end_is_asked_about():
    left = entry("withdrawn", day(10), cause="progression")
    assert "left the trial on 2026-03-11" in asked([*LIFE[:5], left], "recovery", day(11), lineage="platelets")


def test_a_dlt_and_the_end_of_participation_are_grave():
    grave = {"dlt_assessed": {"dlt": True}, "withdrawn": {"cause": "death"}}
    light = {"dlt_assessed": {"dlt": False}, "infused": {"number": 1}, "consented": {}}
    for kinds, expected in ((grave, True), (light, False)):
        for kind, more in kinds.items():
            assert is_grave(event({"kind": kind, "on": START, "participant": "P-001", **more})) == expected
