"""Phase II as it is watched: one rule with its boundary, where the trial stands on it, and what could change that.

A look is taken when the first participants, in the order of their first infusion, are so many. An outcome that is not
known yet is counted both ways: a look has stopped the trial only if it does so whatever the open outcomes will be.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy  # its parts are loaded when they are used
from numpy.typing import ArrayLike

from protocol.effect.boundaries import MOST_PARTICIPANTS, Boundary, JointBoundary, Operating, cells_of, read_cells
from protocol.effect.checks import number_inside, one_of, whole
from protocol.effect.monitoring import (
    GAMMAS,
    bayesian_rule,
    bop2,
    bop2_joint,
    calibrate_bop2,
    posterior,
    predictive_boundary,
    repeated_test_rule,
    simon,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext

Light = Literal["green", "amber", "red", "grey"]

TOXICITY, RESPONSE = "toxicity", "response"

RULES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "bayesian": (
        _("Bayesian toxicity boundary"),
        (TOXICITY,),
        _("Stop if the posterior probability of a toxicity rate above {safe:.0%} reaches {cutoff:.3f}."),
    ),
    "pocock": (
        _("Pocock-type continuous boundary"),
        (TOXICITY,),
        _("Stop if the exact test against a toxicity rate of {safe:.0%} has a p-value of {level:.4f} or less."),
    ),
    "bop2_toxicity": (
        _("BOP2, toxicity"),
        (TOXICITY,),
        _(
            "Stop if the posterior probability of a toxicity rate above {toxic:.0%} is above 1 − "
            "{scale:g} (n/N)^{power:g}, at n of N participants."
        ),
    ),
    "bop2_response": (
        _("BOP2, response"),
        (RESPONSE,),
        _(
            "Stop if the posterior probability of a response rate of {futile:.0%} or less is above 1 − "
            "{scale:g} (n/N)^{power:g}, at n of N participants."
        ),
    ),
    "bop2_both": (
        _("BOP2, response and toxicity"),
        (RESPONSE, TOXICITY),
        _(
            "Stop if one of two posterior probabilities is above 1 − {scale:g} (n/N)^{power:g}, at n of N "
            "participants: that the response rate is {futile:.0%} or less, or that the toxicity rate is above "
            "{toxic:.0%}."
        ),
    ),
    "simon": (
        _("Simon, two stages"),
        (RESPONSE,),
        _("Stop after {n1} participants with {r1} responses or fewer; active with more than {r} of {n}."),
    ),
    "predictive": (
        _("Predictive probability"),
        (RESPONSE,),
        _(
            "Stop if the probability to end in success is below {lower:g}. Success is a posterior probability above "
            "{success:.3f} of a response rate above {futile:.0%}."
        ),
    ),
}
"""Rules by their id: name, the outcomes they watch, and the rule in words."""

REFERENCES = {
    "bayesian": (
        "Thall PF, Simon R. Practical Bayesian guidelines for phase IIB clinical trials. Biometrics 1994;50:337-349."
    ),
    "pocock": (
        "Ivanova A, Qaqish BF, Schell MJ. Continuous toxicity monitoring in phase II trials in "
        "oncology. Biometrics 2005;61:540-545."
    ),
    "bop2": (
        "Zhou H, Lee JJ, Yuan Y. BOP2: Bayesian optimal design for phase II clinical trials with "
        "simple and complex endpoints. Stat Med 2017;36:3302-3314."
    ),
    "simon": "Simon R. Optimal two-stage designs for phase II clinical trials. Control Clin Trials 1989;10:1-10.",
    "predictive": (
        "Lee JJ, Liu DD. A predictive probability design for phase II cancer clinical trials. Clin "
        "Trials 2008;5:93-106."
    ),
}
"""The paper of each rule, by the beginning of its id."""

TRUTHS = ("effective and safe", "futile and safe", "effective and toxic", "futile and toxic")
"""What may be true of the regimen; only under the first one the trial should go on."""

LOWER = 0.05
"""Predictive probability below which there is little hope left: an assumption. Lee and Liu (2008) search for it."""

POWERS = GAMMAS[3::4]
"""Values of gamma that are tried: in steps of 0.2, so that a page is not waited for."""

_SUCCESSES = np.linspace(0.7, 0.999, 300)  # posterior probabilities that may count as success, in steps of 0.001


@dataclass(frozen=True)
class Aims:
    """What a rule shall tell apart, and when it looks.

    Parameters
    ----------
    planned : int
        Participants of phase II, 2 to 1,000.
    first, every : int
        The first look, and the participants from one look to the next, 1 or more.
    safe, toxic : float
        Acceptable and unacceptable toxicity rate, inside 0 to 1, rising.
    futile, good : float
        Uninteresting and desirable response rate, inside 0 to 1, rising.
    level : float
        Largest error, inside 0 to 1: for the Bayesian and the Pocock-type boundary to stop at the acceptable toxicity
        rate, for the other rules to go on under a truth that should stop.
    miss : float
        Of Simon's design: the probability to stop at the desirable response rate, inside 0 to 1.
    each : bool
        Of BOP2 with both outcomes: the level holds if either outcome alone is bad; without it, if both are.

    Raises
    ------
    ProtocolError
        When a number cannot be, or two rates do not rise.
    """

    planned: int
    first: int
    every: int
    safe: float
    toxic: float
    futile: float
    good: float
    level: float
    miss: float = 0.2
    each: bool = True

    def __post_init__(self) -> None:
        whole(self.planned, _("participants of phase II"), 2, MOST_PARTICIPANTS)
        whole(self.first, _("first look"), 1, MOST_PARTICIPANTS)
        whole(self.every, _("participants between two looks"), 1, MOST_PARTICIPANTS)
        number_inside(self.toxic, _("unacceptable toxicity rate"), 0, 1)
        number_inside(self.safe, _("acceptable toxicity rate"), 0, self.toxic)
        number_inside(self.good, _("desirable response rate"), 0, 1)
        number_inside(self.futile, _("uninteresting response rate"), 0, self.good)
        number_inside(self.level, _("largest error"), 0, 1)
        number_inside(self.miss, _("chance to miss a good regimen"), 0, 1)

    @property
    def looks(self) -> tuple[int, ...]:
        """The looks, rising; the last one is at the planned number."""
        return (*range(min(self.first, self.planned), self.planned, self.every), self.planned)

    @property
    def truths(self) -> dict[str, tuple[float, float]]:
        """Response and toxicity rate under each of :data:`TRUTHS`."""
        rates = [(e, t) for t in (self.safe, self.toxic) for e in (self.good, self.futile)]
        return dict(zip(TRUTHS, rates, strict=True))


@dataclass(frozen=True, eq=False)
class Watch:
    """A monitoring rule with its boundary.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    aims : Aims
    boundary : Boundary or JointBoundary
        Of responses (stop low), of toxicities (stop high), or of both.
    settings : dict of str to float
        What was tuned.
    """

    rule: str
    aims: Aims
    boundary: Boundary | JointBoundary
    settings: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the rule."""
        return RULES[self.rule][0]

    @property
    def watches(self) -> tuple[str, ...]:
        """The outcomes that the rule watches: response, toxicity."""
        return RULES[self.rule][1]

    @property
    def sentence(self) -> str:
        """The rule in words."""
        rates = {name: getattr(self.aims, name) for name in ("safe", "toxic", "futile", "good")}
        return RULES[self.rule][2].format(**rates | self.settings)

    @property
    def reference(self) -> str:
        """The paper that the rule comes from."""
        return next(paper for name, paper in REFERENCES.items() if self.rule.startswith(name))

    @property
    def looks(self) -> tuple[int, ...]:
        """Participants at each look."""
        return self.boundary.looks

    @property
    def futility(self) -> tuple[int, ...]:
        """Stop at so many responses or fewer at each look; -1 is never."""
        if isinstance(self.boundary, JointBoundary):
            return self.boundary.futility
        return self.boundary.low if RESPONSE in self.watches else (-1,) * len(self.looks)

    @property
    def toxicity(self) -> tuple[int, ...]:
        """Stop at so many toxicities or more at each look; more than the participants of the look is never."""
        if isinstance(self.boundary, JointBoundary):
            return self.boundary.toxicity
        return self.boundary.high if TOXICITY in self.watches else tuple(n + 1 for n in self.looks)

    def table(self) -> pd.DataFrame:
        """Tabulate the boundary: participants, stop_at_or_below (responses), stop_at_or_above (toxicities).

        Only the outcomes that the rule watches have a column; missing where no count stops.
        """
        frame = pd.DataFrame({"participants": self.looks}, dtype="Int64")
        if RESPONSE in self.watches:
            frame["stop_at_or_below"] = pd.array([low if low >= 0 else pd.NA for low in self.futility], dtype="Int64")
        if TOXICITY in self.watches:
            highs = zip(self.toxicity, self.looks, strict=True)
            frame["stop_at_or_above"] = pd.array([high if high <= n else pd.NA for high, n in highs], dtype="Int64")
        return frame

    def operating(self) -> pd.DataFrame:
        """Compute what the rule does under each truth; exact, with independent outcomes.

        Returns
        -------
        DataFrame
            One row for each of :data:`TRUTHS`: truth, response, toxicity (true rates), go (probability never to
            stop), stop_early (to stop before the last look), expected_participants.
        """
        rates = np.array([*self.aims.truths.values()])
        if isinstance(self.boundary, JointBoundary):
            found = self.boundary.operating([cells_of(e, t) for e, t in rates])
        else:
            found = self.boundary.operating(rates[:, 0] if RESPONSE in self.watches else rates[:, 1])
        harm = found.high if self.watches == (TOXICITY,) else found.low
        stops = found.low + found.high
        return pd.DataFrame(
            {
                "truth": TRUTHS,
                "response": rates[:, 0],
                "toxicity": rates[:, 1],
                "go": np.maximum(1 - harm.sum(axis=1), 0),
                "stop_early": stops[:, :-1].sum(axis=1),
                "expected_participants": found.expected_participants,
            }
        )

    def stands(self, outcomes: pd.DataFrame) -> "Standing":
        """Say where a trial stands.

        Parameters
        ----------
        outcomes : DataFrame
            One row a participant treated, in the order of the first infusion: response and toxicity, each True, False
            or missing while it is not known.

        Raises
        ------
        ProtocolError
            When an outcome is something else.
        """
        found = {name: _outcomes(outcomes[name], name) for name in (RESPONSE, TOXICITY)}
        return Standing(self, len(outcomes), *(self._counted(found[name]) for name in (RESPONSE, TOXICITY)))

    def _counted(self, known: Any) -> tuple[tuple[int, int], ...]:
        """Return the smallest and the largest count at each look, participants to come included."""
        counted = []
        for n in self.looks:
            mine = known[:n]
            having = int((mine == 1).sum())
            counted.append((having, having + int((mine < 0).sum()) + n - len(mine)))
        return tuple(counted)


def _outcomes(column: "pd.Series[Any]", name: str) -> Any:
    missing = column.isna()
    marks = column[~missing]
    if not marks.isin([True, False]).all():
        raise ProtocolError(_("outcome {}").format(name), _("something else"), _("True, False, or nothing"))
    return np.where(missing, -1, column.where(~missing, False).astype(bool).astype(int))


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a trial stands on its rule.

    Parameters
    ----------
    watch : Watch
    treated : int
        Participants treated.
    responses, toxicities : tuple of (int, int)
        Smallest and largest possible count at each look.
    """

    watch: Watch
    treated: int
    responses: tuple[tuple[int, int], ...]
    toxicities: tuple[tuple[int, int], ...]

    @property
    def states(self) -> tuple[str, ...]:
        """What each look says: stop, go on, open (an outcome decides), or to come (participants decide)."""
        found = []
        for place, n in enumerate(self.watch.looks):
            harm = self._reasons(place, sure=True)
            if harm:
                found.append("stop")
            elif not self._reasons(place, sure=False):
                found.append("go on")
            else:
                found.append("open" if n <= self.treated else "to come")
        return tuple(found)

    def _reasons(self, place: int, *, sure: bool) -> tuple[str, ...]:
        """Return why a look stops the trial whatever comes (`sure`), or could stop it."""
        low, high = self.responses[place][sure], self.toxicities[place][not sure]
        reasons = {"futility": low <= self.watch.futility[place], "toxicity": high >= self.watch.toxicity[place]}
        return tuple(name for name, holds in reasons.items() if holds)

    @property
    def stopped_at(self) -> int | None:
        """The place of the first look that stops the trial, whatever the open outcomes will be."""
        states = self.states
        return states.index("stop") if "stop" in states else None

    @property
    def next_look(self) -> int | None:
        """The place of the first look that is not decided."""
        return next((place for place, state in enumerate(self.states) if state in ("open", "to come")), None)

    @property
    def light(self) -> Light:
        """Red: a boundary is reached. Amber: one more outcome could reach it. Green: go on. Grey: nobody treated."""
        if not self.treated:
            return "grey"
        if self.stopped_at is not None:
            return "red"
        place = self.next_look
        if place is None:
            return "green"
        near = self.toxicities[place][0] + 1 >= self.watch.toxicity[place]
        near |= self.responses[place][1] - 1 <= self.watch.futility[place]
        return "amber" if near or self.states[place] == "open" else "green"

    @property
    def sentence(self) -> str:
        """What the light says, in one sentence."""
        if not self.treated:
            return _("No participant of phase II is treated yet.")
        at = self.stopped_at
        if at is not None:
            why = {"futility": _("too few responses"), "toxicity": _("too many toxicities")}
            words = _("Stop: the boundary at {n} participants is reached ({why}).")
            return words.format(n=self.watch.looks[at], why=list_of(why[one] for one in self._reasons(at, sure=True)))
        place = self.next_look
        if place is None:
            return _("Go: every look of the rule is passed.")
        n = self.watch.looks[place]
        if self.states[place] == "open":
            return _("Wait: outcomes that are not known yet decide the look at {n} participants.").format(n=n)
        if self.light == "amber":
            return _("Go on with care: one more outcome can reach the boundary at {n} participants.").format(n=n)
        left = n - self.treated
        words = ngettext(
            "Go on: the next look is after {left} more participant, at {n}.",
            "Go on: the next look is after {left} more participants, at {n}.",
            left,
        )
        return words.format(left=left, n=n)

    def table(self) -> pd.DataFrame:
        """Tabulate the looks: participants, state, and the range of responses and toxicities at each of them."""
        frame = self.watch.table()
        frame["state"] = self.states
        for name, counts in ((RESPONSE, self.responses), (TOXICITY, self.toxicities)):
            if name in self.watch.watches:
                frame[f"{name}_low"], frame[f"{name}_high"] = [list(each) for each in zip(*counts, strict=True)]
        return frame

    def ahead(self, looks: int = 3) -> pd.DataFrame:
        """Tabulate what the next participants could change, for so many looks to come.

        Returns
        -------
        DataFrame
            participants (of the look), outcome, known (the count so far), to_come (outcomes that are open until
            then), needed (so many more toxicities stop; or so few more responses do), chance_good and chance_bad (the
            probability of that at this look, at the acceptable or desirable, and at the unacceptable or
            uninteresting rate). Looks that cannot stop are left out.
        """
        rows, aims = [], self.watch.aims
        undecided = [place for place, state in enumerate(self.states) if state in ("open", "to come")]
        for place in undecided[:looks]:
            n = self.watch.looks[place]
            for name, counts, good, bad in (
                (TOXICITY, self.toxicities, aims.safe, aims.toxic),
                (RESPONSE, self.responses, aims.good, aims.futile),
            ):
                known, most = counts[place]
                more = most - known
                needed = (
                    self.watch.toxicity[place] - known if name == TOXICITY else self.watch.futility[place] - known
                )
                if name not in self.watch.watches or needed < 0 or needed > more:
                    continue
                chance = (
                    scipy.stats.binom.sf(needed - 1, more, [good, bad])
                    if name == TOXICITY
                    else scipy.stats.binom.cdf(needed, more, [good, bad])
                )
                rows.append((n, name, known, more, needed, *map(float, chance)))
        columns = ["participants", "outcome", "known", "to_come", "needed", "chance_good", "chance_bad"]
        return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class _OfIndependentOutcomes(JointBoundary):
    """A joint boundary under truths whose two outcomes are independent.

    The two counts are then independent as well, so the chance to pass both boundaries up to a look is the product of
    the two: the same numbers as those of the four cells, in a fraction of the time.
    """

    def operating(self, cells: ArrayLike) -> Operating:
        truth = read_cells(cells)
        never = tuple(n + 1 for n in self.looks)
        ever = (-1,) * len(self.looks)
        response = Boundary(self.looks, self.futility, never).operating(truth[:, 0] + truth[:, 1])
        toxicity = Boundary(self.looks, ever, self.toxicity).operating(truth[:, 0] + truth[:, 2])
        passed = (1 - np.cumsum(response.low, axis=1)) * (1 - np.cumsum(toxicity.high, axis=1))
        before = np.concatenate([np.ones((len(truth), 1)), passed[:, :-1]], axis=1)
        return Operating(self.looks, truth, before - passed, np.zeros_like(passed))


@lru_cache(maxsize=64)
def watch(rule: str, aims: Aims) -> Watch:
    """Build the boundary of a rule for these aims; what can be tuned is tuned exactly.

    Parameters
    ----------
    rule : str
        One of :data:`RULES`.
    aims : Aims

    Raises
    ------
    ProtocolError
        When there is no such rule, or no boundary keeps the error.
    """
    built: Callable[[Aims], Watch] = {
        "bayesian": _bayesian,
        "pocock": _pocock,
        "bop2_toxicity": _bop2_toxicity,
        "bop2_response": _bop2_response,
        "bop2_both": _bop2_both,
        "simon": _simon,
        "predictive": _predictive,
    }[one_of(rule, RULES, _("monitoring rule"))]
    return built(aims)


def _bayesian(aims: Aims) -> Watch:
    rule = bayesian_rule(aims.looks, aims.safe, (aims.safe, 1 - aims.safe))
    cutoff, _looser = rule.tuned(aims.safe, aims.level)
    found = rule.boundary(cutoff)
    certain = [(n, high) for n, high in zip(found.looks, found.high, strict=True) if high <= n]
    chances = [posterior(high, n, aims.safe, (aims.safe, 1 - aims.safe)) for n, high in certain]
    return Watch("bayesian", aims, found, {"cutoff": float(min(chances, default=1.0))})


def _pocock(aims: Aims) -> Watch:
    rule = repeated_test_rule(aims.looks, aims.safe)
    cutoff, _looser = rule.tuned(aims.safe, aims.level)
    found = rule.boundary(cutoff)
    levels = [
        float(scipy.stats.binom.sf(high - 1, n, aims.safe))
        for n, high in zip(found.looks, found.high, strict=True)
        if high <= n
    ]
    return Watch("pocock", aims, found, {"level": max(levels, default=0.0)})


def _bop2_toxicity(aims: Aims) -> Watch:
    """Watch those without toxicity as BOP2 watches responses."""
    tuned = calibrate_bop2(
        lambda scale, power: bop2(aims.looks, 1 - aims.toxic, scale, power),
        [1 - aims.toxic],
        1 - aims.safe,
        aims.level,
        powers=POWERS,
    )
    free = tuned.boundary
    assert isinstance(free, Boundary)  # noqa: S101 - of one outcome
    high = tuple(n - low for n, low in zip(free.looks, free.low, strict=True))
    found = Boundary(free.looks, (-1,) * len(free.looks), high)
    return Watch("bop2_toxicity", aims, found, {"scale": tuned.scale, "power": tuned.power})


def _bop2_response(aims: Aims) -> Watch:
    tuned = calibrate_bop2(
        lambda scale, power: bop2(aims.looks, aims.futile, scale, power),
        [aims.futile],
        aims.good,
        aims.level,
        powers=POWERS,
    )
    return Watch("bop2_response", aims, tuned.boundary, {"scale": tuned.scale, "power": tuned.power})


def _bop2_both(aims: Aims) -> Watch:
    cells = {name: cells_of(*rates) for name, rates in aims.truths.items()}
    nulls = [cells[name] for name in (TRUTHS[1:] if aims.each else TRUTHS[3:])]
    prior = cells[TRUTHS[3]]

    def joint(scale: float, power: float) -> JointBoundary:
        found = bop2_joint(aims.looks, prior, scale, power)
        return _OfIndependentOutcomes(found.looks, found.futility, found.toxicity)

    tuned = calibrate_bop2(joint, nulls, cells[TRUTHS[0]], aims.level, powers=POWERS)
    return Watch("bop2_both", aims, tuned.boundary, {"scale": tuned.scale, "power": tuned.power})


def _simon(aims: Aims) -> Watch:
    optimal, _minimax = simon(aims.futile, aims.good, aims.level, aims.miss, min(aims.planned, 300))
    numbers = {name: getattr(optimal, name) for name in ("r1", "n1", "r", "n")}
    return Watch("simon", aims, optimal.boundary, numbers)


def _predictive(aims: Aims) -> Watch:
    prior = (aims.futile, 1 - aims.futile)

    def of(success: float) -> Boundary:
        return predictive_boundary(aims.looks, aims.futile, float(success), LOWER, 1.0, prior)

    low, high = -1, len(_SUCCESSES)
    while high - low > 1:
        middle = (low + high) // 2
        wrong = of(_SUCCESSES[middle]).operating([aims.futile]).not_low.max()
        low, high = (low, middle) if wrong <= aims.level else (middle, high)
    if high == len(_SUCCESSES):
        raise ProtocolError(
            _("predictive probability"),
            _("no success that keeps an error of {:g}").format(aims.level),
            _("a larger error"),
        )
    success = float(_SUCCESSES[high])
    return Watch("predictive", aims, of(success), {"success": success, "lower": LOWER})
