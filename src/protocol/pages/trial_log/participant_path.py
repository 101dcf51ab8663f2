"""One participant of the log: the path so far, the next step with its form, other events, and corrections."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import ParticipantHistory, Step, event
from protocol.conduct.labels import KINDS
from protocol.pages.kit import (
    Day,
    Draft,
    Text,
    button,
    details,
    field,
    joined,
    link_to,
    macros,
    note,
    offer,
    origin,
    paragraph,
    row,
    section,
    strong,
)
from protocol.pages.trial_log.correction import CorrectionForm
from protocol.pages.trial_log.count_import import CountImport
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.enrolment import EnrolmentForm
from protocol.pages.trial_log.event_text import CAUSES, RESPONSES, TOXICITIES, event_text, names_of, recoveries_of
from protocol.pages.trial_log.next_step import day_of_step, next_step, step_name, steps_of
from protocol.pages.trial_log.observation_forms import fields_of, makers_of
from protocol.pages.trial_log.recorder import (
    Days,
    Incomplete,
    Problems,
    Recorder,
    Wanted,
    day_in,
    refusal,
    sites_of,
)
from protocol.pages.trial_log.visits import PRESENT, ledger_of, planned_infusion, visits_to_come
from protocol.translation import _, labelled, ngettext

OFFERED = (
    "consented",
    "therapy_started",
    "infused",
    "treatment_ended",
    "dlt_assessed",
    "blood_count",
    "given",
    "adverse_event",
    "adverse_event_followed",
    "relapsed",
    "recovery",
    "response",
    "withdrawn",
    "note",
)
"""Kinds of events of the form, those of effect if the record states that topic.

A screening, an enrolment and a visit have forms of their own.
"""

OF_EFFECT = {"blood_count", "given", "adverse_event", "adverse_event_followed", "relapsed"}

STATES = {
    "done": ("✓", _("done")),
    "next": ("▶", _("next")),
    "to come": ("○", _("to come")),
    "left out": ("–", _("left out")),
}

_CHOOSE = {
    "dlt_assessed": _("Choose whether there was a DLT."),
    "response": _("Choose the response."),
    "recovery": _("Choose what recovered."),
    "withdrawn": _("Choose the cause."),
}

_DETAILS = {
    "dlt_assessed": _("Was there a DLT?"),
    "response": _("Response"),
    "recovery": _("What recovered"),
    "withdrawn": _("Cause"),
}

DLT_NO = "no"
"""The choice that there was no DLT; it is never put in."""


class ParticipantPath:
    """The participants one may see: the path of one of them, and the forms that record along it.

    Attributes
    ----------
    participant : ipywidgets.Combobox
        The study id; a new one may be typed for a screening or a consent.
    path : Text
        The steps with their days.
    visit, visited_on, done, missed
        The next visits, the day, and the two buttons.
    kind, on, site, detail, grade, words, happened
        Another event, and its button.
    observed : dict of str to Fields
        The fields of an infusion and of each observation; none where nothing can be recorded.
    enrolment : EnrolmentForm
    proceed, other : ipywidgets.Button
        Open the form of the next step after something was recorded, and the form of any event.
    counts : CountImport
        Blood counts from a file, for a record that states the topic.
    corrections : CorrectionForm
        A correction of one entry; its controls are also here: wrong, action, right, why, correct.
    draft : Draft
        What is in the forms and not recorded, with the form that is open; the enrolment has its own.
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk, self._ledgers = desk, dict[str, pd.DataFrame | None]()
        self._shown_form: str | None = None  # the kind of the form in sight, "other" for any event
        self.participant = field(
            widgets.Combobox, _("Participant"), placeholder=_("study id"), continuous_update=False
        )
        self.path, self.next_step, self.said = Text(), Text(), Text()
        self.story = Text(role="")
        self._problems = problems = Problems()
        common: Any = {"said": self.said, "problems": problems}

        self.visit = field(widgets.Dropdown, _("Visit"), options=[])
        self.visited_on = field(Day, _("Took place on"), value=today)
        form: tuple[Any, ...] = (self.participant, self.visit, self.visited_on)
        self.done = Recorder(desk, _("Done"), lambda: self._visit_event(done=True), self._visited, form, **common)
        self.missed = Recorder(
            desk, _("Missed"), lambda: self._visit_event(done=False), self._visited, form, **common
        )
        self.missed.record.button_style = ""

        self.observed = {} if refusal(desk) else fields_of(desk.trial, problems)
        left_out = {"recovery"} if not recoveries_of(desk.trial) else set()
        left_out |= set() if desk.trial.states("effect") else OF_EFFECT
        options = [(KINDS[kind], kind) for kind in OFFERED if kind not in left_out]
        self.kind = field(widgets.Dropdown, _("What happened"), options=options, value="infused")
        self.on = field(Day, _("On"), value=today)
        self.site = field(widgets.Dropdown, _("Site"), options=sites_of(desk))
        self.detail = field(widgets.Dropdown, _("Details"), options=[])
        self.grade = field(widgets.Dropdown, _("Grade"), options=[1, 2, 3, 4, 5], value=None, width="short")
        self.words = field(widgets.Textarea, _("Note"), rows=2, width="wide")
        form = (self.participant, self.kind, self.on, self.site, self.detail, self.grade, self.words)
        form += tuple(control for fields in self.observed.values() for control in fields.controls)
        self.happened = Recorder(desk, _("Record it"), self._event, self._noted, form, **common)
        self.enrolment = EnrolmentForm(desk, today, self.participant, self._close, **common)
        self.proceed = button(_("Next step"), self._proceed, primary=True)
        self.other = button(_("Record something else"), self._open_other)

        self.corrections = CorrectionForm(
            desk,
            today,
            lambda: desk.entries_of(self._name),
            lambda: self._site,
            makers_of(desk.trial),
            controls=(self.participant,),
            done=lambda: self.draft.keep(),
        )
        self.wrong, self.action = self.corrections.wrong, self.corrections.action
        self.right, self.why, self.correct = self.corrections.right, self.corrections.why, self.corrections.correct

        self.view = self._arranged()
        self.draft = _EntryDraft(self)
        self._days = Days(today, self.visited_on, self.on)
        self.participant.observe(self._choose, "value")
        self.kind.observe(self._ask, "value")
        desk.on_change(self.refresh)
        self._ask()
        self.refresh()

    def _arranged(self) -> widgets.VBox:
        at, refused = self._problems.at, refusal(self._desk)
        if not self._desk.courses and not self._desk.reader.records:
            return section(
                _("Participant path"),
                Text(note(_nobody(self._desk)), role=""),
                *([Text(refused, role="")] if refused else []),
            )
        head = [at(self.participant, "participant"), self.path]
        if refused is not None:
            return section(_("Participant path"), *head, self.story, Text(refused, role=""))
        self._kind_row = widgets.VBox([self.kind])
        self._forms = {
            "visit": widgets.VBox(
                [row(at(self.visit, "visit"), at(self.visited_on, "visit.on")), row(self.done.view, self.missed.view)]
            ),
            "event": widgets.VBox(
                [
                    self._kind_row,
                    row(
                        at(self.on, "on"),
                        self.site,
                        at(self.detail, "category", "lineage", "cause", "code"),
                        at(self.grade, "dlt_assessed.grade"),
                    ),
                    at(self.words, "text"),
                    *(fields.view for fields in self.observed.values()),
                    self.happened.view,
                ]
            ),
            "enrolled": self.enrolment.view,
        }
        ways = {_("Correct an entry"): self.corrections.view}
        if self._desk.trial.states("effect"):
            self.counts = CountImport(self._desk, lambda: self._name)
            ways[_("Blood counts from a file")] = self.counts.view
        self.correction = widgets.Accordion([*ways.values()], titles=[*ways], selected_index=None)
        self._more = widgets.VBox([row(self.other), self.correction])
        return section(
            _("Participant path"),
            *head,
            self.next_step,
            self._forms["event"],
            self._forms["enrolled"],
            self._forms["visit"],
            self.said,
            *(one.question for one in self._recorders if one is not self.correct),  # it stands with its own button
            row(self.proceed),
            self.story,
            self._more,
            lead=_("A participant is a study id, never a name. Entries are never changed; a correction is added."),
        )

    def refresh(self) -> None:
        """Show the present state of the participant; what a person put into the forms stays as it is."""
        self._ledgers.clear()
        with self.draft.put_in():
            if not self._desk.invented:
                self._days.move(self._desk.briefing.as_of)
            known = tuple(self._desk.courses)
            if known != tuple(self.participant.options):
                self.participant.options = known
            self._show()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The path of the participant."""
        return steps_of(self._desk, self._name)

    @property
    def following(self) -> Step | None:
        """The next step, None after the end."""
        return next_step(self._desk, self._name)

    @property
    def _recorders(self) -> tuple[Recorder, ...]:
        return self.done, self.missed, self.happened, self.enrolment.enrol, self.correct

    # What a person does

    def _choose(self, _change: Any) -> None:
        """Begin with a participant: the form of the next step is put in."""
        with self.draft.put_in():
            self.visit.value = None
            self.corrections.start_afresh()
            self._show()
            self._open_next()

    def _proceed(self) -> None:
        """Open the form of the next step."""
        with self.draft.put_in():
            self._open_next()

    def _open_next(self) -> None:
        self._start_afresh()
        following = self.following
        self._shown_form = following.kind if following else None
        self.detail.value = self.grade.value = None
        if following and following.kind in OFFERED:
            self.kind.value = following.kind
        visits = self._to_come(self._name)
        if self._has_present(visits):
            self.visit.value = visits["id"].iloc[0]
        self._lay_out()

    def _start_afresh(self) -> None:
        """Leave no question and no result of what was open before."""
        for recorder in self._recorders:
            recorder.start_afresh()

    def _open_other(self) -> None:
        self._start_afresh()
        self.open_form("other")

    @property
    def form(self) -> str | None:
        """The form in sight: the kind of the next step, "other" for any event; None after something was recorded."""
        return self._shown_form

    def open_form(self, name: str | None) -> None:
        """Show a form."""
        self._shown_form = name
        self._lay_out()

    # What was recorded is taken out of the form; a person opens the next.

    def _close(self) -> None:
        self.open_form(None)
        self.draft.keep()

    def _visited(self) -> None:
        self.visit.value = None
        self._close()

    def _noted(self) -> None:
        self.words.value = ""
        for fields in self.observed.values():
            fields.clear()
        self.detail.value = self.grade.value = None
        self._close()

    # What is shown

    def _show(self) -> None:
        name = self._name
        course = self._desk.courses.get(name)
        self.site.layout.display = "none" if course else None
        visits = self._to_come(name)
        self.path.show(self._path_text(name, course))
        self.story.show(self._story(name, course))
        for fields in self.observed.values():
            fields.show(course)
        options = [(one["name"], one["id"]) for one in visits.to_dict("records")]
        offer(self.visit, options)
        self.corrections.refresh()
        self._lay_out()

    def _lay_out(self) -> None:
        """Show the form that is open, and the ways to the others."""
        if refusal(self._desk) is not None:
            return
        shown, following = self._shown_form, self.following
        present = self._has_present(self._to_come(self._name))
        open_forms = {
            "visit": shown == "visit" or (present and shown not in (None, "other")),
            "event": shown == "other" or shown in OFFERED,
            "enrolled": shown == "enrolled",
        }
        for name, view in self._forms.items():
            view.layout.display = None if open_forms[name] else "none"
        self._kind_row.layout.display = None if shown == "other" else "none"
        going_on = bool(following) and (shown == "other" or shown is None)
        self.proceed.layout.display = None if going_on else "none"
        if following:
            self.proceed.description = _("Next step: {step}").format(step=step_name(following))
        self.other.layout.display = "none" if shown == "other" or not self._name else None
        self._more.layout.display = None if self._name else "none"
        self.next_step.show(self._next_text(following) if shown not in (None, "other") else None)

    @staticmethod
    def _has_present(visits: pd.DataFrame) -> bool:
        return not visits.empty and visits["status"].iloc[0] in PRESENT

    def _next_text(self, following: Step | None) -> Markup | None:
        if following is None:
            return None
        head = strong(_("Next step: {step}").format(step=step_name(following)))
        if following.kind == "infused" and (first := self._desk.first_infusion_from(self._name)):
            words = _(
                "Not before {day}: the first participant is observed alone until then. An earlier infusion is "
                "recorded with a reason."
            )
            waits = note(words.format(day=first))
            return joined((paragraph(head), waits, self._planned(following.number)))
        if following.kind == "infused":
            return joined((paragraph(head), self._planned(following.number)))
        if following.kind != "screened":
            return paragraph(head)
        return paragraph(
            joined((head, link_to("eligibility", _("Screen on the eligibility page"), participant=self._name)), ": ")
        )

    def _planned(self, number: int) -> Markup:
        """Return what the record plans for an infusion: regimen, dose, and the day if it follows from the first."""
        trial, course = self._desk.trial, self._desk.courses[self._name]
        regimen = str(course.regimen)
        if regimen not in trial.escalation.grid.labels:
            return Markup("")
        dose, days = trial.dose_of(regimen), trial.infusion_days(regimen)
        amount = _("dose {id}: {amount:,.15g} {unit}").format(
            id=dose.id, amount=dose.amount.value, unit=trial.escalation.dose_unit
        )
        what = _("Planned: infusion {number} of {count} at regimen {regimen}, {dose}").format(
            number=number, count=len(days), regimen=regimen, dose=amount
        )
        said: list[Markup | str] = [what, origin(dose.amount)]
        if planned := planned_infusion(self._desk, course, number, self._ledger(self._name)):
            said.append(_("Planned day: {target}, from {opens} to {closes}.").format(**planned))
        return paragraph(joined(said, " "), "off")

    def _path_text(self, name: str, course: ParticipantHistory | None) -> Markup:
        if not name:
            words = _("Choose a participant: the path so far, the next step and its form show here.")
            return paragraph(words if self._desk.courses or self._desk.reader.records else _nobody(self._desk))
        steps = self.steps
        lines = [
            (step.state.replace(" ", "-"), STATES[step.state][0], self._linked(step), day, STATES[step.state][1])
            for step, day in ((step, day_of_step(self._desk, name, step, self._ledger(name))) for step in steps)
        ]
        path = macros("trial_log").path(_("The path of {name}").format(name=name), lines)
        if course is None:
            text = _("{name} is not in the log, or not to be seen by you. A screening or a consent begins a path.")
            return joined((note(text.format(name=name)), path))
        site = paragraph(labelled(_("Site"), self._desk.trial.site_shown(course.site)), "off")
        if course.overall == "ineligible":
            return joined((note(_("The last screening found the participant not eligible.")), site, path))
        return joined((site, path))

    def _linked(self, step: Step) -> Markup | str:
        """Return the name of a step; that of a screening leads to it."""
        if step.kind == "screened" and step.on:
            return link_to("eligibility", step_name(step), participant=self._name)
        return step_name(step)

    def _story(self, name: str, course: ParticipantHistory | None) -> Markup | None:
        if course is None or not name:
            return None
        lines = [self._told(entry.content) for entry in self._desk.entries_of(name)]
        words = ngettext("{n} entry", "{n} entries", len(lines)).format(n=len(lines))
        return details(words, macros("lists").bullets(lines)) if lines else None

    def _told(self, content: Mapping[str, Any]) -> str:
        return event_text(content, names_of(self._desk.trial))

    def _ask(self, _change: Any = None) -> None:
        """Show the fields that the kind of event needs; nothing is chosen in them."""
        kind, choices = self.kind.value, details_of(self.kind.value, recoveries_of(self._desk.trial))
        offer(self.detail, choices)
        self.detail.description = _DETAILS.get(kind, _("Details"))
        self.detail.value = self.grade.value = None
        for control, needed in (
            (self.detail, bool(choices)),
            (self.grade, kind == "dlt_assessed"),
            (self.words, kind == "note"),
        ):
            control.layout.display = None if needed else "none"
        for name, fields in self.observed.items():
            fields.view.layout.display = None if name == kind else "none"

    @property
    def _name(self) -> str:
        return str(self.participant.value).strip()

    def _to_come(self, name: str) -> pd.DataFrame:
        """Return the visits of a participant that can still take place, the most urgent first."""
        return visits_to_come(self._ledger(name))

    def _ledger(self, name: str) -> pd.DataFrame | None:
        if name not in self._ledgers:
            self._ledgers[name] = ledger_of(self._desk, name)
        return self._ledgers[name]

    # What is recorded

    def _chosen_name(self) -> str:
        if not self._name:
            raise Incomplete(self.participant, _("Choose a participant."))
        return self._name

    def _visit_event(self, done: bool) -> Wanted:
        name = self._chosen_name()
        if not self.visit.value:
            raise Incomplete(self.visit, _("Choose a visit."))
        values = {"kind": "visit", "on": day_in(self.visited_on), "visit": self.visit.value, "done": done}
        return event(values | {"participant": name}), self._site, ""

    def _event(self) -> Wanted:
        kind, name = self.kind.value, self._chosen_name()
        values: dict[str, Any] = {"kind": kind, "on": day_in(self.on), "participant": name}
        if kind in _CHOOSE and self.detail.value is None:
            raise Incomplete(self.detail, _CHOOSE[kind])
        course = self._desk.courses.get(name)
        values |= _MORE[kind](self, course) if kind in _MORE else {}
        values |= self.observed[kind].read(course) if kind in self.observed else {}
        return event(values), self._site, ""

    @property
    def _site(self) -> str:
        course = self._desk.courses.get(self._name)
        return course.site if course else str(self.site.value)


class _EntryDraft(Draft):
    """The unfinished entry of a participant: the form that is open, and its fields."""

    def __init__(self, path: ParticipantPath) -> None:
        self._path = path
        names = ("visit", "visited_on", "kind", "on", "site", "detail", "grade", "words")
        correction = ("wrong", "action", "right", "why")
        fields = {name: getattr(path, name) for name in (*names, *correction)}
        for kind, observed in path.observed.items():
            fields |= {f"{kind} {number}": one for number, one in enumerate(observed.controls)}
        super().__init__(fields, of=path.participant)

    def present(self) -> dict[str, str]:
        return {"form": self._path.form or "", **super().present()}

    def put_back(self, held: Mapping[str, str]) -> None:
        self._path.open_form(held["form"] or None)
        super().put_back(held)
        if self._path.wrong.value is not None:
            self._path.correction.selected_index = 0


def _nobody(desk: Desk) -> str:
    if desk.sees_all:
        return _("No participant is in the log yet.")
    return _("Your role shows figures and hides the participants.")


def _assessed(panel: ParticipantPath, _course: ParticipantHistory | None) -> dict[str, Any]:
    code = panel.detail.value
    if code == DLT_NO:
        return {"dlt": False}
    if panel.grade.value is None:
        raise Incomplete(panel.grade, _("Choose the grade."))
    return {"dlt": True, "code": code, "grade": panel.grade.value}


def _noted(panel: ParticipantPath, _course: ParticipantHistory | None) -> dict[str, Any]:
    text = panel.words.value.strip()
    if not text:
        raise Incomplete(panel.words, _("Write the note."))
    return {"text": text}


_MORE: dict[str, Callable[[ParticipantPath, ParticipantHistory | None], dict[str, Any]]] = {
    "dlt_assessed": _assessed,
    "response": lambda panel, _course: {"category": panel.detail.value},
    "recovery": lambda panel, _course: {"lineage": panel.detail.value},
    "withdrawn": lambda panel, _course: {"cause": panel.detail.value},
    "note": _noted,
}


def details_of(kind: str, recoveries: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what can be chosen for a kind of event, as labels and codes."""
    lists = {"response": RESPONSES, "recovery": recoveries, "withdrawn": CAUSES}
    if kind == "dlt_assessed":
        toxic = [(_("a DLT: {what}").format(what=label), code) for code, label in TOXICITIES.items()]
        return [(_("no DLT"), DLT_NO), *toxic]
    return [(label, code) for code, label in lists.get(kind, {}).items()]
