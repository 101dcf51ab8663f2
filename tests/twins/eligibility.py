"""Second, plain implementation of the eligibility criteria, written from the description of the record's format.

One participant at a time, no data frames. A condition is worth True, False or None (unknown), combined by Kleene's
rules. Numbers are decimals as they were written, so a limit such as 1.5 x 1.2 is exactly 1.8; the engine reaches
the same answers with a relative tolerance of 1e-9. Dates are counted here by hand.
"""

import ast
import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Any

from protocol.eligibility import Criterion, EligibilityRecord, Part

Truth = bool | None
Value = bool | Decimal | str | date | None


DIGITS = Context(prec=40)
"""A third has no end: so many digits are far more than the measurements have."""


def verdicts(record: EligibilityRecord, facts: Mapping[str, Any], phase: str | None) -> dict[str, str]:
    """Return the status of every criterion and every part, by id; in the first phase when none is named."""
    phase = phase or record.phases[0]
    with localcontext(DIGITS):
        values = usable(record, facts)
        found: dict[str, str] = {}
        for criterion in record.criteria:
            found[criterion.id] = _criterion_status(criterion, values, phase)
            for part in criterion.parts:
                found[part.id] = _part_status(criterion, part, values, phase)
    return found


def _criterion_status(criterion: Criterion, values: Mapping[str, Value], phase: str) -> str:
    if not _named(criterion, phase):
        return "not applicable"
    if criterion.condition is not None:
        present = truth(criterion.condition, values)
    else:
        parts = [_part_truth(criterion, part, values) for part in criterion.parts if _named(part, phase)]
        present = any_of(parts) if criterion.combine == "any" else all_of(parts)
    return _status(criterion.kind, _applies(criterion, values), present)


def _part_truth(criterion: Criterion, part: Part, values: Mapping[str, Value]) -> Truth:
    """Return what a part adds to its criterion: a part that does not apply is left out."""
    applies, present = _applies(part, values), truth(part.condition, values)
    if criterion.combine == "any":
        return all_of([applies, present])
    return any_of([opposite(applies), present])


def _part_status(criterion: Criterion, part: Part, values: Mapping[str, Value], phase: str) -> str:
    if not _named(criterion, phase) or not _named(part, phase) or _applies(criterion, values) is False:
        return "not applicable"
    return _status(criterion.kind, _applies(part, values), truth(part.condition, values))


def _named(rule: Criterion | Part, phase: str) -> bool:
    return not rule.phases or phase in rule.phases


def _applies(rule: Criterion | Part, values: Mapping[str, Value]) -> Truth:
    return True if rule.applies_if is None else truth(rule.applies_if, values)


def _status(kind: str, applies: Truth, present: Truth) -> str:
    if applies is False:
        return "not applicable"
    blocks = opposite(present) if kind == "inclusion" else present
    return {True: "excludes", False: "passes", None: "unknown"}[all_of([applies, blocks])]


# --- What is known about the participant -------------------------------------------------------------------------


def usable(record: EligibilityRecord, facts: Mapping[str, Any]) -> dict[str, Value]:
    """Return parameters and facts that have a usable value: given and fresh, or derived and plausible."""
    values: dict[str, Value] = {parameter.id: exact(parameter.value) for parameter in record.parameters}
    given = {name: exact(value) for name, value in facts.items() if not missing(value)}
    for fact in record.facts:
        if fact.id in given and not _stale(fact, record.roles.enrolment_day, given, values):
            values[fact.id] = given[fact.id]
    for fact in record.facts:
        if fact.derived:
            derived = _evaluate(ast.parse(fact.derived, mode="eval").body, values)
            if derived is None:
                continue
            rounding = exact(fact.step) if fact.step and fact.type == "number" else 0
            if fact.id in given and abs(given[fact.id] - derived) > rounding:
                values.pop(fact.id, None)  # two sources that disagree are no source
            elif exact(fact.minimum) <= derived <= exact(fact.maximum):
                values[fact.id] = derived  # which is not rounded
    ever = {f"ever {name}": value for name, value in given.items()}
    raw = given | {one.id: values[one.id] for one in record.facts if one.derived and one.id in values} | ever
    doubtful = {one.fact for one in record.contradictions if truth(one.condition, raw) is True}
    values |= dict.fromkeys(doubtful & given.keys(), None)  # something is given, but nobody knows what
    return values | ever


def _stale(fact: Any, anchor: str | None, given: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether its last valid day lies before the enrolment, or its date lies after it where it may not."""
    measured, enrolled = given.get(fact.dated_by), given.get(anchor)
    if measured is None or enrolled is None:
        return False
    age = days_between(measured, enrolled)
    return bool(age > values[fact.valid_days] or (age < 0 and not fact.may_follow_enrolment))


def missing(value: Any) -> bool:
    """Whether nothing is known: None or not a number. Zero, False and 'none' are values."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def exact(value: Any) -> Any:
    """Turn a number into the decimal that was written down; leave everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return Decimal(str(value))


# --- Kleene's logic ----------------------------------------------------------------------------------------------


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's and: one False decides, otherwise one unknown leaves it open."""
    seen = list(truths)
    if False in seen:
        return False
    return None if None in seen else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's or: one True decides, otherwise one unknown leaves it open."""
    seen = list(truths)
    if True in seen:
        return True
    return None if None in seen else False


def opposite(value: Truth) -> Truth:
    """Kleene's not."""
    return None if value is None else not value


# --- Conditions --------------------------------------------------------------------------------------------------


def truth(condition: str, values: Mapping[str, Value]) -> Truth:
    """Return what a condition is worth."""
    return _evaluate(ast.parse("(" + condition.strip() + ")", mode="eval").body, values)


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return exact(value)
        case ast.Name(id=name):
            return values.get(name)
        case ast.BoolOp(op=ast.And(), values=terms):
            return all_of([_evaluate(term, values) for term in terms])
        case ast.BoolOp(op=ast.Or(), values=terms):
            return any_of([_evaluate(term, values) for term in terms])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return opposite(_evaluate(operand, values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _arithmetic(ast.Sub(), Decimal(0), _evaluate(operand, values))
        case ast.BinOp(left=left, op=operator, right=right):
            return _arithmetic(operator, _evaluate(left, values), _evaluate(right, values))
        case ast.Compare(left=left, ops=operators, comparators=others):
            sides = [left, *others]
            return all_of([_compare(o, a, b, values) for o, a, b in zip(operators, sides, others, strict=False)])
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return _call(function, arguments, values)
    raise AssertionError(f"the twin cannot read {ast.unparse(node)}")


def _arithmetic(operator: ast.operator, left: Decimal | None, right: Decimal | None) -> Decimal | None:
    if left is None or right is None:
        return None
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow():
            return left**right
    raise AssertionError(f"the twin cannot compute with {operator}")


def _compare(operator: ast.cmpop, left_node: ast.expr, right_node: ast.expr, values: Mapping[str, Any]) -> Truth:
    if isinstance(operator, (ast.In, ast.NotIn)):
        assert isinstance(right_node, ast.Tuple)
        inside = any_of([_compare(ast.Eq(), left_node, member, values) for member in right_node.elts])
        return inside if isinstance(operator, ast.In) else opposite(inside)
    left, right = _evaluate(left_node, values), _evaluate(right_node, values)
    if left is None or right is None:
        return None
    answers = {
        ast.Eq: lambda: left == right,
        ast.NotEq: lambda: left != right,
        ast.Lt: lambda: left < right,
        ast.LtE: lambda: left <= right,
        ast.Gt: lambda: left > right,
        ast.GtE: lambda: left >= right,
    }
    return bool(answers[type(operator)]())


def _call(function: str, arguments: list[ast.expr], values: Mapping[str, Any]) -> Any:
    if function == "ever":
        return values.get(f"ever {arguments[0].id}")
    if function == "given":
        (fact,) = arguments
        assert isinstance(fact, ast.Name)
        return None if fact.id in values and values[fact.id] is None else fact.id in values
    if function in ("unclear", "too_early"):
        doubtful = _evaluate(arguments[0], values)
        return False if doubtful is False else None
    first, second = (_evaluate(argument, values) for argument in arguments)
    if first is None or second is None:
        return None
    return {"days_between": days_between, "months_between": months_between, "completed_years": completed_years}[
        function
    ](first, second)


# --- Dates, counted by hand --------------------------------------------------------------------------------------


def leap(year: int) -> bool:
    """Whether a Gregorian year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Return the length of a month in days."""
    return [31, 29 if leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]


def day_number(day: date) -> int:
    """Count the days since the start of year 1."""
    years = day.year - 1
    before = 365 * years + years // 4 - years // 100 + years // 400
    return before + sum(days_in_month(day.year, month) for month in range(1, day.month)) + day.day


def days_between(earlier: date, later: date) -> Decimal:
    """Return the days from one date to the other, negative when they are the other way round."""
    return Decimal(day_number(later) - day_number(earlier))


def months_after(day: date, months: int) -> date:
    """Return the same day of the month, some months on; the end of a shorter month where there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def months_between(earlier: date, later: date) -> Decimal:
    """Return the greatest number of months that, added to the earlier date, does not pass the later one."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return Decimal(months if months_after(earlier, months) <= later else months - 1)


def completed_years(birth: date, on: date) -> Decimal:
    """Return the birthdays reached; who is born on 29 February has it on 1 March of a common year."""
    nowhere = (birth.month, birth.day) == (2, 29) and not leap(on.year)
    birthday = date(on.year, 3, 1) if nowhere else date(on.year, birth.month, birth.day)
    return Decimal(on.year - birth.year - (on < birthday))
