"""What is said of every design in a protocol: the rule, how the regimen is selected, and the references."""

from typing import NamedTuple

from protocol.escalation import DESIGNS
from protocol.translation import _


class About(NamedTuple):
    """A design in sentences."""

    rule: str
    selection: str
    references: tuple[str, ...]


def about(name: str) -> About:
    """Describe the design that people choose as `name`."""
    module = DESIGNS[name].__module__.rpartition(".")[2]
    rule, selection, references = _described()[module]
    return About(rule, selection, tuple(_REFERENCES[key] for key in references))


def _described() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    nearest = _(
        "At the end DLT rates are estimated by isotonic regression along dose and frequency; the tried regimen that "
        "is not eliminated and whose estimate is nearest the target is recommended, or none when the lowest is "
        "eliminated."
    )
    stepping = _(
        "After each cohort the observed DLT rate at the current regimen is compared with two boundaries: below them "
        "the dose or the frequency goes up by one level, above them one goes down, between them the regimen stays. "
        "Of two possible steps the one goes first whose DLT rate lies between the boundaries with the higher "
        "probability. A regimen that is too toxic with high probability is eliminated with all above it."
    )
    return {
        "boin": (stepping, nearest, ("boin", "grid", "pava")),
        "keyboard": (
            stepping + " " + _("The boundaries are those of the strongest key: the interval of rates, as wide as the "
            "target interval, that has the highest posterior probability."),
            nearest, ("keyboard", "comb_keyboard", "grid", "pava"),
        ),
        "waterfall": (
            _("The grid is divided into subtrials along lines of regimens, each run with the boundaries of BOIN; "
              "the end of one says where the next begins, so that every frequency gets an answer."),
            _("At the end the regimen nearest the target is named for every frequency, by isotonic regression along "
              "dose and frequency; of these the one whose estimate is nearest the target is recommended."),
            ("waterfall", "boin", "pava"),
        ),
        "pipe": (
            _("Every regimen has its own prior; of all ways to divide the grid into regimens below and above the "
              "target without breaking its order, the most probable one is followed, and an admissible regimen next "
              "to it with the fewest participants is given. A regimen that lies above it with high probability is "
              "barred."),
            _("At the end, of the highest tried regimens below the most probable division, the one whose isotonic "
              "estimate is nearest the target is recommended."), ("pipe",),
        ),
        "pocrm": (
            _("Several orderings of the regimens by toxicity are possible. A one-parameter model is fitted under "
              "each; under the most likely ordering the regimen whose rate is nearest the target is given."),
            _("At the end the regimen that would be given next, among those treated and open, is recommended."),
            ("pocrm", "pocrm_specification"),
        ),
        "logistic": (
            _("A logistic model for dose and frequency with an interaction gives every regimen a posterior "
              "distribution of its DLT rate. Of the regimens that are too toxic with a low enough probability the "
              "one is given whose rate is in the target interval with the highest probability."),
            _("At the end the tried and open regimen most likely inside the target interval is recommended."),
            ("logistic", "ewoc"),
        ),
        "utility": (
            _("As BOIN for safety; of the admissible neighbours the one with the most desirable trade of response "
              "against toxicity is given. The rules for a grid are not published in one place."),
            _("At the end the open regimen with the highest mean utility is recommended, among those thought safe."),
            ("boin12", "boin", "grid"),
        ),
        "three_plus_three": (
            _("Along one stated path of regimens: no DLT in three participants goes up, one in three asks for three "
              "more, two or more close the regimen and all above it."),
            _("The highest regimen with six participants and at most one DLT is recommended."), ("storer",),
        ),
    }  # fmt: skip


_REFERENCES = {
    "boin": "Liu S, Yuan Y. Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C "
        "2015;64:507-523.",
    "grid": "Lin R, Yin G. Bayesian optimal interval design for dose finding in drug-combination trials. Stat "
        "Methods Med Res 2017;26:2155-2167.",
    "pava": "Robertson T, Wright FT, Dykstra RL. Order Restricted Statistical Inference. Wiley, 1988.",
    "keyboard": "Yan F, Mandrekar SJ, Yuan Y. Keyboard: a novel Bayesian toxicity probability interval design "
        "for phase I clinical trials. Clin Cancer Res 2017;23:3994-4003.",
    "comb_keyboard": "Pan H, Lin R, Zhou Y, Yuan Y. Keyboard design for phase I drug-combination trials. Contemp "
        "Clin Trials 2020;92:105972.",
    "waterfall": "Zhang L, Yuan Y. A practical Bayesian design to identify the maximum tolerated dose contour "
        "for drug combination trials. Stat Med 2016;35:4924-4936.",
    "pipe": "Mander AP, Sweeting MJ. A product of independent beta probabilities dose escalation design for "
        "dual-agent phase I trials. Stat Med 2015;34:1261-1276.",
    "pocrm": "Wages NA, Conaway MR, O'Quigley J. Continual reassessment method for partial ordering. Biometrics "
        "2011;67:1555-1563.",
    "pocrm_specification": "Wages NA, Conaway MR. Specifications of a continual reassessment method design for "
        "phase I trials of combined drugs. Pharm Stat 2013;12:217-224.",
    "logistic": "Neuenschwander B and others. A Bayesian industry approach to phase I combination trials in "
        "oncology. In: Zhao W, Yang H (eds), Statistical Methods in Drug Combination Studies, 2015, 95-135.",
    "ewoc": "Babb J, Rogatko A, Zacks S. Cancer phase I clinical trials: efficient dose escalation with overdose "
        "control. Stat Med 1998;17:1103-1120.",
    "boin12": "Lin R, Zhou Y, Yan F, Li D, Yuan Y. BOIN12: Bayesian optimal interval phase I/II trial design for "
        "utility-based dose finding. JCO Precis Oncol 2020;4:1393-1402.",
    "storer": "Storer BE. Design and analysis of phase I clinical trials. Biometrics 1989;45:925-937.",
}  # fmt: skip
