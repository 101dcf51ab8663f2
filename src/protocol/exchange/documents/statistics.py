"""The statistical section of a protocol as text, with references and what repeats the simulation.

What is said about a design stands in the design itself (:meth:`protocol.escalation.Design.description`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from protocol.conduct.labels import COUNTS
from protocol.effect import RULES, Monitoring, Watch
from protocol.escalation import Design, EscalationRecord, Scenario, Simulation, figure_words
from protocol.exchange.documents.synopsis import Line, Section, SynopsisTable, html, markdown
from protocol.records import Provenance, Sourced
from protocol.translation import _, list_of
from protocol.version import __version__

RATIOS = {"safe_ratio": "safe", "toxic_ratio": "toxic"}  # times the target they are these rates of a design

ROUNDING = 1e-9


class ParameterRow(NamedTuple):
    """One parameter; `origin` is None when the value is not the record's."""

    label: str
    value: str
    origin: Provenance | None


def parameters(record: EscalationRecord, name: str, design: Design | None = None) -> list[ParameterRow]:
    """List the parameters of the design chosen as `name`.

    Parameters
    ----------
    record : EscalationRecord
    name : str
        One of :data:`protocol.escalation.DESIGNS`.
    design : Design, optional
        The design as it is set; where it differs from the record, its value stands there without an origin. The
        record's own when left out.

    Returns
    -------
    list of ParameterRow
        Only those that the design has; the ratios of the interval's rates belong to BOIN's boundaries.
    """
    given, design = record.design, design or record.designed(name)
    rows = [ParameterRow(_("Design"), name, given.name if name == given.name.value else None)]
    for field, label in _shared_labels().items():
        if field == "start" or hasattr(design, "safe" if field in RATIOS else field):
            rows.append(_row(design, field, label, getattr(given, field)))
        if field == "target" and not design.uses_target:
            words = _("{} (the rule does not use it, it judges the simulation)").format(label)
            rows[-1] = rows[-1]._replace(label=words)
    rows.append(ParameterRow(_("DLT window, days"), _plain(record.dlt_window_days.value), record.dlt_window_days))
    own, labels = given.own(name), design.description().parameters
    for field in type(own).model_fields if own else ():
        label = labels.get(field, field.replace("_", " ").capitalize())
        rows.append(_row(design, field, label, getattr(own, field)))
    for dose in record.doses:
        label = _("Dose {dose}, {unit}").format(dose=dose.id, unit=record.dose_unit)
        rows.append(ParameterRow(label, f"{dose.amount.value:,.15g}", dose.amount))
    return rows


def _row(design: Design, field: str, label: str, given: Sourced[Any] | None) -> ParameterRow:
    """Show the record's value with its origin, or the design's where that differs or the record states none."""
    if given is None:
        return ParameterRow(label, _plain(getattr(design, field)), None)
    if field in RATIOS:
        rate = getattr(design, RATIOS[field])
        is_changed, value = abs(rate - given.value * design.target) > ROUNDING, rate / design.target
    else:
        value = getattr(design, field, given.value)
        is_changed = value != given.value
    return ParameterRow(label, _plain(value), None) if is_changed else ParameterRow(label, _plain(given.value), given)


def _shared_labels() -> dict[str, str]:
    return {
        "start": _("First regimen"),
        "target": _("Target DLT rate"),
        "safe_ratio": _("Rate that calls for stepping up, times the target"),
        "toxic_ratio": _("Rate that calls for stepping down, times the target"),
        "elimination": _("Probability of too high a rate that eliminates"),
        "lowest_margin": _("How much lower that probability is at the lowest regimen"),
        "cohort_size": _("Participants in a cohort"),
        "maximum": _("Participants at most"),
        "enough": _("Stop at (participants at one regimen)"),
        "enough_rule": _("Stop at that number at once, or only if the next cohort stays there"),
        "bar": _("Stricter escalation"),
        "preference": _("Ties go first to"),
    }


_SAID = COUNTS | {
    "reached": _("reached"),
    "staying": _("staying"),
    "dose": _("dose"),
    "frequency": _("frequency"),
}
"""By the word of a choice in the record."""


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return ("; " if value and isinstance(value[0], tuple) else ", ").join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else _SAID.get(str(value), str(value))


@dataclass(frozen=True)
class PhaseTwo:
    """How the phase after the escalation is watched.

    Parameters
    ----------
    phase : str
    monitoring : Monitoring
        What the record says of it.
    planned : str
        How the number of participants follows from another one, in words.
    source : Provenance or None
        Where that number comes from.
    rule : Watch or None
        None if no number of participants is stated.
    """

    phase: str
    monitoring: Monitoring
    planned: str
    source: Provenance | None
    rule: Watch | None

    def parts(self) -> tuple[Line | SynopsisTable, ...]:
        """Say the rule, its parameters, its boundary and what it does, exactly."""
        given = self.monitoring
        if self.rule is None:
            asked = _("The number of participants is not stated, so that the rule has no boundary yet.")
            return Line(RULES[given.rule.value][0], _("Rule:"), given.rule), Line(asked), self._parameters()
        exact = _("Every probability is exact, by enumeration of every path, with independent outcomes.")
        return (
            Line(f"{self.rule.name}. {self.rule.sentence}", _("Rule:"), given.rule),
            Line(f"{self.rule.looks[-1]}. {self.planned}".rstrip(), _("Participants:"), self.source),
            self._parameters(),
            self._boundary(self.rule),
            Line(exact),
            self._characteristics(self.rule),
            Line(self.rule.reference, _("Reference:"), is_reference=True),
        )

    def _parameters(self) -> SynopsisTable:
        rows = []
        for name, label in phase_two_labels().items():
            value: Sourced[Any] = getattr(self.monitoring, name)
            rows.append(((label, _plain(value.value)), value))
        return SynopsisTable((_("Parameter"), _("Value")), tuple(rows))

    @staticmethod
    def _boundary(rule: Watch) -> SynopsisTable:
        names = {
            "participants": _("Participants with their outcome"),
            "stop_at_or_below": _("Stop at so many responses or fewer"),
            "stop_at_or_above": _("Stop at so many toxicities or more"),
        }
        found = rule.table()
        cells = found.astype(object).where(found.notna(), "–").astype(str).to_numpy().tolist()
        return SynopsisTable(tuple(names[str(one)] for one in found), tuple((tuple(row), None) for row in cells))

    @staticmethod
    def _characteristics(rule: Watch) -> SynopsisTable:
        head = _("Response and toxicity rate"), _("Goes on"), _("Stops early"), _("Expected participants")
        rows = [
            (f"{one.response:.2f}, {one.toxicity:.2f}", f"{one.go:.4f}", f"{one.stop_early:.4f}",
             f"{one.expected_participants:.1f}")
            for one in rule.operating().itertuples()
        ]  # fmt: skip
        return SynopsisTable(head, tuple((row, None) for row in rows))


def phase_two_labels() -> dict[str, str]:
    """Return the labels of the parameters of :class:`protocol.effect.Monitoring` other than the rule."""
    return {
        "first": _("First look"),
        "every": _("Participants from one look to the next"),
        "safe": _("Acceptable toxicity rate"),
        "toxic": _("Unacceptable toxicity rate"),
        "futile": _("Uninteresting response rate"),
        "good": _("Desirable response rate"),
        "level": _("Largest error"),
        "each": _("The error holds if one outcome alone is bad"),
        "lineage": _("The response is the recovery of"),
        "by_day": _("It begins by day (0 = first infusion)"),
    }


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
    watched : PhaseTwo, optional
        How phase II is watched.
    """

    record: EscalationRecord
    trial_id: str
    name: str
    design: Design
    simulations: Mapping[str, Simulation]
    day: date
    watched: "PhaseTwo | None" = None

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
            Section(
                "5",
                _("References"),
                tuple(Line(text, is_reference=True) for text in self.design.description().references),
            ),
            Section("6", _("To repeat the simulation"), self._repeat()),
            *([Section("7", _("Phase {}").format(self.watched.phase), self.watched.parts())] if self.watched else []),
        )

    def _title(self) -> str:
        return _("Statistical section: dose escalation of {}").format(self.trial_id)

    def _lead(self) -> str:
        return _(
            "Written on {} by protocol-workbook {}. Values marked as assumptions are the workbook's, not the "
            "sponsor's; a statistician of the trial has to confirm them."
        ).format(self.day.isoformat(), __version__)

    def _design(self) -> tuple[Line, ...]:
        grid, words = self.design.grid, self.design.description()
        doses, frequencies = list_of(grid.doses), list_of(grid.frequencies)
        regimens = _("{} doses ({}) by {} infusion frequencies ({}): {} regimens, from {} to {}.").format(
            len(grid.doses), doses, len(grid.frequencies), frequencies, grid.size, grid.labels[0], grid.labels[-1]
        )
        sizes = _("Cohorts of {}, at most {} participants; the target DLT rate is {:g}.")
        if not self.design.uses_target:
            sizes = _(
                "Cohorts of {}, at most {} participants. The rule has no target DLT rate; {:g} only judges the "
                "simulation."
            )
        sizes = sizes.format(self.design.cohort_size, self.design.maximum, self.design.target)
        return (
            Line(self.name, _("Design:"), self.record.design.name if self._is_the_records() else None),
            Line(regimens, _("Regimens:")),
            Line(sizes, _("Sizes:")),
            Line(words.rule, _("Escalation:")),
            Line(words.selection, _("Selection:")),
        )

    def _is_the_records(self) -> bool:
        return self.name == self.record.design.name.value

    def _parameters(self) -> SynopsisTable:
        rows = []
        for label, value, origin in parameters(self.record, self.name, self.design):
            words = value if origin else _("{} (set by the reader, not the record's)").format(value)
            rows.append(((label, words), origin))
        return SynopsisTable((_("Parameter"), _("Value")), tuple(rows))

    def _decisions(self) -> Line | SynopsisTable:
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
        return SynopsisTable(head, tuple((tuple(row), None) for row in cells))

    def _characteristics(self) -> tuple[Line | SynopsisTable, ...]:
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

    def _measures(self) -> SynopsisTable:
        rows, margin = [], self.record.acceptable_margin.value
        for title, one in self.simulations.items():
            lines = one.summary(margin)
            figures = zip(lines["value"], lines["se"], lines["unit"], strict=True)
            cells = [" ± ".join(figure_words(*figure, one.trials)) for figure in figures]
            rows.append(((title, *cells), self._scenario(title)))
        words, names = _measure_words(), next(iter(self.simulations.values())).measures(margin)
        return SynopsisTable((_("Scenario"), *(words[name] for name in names)), tuple(rows))

    def _selected(self) -> SynopsisTable:
        """Tabulate, for each scenario, the true rate of every regimen and how often it is recommended."""
        rows = []
        for title, one in self.simulations.items():
            table = one.regimens()
            figures = zip(table["selected"], table["selected_se"], strict=True)
            shares = [" ± ".join(figure_words(*figure, "share", one.trials)) for figure in figures]
            cells = [f"{rate:g}: {share}" for rate, share in zip(table["truth"], shares[:-1], strict=False)]
            rows.append(((title, *cells, shares[-1]), None))
        return SynopsisTable((_("True rate: recommended"), *self.design.grid.labels, _("none")), tuple(rows))

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
        rates = {
            title: "; ".join(", ".join(f"{rate:g}" for rate in line) for line in each.truth)
            for title, each in self.simulations.items()
        }
        return (
            Line(f"protocol-workbook {__version__}", _("Version:")),
            Line(str(one.seed), _("Seed:")),
            Line(f"{one.trials:,}", _("Trials of each scenario:")),
            Line(how),
            *(Line(words, _("{label}:").format(label=title)) for title, words in rates.items()),
        )


def _measure_words() -> dict[str, str]:
    return {
        "correct_selection": _("Right"),
        "acceptable_selection": _("Acceptable"),
        "toxic_selection": _("Above target"),
        "none_selected": _("None selected"),
        "stopped_early": _("Stopped early"),
        "participants": _("Participants"),
        "dlts": _("Participants with a DLT"),
        "overdosed": _("Participants treated above the target"),
        "duration": _("Days"),
        "responses": _("Participants with a response"),
    }
