"""Record what happened to a participant: a visit, another event, or a correction of an entry."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import ParticipantHistory, event
from protocol.followup import timelines
from protocol.pages.followup.ledger_text import status_text, window_text
from protocol.pages.kit import Day, Text, details, field, joined, macros, offer, paragraph, row, section, strong
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import (
    CAUSES,
    KINDS,
    RESPONSES,
    TOXICITIES,
    event_text,
    recoveries_of,
)
from protocol.pages.trial_log.recorder import Days, Recorder, Wanted, day_in, refusal, sites_of
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import dates_of

PRESENT = ("overdue", "due", "open")
"""Statuses of visits that need action, the most urgent first; the first such visit is put in."""

ASKED = (*PRESENT, "missed", "not yet")
"""Statuses of visits that can be marked."""

OFFERED = (
    "consented",
    "therapy_started",
    "infused",
    "treatment_ended",
    "dlt_assessed",
    "recovery",
    "response",
    "withdrawn",
    "note",
)
"""Kinds of events of the second form."""


class ParticipantEventsPanel:
    """The participants one may see: visits, events and corrections.

    Attributes
    ----------
    participant : ipywidgets.Combobox
        The study id; a new one may be typed for a consent.
    visit, visited_on, done, missed
        The next visits, the day, and the two buttons.
    kind, on, site, detail, grade, words, happened
        Another event, and its button.
    wrong, action, right, why, correct
        A correction of one entry, and its button.
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk, self._ledgers, self._showing = desk, dict[str, pd.DataFrame](), False
        self.participant = field(widgets.Combobox, _("Participant"), placeholder=_("study id"))
        self.course = Text()

        self.visit = field(widgets.Dropdown, _("Visit"), options=[])
        self.visited_on = field(Day, _("Took place on"), value=today)
        form: tuple[Any, ...] = (self.participant, self.visit, self.visited_on)
        self.done = Recorder(desk, _("Done"), lambda: self._visit_event(done=True), self._visited, form)
        self.missed = Recorder(desk, _("Missed"), lambda: self._visit_event(done=False), self._visited, form)
        self.missed.record.button_style = ""

        options = [(KINDS[kind], kind) for kind in OFFERED if kind != "recovery" or recoveries_of(desk.trial)]
        self.kind = field(widgets.Dropdown, _("What happened"), options=options, value="infused")
        self.on = field(Day, _("On"), value=today)
        self.site = field(widgets.Dropdown, _("Site"), options=sites_of(desk))
        self.detail = field(widgets.Dropdown, _("Which"), options=[])
        self.grade = field(widgets.Dropdown, _("Grade"), options=[1, 2, 3, 4, 5], value=3, width="short")
        self.words = field(widgets.Textarea, _("Note"), rows=2, width="wide")
        form = (self.participant, self.kind, self.on, self.site, self.detail, self.grade, self.words)
        self.happened = Recorder(desk, _("Record it"), self._event, self._noted, form)

        self.wrong = field(widgets.Dropdown, _("Entry"), options=[], width="wide")
        actions = [(_("it was on another day"), "day"), (_("it did not happen"), "remove")]
        self.action = field(widgets.Dropdown, _("What is wrong"), options=actions)
        self.right = field(Day, _("The right day"), value=today)
        self.why = field(widgets.Text, _("Why"), width="wide")
        form = (self.participant, self.wrong, self.action, self.right, self.why)
        self.correct = Recorder(desk, _("Record the correction"), self._correction, self._corrected, form)

        self.view = self._arranged()
        self._days = Days(today, self.visited_on, self.on)
        self.participant.observe(self._choose, "value")
        self.kind.observe(self._ask, "value")
        self.wrong.observe(self._propose, "value")
        desk.on_change(self.refresh)
        self._ask()
        self.refresh()

    def _arranged(self) -> widgets.VBox:
        refused = refusal(self._desk)
        if refused is not None:
            return section(_("Record what happened"), Text(refused, role=""))
        event_form = widgets.VBox(
            [row(self.kind, self.on, self.site), row(self.detail, self.grade), self.words, self.happened.view]
        )
        correction = widgets.VBox([self.wrong, row(self.action, self.right), self.why, self.correct.view])
        forms = {_("Another event"): event_form, _("Correct an entry"): correction}
        return section(
            _("Record what happened"),
            self.participant,
            self.course,
            row(self.visit, self.visited_on),
            row(self.done.view, self.missed.view),
            widgets.Accordion(list(forms.values()), titles=list(forms), selected_index=None),
            lead=_(
                "A participant is a study id, never a name. No entry is changed or removed: a correction is added."
            ),
        )

    def refresh(self) -> None:
        """Show the present state of the participant; what a person put into the forms stays as it is."""
        self._ledgers.clear()
        if not self._desk.invented:
            self._days.move(self._desk.briefing.as_of)
        known = tuple(self._desk.courses)
        if known != tuple(self.participant.options):
            self.participant.options = known
        self._show()

    # What a person does

    def _choose(self, _change: Any) -> None:
        """Begin with a participant: the next visit is put in if it is time for it."""
        for recorder in (self.done, self.missed, self.happened, self.correct):
            recorder.show_afresh()
        self.visit.value = self.wrong.value = None
        self._show()
        ledger = self._ledger(self._name)
        if not ledger.empty and ledger["status"].iloc[0] in PRESENT:
            self.visit.value = ledger["id"].iloc[0]

    # What was recorded is taken out of the form; a person chooses the next.

    def _visited(self) -> None:
        self.visit.value = None

    def _noted(self) -> None:
        self.words.value = ""

    def _corrected(self) -> None:
        self.wrong.value, self.why.value = None, ""

    def _show(self) -> None:
        name = self._name
        course = self._desk.courses.get(name)
        self.site.layout.display = "none" if course else None
        ledger = self._ledger(name)
        self.course.show(self._story(name, course, ledger))
        options = [(row["name"], row["id"]) for row in ledger.to_dict("records")]
        if options != list(self.visit.options):
            offer(self.visit, options)
        known_recoveries = recoveries_of(self._desk.trial)
        entries = [
            (f"{e.sequence}: {event_text(e.content, known_recoveries)}", e.sequence)
            for e in self._desk.entries_of(name)
        ]
        if entries[::-1] != list(self.wrong.options):
            self._showing = True  # the right day that a person put in stays
            offer(self.wrong, entries[::-1])
            self._showing = False

    def _ask(self, _change: Any = None) -> None:
        """Show the fields that the kind of event needs."""
        kind, choices = self.kind.value, details_of(self.kind.value, recoveries_of(self._desk.trial))
        self.detail.options = choices
        for control, needed in (
            (self.detail, bool(choices)),
            (self.grade, kind == "dlt_assessed"),
            (self.words, kind == "note"),
        ):
            control.layout.display = None if needed else "none"

    def _propose(self, _change: Any) -> None:
        entry = self._wrong_entry()
        if entry and not self._showing:
            self.right.value = date.fromisoformat(entry.content["on"])

    def _wrong_entry(self) -> Any:
        return next((e for e in self._desk.entries_of(self._name) if e.sequence == self.wrong.value), None)

    @property
    def _name(self) -> str:
        return str(self.participant.value).strip()

    def _ledger(self, name: str) -> pd.DataFrame:
        """Return the visits of a participant that can still take place, the most urgent first."""
        if name not in self._ledgers:
            self._ledgers[name] = visits_to_come(self._desk, name)
        return self._ledgers[name]

    def _story(self, name: str, course: ParticipantHistory | None, ledger: pd.DataFrame) -> Markup:
        if not name:
            return paragraph(_("Choose a participant."))
        if course is None:
            text = _("{name} is not in the log, or not to be seen by you. A consent or a screening begins a course.")
            return paragraph(text.format(name=name))
        lines = [event_text(entry.content, recoveries_of(self._desk.trial)) for entry in self._desk.entries_of(name)]
        story = details(_("{n} entries").format(n=len(lines)), macros("lists").bullets(lines))
        return paragraph(self._next_visit(ledger)) + story

    def _next_visit(self, ledger: pd.DataFrame) -> Markup | str:
        if ledger.empty:
            return _("No visit can be marked now.")
        ahead = ledger[ledger["status"].isin([*PRESENT, "not yet"])]
        if ahead.empty:
            return _("No visit is to come; one that was missed can be marked.")
        one = ahead.to_dict("records")[0]
        when = joined((", ", status_text(one["status"]), " (", window_text(one), ")"))
        return joined((_("Next:"), " ", strong(one["name"]), when))

    # What is recorded

    def _visit_event(self, done: bool) -> Wanted:
        if not self.visit.value:
            raise ProtocolError(_("Visit"), _("no visit"), _("a participant with a visit to come"))
        values = {"kind": "visit", "on": day_in(self.visited_on), "visit": self.visit.value, "done": done}
        return event(values | {"participant": self._name}), self._site, ""

    def _event(self) -> Wanted:
        kind, course = self.kind.value, self._desk.courses.get(self._name)
        values: dict[str, Any] = {"kind": kind, "on": day_in(self.on), "participant": self._name}
        values |= _MORE[kind](self, course) if kind in _MORE else {}
        return event(values), self._site, ""

    def _correction(self) -> Wanted:
        entry = self._wrong_entry()
        if entry is None:
            raise ProtocolError(_("Entry"), _("no entry"), _("a participant, and the entry that is wrong"))
        right = dict(entry.content) | {"on": day_in(self.right).isoformat()}
        values = {
            "kind": "correction",
            "of": entry.sequence,
            "hash": entry.hash,
            "participant": entry.participant,
            "replacement": right if self.action.value == "day" else None,
            "why": self.why.value.strip(),
        }
        return event(values), self._site, ""

    @property
    def _site(self) -> str:
        course = self._desk.courses.get(self._name)
        return course.site if course else str(self.site.value)


def _assessed(panel: ParticipantEventsPanel, _course: ParticipantHistory | None) -> dict[str, Any]:
    code = panel.detail.value
    return {"dlt": bool(code)} | ({"code": code, "grade": panel.grade.value} if code else {})


_MORE: dict[str, Callable[[ParticipantEventsPanel, ParticipantHistory | None], dict[str, Any]]] = {
    "infused": lambda _panel, course: {"number": len(course.infusions) + 1 if course else 1},
    "dlt_assessed": _assessed,
    "response": lambda panel, _course: {"category": panel.detail.value},
    "recovery": lambda panel, _course: {"lineage": panel.detail.value},
    "withdrawn": lambda panel, _course: {"cause": panel.detail.value},
    "note": lambda panel, _course: {"text": panel.words.value.strip()},
}


def details_of(kind: str, recoveries: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what can be chosen for a kind of event, as labels and codes."""
    lists = {"response": RESPONSES, "recovery": recoveries, "withdrawn": CAUSES}
    if kind == "dlt_assessed":
        toxic = [(_("a DLT: {what}").format(what=label), code) for code, label in TOXICITIES.items()]
        return [(_("no DLT"), ""), *toxic]
    return [(label, code) for code, label in lists.get(kind, {}).items()]


def visits_to_come(desk: Desk, name: str) -> pd.DataFrame:
    """Return a participant's visits that can still take place, without infusions.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``name``, ``status``, ``opens``, ``closes``; the most urgent first.
    """
    columns = ["id", "name", "status", "opens", "closes"]
    people = [person for person in desk.participants.participants if person.id == name] if desk.participants else []
    try:
        ledger = timelines(desk.trial.followup, dates_of(desk.trial, people), desk.briefing.as_of) if people else None
    except ProtocolError:  # the overview names the participants whose dates cannot be laid out
        ledger = None
    if ledger is None:
        return pd.DataFrame(columns=columns)
    rows = ledger[ledger["status"].isin(ASKED) & ledger["kind"].ne("infusion")]
    rank = rows["status"].astype(object).map({status: place for place, status in enumerate(ASKED)})
    order = rows.assign(rank=rank).sort_values(["rank", "closes"], kind="stable").index
    return rows.loc[order, columns]
