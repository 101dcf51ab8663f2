"""Make the invented logs of a trial: about 60 participants who follow the real rules through the grid, and phase II.

Run ``python data/examples/make_log.py`` from the project's folder; the same seed writes the same bytes. Eligibility
is screened, the design recommends, visits have their windows, and every event is one that the log would admit. No
real participant, date or outcome stands behind any of it.

``log.jsonl`` ends while the last cohort of the escalation is watched. In ``phase_two.jsonl`` the same walk through
the grid took place earlier: the committee declared its regimen, and 40 participants of phase II were enrolled since.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from make_examples import AS_OF, cohort  # noqa: E402 - the script beside this one
from make_observations import Course, adverse_events, draws, product  # noqa: E402

from protocol.conduct import Entry, Event, Head, State, event, fold, sealed, write_entries  # noqa: E402
from protocol.escalation import Outcomes  # noqa: E402
from protocol.followup import timeline  # noqa: E402
from protocol.records import ProtocolError  # noqa: E402
from protocol.trial import Trial, load_trial, log_rules  # noqa: E402

SEED = 4  # a walk that goes up, comes back, tries both sides and stays near one regimen: something to look at
SCENARIO = "middle"
COHORTS = 19
SITES = ("Wuhan Union Hospital", "Wuhan Tongji Hospital", "Wuhan Central Hospital")
SHARES = (0.5, 0.3, 0.2)
OFF_REGIMEN, MOVED, LEAVER = 22, 12, 19  # places of participants with something to look at
SECOND_PHASE = 40  # participants
BEFORE_SECOND = 224  # days from the end of the first phase to the day of the example, in the second log
DYING = 7  # place in the second phase of a participant who dies of sepsis
RELAPSING = 15  # place in the second phase of a participant whose disease comes back
CAREFUL = 3  # the decision at which the committee stays although the design would go on


@dataclass(frozen=True)
class Step:
    """One event, and when and where it was recorded."""

    day: date
    event: Event
    site: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Meeting:
    """A decision of the committee."""

    day: date
    recommended: str
    chosen: str
    why: str


def days(count: int) -> timedelta:
    """Return a number of days."""
    return timedelta(days=count)


Person = tuple[str, date, date | None]
"""Regimen, first infusion and DLT of a participant."""


def walk(random: np.random.Generator, trial: Trial, ended: bool = False) -> tuple[list[Meeting], list[Person], str]:
    """Walk through the grid: the decisions, the participants, and the regimen that the design selects in the end.

    Every cohort waits for the DLT windows of the one before and a week of review; the last is still being watched,
    unless the escalation has ended.
    """
    record = trial.escalation
    truth = np.array(next(item.truth for item in record.scenarios if item.id == SCENARIO)).ravel()
    design, grid, window = record.designed(), record.grid, record.dlt_window_days.value
    outcomes, current = Outcomes.none(grid), grid.index(record.design.start.value)
    opened = date(2024, 1, 8)
    start = grid.labels[current]
    meetings = [Meeting(opened, start, start, "The lowest regimen, where the protocol starts.")]
    people: list[Person] = []
    for number in range(COHORTS):
        toxic = random.random(record.design.cohort_size.value) < truth[current] * 0.9
        infusions = [opened + days(14 + int(step)) for step in np.cumsum(random.integers(2, 7, size=len(toxic)))]
        late = [infused + days(int(random.integers(2, 25))) for infused in infusions]
        last = number == COHORTS - 1
        watched = last and not ended
        for infused, day, dlt in zip(infusions, late, toxic, strict=True):
            regimen = grid.labels[current]
            if len(people) == OFF_REGIMEN:
                regimen = chr(ord(regimen[0]) - 1) + regimen[1:]
            people.append((regimen, infused, day if dlt and not watched else None))
        if watched:
            return *shifted(meetings, people, AS_OF - days(3)), ""
        n, y = (int(counts.reshape(-1)[current]) for counts in (outcomes.treated, outcomes.dlt))
        outcomes = outcomes.with_regimen(current, n + len(toxic), y + int(toxic.sum()))
        if last:
            selected = grid.labels[int(design.selected(outcomes)[0])]
            return *shifted(meetings, people, AS_OF - days(BEFORE_SECOND)), selected
        following = int(design.next(outcomes, [current])[0])
        opened = infusions[-1] + days(window + 7)
        stays = number == CAREFUL
        why = (
            "Two participants of the cohort had slow recovery of platelets; three more are watched before a step up."
            if stays
            else f"{seen(people, grid.labels[current])}; as recommended."
        )
        recommended, current = grid.labels[following], current if stays else following
        meetings.append(Meeting(opened, recommended, grid.labels[current], why))
    raise AssertionError("the last cohort ends the walk")


def seen(people: list[Person], regimen: str) -> str:
    """Say how many participants of a regimen had a DLT."""
    outcomes = [dlt is not None for name, _infused, dlt in people if name == regimen]
    dlts = f"{sum(outcomes)} of {len(outcomes)}" if any(outcomes) else f"No DLT in {len(outcomes)}"
    return f"{dlts} evaluable participants at {regimen}" + (" had a DLT" if any(outcomes) else "")


def shifted(meetings: list[Meeting], people: list[Person], to: date) -> tuple[list[Meeting], list[Person]]:
    """Move everything so that the last infusion but one was on a day."""
    by = to - people[-2][1]
    moved = [Meeting(m.day + by, m.recommended, m.chosen, m.why) for m in meetings]
    return moved, [(regimen, infused + by, dlt and dlt + by) for regimen, infused, dlt in people]


def second_phase(random: np.random.Generator, trial: Trial, regimen: str, declared: date) -> list[Person]:
    """Return the participants of the second phase, at one regimen and one after another."""
    record = trial.escalation
    truth = np.array(next(item.truth for item in record.scenarios if item.id == SCENARIO)).ravel()
    rate, people, day = truth[record.grid.index(regimen)] * 0.35, [], declared + days(16)
    for _place in range(SECOND_PHASE):
        day += days(int(random.integers(2, 7)))
        toxic = random.random() < rate
        late = day + days(int(random.integers(2, 25)))
        people.append((regimen, day, late if toxic and late <= AS_OF else None))
    return people


def screened_people(
    trial: Trial, random: np.random.Generator, phase: str
) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    """Invent people and screen them; return facts and screening by the overall verdict."""
    found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
    for person in cohort(random, 700):
        facts = {name: value for name, value in person.items() if name != "participant_id"}
        try:
            screening = trial.eligibility.screen(facts, phase)
        except ProtocolError:  # a value that no form would take
            continue
        found.setdefault(screening.overall, []).append((facts, screening))
    return found


def screening_step(study_id: str, site: str, day: date, found: tuple[dict[str, Any], Any]) -> Step:
    """Record a screening with its whole result; the invented dates move to the day of the screening."""
    facts, screening = found
    by = day - facts["enrolment_date"]
    plain = {n: (v + by).isoformat() if isinstance(v, date) else v for n, v in sorted(facts.items())}
    verdicts = {v.id: v.status for v in screening.verdicts}
    result = {"facts": plain, "verdicts": verdicts}
    values = {
        "kind": "screened",
        "on": day,
        "participant": study_id,
        "phase": screening.phase,
        "overall": screening.overall,
    }
    return Step(day, event(values | {"result": result}), site)


def story(
    random: np.random.Generator, trial: Trial, study_id: str, site: str, place: int, facts: Any,
    course: Person, open_regimen: str,
) -> Iterator[Step]:  # fmt: skip
    """Tell what happened to one enrolled participant, event by event."""
    regimen, infused, dlt = course
    started = infused - days(int(random.integers(6, 12)))
    enrolled = started - days(int(random.integers(1, 4)))
    screened = enrolled - days(int(random.integers(1, 4)))

    own, phase = np.random.default_rng([SEED, place]), facts[1].phase
    later = phase != trial.eligibility.phases[0]

    def step(kind: str, on: date, reason: str = "", recorded: int = 0, **more: Any) -> Step:
        values = {"kind": kind, "on": on, "participant": study_id} | more
        return Step(min(on + days(recorded), AS_OF), event(values), site, reason)

    waiting = infused > AS_OF  # enrolled, therapy not begun
    yield step("consented", screened)
    yield screening_step(study_id, site, screened, facts)
    reason = "" if regimen == open_regimen else "The open dose could not be thawed in time; the next lower was given."
    yield step("enrolled", min(enrolled, AS_OF - days(1)), reason, regimen=regimen, phase=phase)
    yield step("visit", screened, visit="screening")
    if waiting:
        return
    yield step("therapy_started", started)
    level = next(item for item in trial.followup.frequencies if item.level == int(regimen[1:]))
    given = [infused + days(day - 1) for day in level.infusion_days if infused + days(day - 1) <= AS_OF]
    given = [day for day in given if dlt is None or day <= dlt]  # a DLT ends the infusions
    code = ""
    if dlt:
        code = str(random.choice(["allergic_reaction", "infusion_reaction", "thromboembolic_event"]))
    ended, left = infused + days(14), infused + days(150) if place == LEAVER else None
    if later and place in (DYING, RELAPSING):
        left = infused + days(38 if place == DYING else 72)
    amounts = {dose.id: dose.amount.value / 1e6 for dose in trial.escalation.doses}
    recovered = dict(recoveries(random, started))
    known = Course(
        site=site, cells=amounts[regimen[0]], started=started, infusions=tuple(given), recovered=recovered,
        dlt=(dlt, code) if dlt else None, consented=screened, until=min(AS_OF, left or AS_OF), later_phase=later,
        died=left if later and place == DYING and left and left <= AS_OF else None,
    )  # fmt: skip
    for number, day in enumerate(given, start=1):
        wrong = place == MOVED and number == 1 and not later
        about = product(own, known, day)
        yield step("infused", day - days(1) if wrong else day, number=number, recorded=int(wrong), **about)
    if dlt:
        yield step("dlt_assessed", dlt, dlt=True, code=code, grade=3, recorded=1)
    complete = infused + days(trial.escalation.dlt_window_days.value)
    if not dlt and complete <= AS_OF:
        yield step("dlt_assessed", complete, dlt=False)
    yield from (step("recovery", day, lineage=name, recorded=1) for name, day in recovered.items())
    yield from response(random, step, started)
    yield from draws(own, step, known)
    yield from adverse_events(own, step, known)
    if ended <= AS_OF:
        yield step("treatment_ended", ended)
    anchors = {"enrolment": enrolled, "start_of_therapy": started, "first_infusion": infused}
    anchors |= {"end_of_treatment": ended} if ended <= AS_OF else {}
    yield from visits(random, trial, step, anchors | ({"withdrawal": left} if left else {}), regimen)
    if left and left <= AS_OF:
        yield from end(step, left, place if later else LEAVER)


def end(step: Any, left: date, place: int) -> Iterator[Step]:
    """Tell how the participation of one who did not stay ended."""
    if place == RELAPSING:
        yield step("relapsed", left, recorded=1)
    cause = {DYING: "death", RELAPSING: "progression"}.get(place, "consent withdrawn")
    yield step("withdrawn", left, cause=cause, recorded=1)


def recoveries(random: np.random.Generator, started: date) -> Iterator[tuple[str, date]]:
    """Return when the counts recovered."""
    for lineage, low, high in (("neutrophils", 15, 25), ("platelets", 18, 33)):
        day = started + days(int(random.integers(low, high)))
        if day <= AS_OF:
            yield lineage, day


def response(random: np.random.Generator, step: Any, started: date) -> Iterator[Step]:
    """Tell what the response was."""
    day = started + days(int(random.integers(33, 42)))
    if day <= AS_OF:
        category = str(random.choice(["complete_remission", "partial_remission", "no_response"], p=[0.66, 0.14, 0.2]))
        yield step("response", day, category=category, recorded=2)


def visits(
    random: np.random.Generator, trial: Trial, step: Any, anchors: dict[str, date], regimen: str
) -> Iterator[Step]:
    """Tell which visits took place: most in their window, some late, some missed; the newest are not all entered."""
    ledger = timeline(trial.followup, anchors, int(regimen[1:]), AS_OF)
    past = ledger[ledger["status"].isin(["due", "overdue", "missed"])]
    for row in past.to_dict("records"):
        if row["id"].startswith("infusion_") or row["id"] == "screening":
            continue  # told before
        opens, closes = (row[name].date() for name in ("target", "closes"))
        on = opens + days(int(random.integers(0, (closes - opens).days + 1)))
        fresh = AS_OF - closes < days(10)  # sites are behind with what is new
        shares = [0.25, 0.0, 0.0, 0.75] if fresh else [0.93, 0.03, 0.03, 0.01]
        how = str(random.choice(["in window", "late", "missed", "not entered"], p=shares))
        if how == "late":
            on = closes + days(int(random.integers(1, 4)))
        if how == "missed":
            on = closes + days(7)
        if how != "not entered" and on <= AS_OF:
            yield step("visit", on, visit=row["id"], done=how != "missed", recorded=int(on < AS_OF))


def others(random: np.random.Generator, found: dict[str, Any], first: date) -> Iterator[tuple[date, str, Any]]:
    """Invent who was screened and not enrolled: day, site, facts and screening."""
    span = (AS_OF - first).days
    for overall, count in (("ineligible", 62), ("possibly eligible", 9)):
        for person in found[overall][:count]:
            yield first + days(int(random.integers(0, span))), str(random.choice(SITES, p=SHARES)), person
    for person in found["eligible so far"][-2:]:  # are being asked at the moment
        yield AS_OF - days(int(random.integers(0, 3))), str(random.choice(SITES, p=SHARES)), person


def steps(trial: Trial, ended: bool = False) -> list[Step]:
    """Tell the whole story in the order in which it was recorded; with `ended` until phase II."""
    random = np.random.default_rng(SEED)
    meetings, people, selected = walk(random, trial, ended)
    first_phase, second = trial.eligibility.phases[:2]
    found = screened_people(trial, random, first_phase)
    text = "Invented example, made by make_log.py: no real participant, date or outcome stands behind this log."
    told = [Step(meetings[0].day, event({"kind": "note", "on": meetings[0].day, "text": text}))]
    body = "steering committee"
    for m in meetings:
        values = {"kind": "decision", "on": m.day, "recommended": m.recommended, "chosen": m.chosen, "why": m.why}
        told.append(Step(m.day, event(values | {"decided_by": body})))
    size = trial.escalation.design.cohort_size.value
    outsiders = sorted(others(random, found, meetings[0].day), key=lambda one: one[0])
    everybody = [(infused, place) for place, (_regimen, infused, _dlt) in enumerate(people)]
    everybody += [(day, len(people) + number) for number, (day, _site, _person) in enumerate(outsiders)]
    for number, (_day, place) in enumerate(sorted(everybody), start=1):
        study_id = f"INV-{number:03d}"
        if place >= len(people):
            day, site, facts = outsiders[place - len(people)]
            told.append(screening_step(study_id, site, day, facts))
            continue
        course, chosen = people[place], meetings[place // size].chosen
        site = str(random.choice(SITES, p=SHARES))
        told += story(random, trial, study_id, site, place, found["eligible so far"][place], course, chosen)
    if ended:
        told += continued(random, trial, selected, second, people, len(everybody))
    return sorted(told, key=lambda one: one.day)  # what was recorded on one day keeps the order of the story


def continued(
    random: np.random.Generator, trial: Trial, regimen: str, phase: str, before: list[Person], known: int
) -> Iterator[Step]:
    """Tell phase II: the declaration of its regimen, and the story of each participant."""
    window = trial.escalation.dlt_window_days.value
    declared = max(infused for _regimen, infused, _dlt in before) + days(window + 14)
    why = (
        "All windows are complete, and the design selects this regimen. Omitted infusions, later cycles and the "
        "recovery of counts at its neighbours were looked at."
    )
    values = {"kind": "regimen_declared", "on": declared, "phase": phase, "regimen": regimen, "advised": regimen}
    yield Step(declared, event(values | {"why": why, "decided_by": "steering committee"}))
    found = screened_people(trial, random, phase)["eligible so far"]
    for place, course in enumerate(second_phase(random, trial, regimen, declared)):
        site = str(random.choice(SITES, p=SHARES))
        study_id = f"INV-{known + place + 1:03d}"
        yield from story(random, trial, study_id, site, place, found[place], course, regimen)


def log(trial: Trial, ended: bool = False) -> list[Entry]:
    """Seal the story entry by entry, each admitted by the rules of the log; one wrong day is corrected."""
    entries: list[Entry] = []
    state, second, today = State(), 0, date.min
    rules = log_rules(trial)

    def record(step: Step, day: date) -> Entry:
        nonlocal state, second, today
        second = second + 97 if day == today else 0
        today = day
        state.check(step.event, step.site, step.reason, rules)
        rules.refuse(step.event)
        actor = f"coordinator-{SITES.index(step.site) + 1}" if step.site else "committee-secretary"
        moment = datetime.combine(day, time(1), UTC) + timedelta(seconds=second)
        before = Head(len(entries), entries[-1].hash) if entries else Head()
        entry = sealed(
            step.event, before, moment, actor=actor, site=step.site, reason=step.reason, protocol="example",
            software="0.1.0", key=f"example-{len(entries) + 1}",
        )  # fmt: skip
        entries.append(entry)
        state = fold([entry], state)
        return entry

    for step in steps(trial, ended):
        entry = record(step, max(step.day, today))
        if entry.kind == "infused" and entry.content["number"] == 1 and entry.content["on"] < str(step.day):
            record(correction(entry, step), step.day)
    return entries


def correction(entry: Entry, step: Step) -> Step:
    """Correct the day of an infusion that was entered one day too early."""
    why = "The day before was typed; the infusion record of the ward says this day."
    right = dict(entry.content) | {"on": step.day.isoformat()}
    values = {"kind": "correction", "of": entry.sequence, "hash": entry.hash, "participant": entry.participant}
    return Step(step.day, event(values | {"replacement": right, "why": why}), step.site)


def main() -> None:
    """Write the logs."""
    trial = load_trial(HERE.parent / "NCT05672420")
    write_entries(HERE / "log.jsonl", log(trial))
    write_entries(HERE / "phase_two.jsonl", log(trial, ended=True))


if __name__ == "__main__":
    main()
