"""What the tests of dose escalation share: the grid, the scenarios, published cases and the draws of a simulation."""

import json

import numpy as np
from support.paths import VECTORS
from support.trial import ESCALATION

GRID = ESCALATION.grid
SCENARIOS = {scenario.id: scenario.truth for scenario in ESCALATION.scenarios}


def published_values(name):
    """Read a file of published values."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def cases(name):
    return published_values(name)["cases"]


def by_id(name):
    """Return the arguments of ``parametrize`` for each case of a file."""
    return {"argvalues": cases(name), "ids": [case["id"] for case in cases(name)]}


def draws_of(seed, trials, maximum=60, steps=20):
    """The latent uniforms and coins that `simulate` gives each trial."""
    draws = np.random.default_rng(seed).random((trials, maximum + steps))
    return zip(draws[:, :maximum], draws[:, maximum:], strict=True)
