"""Record what happened to a participant: the next visit with one click, anything else with a short form."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import ParticipantHistory, event
from protocol.followup import timelines
from protocol.pages.followup.words import iso, status_word
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import Days, Recorder, Wanted, day_in, field, offer, refusal, sites_of
from protocol.pages.trial_log.words import CAUSES, KINDS, LINEAGES, RESPONSES, TOXICITIES, event_in_words
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import dates_of

PRESENT = ("overdue", "due", "open")
"""Statuses of visits that somebody must act on, the most urgent first: the first is put in."""

ASKED = (*PRESENT, "missed", "not yet")
"""Statuses of visits that can be marked."""

OFFERED = (
    "consented", "therapy_started", "infused", "treatment_ended", "dlt_assessed", "recovery", "response", "withdrawn",
    "note",
)  # fmt: skip


class ParticipantEventsPanel:
    """The participants one may see: visits, events and corrections.

    Attributes
    ----------
    participant : ipywidgets.Combobox
        The study id; a new one may be typed for a consent.
    visit, visited_on, done, missed
        The next visits, the day, and the two buttons.
    kind, on, detail, reason, happened
        Anything else, and its button.
    wrong, right, why, correct
        A correction of one entry, and its button.
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk, self._ledgers = desk, dict[str, pd.DataFrame]()
        self.participant = field(widgets.Combobox, _("Participant"), placeholder=_("study id"))
        self._make_visit(today)
        self._make_event(today)
        self._make_correction(today)
        self._days, self._showing = Days(today, self.visited_on, self.on), False
        self.course = elements.html("", role="status")
        self.view = self._arranged()
        self.participant.observe(self._choose, "value")
        self.kind.observe(self._ask, "value")
        self.wrong.observe(self._propose, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the participant; what a person put into the forms stays as it is."""
        self._ledgers.clear()
        if not self._desk.invented:
            self._days.move(self._desk.briefing.as_of)
        known = tuple(self._desk.courses)
        if known != tuple(self.participant.options):
            self.participant.options = known
        self._show()

    # The parts

    def _make_visit(self, today: date) -> None:
        self.visit = field(widgets.Dropdown, _("Visit"), options=[])
        self.visited_on = field(Day, _("Took place on"), value=today)
        form = (self.participant, self.visit, self.visited_on)
        self.done = Recorder(self._desk, _("Done"), lambda: self._visit_event(done=True), self._visited, form)
        self.missed = Recorder(self._desk, _("Missed"), lambda: self._visit_event(done=False), self._visited, form)
        self.missed.record.button_style = ""

    def _make_event(self, today: date) -> None:
        options = [(KINDS[kind], kind) for kind in OFFERED]
        self.kind = field(widgets.Dropdown, _("What happened"), options=options, value="infused")
        self.on = field(Day, _("On"), value=today)
        self.site = field(widgets.Dropdown, _("Site"), options=sites_of(self._desk))
        self.detail = field(widgets.Dropdown, _("Which"), options=[])
        self.grade = field(widgets.Dropdown, _("Grade"), options=[1, 2, 3, 4, 5], value=3, width="160px")
        self.words = field(widgets.Textarea, _("Note"), rows=2, width="min(640px, 100%)")
        form = (self.participant, self.kind, self.on, self.site, self.detail, self.grade, self.words)
        self.happened = Recorder(self._desk, _("Record it"), self._event, self._noted, form)
        self._ask()

    def _make_correction(self, today: date) -> None:
        self.wrong = field(widgets.Dropdown, _("Entry"), options=[], width="min(640px, 100%)")
        actions = [(_("it was on another day"), "day"), (_("it did not happen"), "remove")]
        self.action = field(widgets.Dropdown, _("What is wrong"), options=actions)
        self.right = field(Day, _("The right day"), value=today)
        self.why = field(widgets.Text, _("Why"), width="min(640px, 100%)")
        form = (self.participant, self.wrong, self.action, self.right, self.why)
        self.correct = Recorder(self._desk, _("Record the correction"), self._correction, self._corrected, form)

    def _arranged(self) -> widgets.Widget:
        refused = refusal(self._desk)
        if refused is not None:
            return elements.section(_("Record what happened"), elements.html(refused))
        event_form = widgets.VBox(
            [elements.row(self.kind, self.on, self.site), elements.row(self.detail, self.grade), self.words,
             self.happened.view]
        )  # fmt: skip
        correction = widgets.VBox([self.wrong, elements.row(self.action, self.right), self.why, self.correct.view])
        more = widgets.Accordion([event_form, correction], selected_index=None)
        more.titles = (_("Anything else that happened"), _("Correct an entry"))
        visit = [elements.row(self.visit, self.visited_on), elements.row(self.done.view, self.missed.view)]
        lead = _("A participant is a study id, never a name. Nothing is changed or removed: a correction is added.")
        return elements.section(
            _("Record what happened"), self.participant, self.course, *visit, more, lead=lead,
        )  # fmt: skip

    # What a person does

    def _choose(self, _change: Any = None) -> None:
        """Begin with a participant: the next visit is put in when it is time for it."""
        for recorder in (self.done, self.missed, self.happened, self.correct):
            recorder.show_afresh()
        self.visit.value = self.wrong.value = None
        self._show()
        ledger = self._ledger(self._name)
        if not ledger.empty and ledger["status"].iloc[0] in PRESENT:
            self.visit.value = ledger["id"].iloc[0]

    # What was recorded is taken out of the form; the next thing is chosen by a person.

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
        self.course.value = elements.dress(self._story(name, course, ledger), role="status")
        options = [(row["name"], row["id"]) for row in ledger.to_dict("records")]
        if options != list(self.visit.options):
            offer(self.visit, options)
        entries = [(f"{e.sequence}: {event_in_words(e.content)}", e.sequence) for e in self._desk.entries_of(name)]
        if entries[::-1] != list(self.wrong.options):
            self._showing = True  # the right day that a person put in stays
            offer(self.wrong, entries[::-1])
            self._showing = False

    def _ask(self, _change: Any = None) -> None:
        choices = details_of(self.kind.value)
        self.detail.options = choices
        self.detail.layout.display = None if choices else "none"
        self.grade.layout.display = None if self.kind.value == "dlt_assessed" else "none"
        self.words.layout.display = None if self.kind.value == "note" else "none"

    def _propose(self, _change: Any = None) -> None:
        entry = next((e for e in self._desk.entries_of(self._name) if e.sequence == self.wrong.value), None)
        if entry and not self._showing:
            self.right.value = date.fromisoformat(entry.content["on"])

    @property
    def _name(self) -> str:
        name: str = self.participant.value.strip()
        return name

    def _ledger(self, name: str) -> pd.DataFrame:
        """Return the visits of a participant that can still take place, the most urgent first."""
        if name not in self._ledgers:
            self._ledgers[name] = visits_to_come(self._desk, name)
        return self._ledgers[name]

    def _story(self, name: str, course: ParticipantHistory | None, ledger: pd.DataFrame) -> Markup:
        if not name:
            return Markup("<p>{}</p>").format(_("Choose a participant."))
        if course is None:
            text = _("{name} is not in the log, or not to be seen by you. A consent or a screening begins a course.")
            return Markup("<p>{}</p>").format(text.format(name=name))
        lines = [event_in_words(entry.content) for entry in self._desk.entries_of(name)]
        items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
        story = elements.details(_("{n} entries").format(n=len(lines)), Markup("<ul>{}</ul>").format(items))
        if ledger.empty:
            return Markup("<p>{}</p>{}").format(_("No visit can be marked now."), story)
        ahead = ledger[ledger["status"].isin([*PRESENT, "not yet"])]
        if ahead.empty:
            return Markup("<p>{}</p>{}").format(_("No visit is to come; one that was missed can be marked."), story)
        row = ahead.iloc[0]
        text = Markup("<p>{} <b>{}</b>, {} ({} – {})</p>").format(
            _("Next:"), row["name"], status_word(row["status"]), iso(row["opens"]), iso(row["closes"])
        )
        return text + story

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
        entry = next((e for e in self._desk.entries_of(self._name) if e.sequence == self.wrong.value), None)
        if entry is None:
            raise ProtocolError(_("Entry"), _("no entry"), _("a participant, and the entry that is wrong"))
        right = dict(entry.content) | {"on": day_in(self.right).isoformat()}
        values = {
            "kind": "correction", "of": entry.sequence, "hash": entry.hash, "participant": entry.participant,
            "replacement": right if self.action.value == "day" else None, "why": self.why.value.strip(),
        }  # fmt: skip
        return event(values), self._site, ""

    @property
    def _site(self) -> str:
        course = self._desk.courses.get(self._name)
        return course.site if course else str(self.site.value)


_More = Callable[[ParticipantEventsPanel, ParticipantHistory | None], dict[str, Any]]


def _assessed(panel: ParticipantEventsPanel, _course: ParticipantHistory | None) -> dict[str, Any]:
    code = panel.detail.value
    return {"dlt": bool(code)} | ({"code": code, "grade": panel.grade.value} if code else {})


_MORE: dict[str, _More] = {
    "infused": lambda _panel, course: {"number": len(course.infusions) + 1 if course else 1},
    "dlt_assessed": _assessed,
    "response": lambda panel, _course: {"category": panel.detail.value},
    "recovery": lambda panel, _course: {"lineage": panel.detail.value},
    "withdrawn": lambda panel, _course: {"cause": panel.detail.value},
    "note": lambda panel, _course: {"text": panel.words.value.strip()},
}


def details_of(kind: str) -> list[tuple[str, str]]:
    """Return what can be chosen for a kind of event, as words and codes."""
    lists = {"response": RESPONSES, "recovery": LINEAGES, "withdrawn": CAUSES}
    if kind == "dlt_assessed":
        toxic = [(_("a DLT: {what}").format(what=word), code) for code, word in TOXICITIES.items()]
        return [(_("no DLT"), ""), *toxic]
    return [(word, code) for code, word in lists.get(kind, {}).items()]


def visits_to_come(desk: Desk, name: str) -> pd.DataFrame:
    """Return a participant's visits that can still take place: id, name, status, opens, closes; urgent ones first."""
    columns = ["id", "name", "status", "opens", "closes"]
    so_far = desk.briefing.so_far
    people = [person for person in so_far.participants if person.id == name] if so_far else []
    try:
        ledger = timelines(desk.trial.followup, dates_of(desk.trial, people), desk.briefing.as_of) if people else None
    except ProtocolError:  # the overview names those whose dates cannot be laid out
        ledger = None
    if ledger is None:
        return pd.DataFrame(columns=columns)
    rows = ledger[ledger["status"].isin(ASKED) & ~ledger["id"].astype(str).str.startswith("infusion_")]
    rank = rows["status"].astype(object).map({status: place for place, status in enumerate(ASKED)})
    order = rows.assign(rank=rank).sort_values(["rank", "closes"], kind="stable").index
    return rows.loc[order, columns]
