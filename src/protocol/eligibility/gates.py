"""Two gates: enrolment by the listed criteria, and each infusion by what must hold on its own day."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from protocol.eligibility.criteria import Catalogue, Criterion, FactValue, Part
from protocol.eligibility.screening import Screening, screen
from protocol.eligibility.verdicts import in_phase
from protocol.records import Phase, ProtocolError
from protocol.translation import _


class Provisional(NamedTuple):
    """An answer that can still change: until which stage, and on which day that is (None when not known)."""

    stage: str
    until: date | None


def provisional(
    catalogue: Catalogue,
    criterion: Criterion,
    facts: Mapping[str, FactValue | None],
    as_of: date,
    gate: str = "enrolment",
) -> Provisional | None:
    """Say until when the answer to a criterion is provisional.

    Parameters
    ----------
    catalogue : Catalogue
        Its roles name the facts with the days of the stages.
    criterion : Criterion
        Its `confirm` names the stage at which the final answer can be known.
    facts : mapping of str to value
        What is known about the participant, the days of the stages among it.
    as_of : date
        The day on which the answer is given.
    gate : {"enrolment", "infusion"}
        At enrolment every infusion is in the future, also if its planned day has passed.

    Returns
    -------
    Provisional or None
        None when the answer is final on `as_of`, as it always is at screening. What is confirmed by follow-up is
        never final.
    """
    if criterion.confirm == "screening":
        return None
    name = catalogue.roles.day_of(criterion.confirm)
    day = facts.get(name) if name else None
    until = day if isinstance(day, date) else None
    if until is not None and as_of >= until and not (gate == "enrolment" and criterion.confirm == "infusion"):
        return None
    return Provisional(criterion.confirm, until)


def alone(criterion: Criterion, part: Part) -> Criterion:
    """Return a part as a criterion of its own."""
    both = [f"({text})" for text in (criterion.applies_if, part.applies_if) if text]
    content = {name: getattr(part, name) for name in ("id", "title", "wording", "condition", "phases", "ambiguities")}
    content |= {"parts": (), "combine": None, "applies_if": " and ".join(both) or None}
    return criterion.model_copy(update=content)


def rules(catalogue: Catalogue, phase: Phase) -> Iterator[Criterion]:
    """Yield what must all pass in a phase: every criterion, and in place of one its parts when each is needed."""
    for criterion in catalogue.criteria:
        if not in_phase(criterion, phase):
            continue
        if criterion.parts and criterion.combine == ("all" if criterion.kind == "inclusion" else "any"):
            yield from (alone(criterion, part) for part in criterion.parts if part.holds_in(phase))
        else:
            yield criterion


def infusion_catalogue(catalogue: Catalogue) -> Catalogue:
    """Return the record whose criteria are those of the gate before an infusion, counted to the infusion's day."""
    known = {criterion.id: criterion for criterion in catalogue.criteria}
    known |= {part.id: alone(c, part) for c in catalogue.criteria for part in c.parts}
    again = tuple(
        known[recheck.rule].model_copy(
            update={"source": recheck.source, "assumption": recheck.assumption, "confirm": "infusion"}
        )
        for recheck in catalogue.rechecks
    )
    facts = tuple(
        fact.model_copy(update={"label": _("Day of the infusion")})
        if fact.id == catalogue.roles.enrolment_day
        else fact
        for fact in catalogue.facts
    )
    return catalogue.model_copy(update={"criteria": catalogue.infusion_criteria + again, "facts": facts})


def on_infusion_day(catalogue: Catalogue, facts: Mapping[str, FactValue | None]) -> dict[str, FactValue | None]:
    """Return the facts as they count on the day of the infusion: what must be recent must be so on this day.

    Raises
    ------
    ProtocolError
        Without that day, and for a record without the role ``infusion_day``.
    """
    roles = catalogue.roles
    if roles.infusion_day is None:
        raise ProtocolError(_("gate"), _("'infusion', which the record does not have"), "'enrolment'")
    day = facts.get(roles.infusion_day)
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ProtocolError(_("Day of the infusion"), _("nothing"), _("a date like 2026-03-01"))
    return {**facts, roles.enrolment_day: day} if roles.enrolment_day else dict(facts)


def screen_infusion(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None = None,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> Screening:
    """Judge one infusion; see :meth:`protocol.eligibility.EligibilityRecord.screen_infusion`."""
    return screen(infusion_catalogue(catalogue), on_infusion_day(catalogue, facts), phase, unusable)
