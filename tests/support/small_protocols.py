"""Small invented protocols: random conditions over a handful of facts, and records made of them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st

from protocol.eligibility import Criterion, EligibilityRecord, Fact, FactRoles, Parameter
from protocol.records import Phase

ORIGIN = {"assumption": "invented for a test"}
OPTIONS = {"red": "Red", "green": "Green", "blue": "Blue"}


def _fact(id_: str, type_: str, **more: Any) -> Fact:
    number = {"unit": "1", "minimum": 0, "maximum": 100} if type_ in ("number", "whole") else {}
    options = {"options": OPTIONS} if type_ == "choice" else {}
    return Fact(id=id_, label=id_, group="All", type=type_, **number, **options, **more, **ORIGIN)  # type: ignore[arg-type]


FACTS = (
    *(_fact(name, "yes_no") for name in ("p", "q", "r")),
    _fact("x", "number"),
    _fact("y", "number", dated_by="d", valid_days="window_days"),
    _fact("n", "whole"),
    _fact("total", "number", derived="x + 2 * n"),
    _fact("colour", "choice"),
    _fact("other_colour", "choice", dated_by="e", valid_days="window_days"),
    _fact("d", "date"),
    _fact("e", "date"),
    _fact("enrolment_date", "date"),
)
PARAMETERS = (
    Parameter(id="limit", label="limit", value=1.2, minimum=0, maximum=50, concerns=("E1",), **ORIGIN),
    Parameter(id="window_days", label="window", value=7, minimum=0, maximum=60, concerns=("E1",), **ORIGIN),
    Parameter(
        id="reading",
        label="reading",
        value="strict",
        options={"strict": "a", "wide": "b"},
        concerns=("E1",),
        **ORIGIN,
    ),
)


def record_of(criteria: Iterable[Criterion]) -> EligibilityRecord:
    """Return a record of the small facts with these criteria."""
    roles = FactRoles(enrolment_day="enrolment_date")
    return EligibilityRecord(
        phases=("Ib", "II"), roles=roles, facts=FACTS, parameters=PARAMETERS, criteria=tuple(criteria)
    )


def criterion(number: int, condition: str | None, kind: str = "exclusion", **more: Any) -> Criterion:
    """Return a criterion with a condition or parts."""
    content = {"id": f"{kind[0].upper()}{number}", "kind": kind, "title": "invented", "wording": "invented"}
    content |= {"condition": condition, "type": "objective", "confirm": "screening"} | ORIGIN | more
    return Criterion.model_validate(content)


def truths(conditions: Iterable[str], facts: Mapping[str, Any], phase: Phase = "Ib") -> list[bool | None]:
    """Run conditions through the engine, one exclusion each: it blocks when true and does not when false."""
    record = record_of(criterion(number, text) for number, text in enumerate(conditions, start=1))
    answers = {"excludes": True, "passes": False, "unknown": None}
    return [answers[verdict.status] for verdict in record.screen(facts, phase).verdicts]


# --- Random conditions. Right sides are positive: the record compares nothing with a negative number ---------------

CONSTANTS = st.sampled_from(["0.5", "1", "1.2", "3", "7", "14"])
POSITIVE = st.sampled_from(["x", "y", "n", "total", "limit", "window_days"])
SPANS = st.sampled_from(["days_between(d, e)", "months_between(d, e)", "completed_years(d, e)"])
PRODUCTS = st.builds("({} {} {})".format, POSITIVE, st.sampled_from(["+", "*"]), CONSTANTS)
QUOTIENTS = st.builds("({} / {})".format, POSITIVE, CONSTANTS)
SQUARES = st.builds("{} ** 2".format, POSITIVE)
LEFT = st.one_of(
    POSITIVE, CONSTANTS, SPANS, PRODUCTS, QUOTIENTS, SQUARES, st.builds("({} - {})".format, POSITIVE, SPANS)
)
RIGHT = st.one_of(POSITIVE, CONSTANTS, PRODUCTS, QUOTIENTS)
ORDER = st.sampled_from(["<", "<=", ">", ">="])
EQUAL = st.sampled_from(["==", "!="])
COLOURS = st.sampled_from(["colour", "other_colour", "'red'", "'green'"])
BOOLEANS = st.sampled_from(["p", "q", "r", "True", "False"])

LEAVES = st.one_of(
    BOOLEANS,
    st.builds("{} {} {}".format, LEFT, ORDER, RIGHT),
    st.builds("{} {} {} {} {}".format, CONSTANTS, ORDER, POSITIVE, ORDER, RIGHT),
    st.builds("{} {} {}".format, st.sampled_from(["n", "window_days", "days_between(e, d)"]), EQUAL, CONSTANTS),
    st.builds("{} {} {}".format, BOOLEANS, EQUAL, BOOLEANS),
    st.builds("{} {} {}".format, st.sampled_from(["d", "e"]), st.one_of(ORDER, EQUAL), st.just("enrolment_date")),
    st.builds("{} {} {}".format, st.sampled_from(["colour", "other_colour"]), EQUAL, COLOURS),
    st.builds("{} {} ({}, {})".format, COLOURS, st.sampled_from(["in", "not in"]), COLOURS, COLOURS),
    st.builds("n {} ({}, n, 3)".format, st.sampled_from(["in", "not in"]), CONSTANTS),
    st.builds("reading {} '{}'".format, EQUAL, st.sampled_from(["strict", "wide"])),
    st.builds("given({})".format, st.sampled_from([fact.id for fact in FACTS])),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("not ({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["unclear", "too_early"]), inner),
    ),
    max_leaves=6,
)
PHASES = st.sampled_from([("Ib", "II"), ("Ib",), ("II",)])


@st.composite
def criteria(draw: st.DrawFn, number: int) -> Criterion:
    """Draw a criterion: a condition or parts, for some phases, for everybody or some."""
    kind, phases = draw(st.sampled_from(["inclusion", "exclusion"])), draw(PHASES)
    more: dict[str, Any] = {"phases": phases, "applies_if": draw(st.none() | CONDITIONS)}
    if draw(st.booleans()):
        return criterion(number, draw(CONDITIONS), kind, **more)
    parts = [_part(f"{number}.{i}", draw(CONDITIONS), phases if i == 0 else draw(PHASES)) for i in range(3)]
    return criterion(number, None, kind, parts=parts, combine=draw(st.sampled_from(["any", "all"])), **more)


def _part(id_: str, condition: str, phases: tuple[str, ...]) -> dict[str, Any]:
    return {"id": id_, "title": "invented", "wording": "invented", "condition": condition, "phases": phases}


DAYS = st.sampled_from(
    [date(2024, 2, 29), date(2025, 2, 28), date(2025, 8, 31), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 8)]
)
VALUES = {
    "yes_no": st.booleans(),
    "number": st.sampled_from([0.5, 1.0, 1.2, 1.44, 1.8, 2.4, 3.0, 7.0, 14.0, 20.0, float("nan")]),
    "whole": st.sampled_from([1, 2, 3, 7, 14]),
    "choice": st.sampled_from(sorted(OPTIONS)),
    "date": DAYS,
}
PEOPLE = st.fixed_dictionaries({}, optional={fact.id: VALUES[fact.type] for fact in FACTS})
"""The facts of one invented participant; any may be absent."""
