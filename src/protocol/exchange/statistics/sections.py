"""The statistical section of a protocol, part by part; Markdown and HTML are made from the same parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from protocol import __version__
from protocol.escalation import Design, EscalationRecord, Scenario, Simulation
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.escalation.results import figure_words
from protocol.exchange.statistics.designs import about
from protocol.exchange.statistics.parameters import parameters
from protocol.exchange.synopsis.rendering import html, markdown
from protocol.exchange.synopsis.sections import Line, Section, Table
from protocol.translation import _


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
