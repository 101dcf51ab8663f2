"""The eligibility record: facts, parameters and criteria as they stand in ``eligibility.toml``, and their cases."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    RootModel,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from protocol.eligibility.conditions import check, check_number, nearest
from protocol.records import Phase, ProtocolError, Provenance, Record, RecordError, Text, unique
from protocol.translation import _, alternatives, labelled, list_of, place_in

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

FactValue = bool | int | float | date | str
"""What a fact can be; None beside it means unknown."""

Status = Literal["passes", "excludes", "unknown", "not applicable"]
"""The verdict of a criterion: an exclusion criterion passes when what it names is absent."""

REASON_LABELS = {
    "missing": _("missing"),
    "stale": _("stale"),
    "unit unknown": _("unit unknown"),
    "no upper limit of normal": _("no upper limit of normal"),
    "conflicting sources": _("conflicting sources"),
    "judgement pending": _("judgement pending"),
    "not yet evaluable": _("not yet evaluable"),
    "protocol ambiguous": _("protocol ambiguous"),
}

REASONS = tuple(REASON_LABELS)
"""Why something is unknown; always one of these."""


class Fact(Provenance):
    """One thing that may be known about a participant.

    Attributes
    ----------
    fixed : bool
        Whether nothing can change it: sex, age, what was done in the past. It is then no way to pass a criterion.
    absent : str or None
        The answer of a yes_no or choice fact that says that nothing of this was found: "no", or one of the options.
        A page may set it for many facts at once. A judgement has none, because each is made by itself.
    stated : str or None
        The answer of a judgement, "yes", "no" or one of the options, that a person may confirm together with others
        after reading each. It is never put in by itself. A judgement that needs a look of its own has none.
    units : tuple of str
        Other units in which people write the number, in UCUM or another spelling that the conversion reads; a page
        offers them beside `unit`.
    """

    id: Name
    label: Text
    group: Text
    type: Literal["number", "whole", "yes_no", "choice", "date"]
    unit: str | None = None
    unit_label: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    options: dict[Name, Text] = Field(default_factory=dict)
    derived: str | None = None
    dated_by: Name | None = None
    valid_days: Name | None = None
    may_follow_enrolment: bool = False
    judgement: bool = False
    fixed: bool = False
    limit_of_normal: bool = False
    absent: str | None = None
    stated: str | None = None
    units: tuple[str, ...] = ()
    help: str = ""
    codes: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the value is a number, with a unit and a plausible range."""
        return self.type in ("number", "whole")

    def is_plausible(self, value: float) -> bool:
        """Whether a number lies in the plausible range."""
        return self.minimum is not None and self.maximum is not None and self.minimum <= value <= self.maximum

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.is_number and (self.unit is None or self.minimum is None or self.maximum is None):
            raise RecordError(_("a number without unit, minimum or maximum"), _("all three"))
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise RecordError(
                _("minimum {minimum} above maximum {maximum}").format(minimum=self.minimum, maximum=self.maximum),
                _("them the other way round"),
            )
        if (self.dated_by is None) != (self.valid_days is None):
            keys = {"one": "dated_by", "other": "valid_days"}
            raise RecordError(_("{one} and {other} belong together").format(**keys), _("both or neither"))
        if (self.type == "choice") != bool(self.options):
            keys = {"one": "options", "other": "type"}
            write = _("{options} for {type} and only there").format(options="options", type='type = "choice"')
            raise RecordError(_("{one} and {other} do not fit").format(**keys), write)
        allowed = () if self.judgement else ("no",) if self.type == "yes_no" else tuple(self.options)
        if self.absent is not None and self.absent not in allowed:
            raise RecordError(
                _("{key} is {value!r}").format(key="absent", value=self.absent),
                alternatives(allowed) or _("none for a judgement, a number or a date"),
            )
        states = () if not self.judgement else ("yes", "no") if self.type == "yes_no" else tuple(self.options)
        if self.stated is not None and self.stated not in states:
            raise RecordError(
                _("{key} is {value!r}").format(key="stated", value=self.stated),
                alternatives(states) or _("none but for a judgement with options or yes and no"),
            )
        if self.units and not self.is_number:
            raise RecordError(_("units of a fact that is no number"), _("them for a number only"))
        return self


class Parameter(Provenance):
    """A named threshold, or the chosen reading of an ambiguity. What-if changes only these."""

    id: Name
    label: Text
    value: bool | float | str
    unit_label: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    options: dict[str, Text] = Field(default_factory=dict)
    concerns: tuple[str, ...] = Field(min_length=1)
    ambiguity: str | None = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.options:
            if self.value not in self.options:
                raise RecordError(
                    _("value {value!r} is no option").format(value=self.value),
                    _("one of {words}").format(words=list_of(self.options)),
                )
        elif isinstance(self.value, str) or self.minimum is None or self.maximum is None:
            raise RecordError(
                _("a threshold that is not a number with a range"),
                _("{one}, {two} and {three}").format(one="value", two="minimum", three="maximum"),
            )
        elif not self.minimum <= self.value <= self.maximum:
            raise RecordError(
                _("value {value} outside its range").format(value=self.value),
                _("{minimum} to {maximum}").format(minimum=self.minimum, maximum=self.maximum),
            )
        return self


class Case(Record):
    """An example of one criterion or part as a sentence, with the verdict it must get.

    Without a `phase` it is judged in the first phase of the record.
    """

    says: Text
    expect: Status
    facts: dict[Name, FactValue] = Field(default_factory=dict)
    phase: Phase | None = None


class Cases(RootModel[dict[str, tuple[Case, ...]]]):
    """All of ``eligibility_cases.toml``: the cases of each criterion or part, by its id."""


class _Rule(Record):
    """What a criterion and a part of one have in common."""

    title: Text
    wording: Text
    applies_if: str | None = None
    phases: tuple[Phase, ...] = ()
    ambiguities: tuple[str, ...] = ()

    def holds_in(self, phase: Phase) -> bool:
        """Whether the rule is named for a phase; without any it holds in all of them."""
        return not self.phases or phase in self.phases


class Part(_Rule):
    """A numbered part of a criterion, in the registry's words."""

    id: Text
    condition: Text


_CRITERION_ID = r"^[IEUD][0-9]+$"


def _criterion_id(text: str) -> str:
    if re.fullmatch(_CRITERION_ID, text) is None:
        raise RecordError(repr(text), _("I, E or D (before an infusion) and a number, such as E3; U if undecided"))
    return text


CriterionId = Annotated[
    str, AfterValidator(_criterion_id), WithJsonSchema({"type": "string", "pattern": _CRITERION_ID})
]


class Criterion(Provenance, _Rule):
    """One inclusion or exclusion criterion. A true condition admits (inclusion) or excludes (exclusion).

    A criterion of which the registry does not say whether it admits or excludes is undecided; its verdict is unknown
    until the record says.

    Ids with D belong to the gate before each infusion and are no criteria of the registry.
    """

    id: CriterionId
    kind: Literal["undecided", "inclusion", "exclusion"]
    condition: str | None = None
    type: Literal["objective", "mixed", "judgement"]
    confirm: Literal["screening", "consent", "enrolment", "therapy start", "infusion", "follow-up"]
    mirrors: str | None = None
    implied_by: str | None = None
    cannot_fail: Text | None = None
    combine: Literal["any", "all"] | None = None
    parts: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if bool(self.parts) == bool(self.condition) or bool(self.parts) != bool(self.combine):
            keys = {"condition": "condition", "parts": "parts", "combine": 'combine = "any"', "all": '"all"'}
            raise RecordError(
                _("no single rule"), _("either {condition}, or {parts} with {combine} or {all}").format(**keys)
            )
        return self

    @property
    def counted_with(self) -> str | None:
        """The criterion that already counts this one: a mirror or an implication is never counted twice."""
        return self.mirrors or self.implied_by

    def conditions(self) -> Iterator[str]:
        """Every condition of the criterion and its parts."""
        for rule in self.rules():
            yield from (text for text in (rule.condition, rule.applies_if) if text is not None)

    def rules(self) -> tuple["Criterion | Part", ...]:
        """Return the criterion and its parts."""
        return (self, *self.parts)


class Recheck(Provenance):
    """A criterion, or a part of one, that is judged again on the day of each infusion."""

    rule: Text


class ScreeningProcedure(Provenance):
    """One step that finds several facts at once, and what it costs compared with a look into the chart (1)."""

    id: Name
    label: Text
    facts: tuple[Name, ...] = Field(min_length=1)
    cost: float = Field(gt=0)


class Contradiction(Provenance):
    """When a value of a fact cannot be right beside what else is known: while `condition` is true, it is unknown.

    The condition names facts only. It says which value is in doubt, so that one that excludes is kept.
    """

    fact: Name
    condition: Text


class Band(Record):
    """The values of a number fact from `low`, inclusive, to the next band."""

    low: float
    label: Text


class Subgroup(Provenance):
    """A fact by which the exclusion rates of a cohort are compared: a choice by its options, a number by bands.

    Attributes
    ----------
    fact : str
        The id of a fact, given or derived.
    bands : tuple of Band
        Of a number, in ascending order and in the unit of the fact. The first begins at the fact's minimum or below.
    """

    fact: Name
    bands: tuple[Band, ...] = ()

    def check(self, facts: Mapping[str, Fact]) -> None:
        """Raise RecordError unless the fact is a choice without bands, or a number that the bands cover in order."""
        fact = facts.get(self.fact)
        if fact is None or not (fact.is_number or fact.type == "choice"):
            raise RecordError(
                _("subgroup by {fact!r}").format(fact=self.fact), _("the id of a choice or number fact")
            )
        if fact.is_number != bool(self.bands):
            found = _("subgroup by {fact} without bands") if fact.is_number else _("subgroup by {fact} with bands")
            raise RecordError(found.format(fact=self.fact), _("bands for a number fact and none for a choice"))
        lows = [band.low for band in self.bands]
        if lows != sorted(set(lows)) or (lows and fact.minimum is not None and lows[0] > fact.minimum):
            raise RecordError(
                _("bands of {fact} that begin at {lows}").format(fact=self.fact, lows=lows),
                _("ascending numbers, the first no higher than {lowest:g}").format(lowest=fact.minimum),
            )
        unique((band.label for band in self.bands), _("band of {fact}").format(fact=self.fact))


class FactRoles(Record):
    """The facts, by id, that have a meaning of their own; without a role, what needs it is switched off.

    Attributes
    ----------
    enrolment_day : str or None
        The day on which a measurement must still be recent enough; the day of an import stands for it. Without it no
        measurement is out of date.
    consent_day, consent_given : str or None
        When the consent was given, and whether it was. While neither is known, the day of consent moves along with
        the day of enrolment.
    therapy_start_day : str or None
        The day that settles what is confirmed at the start of the therapy.
    infusion_day : str or None
        The day of an infusion. Without it infusions are not judged.
    """

    enrolment_day: Name | None = None
    consent_day: Name | None = None
    consent_given: Name | None = None
    therapy_start_day: Name | None = None
    infusion_day: Name | None = None

    def day_of(self, stage: str) -> str | None:
        """Return the fact with the day of the stage at which an answer becomes final; None without one."""
        days = {
            "consent": self.consent_day,
            "enrolment": self.enrolment_day,
            "therapy start": self.therapy_start_day,
            "infusion": self.infusion_day,
        }
        return days.get(stage)


class Catalogue(Record):
    """All of ``eligibility.toml``, checked as a whole.

    Attributes
    ----------
    phases : tuple of str
        The phases of the trial in their order; the first is judged where none is named.
    roles : FactRoles
        Which facts have a meaning of their own.
    subgroups : tuple of Subgroup
        By which facts the exclusion rates of a cohort are compared.
    contradictions : tuple of Contradiction
        Values that cannot be right beside others.
    """

    phases: tuple[Phase, ...] = Field(min_length=1)
    roles: FactRoles = FactRoles()
    facts: tuple[Fact, ...]
    parameters: tuple[Parameter, ...]
    criteria: tuple[Criterion, ...]
    infusion_criteria: tuple[Criterion, ...] = ()
    rechecks: tuple[Recheck, ...] = ()
    procedures: tuple[ScreeningProcedure, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    imports: "ImportRules" = Field(default_factory=lambda: ImportRules())
    _cases: Mapping[str, tuple[Case, ...]] = PrivateAttr(default_factory=dict)
    _zone: tzinfo = PrivateAttr(default=UTC)

    @property
    def zone(self) -> tzinfo:
        """The time zone whose calendar day a moment counts for; UTC for a record read without its trial."""
        return self._zone

    @property
    def cases(self) -> Mapping[str, tuple[Case, ...]]:
        """The cases of the criteria and parts of both gates, by id; empty for a record read without them."""
        return self._cases

    def title(self, rule: Criterion | Part) -> str:
        """Return a criterion's short title with the present thresholds in it."""
        if "{" not in rule.title:
            return rule.title
        return rule.title.format(**{parameter.id: _short(parameter.value) for parameter in self.parameters})

    def with_parameters(self, **values: Any) -> Self:
        """Return a copy of the record with changed parameters; the record itself never changes."""
        known = {parameter.id: parameter for parameter in self.parameters}
        for name, value in values.items():
            if name not in known:
                raise ProtocolError(
                    _("parameter {name}").format(name=name),
                    _("no such parameter"),
                    _("one of {options}").format(options=list_of(known)),
                )
            known[name] = _changed(known[name], value)
        return self.model_copy(update={"parameters": tuple(known.values())})

    def with_zone(self, zone: tzinfo) -> Self:
        """Return a copy of the record for a trial that uses the calendar days of a zone."""
        copy = self.model_copy()
        copy._zone = zone
        return copy

    def with_cases(self, cases: Cases) -> Self:
        """Return a copy of the record that holds these cases.

        Raises
        ------
        ProtocolError
            For a case of no criterion or part, one that names an unknown fact or phase, and for a criterion without
            a case that passes, one that excludes (unless it cannot fail) and one that is unknown; an undecided one
            needs only the last.
        """
        criteria = (*self.criteria, *self.infusion_criteria)
        rules = {rule.id for criterion in criteria for rule in criterion.rules()}
        facts = {fact.id for fact in self.facts}
        for name, some in cases.root.items():
            if name not in rules:
                raise _case_error(name, _("cases of no criterion or part"), _("the id of a criterion or part"))
            for case in some:
                if wrong := set(case.facts) - facts:
                    write = nearest(min(wrong), facts, _("the id of a fact"))
                    raise _case_error(
                        name,
                        _("case {says!r}, which names {wrong!r}").format(says=case.says, wrong=min(wrong)),
                        write,
                    )
                if case.phase not in (None, *self.phases):
                    raise _case_error(
                        name,
                        _("case {says!r} in phase {phase!r}").format(says=case.says, phase=case.phase),
                        alternatives(self.phases),
                    )
        for criterion in criteria:
            wanted: tuple[Status, ...] = (
                ("passes", "unknown") if criterion.cannot_fail else ("passes", "excludes", "unknown")
            )
            if criterion.kind == "undecided":
                wanted = ("unknown",)
            found = {case.expect for case in cases.root.get(criterion.id, ())}
            if missing := [status for status in wanted if status not in found]:
                write = _("one [[{id}]] for each").format(id=criterion.id)
                raise _case_error(criterion.id, _("no case for {missing}").format(missing=", ".join(missing)), write)
        copy = self.model_copy()
        copy._cases = cases.root
        return copy

    @property
    def counting(self) -> frozenset[str]:
        """The criteria that count by themselves, by id: neither a mirror nor implied."""
        return frozenset(criterion.id for criterion in self.criteria if criterion.counted_with is None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique(self.phases, _("phase"))
        unique([*(fact.id for fact in self.facts), *(p.id for p in self.parameters)], _("fact or parameter"))
        both_gates = [*self.criteria, *self.infusion_criteria]
        unique((rule.id for criterion in both_gates for rule in criterion.rules()), _("criterion"))
        self._check_roles()
        self._check_references()
        for criterion in both_gates:
            self._check_criterion(criterion)
        self._check_steps()
        self._check_subgroups()
        self.imports.check({fact.id: fact for fact in self.facts}, {p.id for p in self.parameters if not p.options})
        return self

    def _check_roles(self) -> None:
        types = {fact.id: fact.type for fact in self.facts if fact.derived is None}
        for role, name in self.roles:
            wanted = "yes_no" if role == "consent_given" else "date"
            if name is not None and types.get(name) != wanted:
                raise RecordError(
                    _("role {role} is {name!r}").format(role=role, name=name),
                    _("the id of a date fact") if wanted == "date" else _("the id of a yes_no fact"),
                )

    def _check_steps(self) -> None:
        rules = {rule.id for criterion in self.criteria for rule in criterion.rules()}
        for recheck in self.rechecks:
            if recheck.rule not in rules:
                raise RecordError(
                    _("re-check of {rule!r}").format(rule=recheck.rule), _("the id of a criterion or part")
                )
        unique((recheck.rule for recheck in self.rechecks), _("re-check"))
        unique((name for procedure in self.procedures for name in procedure.facts), _("fact of a procedure"))
        facts = {fact.id for fact in self.facts}
        for procedure in self.procedures:
            if unknown := set(procedure.facts) - facts:
                raise RecordError(
                    _("procedure {procedure} finds {fact!r}").format(procedure=procedure.id, fact=min(unknown)),
                    _("the id of a fact"),
                )

    def _check_subgroups(self) -> None:
        unique((subgroup.fact for subgroup in self.subgroups), _("subgroup"))
        facts = {fact.id: fact for fact in self.facts}
        for subgroup in self.subgroups:
            subgroup.check(facts)

    def _check_references(self) -> None:
        given = {fact.id: fact for fact in self.facts if fact.derived is None}
        limits = {parameter.id for parameter in self.parameters if not parameter.options}
        for one in self.contradictions:
            if one.fact not in given:
                raise RecordError(
                    _("a contradiction of {fact!r}").format(fact=one.fact), _("the id of a fact that is not derived")
                )
            try:
                check(one.condition, {fact.id: fact for fact in self.facts}, {})
            except RecordError as error:
                where = _("contradiction of {fact}").format(fact=one.fact)
                raise RecordError(labelled(where, error.found), error.write) from None
        for fact in self.facts:
            if fact.derived is not None:
                check_number(fact.derived, given)
            if fact.dated_by is not None and (fact.dated_by not in given or given[fact.dated_by].type != "date"):
                raise RecordError(
                    _("fact {fact} is dated by {name!r}").format(fact=fact.id, name=fact.dated_by),
                    _("the id of a date fact"),
                )
            if fact.valid_days is not None and fact.valid_days not in limits:
                raise RecordError(
                    _("fact {fact} is valid for {name!r}").format(fact=fact.id, name=fact.valid_days),
                    _("the id of a threshold"),
                )

    def _check_criterion(self, criterion: Criterion) -> None:
        for rule in criterion.rules():
            try:
                self.title(rule)
            except (KeyError, ValueError, IndexError):
                raise RecordError(
                    _("title of {rule} names no parameter").format(rule=rule.id),
                    _("the id of a parameter in braces"),
                ) from None
            if unknown := set(rule.phases) - set(self.phases):
                raise RecordError(
                    _("{rule} names phase {phase!r}").format(rule=rule.id, phase=min(unknown)),
                    alternatives(self.phases),
                )
        for condition in criterion.conditions():
            try:
                check(condition, {f.id: f for f in self.facts}, {p.id: p for p in self.parameters})
            except RecordError as error:
                where = _("criterion {id}").format(id=criterion.id)
                raise RecordError(labelled(where, error.found), error.write) from None
        if criterion.counted_with and criterion.counted_with not in self.counting:
            raise RecordError(
                _("criterion {id} counts with {other!r}, unknown or not counted itself").format(
                    id=criterion.id, other=criterion.counted_with
                ),
                _("the id of a criterion that counts"),
            )


def _case_error(rule: str, found: str, write: str) -> ProtocolError:
    return ProtocolError(place_in("eligibility_cases.toml", rule), found, write)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _changed(parameter: Parameter, value: Any) -> Parameter:
    content = {**parameter.model_dump(), "value": value}
    try:
        return Parameter.model_validate(content)
    except ValueError as error:
        allowed = list_of(parameter.options) or _("a number from {minimum} to {maximum}").format(
            minimum=parameter.minimum, maximum=parameter.maximum
        )
        raise ProtocolError(parameter.label, repr(value), allowed) from error


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
"""No date of a participant lies outside these."""


def check_day(day: object, where: str) -> None:
    """Raise ProtocolError unless something is a date, without a time, on which a participant may be judged."""
    if not isinstance(day, date) or isinstance(day, datetime) or not FIRST_DAY <= day <= LAST_DAY:
        raise ProtocolError(where, repr(day), _("a date like 2026-03-01, from 1900 to 2100"))


def expected(fact: Fact) -> str:
    """Say what may be written for a fact."""
    match fact.type:
        case "yes_no":
            return _("yes or no")
        case "date":
            return _("a date like 2026-03-01, from 1900 to 2100")
        case "choice":
            return _("one of {options}").format(options=list_of(fact.options))
    kind = _("a whole number") if fact.type == "whole" else _("a number")
    span = _("{kind} from {low:g} to {high:g} {unit}")
    return span.format(kind=kind, low=fact.minimum, high=fact.maximum, unit=fact.unit_label).rstrip()


class PersonRoles(Provenance):
    """Which fact holds what every hospital record says about a person, in elements and columns of its own.

    `age_from` and `age_to` are the thresholds that the age is compared with; `survival` is an estimated survival in
    months; `anticancer_therapy` asks whether there ever was one. What a record does not name is not read.
    """

    sex: Name | None = None
    birth_date: Name | None = None
    age: Name | None = None
    age_from: Name | None = None
    age_to: Name | None = None
    survival: Name | None = None
    anticancer_therapy: Name | None = None


class Lifelong(Provenance):
    """A fact that one finding of any age settles.

    With `latest_day`, a date fact, it is asked for together with the latest day on which it was so. What has ended
    counts if there is such a day, or with `ended_counts`. A pair of `more_exact` is an option and a less exact one:
    both together mean the first. An entry that may be about the fact and is not understood leaves the latest day open
    if it may be later, and any option but the `strongest`. Such an entry does not count if it is older than the
    threshold `within`, in days or months, nor if something known is younger than that.
    """

    fact: Name
    latest_day: Name | None = None
    ended_counts: bool = False
    more_exact: tuple[tuple[Name, Name], ...] = ()
    strongest: Name | None = None
    within: Name | None = None
    within_unit: Literal["days", "months"] = "days"


class LastingDays(Provenance):
    """How long a diagnosis counts for a fact, if no record says that it ended."""

    fact: Name
    days: int = Field(gt=0)


class Implication(Provenance):
    """An option of one fact that answers another fact, of type yes_no, with yes."""

    fact: Name
    by: Name
    option: Name


class Circumstance(Provenance):
    """A yes_no fact that says how another value of the same day was measured; an amount of zero means yes."""

    fact: Name
    of: Name


class ViralLoad(Provenance):
    """A choice fact, or the question behind one of its options, that is answered with an amount of virus.

    With `limit_iu_per_ml` the amount decides between the options `up_to` and `above`.
    """

    fact: Name
    option: Name | Literal[""] = ""
    limit_iu_per_ml: float | None = Field(default=None, gt=0)
    up_to: Name | None = None
    above: Name | None = None

    @model_validator(mode="after")
    def _complete_limit(self) -> Self:
        if len({value is None for value in (self.limit_iu_per_ml, self.up_to, self.above)}) > 1:
            keys = {"limit": "limit_iu_per_ml", "one": "up_to", "other": "above"}
            raise RecordError(
                _("a limit without both options"),
                _("{limit}, {one} and {other}, or none of them").format(**keys),
            )
        return self


class Analyte(Provenance):
    """What laboratories measure, as a table of limits names it: the facts of its value and of its limit of normal.

    `molar_mass`, in g/mol, converts between mass and amount.
    """

    id: Name
    value: Name
    limit: Name | None = None
    molar_mass: float | None = Field(default=None, gt=0)


class ValueSet(Provenance):
    """Codes that belong together, and words that show that one of them may be meant.

    `codes` are written as those of a fact, without an option. `words` are beginnings of words, or their ends behind a
    ``*``; in a part of a text with one of `unless` they say nothing. `words_in` are the kinds of entries whose text
    is read.
    """

    id: Name
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    words_in: tuple[Literal["condition", "procedure", "medication"], ...] = ("condition",)


PARTICIPANT = "participant_id"
"""Names the column of the participants' ids in files and frames."""


class ColumnNames(Provenance):
    """How files of other systems name the column of a fact, and what they write in it.

    Attributes
    ----------
    fact : str
        The id of a fact, or ``participant_id``.
    names : tuple of str
        Headings that mean this fact and nothing else; :func:`plain_heading` says which spellings are the same. The id
        and the label of the fact need not be named.
    unit : str
        The unit, if the heading says it by itself; otherwise it is asked for.
    words : dict of str to str
        What stands in such a column, and the answer it means: an option, ``yes``, ``no`` or ``unknown``.
    """

    fact: Name
    names: tuple[Text, ...] = ()
    unit: str = ""
    words: dict[Text, Text] = Field(default_factory=dict)

    def check(self, facts: Mapping[str, Fact]) -> None:
        """Raise RecordError unless the fact, its unit and its answers are those of the record."""
        if self.fact == PARTICIPANT and not (self.unit or self.words):
            return
        if (fact := facts.get(self.fact)) is None:
            raise RecordError(
                _("columns of {fact!r}").format(fact=self.fact),
                _("the id of a fact, or {participant} without unit and words").format(participant=PARTICIPANT),
            )
        if self.unit and self.unit not in (fact.unit, *fact.units):
            raise RecordError(
                _("columns of {fact} in {unit!r}").format(fact=self.fact, unit=self.unit), _("a unit of the fact")
            )
        for word, answer in self.words.items():
            if answer not in answers_of(fact):
                raise RecordError(
                    _("columns of {fact} in which {word!r} means {answer!r}").format(
                        fact=self.fact, word=word, answer=answer
                    ),
                    _("one of {words}").format(words=list_of(answers_of(fact))),
                )


UNKNOWN_ANSWER = "unknown"


def answers_of(fact: Fact) -> tuple[str, ...]:
    """Return what a word in a file can mean for a fact: its options, or yes and no, and that it is unknown."""
    known = ("yes", "no") if fact.type == "yes_no" else tuple(fact.options)
    return (*known, UNKNOWN_ANSWER)


_BETWEEN_WORDS = re.compile(r"[\s_.:·\u200b\u2060\ufeff-]+")


def plain_heading(text: str) -> str:
    """Return a heading without what systems write differently: case, full width, blanks, hyphens and underscores."""
    return _BETWEEN_WORDS.sub("", unicodedata.normalize("NFKC", text)).casefold()


class ImportRules(Record):
    """What the readers of hospital records have to know about the facts; all of it may be left out."""

    person: PersonRoles | None = None
    lifelong: tuple[Lifelong, ...] = ()
    lasting: tuple[LastingDays, ...] = ()
    implied: tuple[Implication, ...] = ()
    circumstances: tuple[Circumstance, ...] = ()
    viral_loads: tuple[ViralLoad, ...] = ()
    analytes: tuple[Analyte, ...] = ()
    value_sets: tuple[ValueSet, ...] = ()
    columns: tuple[ColumnNames, ...] = ()

    def check(self, facts: Mapping[str, Fact], thresholds: Collection[str]) -> None:
        """Raise RecordError unless every name is that of a fact, option or threshold of the right type."""
        person = self.person or PersonRoles(assumption="none")
        days = [person.birth_date, *(one.latest_day for one in self.lifelong)]
        yes_no = [person.anticancer_therapy, *(one.fact for one in self.implied)]
        yes_no += [one.fact for one in self.circumstances]
        numbers = [person.age, person.survival, *(one.value for one in self.analytes)]
        choices = [person.sex, *(one.by for one in self.implied), *(one.fact for one in self.viral_loads)]
        others = [one.fact for one in self.lifelong] + [one.fact for one in self.lasting]
        others += [one.of for one in self.circumstances]
        limits = [one.limit for one in self.analytes]
        wanted: tuple[tuple[str, Sequence[str | None], Collection[str]], ...] = (
            (_("the id of a date fact"), days, {name for name, fact in facts.items() if fact.type == "date"}),
            (_("the id of a yes_no fact"), yes_no, {name for name, fact in facts.items() if fact.type == "yes_no"}),
            (_("the id of a number fact"), numbers, {name for name, fact in facts.items() if fact.is_number}),
            (_("the id of a choice fact"), choices, {name for name, fact in facts.items() if fact.type == "choice"}),
            (_("the id of a fact"), others, set(facts)),
            (
                _("the id of a fact with {key}").format(key="limit_of_normal"),
                limits,
                {name for name, fact in facts.items() if fact.limit_of_normal},
            ),
            (
                _("the id of a threshold"),
                [person.age_from, person.age_to, *(one.within for one in self.lifelong)],
                thresholds,
            ),
        )
        for write, names, allowed in wanted:
            for name in names:
                if name is not None and name not in allowed:
                    raise RecordError(_("imports name {name!r}").format(name=name), write)
        options = [(one.by, one.option) for one in self.implied]
        for load in self.viral_loads:
            options += [(load.fact, name) for name in (load.option, load.up_to, load.above) if name]
        options += [(one.fact, name) for one in self.lifelong for pair in one.more_exact for name in pair]
        options += [(one.fact, one.strongest) for one in self.lifelong if one.strongest]
        for name, option in options:
            if option not in facts[name].options:
                raise RecordError(
                    _("imports name option {option!r} of {name}").format(option=option, name=name),
                    _("one of its options"),
                )
        unique((one.fact for one in self.lifelong), _("lifelong fact"))
        unique((one.id for one in self.value_sets), _("value set"))
        sets = {f"set {one.id}" for one in self.value_sets}
        for fact in facts.values():
            for code in fact.codes:
                if code.startswith("set ") and code.partition(" = ")[0] not in sets:
                    raise RecordError(
                        _("fact {fact} names {code!r}").format(fact=fact.id, code=code),
                        _("the id of a value set of the imports"),
                    )
        unique((one.id for one in self.analytes), _("analyte"))
        for one in self.columns:
            one.check(facts)
        unique((plain_heading(name) for one in self.columns for name in one.names), _("name of a column"))


Catalogue.model_rebuild()
