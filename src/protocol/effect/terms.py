"""Terms of adverse events: those of CTCAE by their ids; the list is data (``terms.toml``)."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from protocol.effect.checks import one_of
from protocol.effect.grades import versions
from protocol.records import ProtocolError
from protocol.translation import _, list_of

_MEDDRA = re.compile(r"MedDRA:[0-9]{8}")


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes
    ----------
    label : str
        As CTCAE writes it.
    body_system : str
        The class of terms to which it belongs.
    versions : tuple of str
        The versions of CTCAE that have it.
    highest : int
        The highest grade that exists.
    """

    label: str
    body_system: str
    versions: tuple[str, ...]
    highest: int = 5


@cache
def _terms() -> dict[str, Term]:
    content = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
    every = tuple(versions())
    return {
        name: Term(
            one["label"], content["classes"][one["class"]], tuple(one.get("versions", every)), one.get("highest", 5)
        )
        for name, one in content["terms"].items()
    }


def event_terms(version: str | None = None) -> dict[str, Term]:
    """Return the terms of a version of CTCAE, or of all versions, by their ids and in the order of the classes.

    Raises
    ------
    ProtocolError
        When there is no such version.
    """
    if version is not None:
        one_of(version, versions(), _("version of CTCAE"))
    return {name: one for name, one in _terms().items() if version is None or version in one.versions}


def term_label(term: str) -> str:
    """Return a term as CTCAE writes it; a MedDRA code, or one that is not listed, stays as it is."""
    known = _terms().get(term)
    return _(known.label) if known else term


def refuse_term(term: str, version: str, grade: int | None) -> None:
    """Raise unless a version of CTCAE has a term, and the term has the grade; a MedDRA code is not looked up.

    Raises
    ------
    ProtocolError
        Saying what the version has instead.
    """
    one_of(version, versions(), _("version of CTCAE"))
    if _MEDDRA.fullmatch(term):
        return
    known = _terms().get(term)
    where = _("term")
    if known is None:
        raise ProtocolError(where, repr(term)[:80], _("an id of the list of terms, or MedDRA: and eight digits"))
    if version not in known.versions:
        found = _("{label}, which CTCAE {version} does not have").format(label=_(known.label), version=version)
        write = _("a term of its own; this one is of {versions}").format(versions=list_of(known.versions))
        raise ProtocolError(where, found, write)
    if grade is not None and grade > known.highest:
        found = _("grade {grade} of {label}").format(grade=grade, label=_(known.label))
        raise ProtocolError(_("grade"), found, _("a grade up to {highest}").format(highest=known.highest))
