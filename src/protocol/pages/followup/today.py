"""What is to be done today: visits overdue and due, each recorded in its row, and the two weeks to come."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import event, participant_status
from protocol.effect import REPORTS, term_label
from protocol.figures import followup as figures
from protocol.followup import agenda
from protocol.followup.schedule import infusion_visit
from protocol.pages.followup.ledger_text import day_text, status_text, study_day_words, window_text
from protocol.pages.kit import (
    Day,
    Draft,
    Table,
    Text,
    button,
    classed,
    details,
    field,
    invented,
    joined,
    macros,
    note,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.next_infusion import next_infusion_words
from protocol.pages.trial_log.recorder import Incomplete, Problems, Recorder, Wanted, day_in, refusal
from protocol.pages.trial_log.reports import RECORDED_AS, reporting_words
from protocol.pages.trial_log.visits import PRESENT, visits_text
from protocol.translation import _, labelled, list_of, ngettext
from protocol.trial import Trial

STRIP_DAYS = 14
"""Days that the picture shows, today included."""

TABLE_DAYS = 28
"""Days that the table looks ahead."""

ROWS = 10
"""Rows shown at first, and shown more at a time."""


class TodayPanel:
    """The work of the day: one row for each visit that needs action, recorded in the row; or what a day brings.

    Parameters
    ----------
    desk : Desk
    choose : callable
        Takes a study id; shows that participant.

    Attributes
    ----------
    counts, nothing, result : Text
        The counts of all visits, the sentence if nothing is due, and what was recorded last.
    site : ipywidgets.Dropdown
        The empty text shows all sites.
    day : ipywidgets.Dropdown
        The day whose plan is listed, as ISO text; empty for what needs action. A click on the strip chooses it.
    rows : list of Task
        The rows in sight.
    on, reason, save
        The day and the reason in the open row, and its Recorder.
    draft : Draft
        The open row, as long as a person changed something in it.
    visits : Table
    strip : Chart
    """

    def __init__(self, desk: Desk, choose: Callable[[str], None]) -> None:
        self._desk, self._choose = desk, choose
        self._tasks, self._size = pd.DataFrame(), ROWS
        self._about: tuple[dict[Any, Any], bool] | None = None  # the visit of the open row, and whether it took place
        self.counts, self.nothing, self.result = Text(), Text(), Text()
        self.meaning = Text(_meaning(desk), role="")
        self.next_infusion = Text()
        self.by_site = Text(role="")
        self.site = field(widgets.Dropdown, _("Site"), options=[(_("All sites"), "")])
        self.day = field(widgets.Dropdown, _("Show"), options=[(_("What needs action now"), "")])
        self.strip = Chart(figures.week_strip, _("What is planned in the next two weeks, a mark for each visit"))
        name = "visits-invented-example.csv" if desk.invented else "visits.csv"
        self.visits = Table(_("Visits that need action and visits of the next four weeks"), name, 25)
        self._problems, self._key = Problems(), field(widgets.Text, _("Visit"))
        self.on, self.reason = field(Day, _("Took place on")), field(widgets.Text, _("Why it was missed"))
        form = (self._key, self.on, self.reason)
        self.save = Recorder(desk, _("Save"), self._read, self._saved, form, problems=self._problems)
        self.draft = _RowDraft(self, {"row": self._key, "on": self.on, "reason": self.reason})
        self.cancel = button(_("Cancel"), self._shut)
        self._reason_at = self._problems.at(self.reason, "reason")
        self._editor = classed(
            widgets.VBox([row(self._problems.at(self.on, "on"), self._reason_at), row(self.save.view, self.cancel)]),
            "pw-editor",
        )
        self.more = button(_("Show more"), self._show_more)
        self.rows: list[Task] = []
        self._list = widgets.VBox()
        table_fold = widgets.Accordion([self.visits.view], titles=[_("The figures as a table")], selected_index=None)
        hint = Text(paragraph(_("The next two weeks. Click a day to list what is planned on it."), "off"), role="")
        parts = [widgets.VBox([self.site, self.day]), classed(widgets.VBox([hint, self.strip]), "pw-strip")]
        parts += [self.result, self.nothing, self._list, self.more, table_fold]
        self._participants = classed(widgets.VBox(parts), "pw-work")
        self._hidden = Text(role="")
        refused = refusal(desk)
        self.view = widgets.VBox(
            [
                Text(invented() if desk.invented else None, role=""),
                section(_("Today, {day}").format(day=desk.briefing.as_of), self.counts),
                self.next_infusion,
                self._hidden,
                self._participants,
                self.by_site,
                self.meaning,
                *([Text(refused, role="")] if refused is not None else []),
            ]
        )
        self.site.observe(self._filter, "value")
        self.day.observe(self._filter, "value")
        self.strip.observe(self._pick, "picked")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the log; a row that is open stays open while its visit is listed."""
        now, so_far = self._desk.briefing, self._desk.participants
        self.view.children[1].children[0].show(macros("kit").heading(_("Today, {day}").format(day=now.as_of)))
        self.counts.show(
            counts_text(now.visits, now.counts["unassessed"], now.report_counts),
            *(paragraph(words, "bad") for words in now.left_out),
            None if so_far is None or self._desk.sees_all else paragraph(_own_list(), "off"),
        )
        self.next_infusion.show(next_infusion_words(self._desk))
        by_site = table(_by_site(now.visits, self._desk.trial), _("Visits by site"))
        self.by_site.show(by_site if so_far is None else details(_("Visits by site"), by_site))
        self._hidden.show(None if so_far else note(_hidden(self._desk)))
        self._participants.layout.display = None if so_far else "none"
        if so_far is None:
            return
        self._sites = {person.id: person.site for person in so_far.participants}
        sites = [
            (_("All sites"), ""),
            *((self._desk.trial.site_shown(name), name) for name in sorted(set(self._sites.values()))),
        ]
        if tuple(sites) != tuple(self.site.options):
            chosen = self.site.value
            self.site.options = sites
            self.site.value = chosen if chosen in dict(sites).values() else ""
        self.site.layout.display = None if len(sites) > 2 else "none"
        ledger, _left_out = ledgers(self._desk.trial, so_far)
        self._agenda = pd.DataFrame() if ledger is None else agenda(ledger, self._sites, so_far.as_of, 3660)
        kinds = (
            {}
            if ledger is None
            else dict(zip(ledger["id"].astype(object), ledger["kind"].astype(object), strict=True))
        )
        if len(self._agenda):
            self._agenda["kind"] = self._agenda["id"].map(kinds)
        window = self._desk.trial.escalation.dlt_window_days.value
        self._status = participant_status(so_far, window)
        self._filter()

    def _filter(self, _change: Any = None) -> None:
        """Show what belongs to the chosen site and day."""
        found, status, reports = self._agenda, self._status, self._desk.briefing.reports
        if self.site.value:
            reports = reports[reports["site"] == self.site.value]
            found = found[found["site"] == self.site.value] if len(found) else found
            status = status[status["site"] == self.site.value]
        today = self._desk.briefing.as_of
        items = strip_items(found, status, reports, today)
        self._offer_days(items, today)
        chosen = date.fromisoformat(self.day.value) if self.day.value else None
        self._tasks = tasks_on(found, status, reports, chosen) if chosen else tasks_of(found, status, reports)
        self.nothing.show(None if len(self._tasks) else _nothing(found, chosen))
        self.strip.draw(figures.strip_rows(items, today, STRIP_DAYS, chosen))
        near = found
        if len(found):
            near = found[found["target"] <= pd.Timestamp(today + timedelta(days=TABLE_DAYS))]
        self.visits.show(_listed(near, self._desk.trial))
        self._lay_out()

    def _offer_days(self, items: pd.DataFrame, today: date) -> None:
        """Offer the days of the strip with how much each brings; a day that is over is left."""
        counts, chosen = items["day"].value_counts(), self.day.value
        days = [today + timedelta(days=number) for number in range(STRIP_DAYS)]
        named = [(f"{figures.WEEKDAYS[one.weekday()]} {one} ({counts.get(one, 0)})", one.isoformat()) for one in days]
        options = ((_("What needs action now"), ""), *named)
        if options == tuple(self.day.options):
            return
        with self.day.hold_trait_notifications():
            self.day.options = options
            self.day.value = chosen if chosen in dict(named).values() else ""

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:  # a second click on the day ends the choice
            picked = str(change["new"]["day"])
            self.day.value = "" if self.day.value == picked else picked

    def _lay_out(self) -> None:
        shown = self._tasks.iloc[: self._size].to_dict("records")
        while len(self.rows) < len(shown):
            self.rows.append(Task(self._open, self._choose, may_record=refusal(self._desk) is None))
        for place, task in enumerate(shown):
            self.rows[place].show(task)
        about = self._about and _key_of(self._about[0])
        if about and about not in [_key_of(task) for task in shown]:
            self._about, about = None, None
            self.draft.keep()
        for place, one in enumerate(self.rows[: len(shown)]):
            is_open = about is not None and about == _key_of(shown[place])
            one.view.children = (one.line, self._editor) if is_open else (one.line,)
        self._list.children = [one.view for one in self.rows[: len(shown)]]
        rest = len(self._tasks) - len(shown)
        self.more.layout.display = None if rest > 0 else "none"
        self.more.description = _("Show more ({n})").format(n=rest)

    def _show_more(self) -> None:
        self._size += ROWS
        self._lay_out()

    def _open(self, task: dict[Any, Any], done: bool) -> None:
        """Open a row: the day is put in as today, for a person to confirm."""
        self._about = task, done
        key = f"{_key_of(task)} {done}"
        self.save.start_afresh()
        self.result.show(None)
        self._key.value, self.on.value, self.reason.value = key, self._desk.briefing.as_of, ""
        self.draft.keep()
        self.on.description = _("Took place on") if done else _("Noted as missed on")
        self._reason_at.layout.display = "none" if done else None
        self._lay_out()

    def open_again(self, key: str) -> bool:
        """Open the row of a draft; return whether its visit still needs action."""
        for place, task in enumerate(self._tasks.to_dict("records")):
            for done in (True, False):
                if key == f"{_key_of(task)} {done}":
                    self._size = max(self._size, place + 1)
                    self._open(task, done)
                    return True
        return False

    def _shut(self) -> None:
        self._about = None
        self.draft.keep()
        self.save.start_afresh()
        self._lay_out()

    def _read(self) -> Wanted:
        if self._about is None:
            raise Incomplete(self._key, _("Choose a visit."))
        (task, done), on = self._about, day_in(self.on)
        person, reason = task["participant"], self.reason.value.strip()
        if not done and not reason:
            raise Incomplete(self.reason, _("Write why it was missed."))
        course = self._desk.courses[person]
        values: dict[str, Any] = {"on": on, "participant": person}
        if task["kind"] == "infusion":
            values |= {"kind": "infused", "number": self._number_of(task)}
        elif task["kind"] == "report":
            _report, what, number = task["id"].split()
            values |= {"kind": "adverse_event_followed", "number": int(number), RECORDED_AS[what]: on}
        else:
            values |= {"kind": "visit", "visit": task["id"], "done": done}
        return event(values), course.site, "" if done else reason

    def _number_of(self, task: Mapping[Any, Any]) -> int:
        """Return the number of a planned infusion at the participant's regimen."""
        regimen = str(self._desk.courses[task["participant"]].regimen)
        return [infusion_visit(day) for day in self._desk.trial.infusion_days(regimen)].index(task["id"]) + 1

    def _saved(self) -> None:
        """Close the row; what was recorded stands above the list."""
        self.result.value = self.save.said.value
        self.save.said.show(None)
        self._about = None
        self.draft.keep()
        self._lay_out()


def _own_list() -> str:
    return _("These are the counts of all sites; the list below is of your site.")


class _RowDraft(Draft):
    """The row that is open, with its day and reason."""

    def __init__(self, panel: TodayPanel, fields: Mapping[str, Any]) -> None:
        self._panel = panel
        super().__init__(fields)

    def put_back(self, held: Mapping[str, str]) -> None:
        if self._panel.open_again(held["row"]):
            super().put_back(held)


class Task:
    """One row of the work: what is to be done, and for a person who may record its buttons."""

    def __init__(
        self, open_row: Callable[[dict[Any, Any], bool], None], choose: Callable[[str], None], may_record: bool
    ) -> None:
        self.task: dict[Any, Any] = {}
        self.who = classed(button("", lambda: choose(self.task["participant"])), "pw-who")
        self.what = Text(role="")
        self._buttons: dict[str, Any] = {}
        if may_record:
            self.done = button(_("Done"), lambda: open_row(self.task, True))
            self.missed = button(_("Missed"), lambda: open_row(self.task, False))
            self.assess = button(_("Assess"), lambda: choose(self.task["participant"]))
            self._buttons = {"done": self.done, "missed": self.missed, "assess": self.assess}
        self.line = classed(row(self.who, self.what, *self._buttons.values()), "pw-task")
        self.view = widgets.VBox([self.line])

    def show(self, task: dict[Any, Any]) -> None:
        """Show another task in this row."""
        if task == self.task:
            return
        self.task = task
        self.who.description = task["participant"]
        self.who.tooltip = _("Show {name}").format(name=task["participant"])
        self.what.show(_task_text(task))
        now, judged = task["status"] in PRESENT, _is_judged(task)
        shown = {"done": now and not judged, "missed": now and task["kind"] == "visit", "assess": now and judged}
        words = {
            "done": _("Infusion given") if task["kind"] == "infusion" else _("Done"),
            "missed": _("Missed"),
            "assess": _("Judge") if task["kind"] == "report" else _("Assess"),
        }
        for name, control in self._buttons.items():
            control.description = words[name]
            control.layout.display = None if shown[name] else "none"
            control.tooltip = labelled(words[name], list_of((task["name"], task["participant"])))


def _is_judged(task: Mapping[Any, Any]) -> bool:
    """Whether a task is done on the path of the participant, and not in its row."""
    return task["kind"] == "assessment" or str(task["id"]).startswith("report judge")


def tasks_of(found: pd.DataFrame, status: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """Return what needs action, the most urgent first: overdue, due, open; of these reports, then assessments.

    Parameters
    ----------
    found : pandas.DataFrame
        What :func:`protocol.followup.agenda` returns, with ``kind``.
    status : pandas.DataFrame
        What :func:`protocol.conduct.participant_status` returns.
    reports : pandas.DataFrame
        Those of :class:`protocol.briefing.Briefing`.
    """
    rows = _reports(reports) + _assessments(status, "assessment missing", "overdue")
    if len(found):
        rows += found.loc[found["status"].isin(PRESENT), _COLUMNS].to_dict("records")
    rows.sort(key=lambda one: PRESENT.index(one["status"]))
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=object)


def tasks_on(found: pd.DataFrame, status: pd.DataFrame, reports: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return what is planned for a day, as :func:`tasks_of` does: reports, visits, infusions, ends of DLT windows."""
    rows = [*_reports(reports), *_assessments(status, "in DLT window", "not yet")]
    rows = [one for one in rows if one["target"] == pd.Timestamp(day)]
    if len(found):
        rows += found.loc[found["target"] == pd.Timestamp(day), _COLUMNS].to_dict("records")
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=object)


_COLUMNS = ["kind", "id", "status", "name", "participant", "opens", "target", "closes"]


def _reports(reports: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the reports that are to be made, on their last day; a judgement is on that of its report."""
    words = _("{term}, grade {grade}")
    return [
        {
            "kind": "report",
            "id": f"report {one['task']} {one['number']}",
            "status": "overdue" if one["late"] else "due",
            "name": words.format(term=term_label(one["term"]), grade=one["grade"]),
            "participant": one["participant"],
            "opens": None,
            "target": pd.NaT if one["due"] is None else pd.Timestamp(one["due"]),
            "closes": None,
        }
        for one in reports.to_dict("records")
    ]


def _assessments(status: pd.DataFrame, progress: str, said: str) -> list[dict[Any, Any]]:
    """Return the DLT assessments of those with this progress, on the last day of the window."""
    some = status[status["progress"] == progress] if len(status) else status
    same = {
        "kind": "assessment",
        "id": "",
        "status": said,
        "name": _("DLT assessment"),
        "opens": None,
        "closes": None,
    }
    return [
        same | {"participant": one["participant"], "target": pd.Timestamp(one["window_ends"]) - pd.Timedelta(days=1)}
        for one in some.to_dict("records")
    ]


def strip_items(found: pd.DataFrame, status: pd.DataFrame, reports: pd.DataFrame, today: date) -> pd.DataFrame:
    """Return what is planned: visits and infusions by target day, assessments and reports by their last day."""
    rows = []
    if len(found):
        ahead = found[found["target"] >= pd.Timestamp(today)]
        rows = [
            (one["target"].date(), one["kind"], one["participant"], one["name"]) for one in ahead.to_dict("records")
        ]
    rows += [
        (one["target"].date(), one["kind"], one["participant"], one["name"])
        for one in [*_assessments(status, "in DLT window", "not yet"), *_reports(reports)]
        if pd.notna(one["target"])
    ]
    return pd.DataFrame(rows, columns=["day", "kind", "participant", "name"], dtype=object)


def counts_text(visits: pd.DataFrame, unassessed: int, reports: Mapping[str, str]) -> Markup:
    """Return how many visits are overdue, due and open, how many DLT assessments are missing, and reports due."""
    said = visits_text({name: int(visits[name].sum()) for name in PRESENT})
    if unassessed:
        text = ngettext("{n} DLT assessment missing", "{n} DLT assessments missing", unassessed)
        said += " · " + text.format(n=unassessed)
    for name, words in (("late", _("reports overdue: {n}")), ("due", _("reports due: {n}"))):
        if reports.get(name, "0") != "0":
            said += " · " + words.format(n=reports[name])
    return paragraph(strong(said))


def _meaning(desk: Desk) -> Markup:
    words = _(
        "Open: the window has begun, the target day is ahead. Due: from the target day to the last day of the "
        "window. Overdue: the window is over and the visit is neither done nor missed."
    )
    reports = [reporting_words(desk.trial)] if desk.trial.states("effect") else []
    days = paragraph(study_day_words(), "off")
    return details(_("What the words mean"), joined((paragraph(words, "off"), days, *reports)))


def _hidden(desk: Desk) -> str:
    if not desk.sees_all and not desk.reader.records:
        return _("Your role shows figures and hides the participants.")
    if desk.sees_all:
        return _("No participant is enrolled yet. The first step is a screening on the eligibility page.")
    return _("No participant of your site is enrolled yet. The first step is a screening on the eligibility page.")


def _nothing(found: pd.DataFrame, chosen: date | None = None) -> Markup:
    if chosen:
        return note(_("Nothing is planned for {day}.").format(day=chosen))
    ahead = found.sort_values("target", kind="stable") if len(found) else found
    if ahead.empty:
        return note(_("Nothing is due, and no visit is planned."))
    one = ahead.iloc[0]
    text = _("Nothing is due. Next: {visit} of {name}, planned for {day}.")
    return note(text.format(visit=one["name"], name=one["participant"], day=one["target"].date()))


def _task_text(task: Mapping[Any, Any]) -> Markup:
    if task["kind"] == "assessment":
        words = _("missing since {day}") if task["status"] == "overdue" else _("the DLT window ends on {day}")
        text = words.format(day=task["target"].date())
        return joined((status_text(task["status"]), strong(task["name"]), text), " ")
    if task["kind"] == "report":
        what = REPORTS[task["id"].split()[1]]
        by = _("by {day}").format(day=task["target"].date()) if pd.notna(task["target"]) else ""
        return joined(filter(None, (status_text(task["status"]), strong(task["name"]), what, by)), " ")
    before, after = _("window {days}").split("{days}")
    when = joined((before, window_text(task), after))
    return joined((status_text(task["status"]), strong(task["name"]), when), " ")


def _key_of(task: Mapping[Any, Any]) -> str:
    return f"{task['participant']} {task['id']}"


def _by_site(visits: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    named = visits[["site", *PRESENT]].assign(site=visits["site"].map(trial.site_shown))
    named.columns = pd.Index([_("Site"), *(figures.SIGNS[name][2] for name in PRESENT)])
    return named.astype(object)


def _listed(found: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    rows = [
        {
            _("Site"): trial.site_shown(one["site"]),
            _("Participant"): one["participant"],
            _("Visit"): one["name"],
            _("Status"): status_text(one["status"]),
            _("Target"): day_text(one["target"]),
            _("Window (both days included)"): window_text(one),
        }
        for one in found.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)
