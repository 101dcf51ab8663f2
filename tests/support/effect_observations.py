"""Invented participants of the topic "effect", as many as a test wants; nobody real stands behind them."""

from datetime import date, timedelta

import numpy as np

from protocol.effect import Observations

REGIMENS = ("B1", "B2", "C1")
SITES = ("North", "South")
START = date(2026, 1, 5)
AS_OF = date(2026, 11, 22)

TERMS = ("Fever", "Infusion related reaction", "Sepsis", "Thromboembolic event", "Nausea")


def invented(people=60, phase_two=40, seed=1, regimens=REGIMENS, sites=SITES, phases=("Ib", "II")):
    """Return observations of invented participants: the first ones of the first phase, the others of phase II."""
    rng = np.random.default_rng(seed)
    rows = {name: [] for name in ("participants", "counts", "given", "infusions", "events")}
    for number in range(people):
        name, second = f"T-{number + 1:03}", number >= people - phase_two
        regimen = regimens[-1] if second else regimens[number % len(regimens)]
        first = START + timedelta(int(number * 300 / people))
        seen = min(42, (AS_OF - first).days)
        who = {"participant": name}
        back = int(rng.integers(9, 26))
        died = relapsed = None
        if rng.random() < 0.05:
            died = int(rng.integers(10, 40))
        elif rng.random() < 0.06:
            relapsed = int(rng.integers(15, 40))
        last = min(seen, died or seen)
        rows["participants"].append(
            who
            | {"regimen": regimen, "phase": phases[second], "site": sites[number % len(sites)]}
            | {"first_infusion": first, "last_seen": first + timedelta(last)}
            | {"died": (died and died <= last and first + timedelta(died)) or None}
            | {"assessed": first + timedelta(28) if last >= 28 else None}
            | {"relapsed": (relapsed and relapsed <= last and first + timedelta(relapsed)) or None}
        )
        for day in range(-2, last + 1):
            fall = 0.12 + 2.5 * np.exp(-max(day + 2, 0) / 1.5)
            level = fall if day < back else min(fall + 0.35 * (day - back + 1.2), 4.2)
            count = float(np.round(level * np.exp(rng.normal(0, 0.15)), 2))
            on = first + timedelta(day)
            analytes = {
                "neutrophils": (count, "10^9/L", 1.8),
                "platelets": (
                    round(14 + 9 * max(day - back, 0) ** 1.05 + 60 * np.exp(-max(day + 2, 0) / 2), 0),
                    "10^9/L",
                    125,
                ),
                "haemoglobin": (round(78 + 6 * rng.normal() + max(day - back, 0), 0), "g/L", 115),
            }
            if rng.random() < 0.08:
                continue
            for analyte, (value, unit, limit) in analytes.items():
                rows["counts"].append(
                    who | {"on": on, "analyte": analyte, "value": value, "unit": unit, "normal_limit": limit}
                )
        rows["given"].append(who | {"on": first - timedelta(1), "what": "nothing"})
        for day in range(2, min(back, last), 4):
            rows["given"].append(who | {"on": first + timedelta(day), "what": "platelet transfusion"})
        if rng.random() < 0.4:
            rows["given"].append(who | {"on": first + timedelta(min(3, last)), "what": "G-CSF"})
        for infusion, day in enumerate((0, 7, 14), start=1):
            if day <= last:
                rows["infusions"].append(
                    who
                    | {"number": infusion, "on": first + timedelta(day), "lot": f"L{number // 6:02}", "cells": 1.9}
                    | {"viability": 0.91, "volume_ml": 50.0, "planned": 2.0, "started": "09:00", "stopped": "09:40"}
                )
        for place in range(int(rng.poisson(1.6))):
            onset = int(rng.integers(0, max(last, 1)))
            grade = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.18, 0.07]))
            rows["events"].append(
                who
                | {"number": place + 1, "term": str(rng.choice(TERMS)), "version": "5.0", "grade": grade}
                | {"onset": first + timedelta(onset), "serious": grade >= 3 and bool(rng.random() < 0.5)}
                | {
                    "end": first + timedelta(min(onset + int(rng.integers(1, 9)), last))
                    if rng.random() < 0.85
                    else None
                }
                | {
                    "why_serious": "",
                    "relatedness": str(rng.choice(["unrelated", "unlikely", "possible", "probable"])),
                }
                | {"action": "none", "outcome": "recovered", "expected": bool(rng.random() < 0.6)}
                | {"dlt": grade >= 3 and bool(rng.random() < 0.5), "known_on": first + timedelta(onset + 1)}
                | {"last_known": first + timedelta(last)}
            )
    return Observations.of_rows(**rows)
