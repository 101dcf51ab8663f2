"""What the workbook promises, each with an id that tests and checks name (``requirements.toml``)."""

from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from protocol.records import Record, Text, read_record, unique
from protocol.translation import _


class Requirement(Record):
    """One promise of the workbook.

    Attributes
    ----------
    id : str
        Such as ``R-LOG-03``.
    text : str
        The promise, in one sentence.
    origin : str
        The rule it answers to, such as ``21 CFR 11.10(e)``; empty where the record or the house asks for it.
    vectors : tuple of str
        Files with reference values, below ``tests/vectors/``.
    twins : tuple of str
        Second implementations, modules of ``tests/twins/``.
    """

    id: Annotated[str, StringConstraints(pattern=r"^R-[A-Z]{2,5}-\d\d$")]
    text: Text
    origin: str = ""
    vectors: tuple[Text, ...] = ()
    twins: tuple[Text, ...] = ()


class _File(Record):
    requirements: tuple[Requirement, ...]

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        unique((one.id for one in self.requirements), _("requirement"))
        return self


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return every requirement, in the order of the file."""
    return read_record(Path(__file__).with_name("requirements.toml"), _File).requirements
