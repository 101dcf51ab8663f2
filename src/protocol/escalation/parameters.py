"""The part of the record that says how the designs are set."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from protocol.escalation.designs import DESIGNS
from protocol.escalation.interval_designs import Preference
from protocol.records import Record, Sourced

Rate = Annotated[float, Field(gt=0, lt=1)]


class KeyboardParameters(Record):
    """How far the target key reaches on both sides of the target."""

    margin_below: Sourced[Rate]
    margin_above: Sourced[Rate]


class PathParameters(Record):
    """The regimens of a 3+3 in the order of escalation."""

    path: Sourced[tuple[str, ...]]


class WaterfallParameters(Record):
    """Sizes of the subtrials of the waterfall."""

    cohorts: Sourced[tuple[Annotated[int, Field(ge=1)], ...]]


class PipeParameters(Record):
    """Prior and limits of PIPE."""

    prior_rates: Sourced[tuple[tuple[Rate, ...], ...]]
    prior_size: Sourced[Annotated[float, Field(gt=0)]]
    ceiling: Sourced[Annotated[float, Field(gt=0, le=1)]]


class PocrmParameters(Record):
    """Orderings and working model of POCRM."""

    orderings: Sourced[tuple[tuple[str, ...], ...]]
    sequence: Sourced[tuple[str, ...]]
    halfwidth: Sourced[Annotated[float, Field(gt=0, lt=0.5)]]
    guess: Sourced[Annotated[int, Field(ge=1)]]


AgentPrior = tuple[Rate, Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class LogisticParameters(Record):
    """Amounts, priors and limits of the two-agent logistic model."""

    doses: Sourced[tuple[Annotated[float, Field(gt=0)], ...]]
    frequencies: Sourced[tuple[Annotated[float, Field(gt=0)], ...]]
    dose_prior: Sourced[AgentPrior]
    frequency_prior: Sourced[AgentPrior]
    interaction: Sourced[Annotated[float, Field(ge=0)]]
    margin_below: Sourced[Rate]
    margin_above: Sourced[Rate]
    overdose: Sourced[Rate]
    draws: Sourced[Annotated[int, Field(ge=50, le=100_000)]]


class UtilityParameters(Record):
    """What response and toxicity are worth, and the response rates to simulate with."""

    value_neither: Sourced[Annotated[int, Field(ge=0, le=100)]]
    value_both: Sourced[Annotated[int, Field(ge=0, le=100)]]
    least_response: Sourced[Rate]
    futility: Sourced[Annotated[float, Field(ge=0.5, lt=1)]]
    explored: Sourced[Annotated[int, Field(ge=1)]]
    response_rates: Sourced[tuple[tuple[Rate, ...], ...]]


class TrialParameters(Record):
    """Options of the trial that hold for every design; see :class:`protocol.escalation.trial_rules.TrialRules`."""

    accrual_per_month: Sourced[Annotated[float, Field(gt=0)]]
    late_share: Sourced[Rate]
    most_pending: Sourced[Annotated[float, Field(ge=0, le=1)]]
    backfill: Sourced[bool]
    backfill_most: Sourced[Annotated[int, Field(ge=1)]]


class DesignParameters(Record):
    """What the designs need beside the grid: shared values, then one table for each design with its own."""

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

    keyboard: KeyboardParameters | None = None
    three_plus_three: PathParameters | None = None
    waterfall: WaterfallParameters | None = None
    pipe: PipeParameters | None = None
    logistic: LogisticParameters | None = None
    utility: UtilityParameters | None = None
    pocrm: PocrmParameters | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: Sourced[str]) -> Sourced[str]:
        if name.value not in DESIGNS:
            raise ValueError(f"no design of the name {name.value!r}; write one of {', '.join(DESIGNS)}")
        return name

    def offered(self) -> tuple[str, ...]:
        """Name the designs that the record has numbers for: those without a table of their own, or with one."""
        fields = type(self).model_fields
        return tuple(name for name in DESIGNS if self._table(name) not in fields or self.own(name) is not None)

    @staticmethod
    def _table(name: str) -> str:
        return DESIGNS[name].__module__.rpartition(".")[2]

    def own(self, name: str) -> Record | None:
        """Return the table of the design that people choose as `name`: it bears the name of the design's module."""
        table: Record | None = getattr(self, self._table(name), None)
        return table

    def values(self, name: str) -> dict[str, Any]:
        """Collect shared values and those of the named design, by the name of their field."""
        tables = [table for table in (self, self.own(name)) if table]
        every = {field: getattr(table, field) for table in tables for field in type(table).model_fields}
        return {field: given.value for field, given in every.items() if isinstance(given, Sourced)}
