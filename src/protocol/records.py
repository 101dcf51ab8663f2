"""The base of all records of the protocol: frozen, validated, and with a source on every value."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails

from protocol.translation import _, alternatives, list_of, place_in, translated

Severity = Literal["high", "medium", "low"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

Phase = Text
"""A phase of the trial, as its eligibility record names it."""


def _origin(text: str) -> str:
    if not re.match(r"(registry|page|paper|standard): \S", text):
        raise RecordError(
            _("{found!r}, which names no origin").format(found=text),
            _("one like {examples}").format(examples=alternatives(['"registry: Exclusion 3"', '"paper: ..."'])),
        )
    return text


SourceText = Annotated[str, AfterValidator(_origin)]

_STUDY_ID = r"(?=.*[0-9])(?=.*[A-Z])[A-Z0-9][A-Z0-9-]{2,15}"

STUDY_ID = _("3 to 16 capitals, digits and hyphens, with a capital and a digit, such as W-017; no name and no space")
"""What a study id looks like, for messages."""


def is_study_id(text: str) -> bool:
    """Whether a text can be a study id: :data:`STUDY_ID`, so that no name is one."""
    return re.fullmatch(_STUDY_ID, text) is not None


def _study_id(text: str) -> str:
    if not is_study_id(text):
        raise RecordError(_("{found!r}, which is no study id").format(found=text[:40]), STUDY_ID)
    return text


StudyId = Annotated[str, AfterValidator(_study_id), WithJsonSchema({"type": "string", "pattern": f"^{_STUDY_ID}$"})]
"""How a record names a participant."""

T = TypeVar("T")

R = TypeVar("R", bound=BaseModel)


class ProtocolError(ValueError):
    """Input that the workbook cannot use. The message says where, what was found and what to write instead.

    Parameters
    ----------
    where : str
        File and place in it, or the field of a form.
    found : str
        What was found there.
    write : str
        What to write instead.
    """

    def __init__(self, where: str, found: str, write: str) -> None:
        super().__init__(_("{where}: found {found}; write {write}").format(where=where, found=found, write=write))
        self.where, self.found, self.write = where, found, write


class RecordError(ValueError):
    """What a validator of a record refuses; who reads the record adds where it stands.

    Parameters
    ----------
    found : str
        What was found.
    write : str
        What to write instead.
    """

    def __init__(self, found: str, write: str) -> None:
        super().__init__(_("{found}; write {write}").format(found=found, write=write))
        self.found, self.write = found, write


_ONE_WORD = 10
"""Characters of a cell that are shown in a message as they are."""

_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{8}|\d{1,2}-[A-Za-z]{3}-\d{2,4}"
)


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)([ T]\d\d:\d\d[\d:.+Z-]{0,20})")
"""A day with a time, which is shown."""


def outlined(text: str) -> str:
    """Return a cell for a message: one short word as it is, of anything else what it looks like.

    Longer text, Chinese words and dates may be a name, a number or a birthday of a person: each letter is A, a or 文,
    each digit 9.
    """
    is_name = re.search(r"[^\W\d]\s+[^\W\d]|[\u3400-\u9fff]{2}", text)
    if len(text) <= _ONE_WORD and not is_name and not _is_day(text.strip()):
        return text
    moment = _MOMENT.fullmatch(text)
    outline = "".join(map(_kind_of, (moment[1] if moment else text)[:40]))
    return outline + moment[2] if moment else outline


def outline_of(cell: object) -> str:
    """Return any value for a message: text in quotation marks and outlined, a number or a date outlined."""
    if isinstance(cell, str):
        return repr(outlined(cell))
    return (
        outlined(str(cell))
        if isinstance(cell, (int, float, date, Decimal))
        else _("a {type}").format(type=type(cell).__name__)
    )


def _is_day(text: str) -> bool:
    """Whether a text is a day; one that the calendar does not have, such as 2026-02-30, is none."""
    found = _DATE.fullmatch(text)
    if not found or not found[1]:
        return bool(found)
    try:
        return bool(date(*map(int, found.groups())))
    except ValueError:
        return False


def _kind_of(one: str) -> str:
    if one.isalpha():
        return "A" if one.isupper() else "a" if one.islower() else "文"
    return "9" if one.isdigit() else one


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return the fields to show, of long ones only how much they hold."""
        for name, value in super().__repr_args__():
            is_long = isinstance(value, (tuple, dict)) and len(value) > _SHOWN_ITEMS
            yield name, _Counted(len(value)) if is_long else value


_SHOWN_ITEMS = 3


class _Counted(int):
    """Stands for some items in the display of a record."""

    def __repr__(self) -> str:
        return f"<{int(self)} items>"


class Provenance(Record):
    """Where a value comes from: exactly one of a source or an assumption.

    ``source`` starts with ``registry:`` (the registry listing kept beside the record), ``page:`` (another public
    page), ``paper:`` or ``standard:``. ``assumption`` gives the reason why this default was chosen.
    """

    source: SourceText | None = None
    assumption: Text | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.assumption is None):
            ways = ('source = "registry: Exclusion 3"', 'assumption = "why this default"')
            raise RecordError(
                _("no origin") if self.source is None else _("two origins, a source and an assumption"),
                _("exactly one: {ways}").format(ways=alternatives(ways)),
            )
        return self

    @property
    def is_assumption(self) -> bool:
        """Whether the value is a default of the workbook and not from the protocol."""
        return self.assumption is not None

    @property
    def origin(self) -> str:
        """The source, or the reason of the assumption."""
        return self.source or self.assumption or ""


class Sourced(Provenance, Generic[T]):
    """One value with its origin."""

    value: T


TOPICS = {
    "eligibility": _("eligibility"),
    "escalation": _("escalation"),
    "followup": _("follow-up"),
    "effect": _("effect"),
    "sites": _("sites"),
}
"""The name of a topic that a question concerns, by its id."""


class Ambiguity(Record):
    """A place where the words of the registry allow more than one reading."""

    id: Annotated[str, StringConstraints(pattern=r"^A[0-9][0-9]$")]
    problem: Text
    default: Text
    alternatives: tuple[Text, ...] = ()
    severity: Severity
    concerns: tuple[str, ...] = Field(min_length=1)
    question: Text

    @property
    def about(self) -> tuple[str, ...]:
        """What it concerns in words: criteria by their ids, and topics of the workbook."""
        return tuple(TOPICS.get(name, name) for name in self.concerns)


def unique(items: Iterable[str], what: str) -> None:
    """Raise RecordError if an id of `what`, a translated noun, occurs twice."""
    seen: set[str] = set()
    for item in items:
        if item in seen:
            raise RecordError(
                _("duplicate {what} id {item!r}").format(what=what, item=item), _("a different id for one of them")
            )
        seen.add(item)


def read_record(path: Path, model: type[R]) -> R:
    """Read one TOML file into a record.

    Raises
    ------
    ProtocolError
        Naming the file, the place in it, what was found and what to write, if the file is missing, is not TOML
        or does not match the record.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise ProtocolError(
            str(path), _("no file that can be read"), _("a TOML file named {name}").format(name=path.name)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        found = _("text that is not TOML ({error})").format(error=_where_broken(error))
        raise ProtocolError(path.name, found, _("valid TOML in UTF-8")) from error
    try:
        return model.model_validate(translated(content))
    except ValidationError as error:
        raise _readable(path, content, error) from None


def _where_broken(error: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Return the place that a parser names; its reason is in English, whatever the reader's language."""
    if isinstance(error, UnicodeDecodeError):
        return _("byte {position} is not UTF-8").format(position=error.start + 1)
    place = re.search(r"at line (\d+), column (\d+)", str(error))
    return _("line {line}, column {column}").format(line=place[1], column=place[2]) if place else _("its end")


_SHOWN_PLACES = 5


def _readable(path: Path, content: dict[str, Any], error: ValidationError) -> ProtocolError:
    first, *others = error.errors(include_url=False)
    place = _place(content, first["loc"])
    one = refusal(place_in(path.name, place) if place else path.name, first)
    if not others:
        return one
    write = _("{write} ({count} more: {places})").format(
        write=one.write, count=len(others), places=_places(content, others)
    )
    return ProtocolError(one.where, one.found, write)


def refusal(where: str, error: ErrorDetails) -> ProtocolError:
    """Return what a validation found and what to write instead, in plain words of the present language."""
    kind, context = error["type"], error.get("ctx", {})
    match kind, context.get("error"):
        case _kind, RecordError() as reason:
            return ProtocolError(where, reason.found, reason.write)
        case _kind, ProtocolError() as reason:
            return ProtocolError(place_in(where, reason.where), reason.found, reason.write)
        case _kind, ValueError() as reason:
            return ProtocolError(where, repr(error["input"])[:80], str(reason))
        case "extra_forbidden", _reason:
            return ProtocolError(where, _("a key that is not known here"), _("one of the known keys or remove it"))
        case "missing", _reason:
            return ProtocolError(where, _("nothing"), _("this key, which is required"))
        case "union_tag_invalid", _reason:
            found = _("{key} is {value!r}").format(key=context["discriminator"].strip("'"), value=context["tag"][:80])
            return ProtocolError(where, found, _advice(kind, context))
    return ProtocolError(where, repr(error["input"])[:80], _advice(kind, context))


def _places(content: dict[str, Any], errors: Sequence[ErrorDetails]) -> str:
    """Return the places of further errors, the first of them if there are many."""
    places = list(dict.fromkeys(_place(content, error["loc"]) for error in errors))
    return list_of([*places[:_SHOWN_PLACES], *(["..."] if len(places) > _SHOWN_PLACES else [])])


_ID = r"^[a-z][a-z0-9_]*$"
"""The form of most ids."""


def _advice(kind: str, context: Mapping[str, Any]) -> str:
    """Return what to write instead of a value that the model of the record does not take."""
    match kind, context:
        case "less_than_equal", {"le": bound}:
            return _("a number up to {bound}").format(bound=bound)
        case "less_than", {"lt": bound}:
            return _("a number below {bound}").format(bound=bound)
        case "greater_than_equal", {"ge": bound}:
            return _("a number of {bound} or more").format(bound=bound)
        case "greater_than", {"gt": bound}:
            return _("a number above {bound}").format(bound=bound)
        case ("literal_error", {"expected": words}) | ("union_tag_invalid", {"expected_tags": words}):
            *some, last = re.split(r", | or ", words)
            names = _("{some} or {last}").format(some=list_of(some), last=last) if some else last
            return _("one of {words}").format(words=names)
        case "union_tag_not_found", {"discriminator": key}:
            return _("the key {key}").format(key=key)
        case "string_pattern_mismatch", {"pattern": pattern}:
            if pattern == _ID:
                return _("an id of lower-case letters, digits and _")
            return _("text of the form {pattern}").format(pattern=pattern)
        case "string_too_long", {"max_length": most}:
            return _("at most {most} characters").format(most=most)
        case "too_short", {"min_length": least}:
            return _("at least {least} of them").format(least=least)
        case "too_long", {"max_length": most}:
            return _("at most {most} of them").format(most=most)
    # what pydantic calls a value of another type: https://docs.pydantic.dev/latest/errors/validation_errors/
    if kind in ("date_parsing", "date_type", "date_from_datetime_parsing", "date_from_datetime_inexact"):
        return _("a date like 2026-03-01")
    if kind.startswith("int_"):
        return _("a whole number")
    types = {
        "string": _("some text"),
        "float": _("a number"),
        "finite": _("a number that is finite"),
        "bool": _("true or false"),
        "tuple": _("a list in square brackets"),
        "list": _("a list in square brackets"),
    }
    return types.get(kind.partition("_")[0], _("a table of keys with their values"))


def _place(content: Any, location: tuple[int | str, ...]) -> str:
    """Return a place in a TOML file, with ids instead of positions: ``criteria[E3].source``."""
    words: list[str] = []
    for step in location:
        content = _step(content, step)
        if isinstance(step, int):
            name = content.get("id", step + 1) if isinstance(content, dict) else step + 1
            words[-1:] = [f"{words[-1] if words else ''}[{name}]"]
        else:
            words.append(step)
    return ".".join(words)


def _step(content: Any, step: int | str) -> Any:
    try:
        return content[step]
    except (KeyError, IndexError, TypeError):
        return None
