"""Invent what was observed in one participant: blood counts, what was given, adverse events, and the product's data.

No real participant stands behind any of it. Each participant has random numbers of their own, so that nothing else of
the log depends on them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

OTHER_UNIT = "Wuhan Central Hospital"  # its laboratory reports haemoglobin in g/dL
DRAWN = (-1, 3, 6, 9, 12, 15, 18, 21, 25, 29, 36, 47, 60)  # days after the therapy
LIMITS = {"neutrophils": 1.8, "platelets": 125.0, "white_cells": 3.5, "lymphocytes": 1.1}
TERM_OF = {"infusion_reaction": "infusion_related_reaction"}  # of a DLT, where the term of CTCAE has another name

Tell = Callable[..., Any]
"""Takes the kind of an event, its day and its fields, and returns the step of the story."""


@dataclass(frozen=True)
class Course:
    """The days of one participant that are known before the observations are invented."""

    site: str
    cells: float
    started: date
    infusions: tuple[date, ...]
    recovered: dict[str, date]
    dlt: tuple[date, str] | None
    consented: date
    until: date
    later_phase: bool
    died: date | None


def product(random: np.random.Generator, course: Course, day: date) -> dict[str, Any]:
    """Return what is recorded of the product of an infusion."""
    began = int(random.integers(9 * 60, 15 * 60))
    lasted = int(random.integers(25, 70))
    return {
        "lot": f"UCM-{day:%y%m}-{1 + day.day // 16:02d}",
        "cells": round(course.cells * float(random.uniform(0.88, 1.04)), 2),
        "viability": round(float(random.uniform(0.82, 0.97)), 2),
        "volume_ml": float(random.integers(50, 110)),
        "started": f"{began // 60:02d}:{began % 60:02d}",
        "stopped": f"{(began + lasted) // 60:02d}:{(began + lasted) % 60:02d}",
    }


def draws(random: np.random.Generator, tell: Tell, course: Course) -> Iterator[Any]:
    """Tell the blood counts: a fall after the therapy, a nadir, and a rise that fits the days of recovery."""
    depth = {"neutrophils": random.uniform(0.02, 0.3), "platelets": random.uniform(6, 18)}
    before = {"neutrophils": random.uniform(1.2, 4.5), "platelets": random.uniform(45, 160)}
    level = {"neutrophils": 0.5, "platelets": 20.0}
    haemoglobin, transfused = float(random.uniform(78, 105)), False
    days = {course.started + timedelta(days=n) for n in DRAWN} | set(course.recovered.values())
    for day in sorted(day for day in days if course.consented <= day <= course.until):
        counts: dict[str, float] = {}
        for name, limit in level.items():
            back = course.recovered.get(name, course.started + timedelta(days=24 if name == "neutrophils" else 30))
            counts[name] = _count(random, day, course.started, back, before[name], depth[name], limit)
        haemoglobin = float(np.clip(haemoglobin + random.normal(0.6 if day > course.started else 0, 3.5), 55, 135))
        if counts["platelets"] < 15 and random.random() < 0.75:
            transfused = True
            yield tell("given", day, what="platelet transfusion")
        if haemoglobin < 72:
            haemoglobin, transfused = haemoglobin + 14, True
            yield tell("given", day, what="red cell transfusion")
        yield tell("blood_count", day, counts=_as_reported(random, course, counts, haemoglobin))
    low = [day for day in sorted(days) if 0.0 <= (day - course.started).days - 9 <= 6 and day <= course.until]
    for day in low if random.random() < 0.3 else ():
        transfused = True
        yield tell("given", day, what="G-CSF")
    month = course.started + timedelta(days=40)
    if not transfused and month <= course.until:
        yield tell("given", month, what="nothing")


def _count(
    random: np.random.Generator, day: date, started: date, back: date, before: float, depth: float, limit: float
) -> float:
    """Return a count: it falls until nine days after the therapy, and is at the limit on the day it is back."""
    since, rise = (day - started).days, max((back - started).days, 11)
    noise = float(np.exp(random.normal(0, 0.18)))
    if since <= 0:
        return before * noise
    low = np.log([before, depth, limit])
    if since < 9:
        return max(float(np.exp(np.interp(since, [0, 9], low[:2]))) * noise, depth)
    if day < back:
        return min(float(np.exp(np.interp(since, [9, rise], low[1:]))) * noise, limit * 0.95)
    grown = limit * float(np.exp((since - rise) * 0.09)) * noise
    return float(np.clip(grown, limit * 1.04, before * 2.2 + limit))


def _as_reported(
    random: np.random.Generator, course: Course, counts: dict[str, float], haemoglobin: float
) -> dict[str, Any]:
    """Return a draw as the laboratory of the site reports it."""
    neutrophils = round(counts["neutrophils"], 2)
    lymphocytes = round(float(random.uniform(0.1, 0.9)), 2)
    values = {"neutrophils": neutrophils, "platelets": round(counts["platelets"])}
    values |= {"white_cells": round((neutrophils + lymphocytes) * 1.1, 2), "lymphocytes": lymphocytes}
    reported: dict[str, Any] = {
        name: {"value": float(value), "unit": "10^9/L", "normal_limit": LIMITS[name]}
        for name, value in values.items()
    }
    in_other = course.site == OTHER_UNIT
    value = round(haemoglobin / 10, 1) if in_other else float(round(haemoglobin))
    return reported | {"haemoglobin": {"value": value, "unit": "g/dL" if in_other else "g/L"}}


EXPECTED = (  # term, share, lowest and highest grade, day after the therapy, days it lasts, relatedness
    ("febrile_neutropenia", 0.42, 3, 3, 10, 5, "unrelated"),
    ("lung_infection", 0.10, 2, 3, 13, 12, "unlikely"),
    ("sepsis", 0.06, 4, 4, 12, 9, "unlikely"),
    ("nausea", 0.35, 1, 2, 2, 4, "unrelated"),
    ("fatigue", 0.30, 1, 2, 6, 14, "unlikely"),
    ("mucositis_oral", 0.18, 1, 3, 9, 8, "unrelated"),
    ("epistaxis", 0.12, 1, 2, 12, 1, "unrelated"),
    ("alanine_aminotransferase_increased", 0.12, 1, 3, 15, 10, "possible"),
)

REACTIONS = (  # term, share of infusions, lowest and highest grade, relatedness
    ("fever", 0.13, 1, 2, "probable"),
    ("chills", 0.06, 1, 1, "probable"),
    ("infusion_related_reaction", 0.035, 1, 2, "definite"),
    ("headache", 0.03, 1, 2, "possible"),
)

SERIOUS = {"sepsis": ("life-threatening", "hospitalisation"), "lung_infection": ("hospitalisation",)}


def harms(random: np.random.Generator, course: Course) -> list[dict[str, Any]]:
    """Invent the adverse events of one participant, in the order of their onsets."""
    found: list[dict[str, Any]] = []

    def add(term: str, on: date, lasts: int, grade: int, relatedness: str, **more: Any) -> None:
        if course.consented <= on <= course.until:
            about = {"term": term, "on": on, "grade": grade, "relatedness": relatedness, "action": "none"}
            found.append(about | {"end": on + timedelta(days=lasts)} | more)

    for term, share, low, high, after, lasts, relatedness in EXPECTED:
        if random.random() < share:
            day = course.started + timedelta(days=after + int(random.integers(0, 4)))
            grade = int(random.integers(low, high + 1))
            add(term, day, lasts, grade, relatedness, why_serious=SERIOUS.get(term, ()) if grade >= 3 else ())
    for infused in course.infusions:
        for term, share, low, high, relatedness in REACTIONS:
            if random.random() < share:
                slowed = term == "infusion_related_reaction"
                add(term, infused, int(slowed), int(random.integers(low, high + 1)), relatedness,
                    action="slowed" if slowed else "none", expected=True)  # fmt: skip
    if course.later_phase and random.random() < 0.12:
        first = course.infusions[0] if course.infusions else course.started
        add(
            "graft_versus_host_disease",
            first + timedelta(days=45),
            30,
            2,
            "unlikely",
            why_serious=("hospitalisation",),
        )
    if course.dlt:
        day, code = course.dlt
        add(TERM_OF.get(code, code), day, 9, 3, "probable", why_serious=("hospitalisation",), expected=False,
            dlt=True, action="withdrawn", known_on=day + timedelta(days=1))  # fmt: skip
    if course.died:
        serious = ("life-threatening", "hospitalisation")
        add("sepsis", course.died - timedelta(days=4), 4, 4, "unlikely", why_serious=serious, expected=True)
    return sorted(found, key=lambda one: (one["on"], one["term"]))


def adverse_events(random: np.random.Generator, tell: Tell, course: Course) -> Iterator[Any]:
    """Tell the adverse events: each when it is noticed, and its end when it has come."""
    for number, one in enumerate(harms(random, course), start=1):
        on, end = one.pop("on"), one.pop("end")
        over = end <= course.until
        quick = (end - on).days <= 1 and over
        about = {"number": number, "version": "5.0", "why_serious": (), **one}
        if about["why_serious"]:
            about.setdefault("known_on", on + timedelta(days=1))
            about.setdefault("expected", True)
        if quick:
            yield tell("adverse_event", on, outcome="recovered", end=end, recorded=2, **about)
            continue
        yield tell("adverse_event", on, outcome="not recovered", recorded=2, **about)
        if course.died == end and one["term"] == "sepsis":
            fatal = {"grade": 5, "outcome": "fatal", "why_serious": ("death",)}
            yield tell("adverse_event_followed", end, number=number, end=end, recorded=3, **fatal)
        elif over:
            sent = {} if about.get("expected", True) else {"reported_on": on + timedelta(days=8)}
            yield tell("adverse_event_followed", end, number=number, end=end, outcome="recovered", recorded=3, **sent)
