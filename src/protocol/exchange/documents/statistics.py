"""The statistical section of a protocol as text, with references and what repeats the simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from protocol.escalation import DESIGNS, Design, EscalationRecord, Simulation
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.escalation.record import Scenario
from protocol.escalation.results import figure_words
from protocol.exchange.documents.synopsis import Line, Section, Table, html, markdown
from protocol.records import Provenance, Record, Sourced
from protocol.translation import _
from protocol.version import __version__


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

RATIOS = {"safe_ratio": "safe", "toxic_ratio": "toxic"}  # times the target they are these rates of a design

ROUNDING = 1e-9


class Parameter(NamedTuple):
    """One parameter; `origin` is None when the value is not the record's."""

    label: str
    value: str
    origin: Provenance | None


def parameters(record: EscalationRecord, name: str, design: Design | None = None) -> list[Parameter]:
    """List the parameters of the design chosen as `name`.

    Parameters
    ----------
    record : EscalationRecord
    name : str
        One of :data:`protocol.escalation.DESIGNS`.
    design : Design, optional
        The design as it is set; where it differs from the record, its value stands there without an origin. The
        record's own when left out.

    Only parameters that the design has are listed; the ratios of the interval's rates belong to BOIN's boundaries.
    """
    given, design = record.design, design or record.designed(name)
    rows = [_row(design, field, _label(design, field, words), getattr(given, field))
            for field, words in _shared().items() if _has(design, field)]  # fmt: skip
    rows.insert(0, Parameter(_("Design"), name, given.name if name == given.name.value else None))
    rows.append(Parameter(_("DLT window, days"), _plain(record.dlt_window_days.value), record.dlt_window_days))
    rows += _own(given.own(name), design)
    for dose in record.doses:
        label, millions = _("Dose {}, million cells/kg").format(dose.id), dose.cells_per_kg.value / 1e6
        rows.append(Parameter(label, f"{millions:g}", dose.cells_per_kg))
    return rows


def _has(design: Design, field: str) -> bool:
    return field == "start" or hasattr(design, "safe" if field in RATIOS else field)


def _label(design: Design, field: str, words: str) -> str:
    judges = field == "target" and isinstance(design, ThreePlusThree)
    return _("{} (the rule does not use it, it judges the simulation)").format(words) if judges else words


def _own(own: Record | None, design: Design) -> list[Parameter]:
    words = _words_of_one_design()
    fields = [] if own is None else [*type(own).model_fields]
    return [_row(design, field, words.get(field, field.replace("_", " ").capitalize()), getattr(own, field))
            for field in fields]  # fmt: skip


def _row(design: Design, field: str, label: str, given: Sourced[Any]) -> Parameter:
    """Show the record's value with its origin, or the design's where that differs."""
    if field in RATIOS:
        rate = getattr(design, RATIOS[field])
        is_changed, value = abs(rate - given.value * design.target) > ROUNDING, rate / design.target
    else:
        value = getattr(design, field, given.value)
        is_changed = value != given.value
    return Parameter(label, _plain(value), None) if is_changed else Parameter(label, _plain(given.value), given)


def _shared() -> dict[str, str]:
    return {
        "start": _("First regimen"),
        "target": _("Target DLT rate"),
        "safe_ratio": _("Rate that calls for stepping up, times the target"),
        "toxic_ratio": _("Rate that calls for stepping down, times the target"),
        "elimination": _("Probability of too high a rate that eliminates"),
        "lowest_margin": _("Less of it needed at the lowest regimen"),
        "cohort_size": _("Participants in a cohort"),
        "maximum": _("Participants at most"),
        "enough": _("Enough participants at one regimen"),
        "bar": _("Extra bar on escalation"),
        "preference": _("Ties go first to"),
    }


def _words_of_one_design() -> dict[str, str]:
    return {
        "margin_below": _("Target interval reaches below the target by"),
        "margin_above": _("Target interval reaches above the target by"),
        "path": _("Path of the 3+3"),
        "prior_rates": _("Prior medians of the DLT rates, dose by dose"),
        "prior_size": _("Weight of the prior at one regimen, participants"),
        "orderings": _("Possible orderings of the regimens"),
        "sequence": _("First stage, until participants with and without a DLT were seen"),
        "halfwidth": _("Working model: half the width of the indifference interval"),
        "guess": _("Working model: place of the target in an ordering"),
        "ceiling": _("Probability of lying above the contour that bars"),
        "cohorts": _("Cohorts of the subtrials, the first one first"),
        "doses": _("Amount of each dose over the reference"),
        "frequencies": _("Amount of each frequency over the reference"),
        "dose_prior": _("Prior of the dose: rate at the reference, deviation of its log odds, slope, its deviation"),
        "frequency_prior": _("Prior of the frequency, in the same order"),
        "interaction": _("Deviation of the interaction of dose and frequency"),
        "overdose": _("Most probable that a rate above the target interval may be"),
        "draws": _("Draws of the prior"),
        "value_neither": _("Utility of neither a response nor a DLT, 0 to 100"),
        "value_both": _("Utility of a response with a DLT, 0 to 100"),
        "least_response": _("Lowest response rate of interest"),
        "futility": _("Probability of a lower response rate that closes a regimen"),
        "explored": _("Participants from which a rate between the boundaries allows no step up"),
        "response_rates": _("Assumed true response rates, to simulate with"),
    }


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return ("; " if value and isinstance(value[0], tuple) else ", ").join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class StatisticalSection:
    """Everything a protocol says about the escalation.

    Parameters
    ----------
    record : EscalationRecord
    trial_id : str
        Registry number, for the title.
    name : str
        Name of the design, one of :data:`protocol.escalation.DESIGNS`.
    design : Design
        As it is set; what differs from the record is said.
    simulations : mapping of str to Simulation
        Operating characteristics by the title of the scenario, all with the same seed and number of trials.
    day : date
        Written into the head.
    """

    record: EscalationRecord
    trial_id: str
    name: str
    design: Design
    simulations: Mapping[str, Simulation]
    day: date

    def markdown(self) -> str:
        """Write the section as Markdown."""
        return markdown(self._title(), self._lead(), self.parts())

    def html(self) -> str:
        """Write the section as one HTML page that needs nothing else."""
        return html(self._title(), self._lead(), self.parts())

    def parts(self) -> tuple[Section, ...]:
        """Say the design, its parameters, decisions and characteristics, the references, and how to repeat it."""
        return (
            Section("1", _("Design"), self._design()),
            Section("2", _("Parameters"), (self._parameters(),)),
            Section("3", _("Decision table"), (self._decisions(),)),
            Section("4", _("Operating characteristics"), self._characteristics()),
            Section("5", _("References"), tuple(Line(text) for text in about(self.name).references)),
            Section("6", _("To repeat the simulation"), self._repeat()),
        )

    def _title(self) -> str:
        return _("Statistical section: dose escalation of {}").format(self.trial_id)

    def _lead(self) -> str:
        return _(
            "Written on {} by protocol-workbook {}. Values marked as assumptions are the workbook's, not the "
            "sponsor's; a statistician of the trial has to confirm them."
        ).format(self.day.isoformat(), __version__)

    def _design(self) -> tuple[Line, ...]:
        grid, words = self.design.grid, about(self.name)
        regimens = _("{} doses ({}) by {} infusion frequencies ({}): {} regimens, from {} to {}.").format(
            len(grid.doses), ", ".join(grid.doses), len(grid.frequencies), ", ".join(grid.frequencies), grid.size,
            grid.labels[0], grid.labels[-1],
        )  # fmt: skip
        sizes = _("Cohorts of {}, at most {} participants; the target DLT rate is {:g}.")
        if isinstance(self.design, ThreePlusThree):
            sizes = _(
                "Cohorts of {}, at most {} participants. The rule has no target DLT rate; {:g} only judges the "
                "simulation."
            )
        sizes = sizes.format(self.design.cohort_size, self.design.maximum, self.design.target)
        return (
            Line(self.name, _("Design:"), self.record.design.name if self._is_the_records() else None),
            Line(regimens, _("Regimens:")), Line(sizes, _("Sizes:")), Line(words.rule, _("Escalation:")),
            Line(words.selection, _("Selection:")),
        )  # fmt: skip

    def _is_the_records(self) -> bool:
        return self.name == self.record.design.name.value

    def _parameters(self) -> Table:
        rows = []
        for label, value, origin in parameters(self.record, self.name, self.design):
            words = value if origin else _("{} (set by the reader, not the record's)").format(value)
            rows.append(((label, words), origin))
        return Table((_("Parameter"), _("Value")), tuple(rows))

    def _decisions(self) -> Line | Table:
        rules = self.design.decisions()
        if rules is None:
            return Line(_("This design looks at every regimen: its decisions have no table of their own."))
        rules = rules[rules["treated"] % self.design.cohort_size == 0].astype(object)
        cells = rules.where(rules.notna(), "–").astype(str).to_numpy().tolist()
        head = (
            _("Treated at the regimen"),
            _("Escalate at or below"),
            _("De-escalate at or above"),
            _("Eliminate at or above"),
        )
        return Table(head, tuple((tuple(row), None) for row in cells))

    def _characteristics(self) -> tuple[Line | Table, ...]:
        if not self.simulations:
            return (Line(_("Not simulated.")),)
        trials = min(one.trials for one in self.simulations.values())
        margin = self.record.acceptable_margin
        words = _(
            "{:,} simulated trials under every scenario; each figure ± its Monte Carlo standard error, or up to the "
            "95 % bound where something was always or never seen. A choice is right when no true rate is nearer the "
            "target, or when none is chosen where the lowest is too toxic."
        )
        near = _("Acceptable also when the true rate differs from the target by at most")
        return Line(words.format(trials)), Line(f"{margin.value:g}", near, margin), self._measures(), self._selected()

    def _measures(self) -> Table:
        rows, margin = [], self.record.acceptable_margin.value
        for title, one in self.simulations.items():
            lines = one.summary(margin)
            figures = zip(lines["value"], lines["se"], lines["unit"], strict=True)
            cells = [" ± ".join(figure_words(*figure, one.trials)) for figure in figures]
            rows.append(((title, *cells), self._scenario(title)))
        words, names = _measure_words(), next(iter(self.simulations.values())).measures(margin)
        return Table((_("Scenario"), *(words[name] for name in names)), tuple(rows))

    def _selected(self) -> Table:
        """Tabulate, for each scenario, the true rate of every regimen and how often it is recommended."""
        rows = []
        for title, one in self.simulations.items():
            table = one.regimens()
            shares = [" ± ".join(figure_words(value, error, "share", one.trials))
                      for value, error in zip(table["selected"], table["selected_se"], strict=True)]  # fmt: skip
            cells = [f"{rate:g}: {share}" for rate, share in zip(table["truth"], shares[:-1], strict=False)]
            rows.append(((title, *cells, shares[-1]), None))
        return Table((_("True rate: recommended"), *self.design.grid.labels, _("none")), tuple(rows))

    def _scenario(self, title: str) -> Scenario | None:
        return next((one for one in self.record.scenarios if one.title == title), None)

    def _repeat(self) -> tuple[Line, ...]:
        one = next(iter(self.simulations.values()), None)
        if one is None:
            return (Line(_("Not simulated.")),)
        how = _(
            "The same seed gives the same figures on any machine and on any number of processes: "
            "protocol.escalation.simulate(design, truth, trials, seed) with the design and parameters above and the "
            "true rates below."
        )
        rates = {title: "; ".join(", ".join(f"{rate:g}" for rate in line) for line in each.truth)
                 for title, each in self.simulations.items()}  # fmt: skip
        return (
            Line(f"protocol-workbook {__version__}", _("Version:")), Line(str(one.seed), _("Seed:")),
            Line(f"{one.trials:,}", _("Trials of each scenario:")), Line(how),
            *(Line(words, f"{title}:") for title, words in rates.items()),
        )  # fmt: skip


def _measure_words() -> dict[str, str]:
    return {
        "correct_selection": _("Right"), "acceptable_selection": _("Acceptable"),
        "toxic_selection": _("Above target"), "none_selected": _("None"), "stopped_early": _("Stopped early"),
        "participants": _("Participants"), "dlts": _("With a DLT"), "overdosed": _("Treated above target"),
        "duration": _("Days"), "responses": _("With a response"),
    }  # fmt: skip
