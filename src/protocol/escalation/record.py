"""The escalation record: doses, frequencies, scenarios and the parameters of the designs, ready to make designs."""

from dataclasses import fields
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from protocol.escalation.design import Design
from protocol.escalation.designs import DESIGNS
from protocol.escalation.grid import Grid, true_rates
from protocol.escalation.parameters import DesignParameters, TrialParameters
from protocol.escalation.trial_rules import TrialRules
from protocol.records import Provenance, Record, Sourced, Text, unique

LevelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,3}$")]


class Dose(Provenance):
    """A dose level of the registry, with the cells/kg assumed for it."""

    id: LevelId
    cells_per_kg: Sourced[Annotated[float, Field(gt=0)]]


class Frequency(Provenance):
    """A level of infusion frequency of the registry; its infusion days stand in the follow-up record."""

    id: LevelId


class Scenario(Provenance):
    """True DLT rates to simulate with: rows are doses, columns frequencies, 0 to 1."""

    id: Text
    title: Text
    truth: tuple[tuple[float, ...], ...]


class EscalationRecord(Record):
    """What phase Ib escalates over, and how."""

    doses: tuple[Dose, ...] = Field(min_length=1)
    frequencies: tuple[Frequency, ...] = Field(min_length=1)
    dlt_window_days: Sourced[Annotated[int, Field(ge=1)]]
    acceptable_margin: Sourced[Annotated[float, Field(gt=0, lt=0.5)]]
    design: DesignParameters
    trial: TrialParameters | None = None
    scenarios: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        unique((dose.id for dose in self.doses), "dose")
        unique((frequency.id for frequency in self.frequencies), "frequency")
        unique((scenario.id for scenario in self.scenarios), "scenario")
        self.grid.index(self.design.start.value)
        for scenario in self.scenarios:
            true_rates(self.grid, scenario.truth)
        self.designed()
        return self

    @cached_property
    def grid(self) -> Grid:
        """The grid of the registry's dose and frequency levels."""
        return Grid(tuple(dose.id for dose in self.doses), tuple(level.id for level in self.frequencies))

    def designed(self, name: str | None = None, **changes: Any) -> Design:
        """Build a design from the record.

        Parameters
        ----------
        name : str, optional
            One of :data:`DESIGNS`; the record's own choice when left out.
        **changes
            What-if: fields of the design in place of the record's values; one that the design does not have is
            left out. The safe and toxic rates follow a changed target by the record's ratios.

        Raises
        ------
        ProtocolError
            When a changed value lies outside its range.
        """
        name = name or self.design.name.value
        target = changes.pop("target", self.design.target.value)
        rates = {"safe": self.design.safe_ratio.value * target, "toxic": self.design.toxic_ratio.value * target}
        values = self.design.values(name) | {"target": target} | rates | changes
        known = {field.name for field in fields(DESIGNS[name])}
        design: Design = DESIGNS[name](self.grid, **{key: value for key, value in values.items() if key in known})
        return design

    def rules(self, **changes: Any) -> TrialRules:
        """Build the options of the trial from the record: its accrual, late outcomes, backfill.

        Parameters
        ----------
        **changes
            What-if: fields of :class:`~protocol.escalation.trial_rules.TrialRules` in place of the record's values.

        Raises
        ------
        ProtocolError
            When a value lies outside its range.
        """
        given = self.trial
        values = {name: getattr(given, name).value for name in type(given).model_fields} if given else {}
        return TrialRules(**({"window_days": self.dlt_window_days.value} | values | changes))
