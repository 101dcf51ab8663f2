"""Record the screening that stands on the eligibility page."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import event
from protocol.pages.kit import Day, Text, details, field, invented, paragraph, row, section, table
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import OVERALL
from protocol.pages.trial_log.recorder import Days, Recorder, Wanted, day_in, refusal, sites_of
from protocol.translation import _, ngettext


class ScreeningPanel:
    """Record a screening with its whole result; the screenings recorded so far.

    Parameters
    ----------
    desk : Desk
    today : date
    result : callable
        Takes the study id; returns phase, overall verdict and the whole result of what stands on the page, as JSON
        can hold it.
    """

    def __init__(self, desk: Desk, today: date, result: Callable[[str], tuple[str, str, dict[str, Any]]]) -> None:
        self._desk, self._result = desk, result
        self.study_id = field(widgets.Text, _("Study id"), placeholder="P-017")
        self.site = field(widgets.Dropdown, _("Site"), options=sites_of(desk))
        self.on = field(Day, _("Screened on"), value=today)
        self._days = Days(today, self.on)
        self.recorder = Recorder(desk, _("Record this screening"), self._read)
        self.study_id.observe(lambda _change: self.recorder.show_afresh(), "value")
        self.known = Text()
        refused = refusal(desk)
        if refused is not None:
            self.view = section(_("Record of screenings"), Text(refused, role=""), self.known)
        else:
            self.view = section(
                _("Record this screening"),
                row(self.study_id, self.site, self.on),
                self.recorder.view,
                self.known,
                lead=_(
                    "The answers above are kept with the study id: facts, verdicts, thresholds, readings; no name."
                ),
            )
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the screenings that this reader may see."""
        if not self._desk.invented:
            self._days.move(self._desk.briefing.as_of)
        self.known.show(invented() if self._desk.invented else None, _recorded_screenings(self._desk))

    def _read(self) -> Wanted:
        study_id = self.study_id.value.strip()
        phase, overall, result = self._result(study_id)
        values = {
            "kind": "screened",
            "on": day_in(self.on),
            "participant": study_id,
            "phase": phase,
            "overall": overall,
            "result": result,
        }
        return event(values), self.site.value, ""


def _recorded_screenings(desk: Desk) -> Markup:
    courses = {name: course for name, course in desk.courses.items() if course.screenings}
    count = desk.briefing.counts["screened"]
    words = ngettext("{n} participant screened so far.", "{n} participants screened so far.", count).format(n=count)
    rows = [
        {
            _("Study id"): name,
            _("Site"): course.site,
            _("Last screened"): course.screenings[-1].content["on"],
            _("Result"): OVERALL[str(course.overall)],
            _("Excluded by"): ", ".join(course.excluded_by),
        }
        for name, course in reversed(courses.items())
    ]
    if not rows:
        return paragraph(words)
    return details(words, table(pd.DataFrame(rows, dtype=object), _("The last recorded first")))
