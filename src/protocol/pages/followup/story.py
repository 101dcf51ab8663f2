"""One participant's schedule, planned and actual: pictures, what is due, and the table behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import Participant
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import FollowupRecord, landmarks, timeline
from protocol.pages.followup import ledger_text
from protocol.pages.kit import Panel, Text, details, download, joined, section, table
from protocol.translation import _
from protocol.trial import Trial, dates_of


@dataclass(frozen=True)
class DatesCase:
    """The dates of one participant: of the anchors, of the visits done, and the ledger that follows from them."""

    dates: Mapping[str, date | None]
    level: int
    done: Mapping[str, date | None]
    ledger: pd.DataFrame


def case_of(trial: Trial, person: Participant, today: date) -> DatesCase:
    """Return the dates of a participant of the log.

    Raises
    ------
    ProtocolError
        If the dates cannot be used together.
    """
    record = trial.followup
    dates = dates_of(trial, [person]).iloc[0].to_dict()
    level = int(dates["frequency"])
    anchors = {anchor.id: dates.get(anchor.id) for anchor in record.anchors}
    here = {visit.id for visit in record.visits_at(level)}
    done = {name: day for name, day in person.visits.items() if name in here}
    return DatesCase(anchors, level, done, timeline(record, anchors, level, today, done, person.missed))


class Story(Panel):
    """What one participant's dates mean: :meth:`show` takes a DatesCase.

    Parameters
    ----------
    record : FollowupRecord
    today : date
    filename : str
        Of the download.

    Attributes
    ----------
    summary, periods, table, download : Text
    course, years : Chart
    """

    def __init__(self, record: FollowupRecord, today: date, filename: str) -> None:
        self._record, self._today, self.filename = record, today, filename
        self.summary, self.periods, self.table, self.download = Text(), Text(), Text(role=""), Text(role="")
        self.course = Chart(figures.schedule, _("The course of treatment: windows and what was done"))
        self.years = Chart(figures.schedule, _("The whole follow-up: windows and what was done"))
        self.view = widgets.VBox(
            [
                section(_("Visits"), self.summary, self.periods),
                section(
                    _("Planned and done"),
                    self.course,
                    self.years,
                    self.table,
                    self.download,
                    lead=_("Bars are windows, ticks target days, diamonds visits done; the dashed line is today."),
                ),
            ]
        )

    def draw(self, case: DatesCase) -> None:
        """Show the schedule that follows from these dates."""
        ledger, marks = case.ledger, landmarks(self._record, case.dates, self._today)
        self.course.draw(figures.schedule_rows(ledger, marks, "course"), title=_("Course of treatment"))
        self.years.draw(figures.schedule_rows(ledger, marks, "years"), title=_("Whole follow-up"))
        visits = table(ledger_text.schedule_table(ledger), caption=_("All visits by target day"))
        shown: Markup = joined((visits, ledger_text.origins(ledger)))
        self.table.show(details(_("The figures as a table"), shown))
        self.summary.show(ledger_text.today_summary(ledger, self._today))
        self.periods.show(ledger_text.period_list(self._record, marks))
        file = csv(ledger.drop(columns=["kind", "root"]))
        self.download.show(download(_("Download the schedule (CSV)"), self.filename, file, "text/csv"))
