"""Dose and frequency escalation: the grid, the designs, the selection and the simulation."""

from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from protocol.escalation.designs import DESIGNS, Design
from protocol.escalation.grid import STOP, Grid, Regimen, true_rates
from protocol.escalation.outcomes import Outcomes, last_named
from protocol.escalation.selection import isotonic_rates, select
from protocol.escalation.simulation import Simulation, simulate
from protocol.escalation.stepping import Preference
from protocol.records import Provenance, Record, Sourced, Text, unique

__all__ = [
    "DESIGNS", "STOP", "Design", "EscalationRecord", "Grid", "Outcomes", "Regimen", "Simulation",
    "isotonic_rates", "last_named", "select", "simulate", "true_rates",
]  # fmt: skip

LevelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,3}$")]
Rate = Annotated[float, Field(gt=0, lt=1)]


class Dose(Provenance):
    """A dose level of the registry, with the cells/kg assumed for it."""

    id: LevelId
    cells_per_kg: Sourced[Annotated[float, Field(gt=0)]]


class Frequency(Provenance):
    """A level of infusion frequency of the registry; its infusion days stand in the follow-up record."""

    id: LevelId


class DesignParameters(Record):
    """What the design needs beside the grid; see :class:`protocol.escalation.designs.boin.Boin`."""

    name: Sourced[str]
    start: Sourced[str]
    target: Sourced[Rate]
    safe_ratio: Sourced[Rate]
    toxic_ratio: Sourced[Annotated[float, Field(gt=1)]]
    elimination: Sourced[Annotated[float, Field(ge=0.5, lt=1)]]
    lowest_margin: Sourced[Annotated[float, Field(ge=0, lt=0.5)]]
    cohort_size: Sourced[Annotated[int, Field(ge=1)]]
    maximum: Sourced[Annotated[int, Field(ge=1, le=1000)]]
    enough: Sourced[Annotated[int, Field(ge=1)]]
    bar: Sourced[bool]
    preference: Sourced[Preference]

    @field_validator("name")
    @classmethod
    def _known(cls, name: Sourced[str]) -> Sourced[str]:
        if name.value not in DESIGNS:
            raise ValueError(f"no design of the name {name.value!r}; write one of {', '.join(DESIGNS)}")
        return name


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
    design: DesignParameters
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
            What-if: fields of the design in place of the record's values. The safe and toxic rates follow a
            changed target by the record's ratios.

        Raises
        ------
        ProtocolError
            When a changed value lies outside its range.
        """
        given = self.design
        target = changes.pop("target", given.target.value)
        same = ("elimination", "lowest_margin", "cohort_size", "maximum", "enough", "bar", "preference")
        values = {field: getattr(given, field).value for field in same}
        rates = {"safe": given.safe_ratio.value * target, "toxic": given.toxic_ratio.value * target}
        return DESIGNS[name or given.name.value](self.grid, target=target, **(rates | values | changes))
