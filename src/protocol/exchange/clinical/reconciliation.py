"""Findings of one participant become facts: the newest value with its evidence, or the reason why there is none.

Both readers of hospital records (FHIR and OMOP) give findings; :func:`settle` decides between them. The functions
behind it say how a reader turns a measured value, a diagnosis or a death into findings.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby

from protocol.eligibility import Fact, FactValue
from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import FIRST_DAY, Lifelong
from protocol.eligibility.fact_sources import ParticipantFacts
from protocol.eligibility.logic import Known
from protocol.eligibility.screening import check_facts
from protocol.eligibility.verdicts import logic_of
from protocol.exchange.clinical.findings import CONFLICT, NOT_USABLE, STALE, Birth, Finding, Imported, Setting
from protocol.exchange.clinical.reference_ranges import limit_for
from protocol.exchange.clinical.terminology import ASK
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import PartialDate
from protocol.exchange.units import UNIT_UNKNOWN, UnitError, convert
from protocol.records import ProtocolError
from protocol.translation import _, list_of

ROUNDING = 1e-3
"""Two values of one day agree when they differ by less than this share of the larger: 1.65 mg/dL of creatinine is
reported as 146 umol/L. A modelling choice."""

NO_LIMIT = "no upper limit of normal"

Chosen = dict[str, Finding]
"""The finding that decides, by fact; it has no value, but a reason, if no finding can be used."""


def settle(participant: str, findings: Iterable[Finding], birth: Birth | None, setting: Setting) -> Imported:
    """Decide between the findings of one participant.

    A finding after the as-of date does not count. The newest day of a fact decides across all of its codes; values
    that disagree on that day conflict. A newest value that cannot be used is not replaced by an older one. A finding
    without a date, or with a date that can mean a later day, may be the newest: it conflicts if its value differs.
    A value that no participant can have is not used.

    Parameters
    ----------
    participant : str
        Study id.
    findings : iterable of Finding
        In any order.
    birth : Birth or None
        When the person was born, if that is known.
    setting : Setting
        The record, the as-of date, the site and its limits of normal.
    """
    past = [f for f in findings if f.day is None or f.day <= setting.as_of]
    for rule in setting.record.imports.implied:
        past += [replace(f, fact=rule.fact, value=True) for f in past if (f.fact, f.value) == (rule.by, rule.option)]
    by_fact = sorted(past, key=lambda finding: finding.fact)
    groups = groupby(by_fact, key=lambda finding: finding.fact)
    first = {fact: _choose(fact, [*group], setting) for fact, group in groups}
    chosen = _completed(first, birth, setting)
    spans = (name for name, finding in first.items() if finding.span and _has_value(chosen, name))
    if open_ := [name for name in spans if not _decides(name, chosen, setting)]:
        first |= {name: first[name].otherwise or first[name] for name in open_}
        chosen = _completed(first, birth, setting)
    if name := setting.record.roles.enrolment_day:
        chosen[name] = Finding(name, setting.as_of, setting.as_of, _("as-of date of the import"))
    _leave_out_the_impossible(chosen, setting)
    used = {name: finding for name, finding in chosen.items() if finding.value is not None}
    unused = {name: finding for name, finding in chosen.items() if finding.value is None}
    facts = {name: finding.value for name, finding in used.items() if finding.value is not None}
    return Imported(participant, facts, used, {name: finding.reason for name, finding in unused.items()}, unused)


def _completed(first: Chosen, birth: Birth | None, setting: Setting) -> Chosen:
    """Add what follows from the findings chosen for each fact, and leave out what does not belong to them."""
    chosen = first | _age(birth, setting)
    _leave_out_circumstances_of_another_day(chosen, setting)
    _date_history(chosen, setting)
    _date_measurements(chosen, setting)
    _leave_out_old_derivations(chosen, setting)
    _add_limits(chosen, setting)
    return chosen


def _decides(name: str, chosen: Chosen, setting: Setting) -> bool:
    """Whether each comparison of the criteria with a fact comes out the same for both ends of what it may be."""
    facts = {fact: finding.value for fact, finding in chosen.items() if finding.value is not None}
    ends = [logic_of(setting.record, ParticipantFacts(facts | {name: end})) for end in chosen[name].span or ()]
    criteria = (*setting.record.criteria, *setting.record.infusion_criteria)
    conditions = [ast.walk(parse(text)) for criterion in criteria for text in criterion.conditions()]
    asked = [
        node for nodes in conditions for node in nodes if isinstance(node, ast.Compare) and name in names_in(node)
    ]
    found = [{logic.condition(node) for logic in ends} for node in asked]
    return bool(found) and all(len(one) == 1 and Known(False, False) not in one for one in found)


def _choose(fact: str, findings: list[Finding], setting: Setting) -> Finding:
    """Return the finding that decides a fact, without a value when it cannot be told which one does."""
    dated = [f for f in findings if f.day is not None]
    if lifelong := setting.lifelong.get(fact):
        return _choose_lifelong(findings, lifelong, setting)
    if not dated:
        return replace(findings[0], value=None, reason=NOT_USABLE, note=_("no date"))
    newest = _newest(dated)
    return _beside_others(newest, [f for f in findings if f.day is None or (f.latest and _last(f) >= _day(newest))])


def _choose_lifelong(findings: list[Finding], lifelong: Lifelong, setting: Setting) -> Finding:
    """Return the finding that decides; open as far as an entry that is not understood may say something else."""
    decided = [f for f in findings if not (f.undecided or f.value is None)]
    found = _agreed(decided, decided or findings, lifelong.more_exact)
    if lifelong.latest_day and any(f.day is None for f in decided):
        found = replace(found, day=None)
    others = [f for f in findings if f not in decided and _may_change(f, found, lifelong, setting)]
    if not others or (found.value is None and not any(f.undecided for f in others)):
        return found
    note = not_decided(others)
    if found.value is None:
        named = max(others, key=lambda f: (bool(f.code), _day(f), f.origin))
        return found if found.reason == CONFLICT else replace(named, note=note)
    if lifelong.strongest and found.value != lifelong.strongest:
        return replace(found, value=None, reason=NOT_USABLE, note=note, undecided=True)
    return replace(found, day=None, note=note, undecided=True) if lifelong.latest_day else found


def _may_change(other: Finding, found: Finding, lifelong: Lifelong, setting: Setting) -> bool:
    """Whether an entry that is not understood may change what the known ones say."""
    if found.value is None or found.undecided:
        return True
    window = setting.window(lifelong)
    if window:
        least, most = window
        if found.day is not None and (setting.as_of - found.day).days < least and _is_strongest(found, lifelong):
            return False
        if other.day is not None and (setting.as_of - _last(other)).days > most:
            return False
    if not _is_strongest(found, lifelong):
        return True
    later = found.day is not None and (other.day is None or _last(other) > found.day)
    return lifelong.latest_day is not None and later


def _is_strongest(found: Finding, lifelong: Lifelong) -> bool:
    return lifelong.strongest is None or found.value == lifelong.strongest


_NAMED_ENTRIES = 5
"""Entries that are named one by one where some are not decided."""


def not_decided(findings: Sequence[Finding]) -> str:
    """Say which entries may be about a fact and do not decide it."""
    by_code = sorted(findings, key=lambda finding: (not finding.code, finding.origin))
    origins = list(dict.fromkeys(finding.origin for finding in by_code))
    said = list_of(origins[:_NAMED_ENTRIES]) + (" …" if len(origins) > _NAMED_ENTRIES else "")
    return _("{count} entries not decided: {entries}").format(count=len(origins), entries=said)


def undecided(person: Imported, setting: Setting) -> list[FileProblem]:
    """List the facts of a participant that are open because entries about them are not understood.

    An entry of which nothing at all is known is listed only if it leaves open what other entries say.
    """
    problems = []
    for name in setting.lifelong:
        finding = person.unused.get(name) or person.provenance.get(name)
        if finding is not None and finding.undecided and (finding.value is not None or finding.code):
            where = _("{participant}, {fact}").format(participant=person.participant, fact=setting.facts[name].label)
            problems.append(
                FileProblem(where, finding.note, _("what these entries mean, as an answer to the question"))
            )
    return problems


def _newest(dated: list[Finding]) -> Finding:
    tested = max((_day(f) for f in dated if f.since is None), default=date.min)
    dated = [
        replace(f, day=tested) if f.since == tested else f for f in dated if f.since is None or f.since >= tested
    ]  # a test and a diagnosis of one day count alike
    newest = max(map(_day, dated))
    today = [f for f in dated if f.day == newest]
    if all(f.moment for f in today):
        latest = max(f.moment for f in today)
        today = [f for f in today if f.moment == latest]
    return _agreed([f for f in today if f.value is not None], today)


def _beside_others(newest: Finding, others: list[Finding]) -> Finding:
    """Compare the newest dated finding with those that may be newer: another value is a conflict."""
    others = [f for f in others if f.value is None or not _same([f.value, newest.value])]
    if newest.value is None or not others:
        return newest
    undated, dated = _("{finding}: no date"), _("{finding}: {first} to {last}")
    told = [(dated if f.day else undated).format(finding=_said(f), first=f.day, last=f.latest) for f in others]
    return _conflict(newest, list_of([_said(newest), *told], "; "), [newest, *others])


def _agreed(usable: list[Finding], findings: list[Finding], more_exact: Sequence[tuple[str, str]] = ()) -> Finding:
    """Return the newest finding when all usable ones say the same, else the conflict between or within them."""
    within = [f for f in findings if f.reason == CONFLICT]
    if within or not usable:
        return max(within or findings, key=lambda f: (_day(f), f.reason, f.note, f.origin))
    newest = max(usable, key=lambda f: (_day(f), f.moment, f.origin, f.code))
    if _same([f.value for f in usable]):
        return newest
    values = {f.value for f in usable}
    for exact in values:
        if all((exact, wider) in more_exact for wider in values - {exact}):
            return max((f for f in usable if f.value == exact), key=lambda f: (_day(f), f.origin))
    return _conflict(newest, list_of(map(_said, usable), "; "), usable)


def _conflict(finding: Finding, said: str, findings: Sequence[Finding]) -> Finding:
    """Return the conflict of findings; numbers are used all the same if all between them decide alike."""
    conflict = replace(finding, value=None, origin="", original="", reason=CONFLICT, note=said)
    ends = [end for one in findings for end in one.span or (one.value, one.value)]
    numbers = [end for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
    if len(numbers) < len(ends):
        return conflict
    return replace(finding, span=(min(numbers), max(numbers)), note=said, otherwise=replace(conflict, span=None))


def _same(values: Sequence[FactValue | None]) -> bool:
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if numbers and len(numbers) == len(values):
        return max(numbers) - min(numbers) <= ROUNDING * max(map(abs, numbers))
    return len(set(values)) == 1


def _said(finding: Finding) -> str:
    return f"{finding.original} ({finding.origin})".strip()


def _day(finding: Finding) -> date:
    """Return the day of a finding, the first of all days when it has none."""
    return finding.day or date.min


def _last(finding: Finding) -> date:
    """Return the last day on which a finding may have been so."""
    return finding.latest or _day(finding)


def _has_value(chosen: Chosen, name: str) -> bool:
    return name in chosen and chosen[name].value is not None


def _age(birth: Birth | None, setting: Setting) -> Chosen:
    """Return the date of birth and the age on the as-of date, as far as they are known.

    An age that may be one of two is given when every threshold of the record lies on the same side of both (the
    lower one then); near a threshold it stays unknown.
    """
    role, as_of = setting.person, setting.as_of
    if birth is None or birth.on.first > as_of:
        return {}
    found: Chosen = {}
    blank = Finding("", None, as_of, birth.origin, original=str(birth.on))
    if role.birth_date and birth.on.is_exact:
        found[role.birth_date] = replace(blank, fact=role.birth_date, value=birth.on.first)
    if role.age:
        youngest, oldest = birth.on._replace(last=min(birth.on.last, as_of)).completed_years(as_of)
        age = replace(blank, fact=role.age, value=youngest, note=_("completed years on the as-of date"))
        if oldest != youngest and not _on_one_side(youngest, oldest, setting):
            age = replace(age, value=None, reason=NOT_USABLE, note="")
        elif oldest != youngest:
            age = replace(age, note=_("{low} or {high} years").format(low=youngest, high=oldest))
        found[role.age] = age
    return found


def _on_one_side(youngest: int, oldest: int, setting: Setting) -> bool:
    values = {parameter.id: parameter.value for parameter in setting.record.parameters}
    low, high = setting.person.age_from, setting.person.age_to
    if low is None and high is None:
        return False
    sides = [
        (low is None or age >= float(values[low]), high is None or age <= float(values[high]))
        for age in (youngest, oldest)
    ]
    return sides[0] == sides[1]


def _leave_out_circumstances_of_another_day(chosen: Chosen, setting: Setting) -> None:
    """Leave out how something was measured on another day: oxygen of another day does not explain this saturation."""
    for name, of in setting.circumstances.items():
        if name in chosen and not (of in chosen and _is_of_one_day(chosen[name], chosen[of])):
            del chosen[name]


def _is_of_one_day(one: Finding, other: Finding) -> bool:
    """Whether two findings are of the same day: those of one resource are, whichever day that was."""
    exact = one.latest is None and other.latest is None
    return _day(one) == _day(other) and (exact or one.origin == other.origin)


def _date_history(chosen: Chosen, setting: Setting) -> None:
    for name, lifelong in setting.lifelong.items():
        finding, dated_by = chosen.get(name), lifelong.latest_day
        if dated_by and finding and finding.undecided:
            chosen[dated_by] = replace(finding, fact=dated_by, value=None, reason=NOT_USABLE, limit=None)
        elif dated_by and finding and finding.value is not None and finding.day is not None:
            chosen[dated_by] = replace(finding, fact=dated_by, value=finding.day, limit=None)


def _date_measurements(chosen: Chosen, setting: Setting) -> None:
    """Give each group of measurements one day: the oldest of those still valid; the others are stale.

    Several blood tests share one date in the record. Their newest day would make an old test look fresh.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, dated_by, days in setting.windows:
        if _has_value(chosen, name):
            groups.setdefault(dated_by, []).append((name, days))
    for dated_by, members in groups.items():
        fresh = [name for name, days in members if (setting.as_of - _day(chosen[name])).days <= days]
        for name, _days in members:
            if fresh and name not in fresh:
                chosen[name] = replace(chosen[name], value=None, reason=STALE)
        oldest = min((chosen[name] for name in fresh or [name for name, _days in members]), key=_day)
        chosen[dated_by] = replace(oldest, fact=dated_by, value=oldest.day, limit=None)


def _leave_out_old_derivations(chosen: Chosen, setting: Setting) -> None:
    """Leave out a derived value older than what it is derived from: a new weight outdates the old body mass index."""
    for derived, names in setting.derivations:
        known = [chosen[name] for name in names if _has_value(chosen, name) and chosen[name].day]
        complete = derived in chosen and known and len(known) == len(names)
        if complete and max(map(_last, known)) > _day(chosen[derived]):
            del chosen[derived]


def _leave_out_the_impossible(chosen: Chosen, setting: Setting) -> None:
    """Leave out what screening would refuse, so that one value of one person stops nobody."""
    try:
        check_facts({name: finding.value for name, finding in chosen.items()}, setting.record)
        return
    except ProtocolError:
        pass
    for name, finding in chosen.items():
        try:
            check_facts({name: finding.value}, setting.record)
        except ProtocolError:
            note = _("outside the plausible range")
            chosen[name] = replace(finding, value=None, limit=None, reason=NOT_USABLE, note=note)


def birth_problem(born: PartialDate, setting: Setting) -> str:
    """Return why a date of birth is impossible for a screening on the as-of date; empty if it is possible."""
    if born.first > setting.as_of:
        return _("a date of birth after the as-of date")
    age = setting.facts.get(setting.person.age or "")
    youngest, oldest = born._replace(last=min(born.last, setting.as_of)).completed_years(setting.as_of)
    if born.first < FIRST_DAY or (age and not any(map(age.is_plausible, range(youngest, oldest + 1)))):
        return _("a date of birth that nobody who is alive has")
    return ""


def _add_limits(chosen: Chosen, setting: Setting) -> None:
    """Add the limit of normal of each value: the one that came with it, else the site's on the day of the value."""
    sex = chosen[setting.person.sex].value if setting.person.sex in chosen else None
    for analyte in setting.record.imports.analytes:
        if analyte.limit is None or not _has_value(chosen, analyte.value):
            continue
        fact, value = setting.facts[analyte.limit], chosen[analyte.value]
        own = Finding(fact.id, value.limit, value.day, value.origin, value.code)
        if value.limit is None:
            line = limit_for(setting.limits, setting.site, analyte.id, sex, _day(value))
            if line is None:
                own = replace(own, reason=NO_LIMIT)
            else:
                origin = _("table of {site}: {source}").format(site=line.site, source=line.source)
                own = Finding(fact.id, line.limit, line.valid_from, origin, original=line.original)
        elif fact.is_plausible(value.limit):
            own = replace(own, note=_("reference range"))
        else:
            own = replace(own, value=None, reason=NOT_USABLE, note=_("outside the plausible range"))
        chosen[fact.id] = own


def measured(
    fact: Fact, value: float, unit: str, blank: Finding, setting: Setting, high: float | None = None
) -> Finding:
    """Complete a finding with a number of a fact in a unit, or with the reason why it has none.

    Parameters
    ----------
    fact : Fact
        A number with a unit.
    value : float
        As reported.
    unit : str
        In UCUM; empty when there is none.
    blank : Finding
        Where it stands.
    setting : Setting
        Whose record knows the molar masses.
    high : float, optional
        The upper limit of normal, in the same unit.
    """
    molar_mass = setting.molar_masses.get(fact.id)
    try:
        number = convert(value, unit, fact, molar_mass)
        limit = None if high is None else convert(high, unit, fact, molar_mass)
    except UnitError as problem:
        return replace(blank, reason=UNIT_UNKNOWN, note=str(problem))
    if not fact.is_plausible(number) or (fact.type == "whole" and number != int(number)):
        return replace(blank, reason=NOT_USABLE, note=_("outside the plausible range"))
    return replace(blank, value=int(number) if fact.type == "whole" else number, limit=limit)


def bounded(
    fact: Fact, value: float, comparator: str, unit: str, blank: Finding, setting: Setting, high: float | None = None
) -> Finding:
    """Complete a finding with a number that is only a bound: it counts if all values beyond it decide alike.

    Parameters
    ----------
    comparator : {"<", "<=", ">", ">="}
    fact, value, unit, blank, setting, high
        As in :func:`measured`.
    """
    found = measured(fact, value, unit, blank, setting, high)
    if not isinstance(found.value, (int, float)) or comparator not in ("<", "<=", ">", ">="):
        return (
            found if found.value is None else replace(blank, reason=NOT_USABLE, note=_("only a bound, not a value"))
        )
    low, top = fact.minimum or 0.0, fact.maximum or found.value
    span = (low, found.value) if comparator.startswith("<") else (found.value, top)
    otherwise = replace(blank, reason=NOT_USABLE, note=_("only a bound, not a value"))
    return replace(found, span=span, otherwise=otherwise, note=_("a bound; all values beyond it decide alike"))


def diagnosed(
    fact: Fact, option: str, blank: Finding, ended: date | bool | None, setting: Setting
) -> Iterator[Finding]:
    """Yield what a confirmed diagnosis says.

    A diagnosis that still holds on the as-of date dates from it: the latest evidence of a tumour is today's.

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
    setting : Setting
        The record and the as-of date.
    """
    as_of, lifelong = setting.as_of, setting.lifelong.get(fact.id)
    over = ended <= as_of if isinstance(ended, date) else bool(ended)
    found = stated(fact, option, blank)
    if (
        found.undecided and fact.id == setting.person.anticancer_therapy
    ):  # a visit or a history, no state that goes on
        yield replace(found, day=ended if isinstance(ended, date) else blank.day)
    elif lifelong and lifelong.latest_day:
        last = ended if isinstance(ended, date) else None
        yield replace(found, day=last if over else as_of, note="" if over else still_going_on())
    elif lifelong and (lifelong.ended_counts or not over):
        yield found
    elif not over:
        most = setting.lasting_days.get(fact.id)
        current = most is None or (blank.day is not None and (as_of - blank.day).days <= most)
        yield replace(found, day=as_of if current else blank.day, since=blank.day)


def stated(fact: Fact, option: str, blank: Finding) -> Finding:
    """Complete a finding with what a code says of a fact by itself; ``ask`` says that it decides nothing."""
    if option == ASK:
        return replace(blank, reason=NOT_USABLE, note=_("a code that does not decide this"), undecided=True)
    return replace(blank, value=True if fact.type == "yes_no" else option)


def still_going_on() -> str:
    """Say that something still goes on."""
    return _("still going on")


def died(day: date | None, setting: Setting, origin: str) -> list[Finding]:
    """Return an expected survival of 0 months for a person who has died by the as-of date."""
    if setting.person.survival is None or (day is not None and day > setting.as_of):
        return []
    note = _("died {day}").format(day=day or "").strip()
    return [Finding(setting.person.survival, 0.0, day or setting.as_of, origin, note=note)]
