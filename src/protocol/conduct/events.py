"""Events of a trial, one record a kind. A participant is identified by a study id, never by a name."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from protocol.records import Phase, ProtocolError, Record, RecordError, StudyId, refusal
from protocol.translation import _

Regimen = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]$")]

VisitId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

Lineage = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""The id of a recovery in the record of the trial."""

Code = Annotated[str, StringConstraints(pattern=r"^(MedDRA:[0-9]{8}|[a-z][a-z0-9_]{0,39})$")]
"""A word of a list, such as ``allergic_reaction``, or a MedDRA code; never free text."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
"""Free text; it is checked for names and numbers of persons before it is recorded."""

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Cause = Literal[
    "consent withdrawn", "adverse event", "progression", "death", "lost to follow-up", "investigator", "other"
]

Product = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z -]{0,39}$")]
"""What can be given beside the infusions, as the workbook lists it, such as ``platelet transfusion``."""

Unit = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9*^/%µμ³⁶⁹×. ]{1,20}$")]
"""The unit of a count, as the laboratory writes it."""

Lot = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9./_-]{0,29}$")]
"""The lot of a product: capitals, digits and signs."""

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Hours and minutes, such as 09:30."""

Grade = Annotated[int, Field(ge=1, le=5, strict=True)]

Number = Annotated[int, Field(ge=1, le=99, strict=True)]
"""Counts the infusions, or the adverse events, of one participant."""

Seriousness = Literal[
    "death", "life-threatening", "hospitalisation", "disability", "congenital anomaly", "medically important"
]
"""Why an adverse event is serious (ICH E2A)."""

Relatedness = Literal["definite", "probable", "possible", "unlikely", "unrelated", "not assessable"]
"""How an adverse event relates to the infusions."""

Action = Literal["none", "slowed", "interrupted", "next infusion delayed", "next infusion omitted", "withdrawn"]
"""What was done with the infusions because of an adverse event."""

Outcome = Literal["recovered", "recovering", "not recovered", "recovered with sequelae", "fatal", "unknown"]
"""How an adverse event ended, or stands."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> object:
    """Take a date, or a text like 2026-03-01; a time, a number of seconds or another form could be another day."""
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if not is_day and not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise RecordError(repr(value)[:80], _("a date like 2026-03-01"))
    return value


Day = Annotated[date, BeforeValidator(_day)]

YesNo = Annotated[bool, Field(strict=True)]
"""True or false, and no word or number in place of it."""

Waited = Literal["places", "enrolled", "in DLT window", "assessment missing"]
"""What a recommendation can wait for: free places of the cohort, or participants by their progress."""


class DatedEvent(Record):
    """The base of most kinds: the day on which it took place, which is not the time of its recording."""

    free: ClassVar[tuple[str, ...]] = ()
    """Names of the fields with free text."""
    on: Day


class Sparse(Record):
    """The base of kinds with fields that are recorded only if they are known."""

    sparse: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that are left out of the entry while they hold nothing."""

    @model_serializer(mode="wrap")
    def _as_known(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {name for name in self.sparse if getattr(self, name) is None}
        return {name: value for name, value in plain(self).items() if name not in absent}


class OfParticipant(DatedEvent):
    """The base of the events of one participant."""

    participant: StudyId


class Screened(OfParticipant):
    """Was screened for eligibility; the whole result is kept, to explain it without computing it again."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # refused when recorded; the default would record null
    kind: Literal["screened"] = "screened"
    phase: Phase
    overall: Literal["ineligible", "possibly eligible", "eligible so far"]
    result: dict[str, Any] = Field(default_factory=dict)
    """Anything JSON can hold: facts by id, verdicts by criterion, the chosen readings, the hash of the rules."""


class Consented(OfParticipant):
    """Signed the informed consent."""

    kind: Literal["consented"] = "consented"


class Enrolled(Sparse, OfParticipant):
    """Entered the trial, on a regimen."""

    kind: Literal["enrolled"] = "enrolled"
    sparse = ("phase",)
    regimen: Regimen
    phase: Phase | None = None
    """The phase of the trial; older entries have none and are of the first."""


class TherapyStarted(OfParticipant):
    """Began the therapy that the treatment of the trial accompanies."""

    kind: Literal["therapy_started"] = "therapy_started"


class Infused(Sparse, OfParticipant):
    """Received an infusion; the first has number 1."""

    kind: Literal["infused"] = "infused"
    sparse = ("lot", "cells", "viability", "volume_ml", "started", "stopped")
    number: Number
    lot: Lot | None = None
    cells: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Cells given, in 10^6 per kilogram."""
    viability: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of living cells, 0 to 1."""
    volume_ml: Annotated[float, Field(gt=0, le=10000)] | None = None
    started: TimeOfDay | None = None
    stopped: TimeOfDay | None = None
    """On the same day, or after midnight if it is the earlier time."""


class TreatmentEnded(OfParticipant):
    """Ended the treatment period, after the last infusion that is given."""

    kind: Literal["treatment_ended"] = "treatment_ended"


class DltAssessed(OfParticipant):
    """Was assessed for dose-limiting toxicity; `on` is the day of the toxicity, or of the assessment without one."""

    kind: Literal["dlt_assessed"] = "dlt_assessed"
    dlt: YesNo
    code: Code | None = None
    grade: Grade | None = None


class Response(OfParticipant):
    """Responded to the treatment; the category is one of the trial's own list."""

    kind: Literal["response"] = "response"
    category: Code


class Recovery(OfParticipant):
    """The blood count of one lineage recovered on that day, as the record of the trial defines recovery."""

    kind: Literal["recovery"] = "recovery"
    lineage: Lineage


class Count(Sparse):
    """One count of a draw, as the laboratory reports it."""

    sparse = ("normal_limit",)
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    unit: Unit
    normal_limit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The laboratory's lower limit of normal, in the same unit."""


class BloodCount(OfParticipant):
    """Had blood drawn: one draw, with a count of each analyte that was reported."""

    kind: Literal["blood_count"] = "blood_count"
    counts: Annotated[dict[Lineage, Count], Field(min_length=1)]
    """By the id of the analyte, such as ``neutrophils``."""


class Received(OfParticipant):
    """Received a transfusion or a growth factor, or, as ``nothing``, neither until that day."""

    kind: Literal["given"] = "given"
    what: Product


class AdverseEvent(Sparse, OfParticipant):
    """Had an adverse event; `on` is the day of its onset. The first of a participant has number 1."""

    kind: Literal["adverse_event"] = "adverse_event"
    sparse = ("end", "expected", "dlt", "known_on")
    number: Number
    term: Code
    """A term of CTCAE by its id, or a MedDRA code that the site supplies."""
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]\.[0-9]$")]
    """The version of CTCAE by which it is graded."""
    grade: Grade
    end: Day | None = None
    """Its last day; None while it lasts."""
    why_serious: tuple[Seriousness, ...] = ()
    """Empty for an event that is not serious."""
    relatedness: Relatedness
    action: Action
    outcome: Outcome
    expected: YesNo | None = None
    """Whether the investigator's brochure lists it; None if that was not judged."""
    dlt: YesNo | None = None
    """Whether it is dose-limiting; None if that was not judged."""
    known_on: Day | None = None
    """The day on which the sponsor first knew of it."""


class AdverseEventFollowed(Sparse, OfParticipant):
    """An adverse event, by its number, changed or was judged anew on that day; what is left out stays."""

    kind: Literal["adverse_event_followed"] = "adverse_event_followed"
    sparse = (
        *("grade", "end", "why_serious", "relatedness", "action", "outcome", "expected", "dlt"),
        *("known_on", "reported_on", "completed_on"),
    )
    number: Number
    grade: Grade | None = None
    end: Day | None = None
    why_serious: tuple[Seriousness, ...] | None = None
    relatedness: Relatedness | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    expected: YesNo | None = None
    dlt: YesNo | None = None
    known_on: Day | None = None
    reported_on: Day | None = None
    """The day on which the sponsor sent the first report of it."""
    completed_on: Day | None = None
    """The day on which the sponsor sent the report that completes the first one."""


class Relapsed(OfParticipant):
    """The disease came back or progressed."""

    kind: Literal["relapsed"] = "relapsed"


class VisitRecorded(OfParticipant):
    """A visit took place, or was missed; `on` is then the day on which this was found."""

    kind: Literal["visit"] = "visit"
    visit: VisitId
    done: YesNo = True


class Withdrawn(OfParticipant):
    """Left the trial."""

    kind: Literal["withdrawn"] = "withdrawn"
    cause: Cause


class Decision(DatedEvent):
    """The committee chose the next regimen; None means that enrolment stops.

    Exactly one of `recommended` and `waits_for` is given and recorded: the design had a recommendation, or had none.
    """

    kind: Literal["decision"] = "decision"
    free = ("why", "decided_by")
    recommended: Regimen | None = None
    """The recommendation of the design on that day, None to stop; left out if there was none."""
    waits_for: dict[Waited, Annotated[int, Field(ge=1, strict=True)]] | None = None
    """What the recommendation waited for, with counts; empty if enrolment was stopped."""
    chosen: Regimen | None
    why: Words
    decided_by: Words
    """A role or a body, such as the steering committee."""

    @model_validator(mode="after")
    def _recommended_or_not(self) -> Self:
        if ("recommended" in self.model_fields_set) == (self.waits_for is not None):
            both = self.waits_for is not None
            raise RecordError(
                _("a recommendation and what it waited for")
                if both
                else _("no recommendation and nothing it waited for"),
                _("either {recommended}, or {waits_for} if the design recommended none").format(
                    recommended="recommended", waits_for="waits_for"
                ),
            )
        return self

    @model_serializer(mode="wrap")
    def _as_recorded(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = "waits_for" if self.waits_for is None else "recommended"
        return {name: value for name, value in plain(self).items() if name != absent}


class RegimenDeclared(DatedEvent):
    """The committee declared the recommended regimen of a phase, which ends the escalation."""

    kind: Literal["regimen_declared"] = "regimen_declared"
    free = ("why", "decided_by")
    phase: Phase
    """The phase in which the regimen will be given."""
    regimen: Regimen
    advised: Regimen | None
    """What the design advised on that day, None if it advised none."""
    why: Words
    decided_by: Words
    """A role or a body, such as the steering committee."""


class Note(DatedEvent):
    """A remark; it changes no figure."""

    kind: Literal["note"] = "note"
    free = ("text",)
    participant: StudyId | None = None
    text: Words


Correctable = (
    Screened
    | Consented
    | Enrolled
    | TherapyStarted
    | Infused
    | TreatmentEnded
    | DltAssessed
    | Response
    | Recovery
    | BloodCount
    | Received
    | AdverseEvent
    | AdverseEventFollowed
    | Relapsed
    | VisitRecorded
    | Withdrawn
    | Decision
    | RegimenDeclared
    | Note
)


class Correction(Record):
    """Replaces or removes an event recorded earlier. The old event stays in the log."""

    kind: Literal["correction"] = "correction"
    free: ClassVar[tuple[str, ...]] = ("why",)
    of: Annotated[int, Field(ge=1, strict=True)]
    """The sequence number of the entry."""
    hash: Hash
    """The hash of that entry: a correction applies only to the entry that its author saw."""
    participant: StudyId | None = None
    """The participant whose event is corrected; None for a decision or a note."""
    replacement: Annotated[Correctable, Field(discriminator="kind")] | None = None
    """The right event; None removes the event."""
    why: Words


Event = Correctable | Correction
"""Any event; ``kind`` says which."""

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def event(content: Mapping[str, Any]) -> Event:
    """Make an event from plain values (dates as dates or as ISO text), such as those of a form.

    Raises
    ------
    ProtocolError
        Naming the field that is missing or wrong.
    """
    try:
        return _EVENT.validate_python(dict(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or _("event")
        if first["type"] == "missing":
            raise ProtocolError(where, _("nothing"), _("this field, which is required")) from None
        raise refusal(where, first) from None


def content(happened: Event) -> dict[str, Any]:
    """Return an event as plain values that JSON can hold."""
    return happened.model_dump(mode="json")
