"""Options of the trial: participants who come one by one, outcomes that come late, regimens filled meanwhile."""

from pathlib import Path

import pytest
from twins.late import LateBoin, LateKeyboard

from protocol.escalation import EscalationRecord, Grid, TrialRules, simulate
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.running import Stream
from protocol.records import read_record

GRID = Grid(tuple("ABCDE"), tuple("123"))
RECORD = read_record(Path(__file__).parents[1] / "data" / "NCT05672420" / "escalation.toml", EscalationRecord)
SCENARIOS = {scenario.id: scenario.truth for scenario in RECORD.scenarios}


@pytest.mark.parametrize(
    ("kind", "plain", "scenario", "options"),
    [
        (Boin, LateBoin, "diagonal", {"most_pending": 0.5, "late_share": 0.7}),
        (Boin, LateBoin, "lowest", {"most_pending": 1.0}),
        (Boin, LateBoin, "diagonal", {"most_pending": 0.25, "backfill": True, "backfill_most": 9}),
        (Keyboard, LateKeyboard, "diagonal", {"most_pending": 0.5}),
    ],
)
def test_trials_by_the_calendar_agree_with_the_plain_twin_on_the_same_draws(kind, plain, scenario, options):
    trials = 2_000
    design, rules = kind(GRID, preference="coin", maximum=36), TrialRules(accrual_per_month=4, **options)
    result, draws = (
        simulate(design, SCENARIOS[scenario], trials, 7, rules=rules),
        Stream(design, 7).take(trials, more=True),
    )
    twin = plain(5, 3, 0.3, maximum=36).calendar(4, **options)
    for trial in range(trials):
        own = (draws.latent, draws.ties, draws.gaps, draws.times)
        n, y, days = twin.run_by_calendar(SCENARIOS[scenario], *(part[:, trial].tolist() for part in own))
        assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells], trial
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]
        assert result.days[trial] == pytest.approx(days)
