"""The fields of what is observed in a participant: blood counts, what was given, adverse events, and the product."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

import ipywidgets as widgets

from protocol.conduct import ParticipantHistory
from protocol.display import typed
from protocol.effect import GIVEN, analytes, event_terms, read_counts, read_number, term_label, units
from protocol.pages.kit import Day, field, offer, row
from protocol.pages.trial_log.event_text import ACTIONS, OUTCOMES, RELATED, SERIOUS
from protocol.pages.trial_log.recorder import Incomplete, Problems
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial

NOT_JUDGED = (_("not judged"), None)


class Fields:
    """The fields of one kind of event beside the participant and the day.

    Attributes
    ----------
    controls : tuple of ipywidgets.Widget
    view : ipywidgets.VBox
    """

    def __init__(self, controls: tuple[Any, ...], *lines: Any) -> None:
        self.controls, self.view = controls, widgets.VBox(list(lines))

    def show(self, course: ParticipantHistory | None) -> None:
        """Offer what fits the participant."""

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what an entry said, for its correction."""
        raise NotImplementedError

    def read(self, course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the fields of the event.

        Raises
        ------
        Incomplete
            At the first field that cannot be used.
        """
        raise NotImplementedError

    def clear(self) -> None:
        """Take out what was recorded."""
        for control in self.controls:
            control.value = () if isinstance(control.value, tuple) else "" if isinstance(control.value, str) else None


def number_in(control: Any) -> float | None:
    """Return the number in a text field, None if it is empty.

    Raises
    ------
    Incomplete
        If it is no number written with a point.
    """
    text = typed(control.value).strip()
    if not text:
        return None
    try:
        return read_number(text, control.description)
    except ProtocolError as error:
        raise _at(control, error) from None


class CountFields(Fields):
    """One draw: a number, its unit and the lower limit of normal of each analyte. Units stay from draw to draw.

    Parameters
    ----------
    problems : Problems

    Attributes
    ----------
    values, in_units, limits : dict of str to ipywidgets.Widget
        By analyte.
    """

    def __init__(self, problems: Problems) -> None:
        self.values: dict[str, Any] = {}
        self.in_units: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        lines = []
        for name, label in analytes().items():
            self.values[name] = field(widgets.Text, _(label), width="short", placeholder=_("number"))
            self.in_units[name] = field(widgets.Dropdown, _("Unit"), width="short", options=units(name), value=None)
            self.limits[name] = field(widgets.Text, _("Lower limit of normal"), width="short")
            asked = {"value": self.values, "unit": self.in_units, "normal_limit": self.limits}
            places = (problems.at(one[name], f"blood_count.counts.{name}.{of}") for of, one in asked.items())
            lines.append(row(*places))
        every = (*self.values.values(), *self.in_units.values(), *self.limits.values())
        super().__init__(every, *lines)

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in the counts of a draw as they were reported."""
        for name, control in self.values.items():
            one = content["counts"].get(name, {})
            control.value, self.limits[name].value = _plain(one.get("value")), _plain(one.get("normal_limit"))
            _choose(self.in_units[name], one.get("unit"))

    def read(self, _course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the counts that are filled in."""
        counts = {}
        for name, control in self.values.items():
            value, limit = number_in(control), number_in(self.limits[name])
            if value is None:
                continue
            unit = self.in_units[name].value
            if unit is None:
                raise Incomplete(self.in_units[name], _("Choose the unit of {n:g}.").format(n=value))
            for number, at in ((value, control), (limit, self.limits[name])):
                _refuse(at, number, name, unit)
            counts[name] = {"value": value, "unit": unit} | ({} if limit is None else {"normal_limit": limit})
        if not counts:
            raise Incomplete(next(iter(self.values.values())), _("Write at least one count."))
        return {"counts": counts}

    def clear(self) -> None:
        """Take out the numbers; units and limits are those of the laboratory and stay."""
        for control in self.values.values():
            control.value = ""


def _refuse(control: Any, value: float | None, analyte: str, unit: str) -> None:
    if value is None:
        return
    try:
        read_counts([value], analyte, unit)
    except ProtocolError as error:
        raise _at(control, error) from None


def _at(control: Any, error: ProtocolError) -> Incomplete:
    """Return the error of a number as one that stands at its field."""
    return Incomplete(control, _("{found} cannot be: write {write}.").format(found=error.found, write=error.write))


class GivenFields(Fields):
    """What was given beside the infusions."""

    def __init__(self, problems: Problems) -> None:
        options = [(_(label), name) for name, label in GIVEN.items()]
        self.what = field(widgets.Dropdown, _("What was given"), options=options, value=None)
        super().__init__((self.what,), problems.at(self.what, "given.what"))

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what was given."""
        _choose(self.what, content["what"])

    def read(self, _course: ParticipantHistory | None) -> dict[str, Any]:
        """Return what was given."""
        if self.what.value is None:
            raise Incomplete(self.what, _("Choose what was given."))
        return {"what": self.what.value}


_OF_EVENT = ("end", "expected", "dlt", "known_on")
"""What may be known of an adverse event when it is recorded."""


class EventFields(Fields):
    """An adverse event, graded by the version of CTCAE that the record names.

    Parameters
    ----------
    trial : Trial
    problems : Problems
    """

    def __init__(self, trial: Trial, problems: Problems) -> None:
        self.version = trial.effect.ctcae.value if trial.effect else ""
        terms = [(_(one.label), name) for name, one in event_terms(self.version or None).items()]
        self.term = field(widgets.Dropdown, _("Term (CTCAE {version})").format(version=self.version), options=terms)
        self.grade = field(widgets.Dropdown, _("Grade"), options=[1, 2, 3, 4, 5], value=None, width="short")
        self.relatedness = _choice(_("Related to the infusions"), RELATED)
        self.action = _choice(_("Action with the infusions"), ACTIONS)
        self.outcome = _choice(_("Outcome of the event"), OUTCOMES)
        self.end = field(Day, _("Last day, if it has ended"))
        self.why_serious = _serious()
        self.expected = _judged(_("Expected by the investigator's brochure"))
        self.dlt = _judged(_("Dose-limiting"))
        self.known_on = field(Day, _("The sponsor knew on"))
        self.term.value = None
        names = ("term", "grade", "relatedness", "action", "outcome")
        asked = tuple(getattr(self, name) for name in names)
        more = (self.end, self.why_serious, self.expected, self.dlt, self.known_on)
        super().__init__(
            (*asked, *more),
            row(*(problems.at(one, f"adverse_event.{name}") for name, one in zip(names, asked, strict=True))),
            row(self.end, self.known_on),
            row(self.why_serious, self.expected, self.dlt),
        )
        self._asked = asked
        self._names = dict(zip(asked, ("term", "grade", "relatedness", "action", "outcome"), strict=True))

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what an entry says of an adverse event."""
        for control in self._asked:
            _choose(control, content[self._names[control]])
        self.why_serious.value = tuple(content["why_serious"])
        for name in _OF_EVENT:
            _put(getattr(self, name), content.get(name))

    def read(self, course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the adverse event, with the number that is next."""
        for control in self._asked:
            if control.value is None:
                raise Incomplete(control, _("Choose one."))
        values = {
            "number": len(course.adverse_events) + 1 if course else 1,
            "version": self.version,
            **{name: control.value for control, name in self._names.items()},
            "why_serious": list(self.why_serious.value),
        }
        optional = {name: getattr(self, name).value for name in _OF_EVENT}
        return values | {name: value for name, value in optional.items() if value is not None}


class FollowedFields(Fields):
    """What changed of an adverse event that is recorded; what is left open stays as it is."""

    def __init__(self, problems: Problems) -> None:
        stays = (_("as before"), None)
        self.number = field(widgets.Dropdown, _("Adverse event"), options=[])
        grades = [stays, *((str(grade), grade) for grade in range(1, 6))]
        self.grade = field(widgets.Dropdown, _("Grade from that day on"), options=grades, value=None)
        self.outcome = field(
            widgets.Dropdown, _("Outcome of the event"), options=[stays, *_pairs(OUTCOMES)], value=None
        )
        self.end = field(Day, _("Last day, if it has ended"))
        related = [stays, *_pairs(RELATED)]
        self.relatedness = field(widgets.Dropdown, _("Related to the infusions"), options=related, value=None)
        self.why_serious = _serious()
        self.expected = _judged(_("Expected by the investigator's brochure"))
        self.dlt = _judged(_("Dose-limiting"))
        self.known_on = field(Day, _("The sponsor knew on"))
        self.reported_on = field(Day, _("First report sent on"))
        self.completed_on = field(Day, _("Completed report sent on"))
        names = (
            "grade",
            "outcome",
            "end",
            "relatedness",
            "expected",
            "dlt",
            "known_on",
            "reported_on",
            "completed_on",
        )
        self._changed = {name: getattr(self, name) for name in names}
        super().__init__(
            (self.number, *self._changed.values(), self.why_serious),
            problems.at(self.number, "adverse_event_followed.number"),
            row(self.grade, self.outcome, self.end),
            row(self.relatedness, self.expected, self.dlt),
            row(*(problems.at(one) for one in (self.known_on, self.reported_on, self.completed_on))),
            self.why_serious,
        )

    def show(self, course: ParticipantHistory | None) -> None:
        """Offer the adverse events of the participant, the last one first."""
        events = [*(course.adverse_events.items() if course else ())][::-1]
        words = _("{number}: {term}, from {onset}")
        options = [
            (words.format(number=number, term=term_label(seen.term), onset=seen.onset), number)
            for number, seen in events
        ]
        offer(self.number, options)

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what an entry says that changed; its adverse event stays."""
        offer(self.number, [(str(content["number"]), content["number"])])
        self.number.value, self.number.disabled = content["number"], True
        for name, control in self._changed.items():
            _put(control, content.get(name))
        self.why_serious.value = tuple(content.get("why_serious", ()))

    def read(self, _course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the number and what changed."""
        if self.number.value is None:
            raise Incomplete(self.number, _("Choose the adverse event."))
        values = {name: control.value for name, control in self._changed.items() if control.value is not None}
        if self.why_serious.value:
            values["why_serious"] = list(self.why_serious.value)
        return {"number": self.number.value} | values


class ProductFields(Fields):
    """What is known of the product of an infusion; every field may stay empty."""

    def __init__(self, problems: Problems) -> None:
        self.lot = field(widgets.Text, _("Lot"), width="short")
        self.cells = field(widgets.Text, _("Cells given"), unit="10⁶/kg", width="short")
        self.viability = field(widgets.Text, _("Viability"), unit="%", width="short")
        self.volume_ml = field(widgets.Text, _("Volume"), unit="mL", width="short")
        self.started = field(widgets.Text, _("Infusion started at"), width="short", placeholder="09:30")
        self.stopped = field(widgets.Text, _("Infusion ended at"), width="short", placeholder="10:15")
        names = ("lot", "cells", "viability", "volume_ml", "started", "stopped")
        every = tuple(getattr(self, name) for name in names)
        places = (problems.at(one, f"infused.{name}") for name, one in zip(names, every, strict=True))
        super().__init__(every, row(*places))

    def put(self, content: Mapping[str, Any]) -> None:
        """Put in what is known of the product of an infusion."""
        viability = content.get("viability")
        self.viability.value = _plain(None if viability is None else round(100 * viability, 10))
        for name in ("lot", "started", "stopped"):
            getattr(self, name).value = content.get(name) or ""
        for name in ("cells", "volume_ml"):
            getattr(self, name).value = _plain(content.get(name))

    def read(self, course: ParticipantHistory | None) -> dict[str, Any]:
        """Return the number of the infusion and what is known of the product."""
        viability = number_in(self.viability)
        if viability is not None and not 0 <= viability <= 100:
            raise Incomplete(self.viability, _("Write a percentage from 0 to 100."))
        found: dict[str, Any] = {
            "lot": self.lot.value.strip().upper() or None,
            "cells": number_in(self.cells),
            "viability": None if viability is None else viability / 100,
            "volume_ml": number_in(self.volume_ml),
            "started": self.started.value.strip() or None,
            "stopped": self.stopped.value.strip() or None,
        }
        number = len(course.infusions) + 1 if course else 1
        return {"number": number} | {name: value for name, value in found.items() if value is not None}


def _plain(number: float | None) -> str:
    """Return a number as a person would write it into a field."""
    return "" if number is None else f"{number:.15g}"


def _choose(control: Any, value: Any) -> None:
    """Choose a value in a list, which an older entry or an import may have and the list not."""
    values = [one[1] if isinstance(one, tuple) else one for one in control.options]
    if value is not None and value not in values:
        control.options = [*control.options, (str(value), value) if control.options[0] != values[0] else value]
    control.value = value


def _put(control: Any, value: Any) -> None:
    """Put a value of an entry into a field: a day is text there."""
    control.value = date.fromisoformat(value) if isinstance(control, Day) and value else value


def _pairs(words: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(label, name) for name, label in words.items()]


def _choice(label: str, words: Mapping[str, str]) -> Any:
    return field(widgets.Dropdown, label, options=_pairs(words), value=None)


def _judged(label: str) -> Any:
    return field(widgets.Dropdown, label, options=[NOT_JUDGED, (_("yes"), True), (_("no"), False)], value=None)


def _serious() -> Any:
    words = _("Serious because of (none: not serious)")
    return field(widgets.SelectMultiple, words, options=_pairs(SERIOUS), rows=len(SERIOUS))


def makers_of(trial: Trial) -> dict[str, Callable[[Problems], Fields]]:
    """Return what makes the fields of each kind of observation that the record of the trial has a place for."""
    made: dict[str, Callable[[Problems], Fields]] = {"infused": ProductFields}
    if trial.states("effect"):
        made |= {
            "blood_count": CountFields,
            "given": GivenFields,
            "adverse_event": partial(EventFields, trial),
            "adverse_event_followed": FollowedFields,
        }
    return made


def fields_of(trial: Trial, problems: Problems) -> dict[str, Fields]:
    """Return the fields of each kind of observation that the record of the trial has a place for."""
    return {kind: make(problems) for kind, make in makers_of(trial).items()}
