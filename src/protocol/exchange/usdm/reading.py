"""The schedule and the criteria of a USDM study.

A window in USDM is two non-negative durations: how long before and how long after the planned time a visit may be
(``windowLower``, ``windowUpper``). Files in the wild write it in two other ways as well, which are told apart:

- *negative*: ``-P3D`` to ``P3D``, the bounds with their signs, though the standard allows no sign;
- *absolute*: ``P12D`` to ``P15D`` around a planned ``P14D``, the bounds counted from the same start. Two positive
  durations can be meant either way, so this form is read only when the reader says so, and what could be meant so is
  noted.
"""

import re
from dataclasses import dataclass
from html import unescape
from typing import Literal

import pandas as pd

from protocol.exchange.foreign import Place, read_json
from protocol.records import ProtocolError

Bounds = Literal["around", "from the start"]
_DURATION = re.compile(
    r"([+-]?)P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
_DAYS = (None, None, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)  # a year and a month have no fixed length
SCHEDULE = (
    "timeline", "timing", "label", "instance", "relative_to", "direction", "value", "target_days", "elapsed_days",
    "before_days", "after_days", "form", "opens_days", "closes_days", "description", "note",
)  # fmt: skip


def study(content: bytes, name: str = "study") -> Place:
    """Read a USDM file of version 3 or 4.

    Raises
    ------
    ProtocolError
        For what is not JSON, not USDM, or has no study design.
    """
    root = read_json(content, name)
    version = root.at("usdmVersion").text()
    if not version.startswith(("3.", "4.")):
        raise ProtocolError(f"{name}, usdmVersion", repr(root.value.get("usdmVersion")), "a USDM file of version 4")
    if not _designs(root):
        raise ProtocolError(f"{name}, study.versions", "no study design", "a study with at least one design")
    return root


def days(place: Place) -> float | None:
    """Return a duration in days, negative with a minus; None for years and months, whose length depends on the date.

    Raises
    ------
    ProtocolError
        When the text is no ISO 8601 duration.
    """
    match = _DURATION.fullmatch(place.text())
    if match is None or not any(match.groups()[1:]):
        raise ProtocolError(place.path, f"{place.value!r}", "an ISO 8601 duration such as P7D")
    parts = [(int(number), unit) for number, unit in zip(match.groups()[1:], _DAYS, strict=True) if number]
    if any(unit is None and number for number, unit in parts):
        return None
    total = sum(number * (unit or 0) for number, unit in parts)
    return -total if match[1] == "-" else total


def schedule(root: Place, bounds: Bounds = "around") -> pd.DataFrame:
    """List every timing of a study with its window in days.

    Parameters
    ----------
    root : Place
        What :func:`study` returned.
    bounds : {"around", "from the start"}
        What a window's durations are counted from: the planned time (the standard), or the same start as it.

    Returns
    -------
    pandas.DataFrame
        One row a timing: ``timeline``, ``timing``, ``label``, ``instance`` and ``relative_to`` (names),
        ``direction`` (Before, After, Fixed Reference), ``value`` (ISO 8601), ``target_days`` (signed, from
        ``relative_to``), ``elapsed_days`` (signed, from the fixed reference at the end of its chain),
        ``before_days`` and ``after_days`` (the window), ``form`` (relative, negative, absolute, empty without a
        window), ``opens_days`` and ``closes_days`` (elapsed), ``description``, ``note``. Days are floats; NaN when
        unknown or when they depend on the length of a month.

    Raises
    ------
    ProtocolError
        Naming the timing: for an unknown instance, timings in a circle, an unreadable duration, half a window, or
        bounds that do not hold the planned time.
    """
    rows = [row for line in _timelines(root) for row in _Timeline(line, bounds).rows()]
    return pd.DataFrame(rows, columns=list(SCHEDULE))


def criteria(root: Place) -> pd.DataFrame:
    """List a study's criteria.

    Returns
    -------
    pandas.DataFrame
        ``id`` (I1, E1 and so on, by order), ``kind`` (inclusion or exclusion), ``identifier``, ``name``, ``text``
        (as it stands, with its markup) and ``plain`` (without; a reference stands in square brackets by its name).
    """
    items = {
        item.at("id").text(): item
        for version in root.at("study", "versions").each()
        for item in version.at("eligibilityCriterionItems").each()
    }
    rows: list[dict[str, str]] = []
    for entry in (entry for design in _designs(root) for entry in design.at("eligibilityCriteria").each()):
        reference = entry.at("criterionItemId")
        if reference.text() not in items:
            raise ProtocolError(reference.path, f"{reference.value!r}", "the id of a criterion item in the same file")
        category = entry.at("category", "decode").text().lower()
        kind = "exclusion" if category.startswith("exclusion") else "inclusion"
        number = sum(row["kind"] == kind for row in rows) + 1
        text = items[reference.text()].at("text").text()
        rows.append({"id": f"{kind[0].upper()}{number}", "kind": kind, "identifier": entry.at("identifier").text(),
                     "name": entry.at("name").text(), "text": text, "plain": _plain(text)})  # fmt: skip
    return pd.DataFrame(rows, columns=["id", "kind", "identifier", "name", "text", "plain"])


def _plain(text: str) -> str:
    named = re.sub(r'<usdm:(?:tag|ref)\b[^>]*?\bname="([^"]*)"[^>]*/?>(?:</usdm:(?:tag|ref)>)?', r"[\1]", text)
    broken = re.sub(r"</?(?:p|ul|ol|li|br|div|tr)\b[^>]*>", "\n", named)
    lines = [" ".join(line.split()) for line in unescape(re.sub(r"<[^>]+>", "", broken)).splitlines()]
    return "\n".join(line for line in lines if line)


def _designs(root: Place) -> list[Place]:
    versions = root.at("study", "versions").each()
    return [design for version in versions for design in version.at("studyDesigns").each()]


def _timelines(root: Place) -> list[Place]:
    return [line for design in _designs(root) for line in design.at("scheduleTimelines").each()]


@dataclass(frozen=True)
class _Timeline:
    place: Place
    bounds: Bounds

    @property
    def timings(self) -> dict[str, Place]:
        """The timings by the instance they place."""
        return {one.at("relativeFromScheduledInstanceId").text(): one for one in self.place.at("timings").each()}

    @property
    def names(self) -> dict[str, str]:
        return {one.at("id").text(): one.at("name").text() for one in self.place.at("instances").each()}

    def rows(self) -> list[dict[str, object]]:
        timings, names = self.timings, self.names
        return [self._row(one, timings, names) for one in self.place.at("timings").each()]

    def _row(self, one: Place, timings: dict[str, Place], names: dict[str, str]) -> dict[str, object]:
        start, base = (self._instance(one, key, names) for key in ("relativeFromScheduledInstanceId",
                                                                   "relativeToScheduledInstanceId"))  # fmt: skip
        target = _signed(one)
        before, after, form, note = _window(one, target, self.bounds)
        elapsed = self._elapsed(start, timings)
        return {
            "timeline": self.place.at("name").text(), "timing": one.at("name").text(),
            "label": one.at("label").text(), "instance": names[start], "relative_to": names[base or start],
            "direction": one.at("type", "decode").text(), "value": one.at("value").text(), "target_days": target,
            "elapsed_days": elapsed, "before_days": before, "after_days": after, "form": form,
            "opens_days": None if elapsed is None or before is None else elapsed - before,
            "closes_days": None if elapsed is None or after is None else elapsed + after,
            "description": one.at("description").text(), "note": note,
        }  # fmt: skip

    def _instance(self, one: Place, key: str, names: dict[str, str]) -> str:
        name = one.at(key).text()
        if name not in names and not (not name and key.startswith("relativeTo") and _is_fixed(one)):
            raise ProtocolError(one.at(key).path, f"{one.at(key).value!r}", "the id of an instance of this timeline")
        return name

    def _elapsed(self, instance: str, timings: dict[str, Place]) -> float | None:
        """Add up the offsets to the fixed reference; None when one has no fixed length or nothing places it."""
        total, path = 0.0, [instance]
        while instance in timings and not _is_fixed(timings[instance]):
            step = _signed(timings[instance])
            if step is None:
                return None
            total += step
            instance = timings[instance].at("relativeToScheduledInstanceId").text()
            if instance in path:
                raise ProtocolError(timings[instance].path, " → ".join([*path, instance]), "timings without a circle")
            path.append(instance)
        return total if instance in timings else None


def _is_fixed(one: Place) -> bool:
    return one.at("type", "decode").text().startswith("Fixed Reference")


def _signed(one: Place) -> float | None:
    """The planned distance in days. A fixed reference is where counting starts, whatever its value says."""
    length = days(one.at("value"))
    if _is_fixed(one):
        return 0.0
    return -length if length is not None and one.at("type", "decode").text().startswith("Before") else length


def _window(one: Place, target: float | None, bounds: Bounds) -> tuple[float | None, float | None, str, str]:
    """Return days before, days after, the form, and what should be looked at."""
    lower, upper = one.at("windowLower"), one.at("windowUpper")
    label = one.at("windowLabel").text()
    if not lower.text() and not upper.text():
        return None, None, "", f"the window stands in the label only: {label}" if label else ""
    if not lower.text() or not upper.text():
        missing = lower if upper.text() else upper
        raise ProtocolError(missing.path, "half a window", "both windowLower and windowUpper, or neither")
    first, last = days(lower), days(upper)
    if first is None or last is None:
        return None, None, "relative", "the window is in months, whose length depends on the date"
    if first < 0 or lower.text().startswith("-"):
        return _ordered(
            one, -first, last, "negative", "the lower bound has a sign, which the standard does not allow"
        )
    planned = abs(target) if target is not None else None
    inside = planned is not None and first <= planned <= last
    if bounds == "from the start":
        if planned is None or not inside:
            found = f"{lower.text()} to {upper.text()} around {one.at('value').text()}"
            raise ProtocolError(one.path, found, "bounds that hold the planned time, or read them as around it")
        early, late = planned - first, last - planned
        return _ordered(one, *((late, early) if (target or 0) < 0 else (early, late)), "absolute", "")
    note = "could also be meant from the start" if inside and 0 < first < last else ""
    return _ordered(one, first, last, "relative", note)


def _ordered(one: Place, before: float, after: float, form: str, note: str) -> tuple[float, float, str, str]:
    if before + after < 0:
        raise ProtocolError(
            f"{one.path}.windowLower", "a window that ends before it begins", "the earlier bound first"
        )
    return before, after, form, note
