"""The screening record: one answer to keep, with everything that led to it and without any name."""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd
from pydantic import Field, ValidationError

from protocol.display import Displayed
from protocol.eligibility.answers import Answer, answers
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, Parameter, Part, Status
from protocol.eligibility.gates import infusion_catalogue
from protocol.eligibility.screening import Verdict, check_facts, overall_of
from protocol.eligibility.verdicts import phase_of
from protocol.records import STUDY_ID, Phase, ProtocolError, Record, StudyId
from protocol.translation import _

Plain = bool | int | float | str

_NOTHING: Mapping[str, str] = MappingProxyType({})


class EvidenceRecord(Record):
    """One fact behind a verdict; dates as ISO text. See :class:`protocol.eligibility.Evidence`."""

    fact: str
    label: str
    value: Plain | None
    shown: str
    unit: str
    measured: date | None
    where: str
    problem: str


class CriterionRecord(Record):
    """One criterion or part: verdict, why, evidence, until when it is provisional, and the registry's words.

    `origin` is the source, or the reason of the assumption when the workbook asks for this and not the registry.
    """

    id: str
    title: str
    status: Status
    reason: str
    unknown_because: tuple[str, ...] = ()
    evidence: tuple[EvidenceRecord, ...] = ()
    provisional_until: str | None = None
    provisional_day: date | None = None
    wording: str
    origin: str = ""
    is_assumption: bool = False
    parts: tuple["CriterionRecord", ...] = ()


class ScreeningRecord(Record, Displayed):
    """One screening as it was answered; the same input gives the same record.

    Attributes
    ----------
    study_id : str
        Never a name.
    interpretation_id, rule_hash : str
        What the thresholds and readings were, and what the criteria were: 16 hexadecimal digits each.
    registry_version : str
        The day on which the registry record was last updated, "2023-01-05"; "" if it is not known.
    software : str
        The version of the workbook, "0.1.0".
    facts, sources, unusable : mapping
        What was known, where it came from, and what could not be used and why; by fact id.
    parameters : mapping
        Every threshold and reading used, by id.
    assumed : mapping
        Why, for those of them that the registry does not state, by id.
    labels : mapping
        What the facts that could not be used are called, by id.
    """

    format: Literal["screening record, version 1"] = "screening record, version 1"
    trial_id: str
    registry_version: str
    software: str
    interpretation_id: str
    rule_hash: str
    study_id: StudyId
    phase: Phase
    gate: Literal["enrolment", "infusion"]
    as_of: date
    overall: str
    decides: str
    facts: dict[str, Plain]
    sources: dict[str, str]
    unusable: dict[str, str]
    parameters: dict[str, Plain]
    assumed: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    criteria: tuple[CriterionRecord, ...]

    def table(self) -> pd.DataFrame:
        """Return the verdicts, one row per criterion and part: criterion, title, status, reason."""
        rows = [(e.id, e.title, e.status, e.reason) for one in self.criteria for e in (one, *one.parts)]
        return pd.DataFrame(rows, columns=["criterion", "title", "status", "reason"])

    def __repr__(self) -> str:
        return f"<ScreeningRecord of {self.study_id}, phase {self.phase}, {self.gate}, {self.as_of}: {self.overall}>"

    __str__ = __repr__


def interpretation_id(catalogue: Catalogue) -> str:
    """Return what the chosen thresholds and readings hash to; it changes with any of them."""
    return _hash({parameter.id: parameter.value for parameter in catalogue.parameters})


def rule_hash(catalogue: Catalogue) -> str:
    """Return what the criteria hash to: rules and wording, but no label, so that a translation changes nothing."""
    criteria = (*catalogue.criteria, *catalogue.infusion_criteria)
    return _hash(
        {
            "criteria": [_rule(criterion) for criterion in criteria],
            "phases": catalogue.phases,
            "roles": catalogue.roles.model_dump(),
            "rechecks": [recheck.rule for recheck in catalogue.rechecks],
            "facts": [_definition(fact) for fact in catalogue.facts],
            "parameters": [_definition(parameter) for parameter in catalogue.parameters],
            "contradictions": [[one.fact, one.condition] for one in catalogue.contradictions],
        }
    )


_TOLD = {
    "title",
    "label",
    "group",
    "help",
    "source",
    "assumption",
    "codes",
    "cannot_fail",
    "unit_label",
    "fixed",
    "absent",
    "stated",
    "units",
}


def _rule(rule: Criterion | Part) -> dict[str, Any]:
    content = rule.model_dump(mode="json", exclude=_TOLD | {"parts"})
    return content | {"parts": [_rule(part) for part in rule.parts]} if isinstance(rule, Criterion) else content


def _definition(item: Fact | Parameter) -> dict[str, Any]:
    content = item.model_dump(mode="json", exclude=_TOLD | {"value"})
    return content | {"options": list(item.options)}


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]


def screening_record(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None,
    as_of: date,
    *,
    study_id: str,
    trial_id: str,
    registry_version: str,
    software: str,
    gate: Literal["enrolment", "infusion"] = "enrolment",
    sources: Mapping[str, str] = _NOTHING,
    unusable: Mapping[str, str] = _NOTHING,
) -> ScreeningRecord:
    """Answer a gate and keep the answer.

    Parameters
    ----------
    catalogue, facts, phase, as_of, gate, sources, unusable
        As for :meth:`protocol.eligibility.EligibilityRecord.answers`.
    study_id : str
        As :data:`protocol.records.STUDY_ID` says; never a name.
    trial_id, registry_version, software : str
        As of :class:`ScreeningRecord`.

    Raises
    ------
    ProtocolError
        For a text that is not a study id, or facts that cannot be used.
    """
    phase = phase_of(catalogue, phase)
    given = check_facts(facts, catalogue)
    asked = infusion_catalogue(catalogue) if gate == "infusion" else catalogue
    rules = {rule.id: rule for rule in asked.criteria}
    found = answers(catalogue, given, phase, as_of, gate=gate, sources=sources, unusable=unusable)
    try:
        return ScreeningRecord(
            trial_id=trial_id,
            registry_version=registry_version,
            software=software,
            interpretation_id=interpretation_id(catalogue),
            rule_hash=rule_hash(catalogue),
            study_id=study_id,
            phase=phase,
            gate=gate,
            as_of=as_of,
            overall=overall_of(answer.verdict for answer in found),
            decides=_("Decision support; the investigator decides."),
            facts={name: _plain(value) for name, value in given.items()},
            sources=dict(sources),
            unusable=dict(unusable),
            parameters={parameter.id: parameter.value for parameter in catalogue.parameters},
            assumed={item.id: item.origin for item in catalogue.parameters if item.is_assumption},
            labels={fact.id: fact.label for fact in catalogue.facts if fact.id in unusable},
            criteria=tuple(_criterion_record(answer.verdict, rules[answer.verdict.id], answer) for answer in found),
        )
    except ValidationError as error:
        if not all(problem["loc"] == ("study_id",) for problem in error.errors()):
            raise
        raise ProtocolError(_("Study id"), repr(study_id)[:60], STUDY_ID) from None


def _plain(value: FactValue) -> Plain:
    return value.isoformat() if isinstance(value, date) else value


def _criterion_record(verdict: Verdict, rule: Criterion, answer: Answer | None = None) -> CriterionRecord:
    still = answer.provisional if answer else None
    return CriterionRecord(
        id=verdict.id,
        title=verdict.title,
        status=verdict.status,
        reason=verdict.reason,
        unknown_because=tuple(dict.fromkeys(gap.reason for gap in verdict.gaps)),
        evidence=tuple(
            EvidenceRecord(**{**vars(item), "value": None if item.value is None else _plain(item.value)})
            for item in (answer.evidence if answer else ())
        ),
        provisional_until=still.stage if still else None,
        provisional_day=still.until if still else None,
        wording=verdict.wording,
        origin=rule.origin,
        is_assumption=rule.is_assumption,
        parts=tuple(_criterion_record(part, rule) for part in verdict.parts),
    )


def facts_of(record: ScreeningRecord, catalogue: Catalogue) -> dict[str, FactValue]:
    """Return the facts of a kept record as they can be screened again; ProtocolError when they no longer can."""
    return kept_facts(record.facts, catalogue)


def kept_facts(facts: Mapping[str, Any], catalogue: Catalogue) -> dict[str, FactValue]:
    """Return facts as a record or a log keeps them, to be screened; ProtocolError when they no longer can be."""
    dates = {fact.id for fact in catalogue.facts if fact.type == "date"}
    return check_facts({n: _day(v) if n in dates and isinstance(v, str) else v for n, v in facts.items()}, catalogue)


def _day(text: str) -> date | str:
    """Read a kept day; a value that is not a day stays as it is, and is refused later with the fact's name."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def changed_verdicts(record: ScreeningRecord, catalogue: Catalogue) -> dict[str, tuple[Status | None, Status]]:
    """Screen a kept record again and return what is answered differently now: id, then and now.

    Returns
    -------
    dict of str to (str or None, str)
        Empty when every verdict is the same; None where the record has no such criterion.
    """
    then = {entry.id: entry.status for entry in record.criteria}
    facts = facts_of(record, catalogue)
    now = answers(catalogue, facts, record.phase, record.as_of, gate=record.gate, unusable=record.unusable)
    verdicts = {answer.verdict.id: answer.verdict.status for answer in now}
    return {name: (then.get(name), status) for name, status in verdicts.items() if then.get(name) != status}
