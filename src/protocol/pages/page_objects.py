"""The pages as objects: what code reads from a page, and what it sets on it."""

from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing, ledgers
from protocol.chart import Chart
from protocol.effect import Summaries
from protocol.eligibility import Cohort, CohortScreening, EligibilityRecord, Screening
from protocol.escalation import Design, NextAction, Outcomes, Simulation, true_rates
from protocol.followup import timelines
from protocol.pages.kit import Tabs, Text
from protocol.pages.kit.page_state import on_dashboard
from protocol.pages.trial_log.desk import Desk
from protocol.records import Phase, ProtocolError
from protocol.translation import _, labelled, list_of, ngettext, place_in
from protocol.trial import Trial, dates_of


class Page:
    """A page of the workbook: it shows itself, and code reads from it and sets what stands on it.

    ``print(page)`` says what each tab shows, and names no participant.

    Attributes
    ----------
    trial : Trial
        The record that the page shows.
    view : ipywidgets.Widget
        The page as a widget, to place it in a layout.
    briefing : Briefing or None
        What the trial's log says, as far as the reader may see it. If no log is named, it is of the invented example;
        None if there is no example either.
    problems : tuple of str
        What the page says to be wrong, in any of its tabs.
    """

    _title: ClassVar[str]

    def __init__(self, trial: Trial, page: Any, view: widgets.Widget, desk: Desk | None) -> None:
        self._trial, self._page, self._view, self._desk = trial, page, view, desk

    @property
    def trial(self) -> Trial:
        """The record that the page shows."""
        return self._trial

    @property
    def view(self) -> widgets.Widget:
        """The page as a widget, to place it in a layout."""
        return self._view

    @property
    def briefing(self) -> Briefing | None:
        """What the trial's log, or the invented example, says to this reader; None without either."""
        return self._desk.briefing if self._desk else None

    def __dir__(self) -> list[str]:
        return [name for name in dir(type(self)) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"<{self._where()}; {self._headline()}>"

    def _where(self) -> str:
        title = _(self._title)
        return f"{title}: {self._trial.identity.trial_id}, {self._log()}"

    def __str__(self) -> str:
        """Say what each tab shows: the answer, the pictures with their numbers of rows, and what is wrong."""
        lines = [self._where()]
        answers = self._answers()
        for name, title, part in self._parts():
            lines.append(labelled(title, answers[name]) if answers.get(name) else title)
            lines += [f"  {line}" for line in dict.fromkeys((*_pictures_in(part), *map(_problem, _wrong_in(part))))]
        if self._desk and self._desk.trouble:
            lines.append(_problem(self._desk.trouble))
        return "\n".join(lines)

    @property
    def problems(self) -> tuple[str, ...]:
        """What the page says to be wrong, in any of its tabs: messages, and pictures that could not be drawn."""
        found = [wrong for _name, _title, part in self._parts() for wrong in _wrong_in(part)]
        return (*dict.fromkeys(found), *([str(self._desk.trouble)] if self._desk and self._desk.trouble else []))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        found = self._view._repr_mimebundle_(**options)
        return found and {**found, "text/plain": repr(self) if on_dashboard() else str(self)}

    def _log(self) -> str:
        if self._desk is None:
            return _("without a log")
        if self._desk.invented:
            return _("the invented example")
        count = self._desk.briefing.head.count
        return ngettext("a log with {n} entry", "a log with {n} entries", count).format(n=count)

    def _headline(self) -> str:
        return ""

    def _answers(self) -> dict[str, str]:
        """Return the answer of each tab, by its id."""
        return {"": self._headline()}

    def _parts(self) -> Iterator[tuple[str, str, widgets.Widget]]:
        tabs = self._page.view if isinstance(self._page.view, Tabs) else getattr(self._page, "tabs", None)
        if tabs is None:
            yield "", _(self._title), self._page.view
            return
        for name, title in tabs.titles.items():
            yield name, title, tabs.build(name)


class Facts(MutableMapping[str, Any]):
    """The facts in the form of the eligibility page, as a dict: reading and setting are those of the form.

    Keys are the ids of facts; a fact that is not in it is unknown. A value is a bool, a number in the fact's unit, an
    option, a date, or the text that a person would type, such as "1.1 mg/dL". None and NaN mean unknown.

    Raises
    ------
    ProtocolError
        For a fact that the record does not have, and a value that is none of it.
    """

    def __init__(self, form: Any) -> None:
        self._form = form

    def _known(self) -> dict[str, Any]:
        return {name: value for name, value in self._form.read()[0].items() if value is not None}

    def __getitem__(self, fact: str) -> Any:
        return self._known()[fact]

    def __setitem__(self, fact: str, value: Any) -> None:
        self._form.enter({fact: self._form.text_of(fact, value)})
        self._form.sources[fact] = _("set by code")

    def __delitem__(self, fact: str) -> None:
        self._known().pop(fact)
        self._form.enter({fact: ""})

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def __repr__(self) -> str:
        return repr(self._known())


class Settings(Mapping[str, Any]):
    """Controls of a page by name, as a dict whose values are set and never removed.

    Raises
    ------
    ProtocolError
        For a name that is not in it, and a value that its control does not take.
    """

    def __init__(self, what: str, controls: Mapping[str, Any]) -> None:
        self._what, self._controls = what, controls

    def __getitem__(self, name: str) -> Any:
        value = self._controls[name].value
        return round(value, 6) if isinstance(value, float) else value  # sliders answer 14.000000000000002

    def __setitem__(self, name: str, value: Any) -> None:
        self._check(name, value)
        self._controls[name].value = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._controls)

    def __len__(self) -> int:
        return len(self._controls)

    def __repr__(self) -> str:
        return repr(dict(self))

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several at once; if one cannot be used, none is set."""
        for name, value in values.items():
            self._check(name, value)
        for name, value in values.items():
            self._controls[name].value = value

    def _check(self, name: str, value: Any) -> None:
        if name not in self._controls:
            raise ProtocolError(self._what, repr(name)[:60], _one_of(self._controls))
        _check(self._controls[name], value, place_in(self._what, name))


class Eligibility(Page):
    """The eligibility page: one participant and a cohort, under the record's thresholds or changed ones.

    Attributes
    ----------
    participant : Facts
        The facts in the form, as a dict by fact id. ``page.participant["age_years"] = 40`` fills a field;
        ``page.participant = {...}`` replaces all of them.
    screening : Screening
        The verdicts on these facts, each with its reason.
    cohort : Cohort or None
        The cohort that is open. Set a data frame with a column for each known fact, or the path of a CSV or Parquet
        file.
    cohort_screening : CohortScreening or None
        The verdicts on the cohort.
    parameters : Settings
        Thresholds and readings by id, as they stand on the page; ``page.parameters = {...}`` sets those given and
        puts the others back to the record's.
    phase : str
        The phase of the trial.
    record : EligibilityRecord
        The record with these parameters.
    trial, view, briefing, problems
        As of every page.
    """

    _title = _("Eligibility page")

    @property
    def participant(self) -> Facts:
        """The facts in the form, as a dict by fact id; what is not in it is unknown."""
        return Facts(self._page.person.form)

    @participant.setter
    def participant(self, facts: Mapping[str, Any]) -> None:
        form = self._page.person.form
        texts = {name: form.text_of(name, value) for name, value in facts.items()}
        self._page.person.who.show(None)
        self._page.person.fill({name: text for name, text in texts.items() if text}, _("set by code"))
        self._page.tabs.value = "patient"

    @property
    def screening(self) -> Screening:
        """The verdicts on the facts of the form, as ``EligibilityRecord.screen`` returns them."""
        found: Screening = self._page.screening
        return found

    @property
    def cohort(self) -> Cohort | None:
        """The cohort that is open; None if there is none."""
        found: Cohort | None = self._page.cohort.cohort
        return found

    @cohort.setter
    def cohort(self, cohort: Any) -> None:
        if isinstance(cohort, str | Path):
            from protocol.exchange.cohort.files import read_cohort

            file = read_cohort(Path(cohort).name, Path(cohort).expanduser(), self._trial.eligibility)
            self._page.take_cohort(file.frame, Path(cohort).name, file.problems)
            return
        taken = cohort if isinstance(cohort, Cohort) else self._trial.eligibility.cohort(cohort)
        taken.screen(self.phase, **self._page.changed)  # refuses what cannot be used before the page takes it
        self._page.take_cohort(taken, _("a data frame"))

    @property
    def cohort_screening(self) -> CohortScreening | None:
        """The verdicts on the cohort, for the phase and the parameters of the page; None if no cohort is open."""
        cohort = self.cohort
        return cohort.screen(self._page.phase.value, **self._page.changed) if cohort is not None else None

    @property
    def parameters(self) -> Settings:
        """Thresholds and readings by id, as they stand on the page."""
        return Settings(_("parameters"), self._page.parameters)

    @parameters.setter
    def parameters(self, values: Mapping[str, Any]) -> None:
        own = {one.id: one.value for one in self._trial.eligibility.parameters}
        with self._page.redraw_once():
            self.parameters.update({**own, **values})

    @property
    def phase(self) -> Phase:
        """The phase of the trial that the verdicts are for."""
        found: Phase = self._page.phase.value
        return found

    @phase.setter
    def phase(self, phase: Phase) -> None:
        _check(self._page.phase, phase, _("Phase"))
        self._page.phase.value = phase

    @property
    def record(self) -> EligibilityRecord:
        """The record with the parameters of the page, to compute with."""
        found: EligibilityRecord = self._page.present
        return found

    def _headline(self) -> str:
        return _(self.screening.overall)

    def _answers(self) -> dict[str, str]:
        known, found = len(self.participant), self.cohort_screening
        facts = ngettext("{n} fact known", "{n} facts known", known).format(n=known)
        counts = (
            list_of(_("{n} {what}").format(n=n, what=_(what)) for what, n in found.totals().items())
            if found
            else _("no cohort is open")
        )
        return {"patient": list_of((_(self.screening.overall), facts), "; "), "cohort": counts}

    def _parts(self) -> Iterator[tuple[str, str, widgets.Widget]]:
        for name, title, part in super()._parts():
            if name == "cohort":
                self._page.screen_cohort()
            yield name, title, part


class Escalation(Page):
    """The escalation page: what the trial does next, and the operating characteristics of a design.

    Attributes
    ----------
    next_action : NextAction or None
        What the trial should do next: as the log says or, if outcomes were set, as the sandbox answers.
    outcomes : Outcomes
        The complete outcomes of the log. Set other ones, as Outcomes or in the notation ``"A1:NNN A2:NNT"``, and the
        sandbox opens on them; set None to return to the log.
    settings : Settings
        The design and its values by name, with ``trials`` and ``seed`` of the simulation.
    design : Design
        The design that these settings make.
    truth : list of list of float
        The assumed true DLT rates, a row for each dose. Set rates of this shape, or the id of a scenario.
    simulation : Simulation
        The operating characteristics under these rates; simulated when it is asked for.
    trial, view, briefing, problems
        As of every page.
    """

    _title = _("Escalation page")

    @property
    def next_action(self) -> NextAction | None:
        """What the trial should do next; None if neither a log nor usable outcomes are there."""
        if self._sandbox_is_open or self.briefing is None:
            found: NextAction | None = self._page.sandbox.action
            return found
        return self.briefing.action

    @property
    def outcomes(self) -> Outcomes:
        """The complete outcomes that :attr:`next_action` answers."""
        is_sandbox = self._sandbox_is_open or self.briefing is None
        notation = self._page.sandbox.notation.value if is_sandbox else self.briefing.notation  # type: ignore[union-attr]
        return Outcomes.parse(self._page.grid, notation)

    @outcomes.setter
    def outcomes(self, outcomes: Outcomes | str | None) -> None:
        if outcomes is None and self._page.decision:
            self._page.decision.trying.value = False
            return
        notation = outcomes.notation() if isinstance(outcomes, Outcomes) else outcomes or ""
        Outcomes.parse(self._page.grid, notation)
        if self._page.decision:
            self._page.decision.trying.value = True
        self._page.tabs.value = "decision"
        self._page.sandbox.notation.value = notation
        for text in self._page.sandbox.problems.values():
            for error in text.errors:
                raise error

    @property
    def settings(self) -> Settings:
        """The design (``name``) and its values, ``trials`` and ``seed``, as they stand in the design lab."""
        return Settings(_("settings"), self._controls)

    @settings.setter
    def settings(self, values: Mapping[str, Any]) -> None:
        self.settings.update(values)

    @property
    def design(self) -> Design:
        """The design that the settings make."""
        found: Design = self._page.settings.design_now()
        return found

    @property
    def truth(self) -> list[list[float]]:
        """The assumed true DLT rates, a row for each dose."""
        found: list[list[float]] = self._page.lab.simulation.truth.truth
        return found

    @truth.setter
    def truth(self, truth: Any) -> None:
        editor = self._page.lab.simulation.truth
        if isinstance(truth, str):
            _check(editor.scenario, truth, _("Scenario"))
            editor.scenario.value = truth
            truth = next(one.truth for one in self._page.record.scenarios if one.id == truth)
        editor.take(true_rates(self._page.grid, np.asarray(truth, dtype=float)))

    @property
    def simulation(self) -> Simulation:
        """The operating characteristics of :attr:`design` under :attr:`truth`; all trials are simulated."""
        found: Simulation = self._page.lab.simulation.finished()
        return found

    @property
    def _sandbox_is_open(self) -> bool:
        return bool(self._page.decision and self._page.decision.trying.value)

    @property
    def _controls(self) -> dict[str, Any]:
        page, panel = self._page.settings, self._page.lab.simulation
        names = "target", "cohort_size", "maximum", "enough", "enough_rule", "preference", "bar"
        values = {name: getattr(page, name) for name in names}
        return {"name": page.design, **values, "trials": panel.trials, "seed": panel.seed}

    def _headline(self) -> str:
        return _next(self.briefing)

    def _answers(self) -> dict[str, str]:
        changed = list_of(self._page.settings.differences(), "; ") or _("as in the record")
        return {"decision": self._headline(), "lab": list_of((self._page.settings.design.value, changed))}


class Followup(Page):
    """The follow-up page: the visits of today, of one participant, and of the trial.

    Attributes
    ----------
    participant : str
        Study id of the participant on the page; "" for none.
    dates : dict
        The dates of this participant as in a row of the table that :func:`protocol.followup.timelines` takes:
        ``frequency`` and days by the ids of anchors and visits. Set other ones, and the page opens a copy in which
        nothing is recorded; set None to return to the log.
    ledger : pandas.DataFrame
        The visits with windows and status, as :func:`protocol.followup.timelines` returns them: of the copy if one
        is open, otherwise of the participant, otherwise of all participants that the reader may see.
    trial, view, briefing, problems
        As of every page.
    """

    _title = _("Follow-up page")

    @property
    def participant(self) -> str:
        """Study id of the participant on the page; "" for none."""
        return self._page.path.participant.value.strip() if self._page.path else ""

    @participant.setter
    def participant(self, participant: str) -> None:
        known = [one.id for one in self._people]
        if participant not in ("", *known):
            raise ProtocolError(_("participant"), _("none of them"), _("one of {n} study ids").format(n=len(known)))
        if participant or self._page.path:
            self._page.choose(participant)

    @property
    def dates(self) -> dict[str, Any]:
        """``frequency`` and the days of anchors and visits that are known; empty if no participant is chosen."""
        case = self._page.case
        if case is None:
            return {}
        days = {**case.dates, **case.done}
        return {"frequency": case.level} | {name: day for name, day in days.items() if day is not None}

    @dates.setter
    def dates(self, dates: Mapping[str, Any] | None) -> None:
        if dates is None:
            self._page.leave_what_if()
            return
        days = {str(name): _day(value, str(name)) for name, value in dates.items() if name != "frequency"}
        copy = self._page.what_if or self._page.open_what_if()
        copy.take(days, int(dates.get("frequency", copy.frequency.value)))
        self._page.tabs.value = "participant"

    @property
    def ledger(self) -> pd.DataFrame:
        """Visits with windows and status, one row a participant and visit."""
        if self._page.what_if:
            row = pd.DataFrame([{"participant": self.participant or _("copy"), **self.dates}])
            return timelines(self._trial.followup, row, self._page.as_of)
        if self.participant:
            people = [one for one in self._people if one.id == self.participant]
            return timelines(self._trial.followup, dates_of(self._trial, people), self._page.as_of)
        found = ledgers(self._trial, self._desk.participants)[0] if self._desk and self._desk.participants else None
        return pd.DataFrame() if found is None else found

    @property
    def _people(self) -> tuple[Any, ...]:
        so_far = self._desk.participants if self._desk else None
        return so_far.participants if so_far else ()

    def _headline(self) -> str:
        if self.briefing is None:
            return _("no participants")
        visits = self.briefing.visits[["overdue", "due", "open"]].sum()
        words = _("visits overdue: {overdue}, due: {due}, open: {open}")
        return words.format(**{str(name): int(count) for name, count in visits.items()})

    def _answers(self) -> dict[str, str]:
        ledger = self.ledger
        count = ledger["participant"].nunique() if len(ledger) else 0
        people = ngettext("{n} participant", "{n} participants", count).format(n=count)
        visits = ngettext("{n} visit", "{n} visits", len(ledger)).format(n=len(ledger))
        return {"today": self._headline(), "planning": list_of((people, visits))}


class Overview(Page):
    """The overview page: where the trial stands, its meetings, and the protocol.

    Attributes
    ----------
    briefing : Briefing or None
        The status of the trial as far as the reader may see it: counts, regimens, what is waited for, next action.
    trial, view, problems
        As of every page.
    """

    _title = _("Overview page")

    def _headline(self) -> str:
        return _next(self.briefing)

    def _answers(self) -> dict[str, str]:
        counts = self.briefing.counts if self.briefing else {}
        enrolled = _("{screened} screened, {enrolled} enrolled, {dlts} with a DLT").format_map(counts or Counter())
        questions = len(self._trial.ambiguities)
        open_ones = ngettext("{n} open question", "{n} open questions", questions).format(n=questions)
        return {"status": f"{self._headline()}; {enrolled}", "protocol": open_ones, "": open_ones}


class Effect(Page):
    """The effect page: phase II, blood counts, recovery, adverse events, the choice of a regimen.

    Attributes
    ----------
    summaries : Summaries or None
        Grades, recovery, incidence, events and outcomes of the participants that the reader may see; None without a
        log.
    trial, view, briefing, problems
        As of every page.
    """

    _title = _("Effect page")

    @property
    def summaries(self) -> Summaries | None:
        """Grades, recovery, incidence, events and outcomes of the participants that the reader may see."""
        return self._desk.effect if self._desk else None

    def _headline(self) -> str:
        return str(self._page.phase_two.sentence)

    def _answers(self) -> dict[str, str]:
        return {"phase-two": self._headline()}


class Sites(Page):
    """The sites page: contacts, positions, and visits to come.

    Attributes
    ----------
    trial, view, briefing, problems
        As of every page; the sites are ``page.trial.sites``.
    """

    _title = _("Sites page")

    def _headline(self) -> str:
        count = len(self._trial.sites)
        return ngettext("{n} site", "{n} sites", count).format(n=count)


def _pictures_in(part: Any) -> Iterator[str]:
    """Say which pictures a part of a page shows."""
    if isinstance(part, Chart) and not part.problem and part.rows and part.layout.display != "none":
        rows = ngettext("{n} row", "{n} rows", part.rows).format(n=part.rows)
        yield _("picture: {what} ({rows})").format(what=part.description, rows=rows)
    for child in getattr(part, "children", ()):
        yield from _pictures_in(child)


def _wrong_in(part: Any) -> Iterator[str]:
    """Say what a part of a page says to be wrong."""
    if isinstance(part, Chart) and part.problem:
        yield labelled(part.description, part.problem)
    elif isinstance(part, Text):
        yield from map(str, part.errors)
        if part.role == "alert" and part.value and not part.errors:
            yield Markup(part.value).striptags()  # noqa: S704 - its own text
    for child in getattr(part, "children", ()):
        yield from _wrong_in(child)


def _problem(wrong: object) -> str:
    return _("problem: {error}").format(error=wrong)


def _next(briefing: Briefing | None) -> str:
    """Say which regimen is open and for how many participants the next decision waits; it names none of them."""
    if briefing is None:
        return _("no log")
    waited = len(briefing.waiting) + briefing.free_places
    words = ngettext(
        "open regimen: {regimen}; {n} participant waited for",
        "open regimen: {regimen}; {n} participants waited for",
        waited,
    )
    if briefing.open_regimen is None:
        words = ngettext(
            "enrolment is stopped; {n} participant waited for",
            "enrolment is stopped; {n} participants waited for",
            waited,
        )
    return words.format(regimen=briefing.open_regimen, n=waited)


def _check(control: Any, value: Any, where: str) -> None:
    """Refuse a value that a control does not take, before the control limits or rejects it itself."""
    options = getattr(control, "options", None)
    if options is not None:
        usable = [one[1] if isinstance(one, tuple) else one for one in options]
        if value not in usable:
            raise ProtocolError(where, repr(value)[:60], _one_of(usable))
    elif isinstance(control.value, bool):
        if not isinstance(value, bool | np.bool_):
            raise ProtocolError(where, repr(value)[:60], "True, False")
    else:
        low, high = control.min, control.max
        whole = isinstance(control.value, int)
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or (whole and value != int(value)):
            words = _("a whole number from {low:g} to {high:g}") if whole else _("a number from {low:g} to {high:g}")
            raise ProtocolError(where, repr(value)[:60], words.format(low=low, high=high))


def _one_of(names: Any) -> str:
    return _("one of {names}").format(names=list_of(map(str, names)))


def _day(value: Any, where: str) -> date | None:
    """Return a day given as date, time stamp or ISO text; None if it is not known."""
    try:
        return None if pd.isna(value) else pd.Timestamp(value).date()
    except (TypeError, ValueError):
        raise ProtocolError(where, repr(value)[:60], _("a day such as 2026-03-01")) from None
