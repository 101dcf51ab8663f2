"""The escalation record: doses, frequencies, scenarios and the parameters of the designs, ready to make designs."""

from dataclasses import fields
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, create_model, field_validator, model_validator

from protocol.escalation.checks import checked, plain
from protocol.escalation.design import Design, EnoughRule, Participants, Preference, Rate, Share
from protocol.escalation.designs import DESIGNS, table_name
from protocol.escalation.grid import Grid, true_rates
from protocol.escalation.trial_rules import TrialRules
from protocol.records import ProtocolError, Provenance, Record, RecordError, Sourced, Text, unique
from protocol.translation import _, list_of

LevelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,3}$")]


class Dose(Provenance):
    """A dose level, with the amount given at it, in the record's `dose_unit`."""

    id: LevelId
    amount: Sourced[Annotated[float, Field(gt=0)]]


class Frequency(Provenance):
    """A level of infusion frequency; its infusion days stand in the follow-up record."""

    id: LevelId


class Scenario(Provenance):
    """True DLT rates to simulate with: rows are doses, columns frequencies, 0 to 1."""

    id: Text
    title: Text
    truth: tuple[tuple[float, ...], ...]


class TrialParameters(Record):
    """Rules of the trial that hold for every design; see :class:`protocol.escalation.TrialRules`."""

    accrual_per_month: Sourced[Annotated[float, Field(gt=0)]]
    late_share: Sourced[Rate]
    most_pending: Sourced[Share]
    backfill: Sourced[bool]
    backfill_most: Sourced[Participants]
    backfill_responders: Sourced[bool] | None = None


class SharedParameters(Record):
    """What the designs need beside the grid; a design takes those that it has.

    Without `enough_rule` each design follows the rule that it is published with.
    """

    name: Sourced[str]
    start: Sourced[str]
    target: Sourced[Rate]
    safe_ratio: Sourced[Rate]
    toxic_ratio: Sourced[Annotated[float, Field(gt=1)]]
    elimination: Sourced[Annotated[float, Field(ge=0.5, lt=1)]]
    lowest_margin: Sourced[Annotated[float, Field(ge=0, lt=0.5)]]
    cohort_size: Sourced[Participants]
    maximum: Sourced[Annotated[int, Field(ge=1, le=1000)]]
    enough: Sourced[Participants]
    enough_rule: Sourced[EnoughRule] | None = None
    bar: Sourced[bool]
    preference: Sourced[Preference]

    @field_validator("name")
    @classmethod
    def _known(cls, name: Sourced[str]) -> Sourced[str]:
        if name.value not in DESIGNS:
            raise RecordError(
                _("no design of the name {name!r}").format(name=name.value),
                _("one of {words}").format(words=list_of(DESIGNS)),
            )
        return name


_tables: Any = {table_name(one): (one.parameters | None, None) for one in DESIGNS.values() if one.parameters}

_WithTables: Any = create_model("_WithTables", __base__=SharedParameters, **_tables)


class DesignParameters(_WithTables):
    """Shared values, then one table for each design with parameters of its own."""

    def offered(self) -> tuple[str, ...]:
        """Name the designs that the record has values for: those without a table of their own, or with one."""
        return tuple(name for name, design in DESIGNS.items() if design.parameters is None or self.own(name))

    def own(self, name: str) -> Record | None:
        """Return the table of the design that people choose as `name`; None when it has none."""
        table: Record | None = getattr(self, table_name(DESIGNS[name]), None)
        return table

    def values(self, name: str) -> dict[str, Any]:
        """Collect shared values and those of the named design, by the name of their field."""
        own = self.own(name)
        stated = {field: getattr(self, field) for field in SharedParameters.model_fields}
        shared = {field: given.value for field, given in stated.items() if given is not None}
        return shared | ({field: getattr(own, field).value for field in type(own).model_fields} if own else {})


def _design_name(name: object) -> str:
    """Return the full name of a design."""
    given = name.casefold() if isinstance(name, str) and name else None
    alike = [one for one in DESIGNS if given and one.casefold().startswith(given)]
    if name not in [*DESIGNS] and len(alike) != 1:
        raise ProtocolError(_("design"), repr(name)[:80], _("one of {}").format(list_of(DESIGNS)))
    return str(name) if name in [*DESIGNS] else alike[0]


class StaggerRule(Record):
    """How long the first participant is observed alone before the others are infused.

    Attributes
    ----------
    days : Sourced of int
        From the first infusion of the first participant to the earliest one of another.
    of : Sourced of {"cohort", "regimen"}
        The first participant of each cohort, or only of each new regimen.
    """

    days: Sourced[Annotated[int, Field(ge=1, le=366)]]
    of: Sourced[Literal["cohort", "regimen"]]


class EscalationRecord(Record):
    """The grid that the trial escalates over, and how.

    Attributes
    ----------
    dose_unit : str
        The unit of the amounts of all doses, as it is shown: ``cells/kg``, ``mg``.
    placeholder : bool
        Whether the values only fill the place of an escalation that no source states: no page shows them, and
        nothing is advised from them.
    """

    placeholder: bool = False

    dose_unit: Text
    doses: tuple[Dose, ...] = Field(min_length=1)
    frequencies: tuple[Frequency, ...] = Field(min_length=1)
    dlt_window_days: Sourced[Annotated[int, Field(ge=1)]]
    acceptable_margin: Sourced[Annotated[float, Field(gt=0, lt=0.5)]]
    design: DesignParameters
    trial: TrialParameters | None = None
    stagger: StaggerRule | None = None
    """None: the record has no such rule."""
    scenarios: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        unique((dose.id for dose in self.doses), _("dose"))
        unique((frequency.id for frequency in self.frequencies), _("frequency"))
        unique((scenario.id for scenario in self.scenarios), _("scenario"))
        self.grid.index(self.design.start.value)
        for scenario in self.scenarios:
            true_rates(self.grid, scenario.truth)
        self.designed()
        return self

    @cached_property
    def grid(self) -> Grid:
        """The grid of dose and frequency levels."""
        return Grid(tuple(dose.id for dose in self.doses), tuple(level.id for level in self.frequencies))

    @checked
    def designed(self, name: str | None = None, **changes: Any) -> Design:
        """Build a design from the record.

        Parameters
        ----------
        name : str, optional
            One of :data:`DESIGNS`, or its beginning in either case; the record's own choice when left out.
        **changes
            What-if: fields of the design in place of the record's values; one that the design does not have is
            left out. The safe and toxic rates follow a changed target by the record's ratios.

        Raises
        ------
        ProtocolError
            When no design has this name, or a changed value lies outside its range.
        """
        name = _design_name(self.design.name.value if name is None else name)
        target = plain(changes.pop("target", self.design.target.value))
        rates = {}
        if isinstance(target, int | float):  # what is no number is refused by the design
            rates = {"safe": self.design.safe_ratio.value * target, "toxic": self.design.toxic_ratio.value * target}
        values = self.design.values(name) | {"target": target} | rates | changes
        known = {field.name for field in fields(DESIGNS[name])}
        return DESIGNS[name](self.grid, **{key: value for key, value in values.items() if key in known})

    def rules(self, **changes: Any) -> TrialRules:
        """Build the rules of the trial from the record: its accrual, late outcomes, backfill.

        Parameters
        ----------
        **changes
            What-if: fields of :class:`~protocol.escalation.TrialRules` in place of the record's values.

        Raises
        ------
        ProtocolError
            When a value lies outside its range.
        """
        given = self.trial
        stated = {name: getattr(given, name) for name in type(given).model_fields} if given else {}
        values = {name: one.value for name, one in stated.items() if one is not None}
        return TrialRules(**({"window_days": self.dlt_window_days.value} | values | changes))
