"""Findings of one participant become facts: the newest value, its evidence, or why there is none.

Both readers of real records (FHIR and OMOP) give findings; this module decides between them.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from protocol.eligibility import EligibilityRecord, Fact, FactValue
from protocol.eligibility.fact_sources import Participant
from protocol.exchange.clinical.findings import (
    CONFLICT,
    NEVER,
    NOT_USABLE,
    STALE,
    Birth,
    Finding,
    Imported,
    Naming,
    Setting,
    not_yet_born,
)
from protocol.exchange.clinical.reference_ranges import limit_for
from protocol.exchange.clinical.units import UNIT_UNKNOWN, UnitError, convert
from protocol.translation import _

ROUNDING = 1e-3
"""Two values of one day agree when they differ by less than this share of the larger: 1.65 mg/dL of creatinine is
reported as 146 umol/L. A modelling choice."""

DATED_HISTORY = {
    "ever_anticancer_therapy": "last_anticancer_therapy_date",
    "other_malignancy": "last_other_malignancy_date",
    "organ_transplant": "organ_transplant_date",
}
"""Facts of the medical history that are asked for together with their latest day."""

LIFELONG = ("hiv_history", "fertility_status", *DATED_HISTORY)
"""Facts that one finding of any age settles."""

MORE_EXACT = (
    ("apl", {"aml", "apl"}),
    ("aml", {"aml", "acute_unspecified"}),
    ("all", {"all", "acute_unspecified"}),
    ("invasive", {"invasive", "in_situ"}),
)
"""Where one option says more than the other, both together mean that one."""


def choose(fact: str, findings: list["Finding"]) -> "Finding":
    """Return the finding that decides a fact, without a value when it cannot be told which one does."""
    dated = [f for f in findings if f.day is not None]
    if fact == "diagnosis" or fact in LIFELONG:
        found = _agree([f for f in findings if f.value is not None], findings)
        return replace(found, day=None) if fact in DATED_HISTORY and len(dated) < len(findings) else found
    if not dated:
        return replace(findings[0], value=None, reason=NOT_USABLE, note=_("no date"))
    return _beside_undated(_newest(dated), [f for f in findings if f.day is None])


def _newest(dated: list["Finding"]) -> "Finding":
    tested = max((day_of(f) for f in dated if f.since is None), default=date.min)
    dated = [
        replace(f, day=tested) if f.since == tested else f for f in dated if f.since is None or f.since >= tested
    ]  # of the same day neither says more than the other
    newest = max(map(day_of, dated))
    today = [f for f in dated if f.day == newest]
    if all(f.moment for f in today):
        latest = max(f.moment for f in today)
        today = [f for f in today if f.moment == latest]
    return _agree([f for f in today if f.value is not None], today)


def _beside_undated(newest: "Finding", undated: list["Finding"]) -> "Finding":
    """What has no date may be newer than the newest that has one: unless it says the same, either may hold."""
    others = [f for f in undated if f.value is None or not _same([f.value, newest.value])]
    if newest.value is None or not others:
        return newest
    said = "; ".join([_said(newest), *(_("{finding}: no date").format(finding=_said(f)) for f in others)])
    return replace(newest, value=None, origin="", original="", reason=CONFLICT, note=said)


def day_of(finding: "Finding") -> date:
    """Return the day of a finding, the first of all days when it has none."""
    return finding.day or date.min


def _said(finding: "Finding") -> str:
    return f"{finding.original} ({finding.origin})".strip()


def _agree(usable: list["Finding"], all_: list["Finding"]) -> "Finding":
    """Return the newest finding when all usable ones say the same, else the conflict between or within them."""
    torn = [f for f in all_ if f.reason == CONFLICT]
    if torn or not usable:
        return max(torn or all_, key=lambda f: (day_of(f), f.reason, f.note, f.origin))
    newest = max(usable, key=lambda f: (day_of(f), f.moment, f.origin, f.code))
    if _same([f.value for f in usable]):
        return newest
    values = {f.value for f in usable}
    for winner, pair in MORE_EXACT:
        if values == pair:
            return max((f for f in usable if f.value == winner), key=lambda f: (day_of(f), f.origin))
    said = "; ".join(map(_said, usable))
    return replace(newest, value=None, origin="", original="", reason=CONFLICT, note=said)


def _same(values: list[FactValue | None]) -> bool:
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if numbers and len(numbers) == len(values):
        return max(numbers) - min(numbers) <= ROUNDING * max(map(abs, numbers))
    return len(set(values)) == 1


def age_known(
    birth: Birth | None, record: EligibilityRecord, as_of: date, finding: Callable[..., Any]
) -> dict[str, Any]:
    """Return findings of the date of birth and of the age on the as-of date, as far as they are known.

    An age that may be one of two is given when every threshold of the record lies on the same side of both (the
    lower one then); near a threshold it stays unknown.
    """
    if birth is None or not_yet_born(birth, as_of):
        return {}
    years = Participant({}).years
    oldest, youngest = years(birth.first, as_of), years(min(birth.last, as_of), as_of)
    shown = birth.first.isoformat() if birth.first == birth.last else f"{birth.first} – {birth.last}"
    age = finding("age_years", youngest, as_of, birth.origin, original=shown)
    if birth.first == birth.last:
        note = _("completed years on the as-of date")
        exact = finding("birth_date", birth.first, as_of, birth.origin, original=shown)
        return {"birth_date": exact, "age_years": replace(age, note=note)}
    if _side(oldest, record) != _side(youngest, record):
        return {"age_years": finding("age_years", None, as_of, birth.origin, original=shown, reason="missing")}
    if oldest == youngest:
        return {"age_years": replace(age, note=_("completed years on the as-of date"))}
    return {"age_years": replace(age, note=_("{low} or {high} years").format(low=youngest, high=oldest))}


def _side(age: int, record: EligibilityRecord) -> tuple[bool, bool]:
    limits = {parameter.id: parameter.value for parameter in record.parameters}
    return age >= float(limits["age_min_years"]), age <= float(limits["age_max_years"])


PREGNANCY = timedelta(weeks=42)
"""A pregnancy noted longer ago has ended, whether or not anybody closed the entry."""


def diagnosed(fact: Fact, option: str, blank: Finding, ended: date | bool | None, as_of: date) -> Iterator[Finding]:
    """Yield what a confirmed diagnosis says on a day.

    Parameters
    ----------
    fact : Fact
        What the diagnosis is about.
    option : str
        What its code says.
    blank : Finding
        Where it stands; its day is the onset, if known.
    ended : date, bool or None
        The day it ended, whether it has ended at all, or None when nothing says so.
    as_of : date
        A diagnosis that still holds on this day dates from it: the latest evidence of a tumour is today's.
    """
    over = ended <= as_of if isinstance(ended, date) else bool(ended)
    value = True if fact.type == "yes_no" else option
    if fact.id in DATED_HISTORY:
        last = ended if isinstance(ended, date) else None
        yield replace(blank, value=value, day=last if over else as_of, note="" if over else still_going_on())
    elif fact.id == "hiv_history":
        yield replace(blank, value=value)
    elif not over:
        current = fact.id != "pregnancy_test" or (blank.day is not None and as_of - blank.day <= PREGNANCY)
        day = as_of if current and fact.id != "diagnosis" else blank.day
        yield replace(blank, value=value, day=day, since=blank.day)


def still_going_on() -> str:
    """Say that something still goes on."""
    return _("still going on")


def died(day: date | None, as_of: date, origin: str) -> list[Finding]:
    """Return an expected survival of nothing for somebody who has died by the as-of date."""
    if day is not None and day > as_of:
        return []
    note = _("died {day}").format(day=day or "").strip()
    return [Finding("expected_survival_months", 0.0, day or as_of, origin, note=note)]


def measured(fact: Fact, value: float, unit: str, finding: Finding, high: float | None = None) -> Finding:
    """Complete a finding with a number of a fact in a unit, or with the reason why it has none."""
    try:
        number = convert(value, unit, fact)
        limit = None if high is None else convert(high, unit, fact)
    except UnitError as problem:
        return replace(finding, reason=UNIT_UNKNOWN, note=str(problem))
    if not fact.is_plausible(number) or (fact.type == "whole" and number != int(number)):
        return replace(finding, reason=NOT_USABLE, note=_("outside the plausible range"))
    return replace(finding, value=int(number) if fact.type == "whole" else number, limit=limit)


def settle(participant: str, findings: Iterable[Finding], birth: Birth | None, setting: Setting) -> Imported:
    """Decide between the findings of one participant.

    Nothing from after the as-of date counts. The newest day of a fact decides across all of its codes; values that
    disagree on that day conflict. A newest value that cannot be used is not replaced by an older one, and one without
    a date may be the newest: unless it says the same, it conflicts.
    """
    past = [f for f in findings if f.day is None or f.day <= setting.as_of]
    past += [replace(f, fact="hiv_history", value=True) for f in past if f.value == "confirmed"]
    by_fact = sorted(past, key=lambda finding: finding.fact)
    chosen = {fact: choose(fact, [*group]) for fact, group in groupby(by_fact, key=lambda finding: finding.fact)}
    chosen |= age_known(birth, setting.record, setting.as_of, Finding)
    if "on_room_air" in chosen and day_of(chosen["on_room_air"]) != day_of(chosen.get("spo2_pct", NEVER)):
        del chosen["on_room_air"]  # another day's oxygen says nothing about this saturation
    _date_history(chosen)
    _date_measurements(chosen, setting)
    _leave_out_old_derivations(chosen, setting)
    _add_limits(chosen, setting)
    chosen["enrolment_date"] = Finding("enrolment_date", setting.as_of, setting.as_of, _("as-of date of the import"))
    used = {name: finding for name, finding in chosen.items() if finding.value is not None}
    unused = {name: finding for name, finding in chosen.items() if finding.value is None}
    facts = {name: finding.value for name, finding in used.items() if finding.value is not None}
    return Imported(participant, facts, used, {name: finding.reason for name, finding in unused.items()}, unused)


def _date_history(chosen: dict[str, Finding]) -> None:
    for name, dated_by in DATED_HISTORY.items():
        finding = chosen.get(name)
        if finding and finding.value is not None and finding.day is not None:
            chosen[dated_by] = replace(finding, fact=dated_by, value=finding.day, limit=None)


def _date_measurements(chosen: dict[str, Finding], setting: Setting) -> None:
    """Give each group of measurements one day: the oldest of those still valid; the others are stale.

    Four blood tests share one date in the record. Their newest day would make an old test look fresh.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, dated_by, days in setting.windows:
        if name in chosen and chosen[name].value is not None:
            groups.setdefault(dated_by, []).append((name, days))
    for dated_by, members in groups.items():
        fresh = [name for name, days in members if (setting.as_of - day_of(chosen[name])).days <= days]
        for name, _days in members:
            if fresh and name not in fresh:
                chosen[name] = replace(chosen[name], value=None, reason=STALE)
        oldest = min((chosen[name] for name in fresh or [name for name, _days in members]), key=day_of)
        chosen[dated_by] = replace(oldest, fact=dated_by, value=oldest.day, limit=None)


def _leave_out_old_derivations(chosen: dict[str, Finding], setting: Setting) -> None:
    """Leave out a derived value older than what it is derived from: a new weight outdates the old body mass index."""
    for derived, names in setting.derivations:
        sources = [chosen.get(name) for name in names]
        known = [source for source in sources if source and source.value is not None and source.day]
        complete = derived in chosen and known and len(known) == len(sources)
        if complete and max(map(day_of, known)) > day_of(chosen[derived]):
            del chosen[derived]


def _add_limits(chosen: dict[str, Finding], setting: Setting) -> None:
    sex = chosen["sex"].value if "sex" in chosen else None
    for fact, analyte in setting.limits_of_normal:
        value = chosen.get(analyte)
        if value is None or value.value is None:
            continue
        own = Finding(fact.id, value.limit, value.day, value.origin, value.code, note=_("reference range"))
        if own.value is None:
            own = limit_for(fact, setting, sex, day_of(value), own)
        elif not fact.is_plausible(float(own.value)):  # type: ignore[arg-type]
            own = replace(own, value=None, reason=NOT_USABLE, note=_("outside the plausible range"))
        chosen[fact.id] = own


def keyed(key: bytes) -> Naming:
    """Return a naming: the same identifier and key give the same study id, another key another one.

    Parameters
    ----------
    key : bytes
        A secret of the site, kept apart from the data. HMAC-SHA-256, cut to 48 bits: two of a million participants
        share an id with a probability of 0.2 %.
    """
    return lambda identifier: "P-" + hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:12].upper()
