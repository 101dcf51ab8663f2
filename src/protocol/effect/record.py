"""What the record of a trial says of effect and harm: the file ``effect.toml``."""

from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from protocol.effect.grades import versions
from protocol.effect.recovery import Definition, definitions
from protocol.effect.reporting_clocks import reporting_rules
from protocol.effect.terms import event_terms
from protocol.effect.watch import RULES, Aims
from protocol.records import Provenance, Record, RecordError, Sourced, Text, unique
from protocol.translation import _, list_of

NOT_ASSESSABLE = "not assessable"

_Share = Annotated[float, Field(gt=0, lt=1)]

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class DltRule(Record):
    """When an adverse event is dose-limiting, as far as the record says.

    Attributes
    ----------
    related : Sourced of tuple of str
        How an event must relate to the infusions.
    lowest_grade : Sourced of int, optional
        None if no source states it: whether a related event counts is then asked of a person.
    """

    related: Sourced[tuple[Text, ...]]
    lowest_grade: Sourced[Annotated[int, Field(ge=1, le=5)]] | None = None

    def derived(
        self, relatedness: str, grade: int, onset: date, first_infusion: date | None, window_days: int
    ) -> bool | None:
        """Return whether an event is dose-limiting: True, False, or None where a person has to judge.

        It is not if it is not related, or if its onset lies before the first infusion or after the last day of the
        window, which has `window_days` days from the first infusion on.
        """
        if first_infusion is None or not first_infusion <= onset < first_infusion + timedelta(days=window_days):
            return False
        if relatedness == NOT_ASSESSABLE:
            return None
        if relatedness not in self.related.value:
            return False
        return None if self.lowest_grade is None else grade >= self.lowest_grade.value


class RecoveryChoice(Record):
    """Which definition of recovery the trial uses for a lineage.

    Attributes
    ----------
    lineage : str
        The id of a recovery in ``trial.toml``.
    definition : Sourced of str
        An id of :func:`protocol.effect.definitions`.
    """

    lineage: _Id
    definition: Sourced[str]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.definition.value not in definitions():
            raise RecordError(
                _("{found!r}, no definition of recovery").format(found=self.definition.value),
                _("one of {words}").format(words=list_of(definitions())),
            )
        return self

    @property
    def rule(self) -> Definition:
        """The definition itself."""
        return definitions()[self.definition.value]


class SpecialInterest(Provenance):
    """A group of terms that a safety board watches."""

    id: _Id
    label: Text
    terms: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        wrong = [term for term in self.terms if term not in event_terms()]
        if wrong:
            raise RecordError(
                _("{found!r}, no term of an adverse event").format(found=wrong[0]), _("ids of the list of terms")
            )
        return self


class Monitoring(Record):
    """How phase II is watched, and what counts as a response in it.

    Attributes
    ----------
    rule : Sourced of str
        An id of :data:`protocol.effect.RULES`.
    first, every : Sourced of int
        The first look, and the participants from one look to the next.
    safe, toxic, futile, good, level : Sourced of float
        Rates and error of :class:`protocol.effect.Aims`, inside 0 to 1.
    each : Sourced of bool
        Whether the error holds if one outcome alone is bad.
    lineage : Sourced of str
        The recovery that is the response: the lineage of one of the record's.
    by_day : Sourced of int
        The elapsed day on which it has to begin at the latest.
    """

    rule: Sourced[str]
    first: Sourced[Annotated[int, Field(ge=1, le=1000)]]
    every: Sourced[Annotated[int, Field(ge=1, le=1000)]]
    safe: Sourced[_Share]
    toxic: Sourced[_Share]
    futile: Sourced[_Share]
    good: Sourced[_Share]
    level: Sourced[_Share]
    each: Sourced[bool]
    lineage: Sourced[_Id]
    by_day: Sourced[Annotated[int, Field(ge=1, le=3660)]]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.rule.value not in RULES:
            raise RecordError(
                _("{found!r}, no monitoring rule").format(found=self.rule.value),
                _("one of {words}").format(words=list_of(RULES)),
            )
        for low, high in (("safe", "toxic"), ("futile", "good")):
            if getattr(self, low).value >= getattr(self, high).value:
                raise RecordError(_("{low} is not below {high}").format(low=low, high=high), _("two rates that rise"))
        return self

    def aims(self, planned: int) -> Aims:
        """Return what the rule shall tell apart in so many participants."""
        names = ("first", "every", "safe", "toxic", "futile", "good", "level", "each")
        return Aims(planned, **{name: getattr(self, name).value for name in names})


class EffectRecord(Record):
    """What a trial says of effect and harm.

    Attributes
    ----------
    placeholder : bool
        Whether the values only fill a place: no page shows them.
    ctcae : Sourced of str
        The version of CTCAE by which events and counts are graded.
    dlt : DltRule
    recoveries : tuple of RecoveryChoice
    special_interest : tuple of SpecialInterest
    phase_two_planned : Sourced of int, optional
        Participants of the phase that follows the escalation; None if no source states it.
    monitoring : Monitoring, optional
        How that phase is watched.
    reporting : Sourced of str, optional
        The rule by which serious adverse events are reported, one of :func:`protocol.effect.reporting_rules`; None if
        the record names none: then no report is asked for.
    """

    placeholder: bool = False
    ctcae: Sourced[str]
    dlt: DltRule
    recoveries: tuple[RecoveryChoice, ...] = ()
    special_interest: tuple[SpecialInterest, ...] = ()
    phase_two_planned: Sourced[Annotated[int, Field(ge=1)]] | None = None
    monitoring: Monitoring | None = None
    reporting: Sourced[str] | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.ctcae.value not in versions():
            raise RecordError(
                _("{found!r}, no version of CTCAE").format(found=self.ctcae.value),
                _("one of {words}").format(words=list_of(versions())),
            )
        if self.reporting and self.reporting.value not in reporting_rules():
            raise RecordError(
                _("{found!r}, no rule of reporting").format(found=self.reporting.value),
                _("one of {words}").format(words=list_of(reporting_rules())),
            )
        unique((one.lineage for one in self.recoveries), _("recovery"))
        unique((one.id for one in self.special_interest), _("group of special interest"))
        if self.monitoring and self.monitoring.lineage.value not in {one.lineage for one in self.recoveries}:
            raise RecordError(
                _("monitoring of {found!r}, no recovery of the record").format(found=self.monitoring.lineage.value),
                _("the id of a recovery"),
            )
        return self
