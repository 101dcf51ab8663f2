"""The four-part answer to a criterion: verdict, evidence, tree of reasons, and the registry's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import pandas as pd

from protocol.display import shown
from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, check_day
from protocol.eligibility.explanation import Node, Wording, show, tree
from protocol.eligibility.gates import Provisional, infusion_catalogue, on_infusion_day, provisional
from protocol.eligibility.logic import Logic
from protocol.eligibility.screening import Verdict, participant_logic, screen_by
from protocol.eligibility.verdicts import in_phase, phase_of
from protocol.records import Phase, ProtocolError
from protocol.translation import _, alternatives, list_of

_GATES = ("enrolment", "infusion")

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Evidence:
    """One fact behind a verdict.

    Attributes
    ----------
    fact, label : str
        Which fact.
    value : bool, int, float, str, date or None
        What is known, in `unit`; None when nothing is.
    shown : str
        The value as people write it, with its unit; "" when nothing is known.
    unit : str
        UCUM; "" for what has none.
    measured : date or None
        The day of the measurement.
    where : str
        Where it came from: the form, a file, an imported record, or the facts it is computed from; and that a
        measurement has no day, where it has none.
    problem : str
        "" when the value is used; otherwise one of :data:`protocol.eligibility.REASONS`.
    """

    fact: str
    label: str
    value: FactValue | None
    shown: str
    unit: str
    measured: date | None
    where: str
    problem: str


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer to one criterion; the registry's words are ``verdict.wording``.

    Attributes
    ----------
    verdict : Verdict
    evidence : tuple of Evidence
        The facts behind it.
    tree : Node or None
        The criterion's statements and whether they hold; None when it does not apply.
    provisional : Provisional or None
        Until when the answer can change; None when it is final.
    """

    verdict: Verdict
    evidence: tuple[Evidence, ...]
    tree: Node | None
    provisional: Provisional | None

    def table(self) -> pd.DataFrame:
        """Return the evidence, one row per fact: fact, label, value, unit, measured, where, problem."""
        columns = ["fact", "label", "value", "unit", "measured", "where", "problem"]
        rows = [[getattr(item, name) for name in columns] for item in self.evidence]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    def __repr__(self) -> str:
        return f"<Answer to {self.verdict.id}: {self.verdict.status}; facts behind it: {len(self.evidence)}>"

    def _repr_html_(self) -> str:
        title = f"{self.verdict.id} {self.verdict.title}: {self.verdict.status}. {self.verdict.reason}"
        return shown(title, self.table())


def answers(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None,
    as_of: date,
    *,
    gate: str = "enrolment",
    sources: Mapping[str, str] = _NOTHING,
    unusable: Mapping[str, str] = _NOTHING,
) -> tuple[Answer, ...]:
    """Answer every criterion of a gate; see :meth:`protocol.eligibility.EligibilityRecord.answers`."""
    if gate not in _GATES:
        raise ProtocolError(_("gate"), repr(gate), alternatives(_GATES))
    check_day(as_of, "as_of")
    phase = phase_of(catalogue, phase)
    if gate == "infusion":
        catalogue, facts = infusion_catalogue(catalogue), on_infusion_day(catalogue, facts)
    logic = participant_logic(catalogue, facts, unusable)
    verdicts = screen_by(logic, catalogue, phase).verdicts
    return tuple(
        _answer(
            catalogue,
            logic,
            criterion,
            verdict,
            phase,
            sources,
            provisional(catalogue, criterion, facts, as_of, gate),
        )
        for criterion, verdict in zip(catalogue.criteria, verdicts, strict=True)
    )


def _answer(
    catalogue: Catalogue,
    logic: Logic,
    criterion: Criterion,
    verdict: Verdict,
    phase: Phase,
    sources: Mapping[str, str],
    still: Provisional | None,
) -> Answer:
    if not in_phase(criterion, phase):
        return Answer(verdict, (), None, None)
    root = tree(logic, criterion, phase, catalogue.title)
    conditions = [text for text in (criterion.applies_if, *(p.applies_if for p in criterion.parts)) if text]
    used = [name for text in conditions for name in names_in(text) if name in logic.facts]
    if verdict.status != "not applicable":
        used += [name for leaf in root.leaves() for name in leaf.facts]
    evidence = tuple(item for name in dict.fromkeys(used) for item in _evidence(logic, name, sources))
    applies = verdict.status != "not applicable"
    return Answer(verdict, evidence, root if applies else None, still if applies else None)


def _evidence(logic: Logic, name: str, sources: Mapping[str, str]) -> list[Evidence]:
    """Return a fact, and behind a computed or missing one the facts it is or would be computed from."""
    fact = logic.facts[name]
    given, used = logic.leaves.fact(fact), logic.fact(fact)
    as_given = given.known and (not used.known or used.data == given.data)
    behind = () if fact.derived is None or as_given else names_in(fact.derived)
    gaps = Wording(logic).missing(name)
    value = used.data if used.known else given.data if given.known else None
    where = sources.get(name, "") if given.known or name in logic.leaves.unusable else ""
    if used.known and behind:
        where = _("computed from {facts}").format(facts=list_of(logic.facts[other].label for other in behind))
    measured = _measured(logic, fact)
    if used.known and fact.dated_by and measured is None:
        where = list_of(filter(None, [where, _("no day given")]))  # it is used although its age is not known
    own = Evidence(
        name,
        fact.label,
        value,
        "" if value is None else show(fact, value),
        fact.unit or "",
        measured,
        where,
        gaps[0].reason if gaps else "",
    )
    return [own, *(item for other in behind for item in _evidence(logic, other, sources))]


def _measured(logic: Logic, fact: Fact) -> date | None:
    if fact.dated_by is None:
        return None
    day = logic.fact(logic.facts[fact.dated_by])
    return day.data if day.known else None
