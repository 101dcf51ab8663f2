"""Every parameter of a design in words, with its value and where it comes from."""

from typing import Any, NamedTuple

from protocol.escalation import Design, EscalationRecord
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.records import Provenance, Record, Sourced
from protocol.translation import _

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
