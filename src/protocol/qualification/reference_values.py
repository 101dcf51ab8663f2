"""Checks of the operation against reference values: the record's cases, published designs, effect, and dates."""

from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import from_json

from protocol.effect import UNKNOWN, bayesian_rule, cumulative_incidence, grade, report_due, simon
from protocol.escalation import Grid, simulate
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.exchange.spreadsheet import csv
from protocol.followup import shifted
from protocol.qualification.checks import Check, agreeing
from protocol.translation import _
from protocol.trial import Trial
from protocol.version import SHARED

Case = dict[str, Any]

CLOSE = 1e-9
"""How near a figure has to be to its reference value."""

LARGEST_TWO_STAGES = 41
"""Participants of the two-stage designs that are looked for here; larger ones take seconds."""

GRID = Grid(tuple("ABCDE"), ("1", "2", "3"))

RATES = ((0.05, 0.1, 0.15), (0.1, 0.15, 0.3), (0.15, 0.3, 0.45), (0.3, 0.45, 0.5), (0.45, 0.5, 0.6))
"""Invented DLT rates of the simulation whose figures are compared."""

SIMULATED = "742c3d54f318e6be"
"""Fingerprint of 500 trials with seed 11, as simulated when the check was written."""

MOVED = (
    (date(2025, 8, 31), "P6M", date(2026, 2, 28)),
    (date(2023, 8, 31), "P6M", date(2024, 2, 29)),
    (date(2024, 2, 29), "P1Y", date(2025, 2, 28)),
    (date(2026, 3, 31), "-P1M", date(2026, 2, 28)),
    (date(2026, 1, 31), "P1M1D", date(2026, 3, 1)),
    (date(2026, 1, 20), "P2W", date(2026, 2, 3)),
)
"""A day, a duration, and the day that follows."""


def cases(name: str) -> list[Case]:
    """Return the cases of a file with reference values."""
    found: list[Case] = from_json((SHARED / "tests/vectors" / name).read_bytes())["cases"]
    return found


def verdicts(trial: Trial) -> Iterator[Check]:
    """Yield the check of every case that the record states for its criteria."""
    record = trial.eligibility
    judged = [
        record.screen(case.facts, case.phase)[rule.id].status == case.expect
        for criterion in record.criteria
        for rule in criterion.rules()
        for case in record.cases.get(rule.id, ())
    ]
    what = _("criteria of {trial}, by the cases of its record").format(trial=trial.identity.trial_id)
    yield Check(("R-ELI-01",), what, *agreeing(sum(judged), len(judged)))
    known = [one.status for one in record.screen({}, record.phases[0]).verdicts if one.status == "passes"]
    yield Check(("R-ELI-02",), _("criteria that pass if nothing is known"), "0", str(len(known)))


def reference_values() -> Iterator[Check]:
    """Yield the checks against files with reference values, and of what is the same on every machine."""
    for requirement, what, file, agrees in (
        ("R-ESC-01", _("boundaries of BOIN (R package BOIN 2.7.2)"), "boin_boundaries.json", _boin),
        (
            "R-ESC-02",
            _("boundaries of Keyboard (R package Keyboard 0.1.3)"),
            "keyboard_comb_boundaries.json",
            _keyboard,
        ),
        ("R-ESC-03", _("levels passed by 3+3 (Storer 1989)"), "three_plus_three_escalation.json", _three_plus_three),
        ("R-EFF-01", _("grades of blood counts (CTCAE 5.0 and 6.0)"), "effect/ctcae_grades.json", _grade),
        (
            "R-EFF-02",
            _("cumulative incidence (R package cmprsk 2.2-11)"),
            "effect/cumulative_incidence.json",
            _curves,
        ),
        ("R-EFF-03", _("toxicity boundaries (R package phase1b 1.0.0)"), "effect/bayes_toxicity.json", _bayesian),
        ("R-EFF-04", _("days on which reports are due"), "effect/reporting_clocks.json", _due),
    ):
        yield _compared((requirement,), what, cases(file), agrees)
    two_stages = [case for case in cases("effect/simon.json") if case["optimal"]["n"] <= LARGEST_TWO_STAGES]
    what = _("two-stage designs (R package clinfun 1.1.5)")
    yield _compared(("R-EFF-03",), what, two_stages, _two_stages)
    result = simulate(Boin(GRID), RATES, trials=500, seed=11)
    found = sha256()
    for counts in (result.treated, result.dlt, result.selected):
        found.update(np.ascontiguousarray(counts, dtype="<i8").tobytes())
    yield Check(("R-ESC-07",), _("500 simulated trials of BOIN, seed 11"), SIMULATED, found.hexdigest()[:16])
    yield _compared(("R-FUP-01",), _("days moved by calendar months"), MOVED, lambda one: shifted(*one[:2]) == one[2])

    table = csv(pd.DataFrame({"note": ["=1+1", "+1", "@SUM(A1)"]})).decode("utf-8-sig")
    kept = all(line.lstrip('"').startswith("'") for line in table.splitlines()[1:])
    yield Check(("R-EXP-01",), _("formulas in an export become text"), _("yes"), _("yes") if kept else _("no"))


def _compared(requirements: tuple[str, ...], what: str, found: Any, agrees: Callable[[Any], bool]) -> Check:
    return Check(requirements, what, *agreeing(sum(map(agrees, found)), len(found)))


def _boin(case: Case) -> bool:
    target = case["target"]
    margin = case["offset"] if case["extrasafe"] else 0.0
    rates = {"safe": case.get("p.saf", 0.6 * target), "toxic": case.get("p.tox", 1.4 * target)}
    tables = Boin(GRID, target=target, elimination=case["cutoff.eli"], lowest_margin=margin, **rates).tables
    return _same_boundaries(tables, case)


def _keyboard(case: Case) -> bool:
    margins = {"margin_below": case["marginL"], "margin_above": case["marginR"]}
    tables = Keyboard(GRID, case["target"], elimination=case["cutoff.eli"], toxic=0.9, **margins).tables
    return _same_boundaries(tables, case)


def _same_boundaries(tables: Any, case: Case) -> bool:
    eliminate = [int(y) if y <= n else None for n, y in enumerate(tables.eliminate)][1:]
    return bool(
        tables.escalate[1:].tolist() == case["escalate_if_dlt_le"]
        and tables.deescalate[1:].tolist() == case["deescalate_if_dlt_ge"]
        and eliminate == case["eliminate_if_dlt_ge"]
    )


def _three_plus_three(case: Case) -> bool:
    trials = 4_000
    result = simulate(ThreePlusThree(Grid(("A", "B"), ("1",))), [[case["rate"]], [1.0]], trials=trials, seed=1)
    passed = float((result.treated[:, 1, 0] > 0).mean())
    return bool(abs(passed - case["escalate"]) < 4 * np.sqrt(passed * (1 - passed) / trials))


def _grade(case: Case) -> bool:
    found = grade(case["term"], [case["value"]], case["unit"], version=case["ctcae"], normal_limit=case["lln"]).grade
    return bool(case["grade"] == (None if found[0] == UNKNOWN else int(found[0])))


def _curves(case: Case) -> bool:
    curves = {
        f"{one.group} {one.event}": one for one in cumulative_incidence(case["time"], case["status"], case["group"])
    }
    for expected in case["curves"]:
        found = curves[expected["curve"]].at(case["timepoints"])
        for name, key in (("estimate", "est"), ("variance", "var")):
            wanted = np.array([np.nan if value is None else value for value in expected[key]])
            if not np.allclose(found[name], wanted, rtol=0, atol=CLOSE, equal_nan=True):
                return False
    return True


def _two_stages(case: Case) -> bool:
    designs = simon(case["p0"], case["p1"], case["alpha"], case["beta"])
    names = ("r1", "n1", "r", "n")
    return all(
        [getattr(found, name) for name in names] == [case[kind][name] for name in names]
        and abs(found.power - case[kind]["power_exact"]) < CLOSE
        for found, kind in zip(designs, ("optimal", "minimax"), strict=True)
    )


def _bayesian(case: Case) -> bool:
    found = bayesian_rule(case["looks"], case["phi"], case["prior"]).boundary(case["cut"])
    return bool(list(found.high) == case["stop_when_toxicities_at_or_above"])


def _due(case: Case) -> bool:
    marks = {name: case[name] for name in ("serious", "expected", "fatal_or_life_threatening", "relatedness")}
    found = report_due(date.fromisoformat(case["sponsor_first_aware"]), **marks)
    days = [day and day.isoformat() for day in (found.first_report, found.follow_up)]
    return bool(found.is_susar == case["susar"] and days == [case["initial_due"], case["follow_up_due"]])
