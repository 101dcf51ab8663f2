"""The base of all records of the protocol: frozen, validated, and with a source on every value."""

import re
import tomllib
from collections.abc import Iterable, Sequence
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

from protocol.translation import _, list_of, translated

Severity = Literal["high", "medium", "low"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

Phase = Text
"""A phase of the trial, as its eligibility record names it."""


def _origin(text: str) -> str:
    if not re.match(r"(registry|page|paper|standard): \S", text):
        raise ValueError(f'{text!r}, which names no origin; write one like "registry: Exclusion 3" or "paper: ..."')
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
        raise ValueError(_("{found!r} is no study id; write {write}").format(found=text[:40], write=STUDY_ID))
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
            found = "no origin" if self.source is None else "two origins, a source and an assumption"
            write = 'exactly one: source = "registry: Exclusion 3" or assumption = "why this default"'
            raise ValueError(f"{found}; write {write}")
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
    """Raise ValueError if an id of `what` occurs twice."""
    seen: set[str] = set()
    for item in items:
        if item in seen:
            raise ValueError(f"duplicate {what} id {item!r}; write a different id for one of them")
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
        raise ProtocolError(
            path.name, _("text that is not TOML ({error})").format(error=error), _("valid TOML in UTF-8")
        ) from None
    try:
        return model.model_validate(translated(content))
    except ValidationError as error:
        raise _readable(path, content, error) from None


_SHOWN_PLACES = 5


def _readable(path: Path, content: dict[str, Any], error: ValidationError) -> ProtocolError:
    first, *others = error.errors(include_url=False)
    where = ", ".join([path.name, *([place] if (place := _place(content, first["loc"])) else [])])
    message = first["msg"].removeprefix("Value error, ")
    found, _separator, write = message.partition("; write ")
    more = f" ({len(others)} more: {_places(content, others)})" if others else ""
    if first["type"] == "extra_forbidden":
        found, write = _("a key that is not known here"), "one of the known keys or remove it"
    elif first["type"] == "missing":
        found, write = _("nothing"), "this key, which is required"
    elif not write:
        found, write = f"{first['input']!r}"[:80], _advice(first["type"], first.get("ctx", {}), message)
    return ProtocolError(where, found, write + more)


def _places(content: dict[str, Any], errors: Sequence[ErrorDetails]) -> str:
    """Return the places of further errors, the first of them if there are many."""
    places = list(dict.fromkeys(_place(content, error["loc"]) for error in errors))
    return list_of([*places[:_SHOWN_PLACES], *(["..."] if len(places) > _SHOWN_PLACES else [])])


def _advice(kind: str, context: dict[str, Any], message: str) -> str:
    """Return what to write instead of a value of the wrong type, in plain words."""
    advice = {
        "string_pattern_mismatch": "lower-case letters, digits and _ for an id, or the form the others have",
        "literal_error": f"one of {context.get('expected')}",
        "too_short": f"at least {context.get('min_length')} of them",
        "string_too_short": "some text",
        "tuple_type": "a list in square brackets",
        "bool_type": "true or false",
        "date_from_datetime_parsing": "a date like 2026-03-01",
    }
    numbers = dict.fromkeys(("float_parsing", "int_parsing", "float_type", "int_type"), "a number")
    return (advice | numbers).get(kind, message[:1].lower() + message[1:])


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
