"""What would have to be different: the nearest change of one fact with which a criterion that excludes would pass."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, Status
from protocol.eligibility.explanation import show
from protocol.eligibility.gates import alone
from protocol.eligibility.screening import Screening, check_facts, screen
from protocol.eligibility.timeline import timeline, variants
from protocol.eligibility.verdicts import STATUSES, facts_behind, in_phase, outcome, phase_of, prepared
from protocol.records import Phase
from protocol.translation import _

_SAMPLES = 1000
"""Values tried at once between the present one and the end of the plausible range."""

_MET, _UNKNOWN = STATUSES.index("passes"), STATUSES.index("unknown")


@dataclass(frozen=True)
class Change:
    """One fact that, changed alone, would remove an obstacle.

    Attributes
    ----------
    criterion : str
        The criterion that fails.
    fact : str
        What would have to be different.
    now : bool, int, float, str or date
        Its value.
    to : tuple of values
        The nearest value with which the obstacle is gone; of a choice, every option that would do.
    sufficient : bool
        Whether this alone makes the criterion pass; otherwise something else in it fails too or is unknown.
    also : mapping of str to str
        The other criteria whose verdict changes with the first value, by id.
    says : str
        The change in words.
    """

    criterion: str
    fact: str
    now: FactValue
    to: tuple[FactValue, ...]
    sufficient: bool
    also: Mapping[str, Status]
    says: str


def counterfactuals(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None = None,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Change, ...]:
    """Say what would have to change; see :meth:`protocol.eligibility.EligibilityRecord.counterfactuals`."""
    phase = phase_of(catalogue, phase)
    before = screen(catalogue, facts, phase, unusable)
    given = {name: value for name, value in check_facts(facts, catalogue).items() if name not in unusable}
    statuses = {verdict.id: verdict.status for verdict in before.verdicts}
    search = _Search(catalogue, given, phase, unusable, statuses)
    failing = [c for c in catalogue.criteria if statuses[c.id] == "excludes" and c.counted_with is None]
    return tuple(change for criterion in failing for change in search.changes(criterion))


@dataclass(frozen=True)
class _Search:
    catalogue: Catalogue
    given: dict[str, FactValue]
    phase: Phase
    unusable: Mapping[str, str]
    statuses: Mapping[str, Status]

    def changes(self, criterion: Criterion) -> Iterator[Change]:
        """Yield the changes of single facts, verified by screening again."""
        facts, enrolled = prepared(self.catalogue).facts, self.catalogue.roles.enrolment_day
        obstacles = [rule for rule in _obstacles(criterion, self.phase) if self._fails(rule)]
        single = len(obstacles) == 1
        for rule in obstacles:
            for name in self._candidates(rule, facts):
                to = self._values(rule, facts[name])
                if to and (change := self._verified(criterion, facts[name], to, single)):
                    yield change
            if enrolled in self.given:
                yield from self._later(criterion, rule, facts[enrolled], single)

    def _fails(self, rule: Criterion) -> bool:
        only = self.catalogue.model_copy(update={"criteria": (rule,)})
        return screen(only, self.given, self.phase, self.unusable).verdicts[0].status == "excludes"

    def _candidates(self, rule: Criterion, facts: Mapping[str, Fact]) -> list[str]:
        """Return the facts of a rule that could be different, those it is computed from instead of a computed one."""
        names = [name for text in rule.conditions() for name in names_in(text) if name in facts]
        inner = [other for name in names if name not in self.given for other in names_in(facts[name].derived or "0")]
        return [
            name
            for name in dict.fromkeys(names + inner)
            if name in self.given
            and facts[name].type != "date"
            and not facts[name].fixed
            and not facts[name].limit_of_normal
        ]

    def _values(self, rule: Criterion, fact: Fact) -> tuple[FactValue, ...]:
        """Return the values with which a rule passes; if there is none, those with which it no longer fails."""
        return self._found(rule, fact, (_MET,)) or self._found(rule, fact, (_MET, _UNKNOWN))

    def _found(self, rule: Criterion, fact: Fact, wanted: tuple[int, ...]) -> tuple[FactValue, ...]:
        if fact.type == "yes_no":
            other = not self.given[fact.id]
            return (other,) if self._does(rule, fact, np.array([other]), wanted)[0] else ()
        if fact.options:
            does = self._does(rule, fact, np.arange(len(fact.options)), wanted)
            return tuple(option for option, here in zip(fact.options, does, strict=True) if here)
        now = float(self.given[fact.id])  # type: ignore[arg-type]
        near = [value for up in (False, True) if (value := self._nearest(rule, fact, now, up, wanted)) is not None]
        return tuple(sorted(near, key=lambda value: abs(value - now)))

    def _does(self, rule: Criterion, fact: Fact, values: NDArray[Any], wanted: tuple[int, ...]) -> NDArray[np.bool_]:
        behind = facts_behind(self.catalogue, rule)
        given = {name: value for name, value in self.given.items() if name in behind}
        logic = variants(self.catalogue, given, {fact.id: values}, len(values), self.unusable)
        return np.isin(outcome(logic, rule, self.phase).codes(len(values)), wanted)

    def _nearest(self, rule: Criterion, fact: Fact, now: float, up: bool, wanted: tuple[int, ...]) -> float | None:
        """Narrow down the value nearest to the present one, upwards or downwards, in whole steps of the fact."""
        step = fact.step or 1.0
        decimals = len(f"{step:.12f}".rstrip("0").partition(".")[2])
        end = (fact.maximum if up else fact.minimum) or 0.0
        near = np.floor(now / step + 1e-6) + 1 if up else np.ceil(now / step - 1e-6) - 1
        far = np.floor(end / step + 1e-6) if up else np.ceil(end / step - 1e-6)
        while near <= far if up else near >= far:
            steps = np.unique(np.linspace(near, far, _SAMPLES).round())
            values = np.round((steps if up else steps[::-1]) * step, decimals)
            found = np.flatnonzero(self._does(rule, fact, values, wanted))
            if not len(found):
                return None
            value, before = values[found[0]], values[max(found[0] - 1, 0)]
            if len(steps) < _SAMPLES or not found[0]:
                return int(value) if fact.type == "whole" else float(value)
            near, far = round(before / step) + (1 if up else -1), round(value / step)
        return None

    def _later(self, criterion: Criterion, rule: Criterion, anchor: Fact, single: bool) -> Iterator[Change]:
        enrolled = self.given[anchor.id]
        assert isinstance(enrolled, date)  # noqa: S101 - checked with the facts
        only = self.catalogue.model_copy(update={"criteria": (rule,)})
        lanes = timeline(only, self.given, self.phase, enrolled, unusable=self.unusable).lanes
        days = [span.first for lane in lanes for span in lane.spans if span.status == "passes"]
        if days and (change := self._verified(criterion, anchor, (days[0],), single)):
            yield change

    def _verified(self, criterion: Criterion, fact: Fact, to: tuple[FactValue, ...], single: bool) -> Change | None:
        """Screen again with each value; keep those that do, and say what else the first of them changes."""
        only = self.catalogue.model_copy(update={"criteria": (criterion,)})
        after = {value: self._screened(only, fact, value).verdicts[0].status for value in to}
        does = tuple(value for value in to if not single or after[value] != "excludes")
        if not does:
            return None
        also: dict[str, Status] = {
            verdict.id: verdict.status
            for verdict in self._screened(self.catalogue, fact, does[0]).verdicts
            if verdict.id != criterion.id and verdict.status != self.statuses[verdict.id]
        }
        now, sufficient = self.given[fact.id], all(after[value] == "passes" for value in does)
        return Change(criterion.id, fact.id, now, does, sufficient, also, _says(fact, now, does))

    def _screened(self, catalogue: Catalogue, fact: Fact, value: FactValue) -> Screening:
        return screen(catalogue, {**self.given, fact.id: value}, self.phase, self.unusable)


def _obstacles(criterion: Criterion, phase: Phase) -> Iterator[Criterion]:
    """Yield the pieces of a criterion that must all pass for it, each as a criterion of its own."""
    all_needed = "all" if criterion.kind == "inclusion" else "any"
    if criterion.parts and criterion.combine == all_needed:
        for part in criterion.parts:
            if part.holds_in(phase):
                yield from _obstacles(alone(criterion, part), phase)
    elif criterion.condition is not None and in_phase(criterion, phase):
        joint = ast.And if criterion.kind == "inclusion" else ast.Or
        for piece in _pieces(parse(criterion.condition), joint):
            yield criterion.model_copy(update={"condition": ast.unparse(piece)})
    else:
        yield criterion


def _pieces(node: ast.expr, joint: type[ast.boolop]) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, joint):
        for value in node.values:
            yield from _pieces(value, joint)
    else:
        yield node


def _says(fact: Fact, now: FactValue, to: tuple[FactValue, ...]) -> str:
    if isinstance(to[0], date):
        return _("enrolment from {day}").format(day=to[0].isoformat())
    if not fact.is_number:
        options = " / ".join(show(fact, value) for value in to)
        return _("{label}: {options} (now {now})").format(label=fact.label, options=options, now=show(fact, now))
    below = to[0] < now  # type: ignore[operator]
    limit = _("{label} at most {value} (now {now})") if below else _("{label} at least {value} (now {now})")
    return limit.format(label=fact.label, value=show(fact, to[0]), now=show(fact, now))
