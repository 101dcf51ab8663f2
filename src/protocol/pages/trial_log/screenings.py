"""Save the screening that stands on the eligibility page, to the log or as files, and reopen one of the log."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import Entry, event
from protocol.conduct.labels import OVERALL
from protocol.pages.kit import (
    BothLanguages,
    Day,
    Text,
    button,
    details,
    field,
    invented,
    link_to,
    note,
    paragraph,
    row,
    table,
)
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.next_step import next_step, step_name
from protocol.pages.trial_log.recorder import Days, Recorder, Wanted, day_in, refusal, sites_of
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext

Result = Callable[[str], tuple[str, str, dict[str, Any]]]
"""Takes the study id; returns phase, overall verdict and whole result of what stands on the page, for JSON."""


class ScreeningPanel:
    """Save a screening to the log or as files, and reopen one that was recorded.

    Parameters
    ----------
    desk : Desk or None
        The log; without one a screening is saved as files only.
    day : Day
        The day of the answer, which is the day of the screening.
    result : callable
        See :data:`Result`.
    files : callable
        Takes the study id and returns links to the files.
    reopen : callable
        Puts a recorded screening into the form.
    saved : callable
        Called when what stands in the form is recorded: after a screening is saved, and after one is reopened.
    both : BothLanguages, optional
        The page to print in both languages.
    as_page : callable, optional
        Returns a context within which the page changes the form, which is then no draft of a person.
    begin : callable, optional
        Empties the form for another participant; returns False if it holds what a person typed and did not save.

    Attributes
    ----------
    study_id : ipywidgets.Text
        Never a name.
    site : ipywidgets.Dropdown
    recorder : Recorder or None
        None if this reader cannot record here.
    download : ipywidgets.Button
        Makes the files.
    links : Text
        The files, or what is wrong.
    saved : ipywidgets.VBox
        These, and the page to print in both languages.
    reopened : ipywidgets.Combobox
        The screening that is reopened: a study id for its last one, with a day for an earlier one.
    known : Text
        The screenings recorded so far.
    """

    def __init__(
        self,
        desk: Desk | None,
        day: Day,
        result: Result,
        files: Callable[[str], Markup],
        reopen: Callable[[Entry], None],
        saved: Callable[[], None] = lambda: None,
        both: BothLanguages | None = None,
        as_page: Callable[[], AbstractContextManager[None]] = nullcontext,
        begin: Callable[[], bool] = lambda: True,
    ) -> None:
        self._desk, self._day, self._result, self._files, self._reopen = desk, day, result, files, reopen
        self._saved, self._as_page, self._begin = saved, as_page, begin
        self.study_id = field(widgets.Text, _("Study id"), width="short", placeholder="P-017")
        self.site = field(widgets.Dropdown, _("Site"), width="short", options=sites_of(desk) if desk else [])
        self.download = button(_("Download"), self._write, icon="download")
        self.both = both
        self.links, self.known, self.not_found = Text(), Text(), Text(role="alert")
        self.reopened = field(
            widgets.Combobox,
            _("Reopen a screening"),
            placeholder=_("study id"),
            continuous_update=False,
        )
        self._entries = dict[str, Entry]()
        self.recorder: Recorder | None = None
        refused = refusal(desk) if desk else None
        if desk and refused is None:
            self.recorder = Recorder(desk, _("Save to the log"), self._read, saved, following=self._next_step)
            self.study_id.observe(lambda _change: self._afresh(), "value")
            self._days = Days(desk.briefing.as_of, day)
        saves = [self.recorder.view] if self.recorder else []
        taken = [self.download, *([both.make] if both else [])]
        self.controls = [self.study_id, *([self.site] if self.recorder else []), *saves, *taken]
        self.saved = widgets.VBox([*([both.view] if both else []), self.links])
        self.opener = widgets.VBox([row(self.reopened), self.not_found])
        self.about = widgets.VBox([Text(refused, role=""), self.known])
        self.reopened.observe(self._chosen, "value")
        if desk:
            desk.on_change(self.refresh)
            self.refresh()
        else:
            self.opener.layout.display = "none"

    def refresh(self) -> None:
        """List the screenings that this reader may see."""
        desk = self._desk
        if desk is None:
            return
        if self.recorder and not desk.invented:
            self._days.move(desk.briefing.as_of)
        self._entries = _screenings(desk)
        self.reopened.options = tuple(self._entries)
        self.opener.layout.display = "" if self._entries else "none"
        self.known.show(invented() if desk.invented else None, _recorded_screenings(desk))

    def forget(self) -> None:
        """Remove the files, because the page shows something else now."""
        self.links.show(None)
        if self.both:
            self.both.forget()

    def _afresh(self) -> None:
        if self.recorder:
            self.recorder.show_afresh()

    def _write(self) -> None:
        try:
            self.links.show(self._files(self.study_id.value.strip()))
        except ProtocolError as error:
            self.links.show(error)

    def _chosen(self, change: dict[str, Any]) -> None:
        wanted = str(change["new"]).strip()
        self.not_found.show(None)
        if not wanted:
            return
        entry = self._entries.get(wanted)
        if entry is None and self._desk and wanted in self._desk.courses:
            self._screen_first(wanted, self._desk.courses[wanted].site)
            return
        try:
            if entry is None:
                write = _("a study id of the list")
                raise ProtocolError(self.reopened.description, repr(wanted)[:60], write)
            self._reopen(entry)
        except ProtocolError as error:
            self.not_found.show(error)
            return
        self._put_in(str(entry.content["participant"]), entry.site)
        self._saved()

    def _screen_first(self, name: str, site: str | None) -> None:
        """Begin the first screening of a participant who is in the log, with a consent."""
        if not self._begin():
            write = _("the answers into the log, or empty the form, before another participant is screened")
            self.not_found.show(ProtocolError(self.reopened.description, _("a form that is not saved"), write))
            return
        with self._as_page():
            self._put_in(name, site)
        words = _("{name} has no screening in the log yet. Fill in the form, then save it.")
        self.not_found.show(note(words.format(name=name)))

    def _put_in(self, name: str, site: str | None) -> None:
        self.study_id.value = name
        if site in dict(self.site.options).values():
            self.site.value = site

    def _next_step(self, entry: Entry) -> Markup | None:
        """Lead to the path of the participant, where the next step is recorded; None without that page."""
        if self._desk is None or not self._desk.trial.states("followup"):
            return None
        name = str(entry.content["participant"])
        step = next_step(self._desk, name)
        words = _("Next step of {name}: {step}") if step else _("The path of {name}")
        text = words.format(name=name, step=step_name(step) if step else "")
        return paragraph(link_to("followup", text, tab="participant", participant=name))

    def _read(self) -> Wanted:
        study_id = self.study_id.value.strip()
        phase, overall, result = self._result(study_id)
        values = {
            "kind": "screened",
            "on": day_in(self._day),
            "participant": study_id,
            "phase": phase,
            "overall": overall,
            "result": result,
        }
        return event(values), self.site.value, ""


def _screenings(desk: Desk) -> dict[str, Entry]:
    """Return the screenings this reader may see: the last of each by its study id, the earlier with a day."""
    found = dict[str, Entry]()
    for name, course in desk.courses.items():
        for entry in course.screenings[:-1]:
            found[f"{name}, {entry.content['on']}"] = entry
        if course.screenings:
            found[name] = course.screenings[-1]
    return found


def _recorded_screenings(desk: Desk) -> Markup:
    courses = {name: course for name, course in desk.courses.items() if course.screenings}
    count = desk.briefing.counts["screened"]
    words = ngettext("{n} participant screened so far.", "{n} participants screened so far.", count).format(n=count)
    rows = [
        {
            _("Study id"): name,
            _("Site"): desk.trial.site_shown(course.site),
            _("Last screened"): course.screenings[-1].content["on"],
            _("Result"): OVERALL[str(course.overall)],
            _("Excluded by"): list_of(course.excluded_by),
        }
        for name, course in reversed(courses.items())
    ]
    if not rows:
        return paragraph(words)
    return details(words, table(pd.DataFrame(rows, dtype=object), _("The last recorded first")))
