"""CTCAE grades of blood counts, many at once; the criteria of each version are data (``ctcae.toml``)."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.effect.checks import Floats, floats, one_of
from protocol.effect.counts import converted, is_below, read_counts, units
from protocol.records import ProtocolError
from protocol.translation import _, list_of

UNKNOWN = -1
"""In place of a grade: it cannot be known. 0 is no grade: the count is not decreased."""

Grade = NDArray[np.int8]

KNOWN, NO_COUNT, NO_NORMAL_LIMIT, NO_TERM = range(4)  # why a grade is unknown


@cache
def _criteria() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("ctcae.toml").read_text(encoding="utf-8"))


def versions() -> dict[str, str]:
    """Return the sources of all versions of CTCAE that are kept here, by their number."""
    return {name: str(one["source"]) for name, one in _criteria()["versions"].items()}


def graded_terms(version: str) -> tuple[str, ...]:
    """Return the terms that a count alone can be graded by in that version.

    Raises
    ------
    ProtocolError
        When there is no such version.
    """
    version = one_of(version, versions(), _("version of CTCAE"))
    return tuple(one["term"] for one in _criteria()["terms"] if one["version"] == version)


def grade_limits(analyte: str, version: str) -> tuple[str, list[tuple[float, int]]]:
    """Return the term that grades an analyte in a version, and its fixed limits in the first unit of :func:`units`.

    Returns
    -------
    term : str
        Empty if the version has no term for it.
    limits : list of (float, int)
        Each limit with the grade of a count below it, the mildest first.

    Raises
    ------
    ProtocolError
        When it is not counted here, or there is no such version.
    """
    unit = units(analyte)[0]
    version = one_of(version, versions(), _("version of CTCAE"))
    for rule in _criteria()["terms"]:
        if (rule["version"], rule["analyte"]) == (version, analyte):
            return str(rule["term"]), _limits(rule, unit)
    return "", []


@dataclass(frozen=True, eq=False)
class Grades:
    """Grades with the term and the version they belong to.

    Parameters
    ----------
    term, version : str
        Term and number of the version, such as ``"5.0"``.
    grade : ndarray of int8
        1 to 5; 0 is no grade, and :data:`UNKNOWN` cannot be known.
    why : ndarray of int8, of the same shape
        Why a grade is unknown, as a place in :meth:`reasons`; 0 where it is known.
    """

    term: str
    version: str
    grade: Grade
    why: Grade

    def reasons(self) -> tuple[str, ...]:
        """Return the words for every value of ``why``."""
        no_term = _("{} is no term of CTCAE {}, which grades counts by: {}")
        return (
            "",
            _("no count"),
            _("the laboratory's lower limit of normal is not given"),
            no_term.format(self.term, self.version, list_of(graded_terms(self.version))),
        )

    def table(self) -> pd.DataFrame:
        """Tabulate the grades: grade (missing where it is unknown), version, term, why."""
        grade = pd.array(self.grade.ravel().astype(np.int64), dtype="Int64")
        grade[self.grade.ravel() == UNKNOWN] = pd.NA
        why = np.array(self.reasons())[self.why.ravel()]
        return pd.DataFrame({"grade": grade, "version": self.version, "term": self.term, "why": why})


def grade(
    term: str,
    values: ArrayLike,
    unit: str | None,
    *,
    version: str,
    normal_limit: ArrayLike | None = None,
    transfusion_indicated: ArrayLike | None = None,
) -> Grades:
    """Grade counts by a term of a version of CTCAE.

    A count is compared as it was reported, unrounded; a count on a limit does not lie below it. Counts are not graded
    against baseline. A count that lies below no fixed limit has grade 1 below the laboratory's lower limit of
    normal and no grade at or above it; without that limit its grade is unknown. Where the lower limit of normal lies
    below a fixed limit, the fixed limit decides.

    Parameters
    ----------
    term : str
        As CTCAE writes it, such as ``"Neutrophil count decreased"``.
    values : array_like of float, any shape
        Counts in `unit`; NaN or None is no count.
    unit : str
        The unit the counts were reported in, such as ``"10^9/L"``, ``"/mm3"`` or ``"g/dL"``.
    version : str
        ``"5.0"`` or ``"6.0"``.
    normal_limit : array_like of float, optional
        Lower limit of normal of the laboratory, in `unit`, above 0; one for all or for each count; NaN if unknown.
    transfusion_indicated : array_like of bool, optional
        Marks, one for each count, that a transfusion is indicated; it alone gives grade 3 of some terms.

    Returns
    -------
    Grades
        All unknown where the version has no such term.

    Raises
    ------
    ProtocolError
        For a term of no version, an unknown version, a count without a unit or that cannot be one in this unit.

    Notes
    -----
    CTCAE prints the limits of haemoglobin in mmol/L as 6.2 and 4.9, which are not 100 and 80 g/L; a count in mmol/L
    is compared with the printed ones.
    """
    version = one_of(version, versions(), _("version of CTCAE"))
    every = {(one["version"], one["term"]): one for one in _criteria()["terms"]}
    one_of(term, dict.fromkeys(name for _version, name in every), _("term"))
    named = next(one for (_version, name), one in every.items() if name == term)
    found, unit = read_counts(values, named["analyte"], unit)
    limits = _normal_limits(normal_limit, found.shape)
    rule = every.get((version, term))
    why = np.zeros(found.shape, np.int8)
    if rule is None:
        why[...] = NO_TERM
        return Grades(term, version, np.full(found.shape, UNKNOWN, np.int8), why)
    grades = np.zeros(found.shape, np.int8)
    if rule["normal_limit"]:
        why[np.isnan(limits)] = NO_NORMAL_LIMIT
        grades[np.isnan(limits)] = UNKNOWN
        grades[is_below(found, limits)] = 1
    for limit, its_grade in _limits(rule, unit):
        lower = is_below(found, limit)
        grades[lower], why[lower] = its_grade, KNOWN
    missing = np.isnan(found)
    grades[missing], why[missing] = UNKNOWN, NO_COUNT
    if transfusion_indicated is not None and "transfusion" in rule:
        raised = _marks(transfusion_indicated, found.shape) & (grades < rule["transfusion"])
        grades[raised], why[raised] = rule["transfusion"], KNOWN
    return Grades(term, version, grades, why)


def _limits(rule: dict[str, Any], unit: str) -> list[tuple[float, int]]:
    """Return the limits of a term in that unit, with the grade below each, the mildest first."""
    printed = rule.get("printed", {}).get(unit)
    if printed:
        return [(float(limit), its) for limit, (_other, its) in zip(printed, rule["below"], strict=True)]
    return [(converted(Decimal(limit), rule["analyte"], unit, of=rule["unit"]), its) for limit, its in rule["below"]]


def _normal_limits(values: ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    where, write = _("lower limit of normal"), _("a number above 0, one for all counts or one for each")
    found = floats(np.nan if values is None else values, where, write)
    if (found <= 0).any():
        raise ProtocolError(where, f"{np.nanmin(found):g}", write)
    try:
        return np.broadcast_to(found, shape)
    except ValueError:
        raise ProtocolError(where, _("{} of them for {} counts").format(found.shape, shape), write) from None


def _marks(values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.dtype.kind != "b" or array.shape not in {(), shape}:
        found = _("{} of shape {}").format(array.dtype, array.shape)
        raise ProtocolError(_("transfusion indicated"), found, _("True or False, one for each count"))
    return np.broadcast_to(array, shape)


def febrile_neutropenia(
    neutrophils: ArrayLike, unit: str | None, temperature: ArrayLike, minutes: ArrayLike, *, version: str
) -> Grade:
    """Return the lowest grade of febrile neutropenia that follows from count and temperature.

    Neutrophils are below 1.0 x 10^9/L, and one reading is above 38.3 degrees Celsius or the temperature was 38.0 or
    more for more than one hour. Grades 4 and 5 are clinical.

    Parameters
    ----------
    neutrophils : array_like of float, shape (N,)
        Counts in `unit`; NaN or None is no count.
    unit : str
    temperature : array_like of float, shape (N,)
        Highest reading in degrees Celsius; NaN or None is no reading.
    minutes : array_like of float, shape (N,)
        Longest time at 38.0 degrees Celsius or more; NaN or None is not known.
    version : str
        ``"5.0"`` or ``"6.0"``; both say the same.

    Returns
    -------
    ndarray of int8, shape (N,)
        3, 0 for none, or :data:`UNKNOWN`.

    Raises
    ------
    ProtocolError
        For a count without a unit, a temperature that is none of a person in degrees Celsius, a negative time, or a
        time at 38.0 or more though no reading was as high.
    """
    one_of(version, versions(), _("version of CTCAE"))
    rule = _criteria()["febrile_neutropenia"]
    found, unit = read_counts(neutrophils, "neutrophils", unit)
    where = _("temperature")
    high = floats(temperature, where, _("degrees Celsius"))
    time = floats(minutes, _("minutes of fever"), _("a number of 0 or more"))
    if not found.shape == high.shape == time.shape:
        raise ProtocolError(_("febrile neutropenia"), _("columns of different lengths"), _("one value each"))
    if ((high < COLDEST) | (high > HOTTEST)).any():
        raise ProtocolError(where, _("a reading outside {} to {}").format(COLDEST, HOTTEST), _("degrees Celsius"))
    if (time < 0).any() or ((time > 0) & (high < rule["sustained"])).any():
        write = _("0 or more minutes, and 0 where the highest reading is below {}").format(rule["sustained"])
        raise ProtocolError(_("minutes of fever"), _("a time that cannot be"), write)
    low = is_below(found, converted(Decimal(rule["limit"]), "neutrophils", unit, of=rule["unit"]))
    fever = (high > rule["one_reading"]) | (time > rule["minutes"])
    short = (time <= rule["minutes"]) | (high < rule["sustained"])
    no_fever = (high <= rule["one_reading"]) & short
    grades = np.full(found.shape, UNKNOWN, np.int8)
    grades[low & fever] = rule["grade"]
    grades[(~low & ~np.isnan(found)) | no_fever] = 0
    return grades


COLDEST, HOTTEST = 25.0, 45.0  # degrees Celsius; outside them a reading has another unit
