"""The form for one participant: every fact of the record, grouped, each of them allowed to be unknown."""

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Any

import ipywidgets as widgets

from protocol.eligibility import Fact, expected
from protocol.eligibility.criteria import RECENCY_ANCHOR
from protocol.exchange.cohort_files import read_value
from protocol.records import ProtocolError
from protocol.translation import _


class FactsForm:
    """Fields by fact id; an empty field is an unknown fact. `sources` says where each fact came from."""

    def __init__(self, facts: tuple[Fact, ...], today: date) -> None:
        self.facts = {fact.id: fact for fact in facts}
        self.fields = {fact.id: field(fact) for fact in facts}
        self.sources: dict[str, str] = {}
        self.unusable: dict[str, str] = {}
        for widget in self.fields.values():
            widget.observe(self._entered, "value")
        if RECENCY_ANCHOR in self.fields:
            self.fields[RECENCY_ANCHOR].value = today.isoformat()
            self.sources[RECENCY_ANCHOR] = _("today")
        self.clear = widgets.Button(description=_("Empty the form"), icon="eraser")
        groups = [(name, list(members)) for name, members in groupby(facts, key=lambda fact: fact.group)]
        self.view = widgets.Accordion([self._group(members) for _name, members in groups], selected_index=0)
        self.view.titles = tuple(name for name, _members in groups)

    def read(self) -> tuple[dict[str, Any], list[ProtocolError]]:
        """Return the facts that are given, and a problem for every field that cannot be used."""
        facts, problems = {}, []
        for name, widget in self.fields.items():
            try:
                facts[name] = read_value(widget.value, self.facts[name])
            except ValueError:
                fact = self.facts[name]
                problems.append(ProtocolError(fact.label, f"{widget.value!r}"[:60], expected(fact)))
        return facts, problems

    def fill(
        self, facts: Mapping[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put facts into the form and remember where they came from; all others become unknown.

        `where` says it once for all of them or by fact; `unusable` are facts that were found and cannot be used,
        with the reason, until somebody enters them.
        """
        for name, widget in self.fields.items():
            value = facts.get(name)
            if isinstance(widget, widgets.Text) and value is not None:
                value = value.isoformat() if isinstance(value, date) else f"{value:.12g}"
            widget.value = "" if value is None else value
        known = [name for name, value in facts.items() if value is not None]
        self.sources = dict.fromkeys(known, where) if isinstance(where, str) else dict(where)
        self.unusable = dict(unusable or {})

    def _entered(self, change: dict[str, Any]) -> None:
        name = next(name for name, widget in self.fields.items() if widget is change["owner"])
        self.sources[name] = _("entered in the form")
        self.unusable.pop(name, None)

    def _group(self, members: list[Fact]) -> widgets.VBox:
        box = widgets.VBox([self.fields[fact.id] for fact in members])
        box.add_class("pw-form")
        return box


def field(fact: Fact) -> widgets.Widget:
    """Make the field of a fact."""
    label = f"{fact.label} ({fact.unit_label})" if fact.unit_label else fact.label
    settings = {"description": label, "tooltip": fact.help if fact.help else label}
    match fact.type:
        case "date":  # as text: a date picker shows the browser's own order of day and month
            return widgets.Text(placeholder="2026-03-01", continuous_update=False, **settings)
        case "yes_no":
            return widgets.Dropdown(options=[(_("unknown"), ""), (_("yes"), True), (_("no"), False)], **settings)
        case "choice":
            options = [(name, option) for option, name in fact.options.items()]
            return widgets.Dropdown(options=[(_("unknown"), ""), *options], **settings)
    hint = _("{low:g} to {high:g}").format(low=fact.minimum, high=fact.maximum)
    return widgets.Text(placeholder=hint, continuous_update=False, **settings)
