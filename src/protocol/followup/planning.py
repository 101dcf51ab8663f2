"""What planning assumes: when sites work, what they can take, and how fast people come."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol.records import Provenance, Record, Sourced, Text, unique

Weekday = Annotated[int, Field(ge=1, le=7)]
Count = Annotated[int, Field(ge=0)]


class Working(Record):
    """When a site works: ISO weekdays, weekend days that are made working days, and its visits a day."""

    weekdays: Sourced[Annotated[tuple[Weekday, ...], Field(min_length=1)]]
    makeup_days: Sourced[bool]
    visits_per_day: Sourced[Annotated[int, Field(ge=1)]]


class SiteRate(Provenance):
    """How many people a site screens in a month."""

    site: Text
    screened_per_month: Annotated[float, Field(ge=0)]


class Forecast(Record):
    """What the trial's own calendar is simulated with; the DLT window and cohort size come from the escalation."""

    review_days: Sourced[Count]
    screening_days: Sourced[Count]
    stagger_days: Sourced[Count]
    screening_failures: Sourced[Annotated[float, Field(ge=0, lt=1)]]
    counted_from: Sourced[Literal["first", "last"]]
    sites: Annotated[tuple[SiteRate, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique((rate.site for rate in self.sites), "site")
        if sum(rate.screened_per_month for rate in self.sites) == 0:
            raise ValueError("no site screens anybody; write a rate above 0 for one of them")
        return self
