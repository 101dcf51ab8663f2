"""The safety report: open, with figures of groups, and closed, with every participant; one page, and CSV files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from protocol.conduct import Head
from protocol.exchange.documents.meeting_pack import Sheet
from protocol.exchange.documents.templates import render
from protocol.exchange.spreadsheet import csv
from protocol.translation import _


@dataclass(frozen=True)
class SafetyReport:
    """What a safety report shows.

    Parameters
    ----------
    trial : str
        Number and title.
    as_of : date
    head : Head
        Of the log.
    invented, closed : bool
        Whether it is the example, and whether it names participants.
    answer : str
        Where phase II stands, in one sentence.
    facts : tuple of str
        What stands below it: the rule, the declared regimen, the definitions.
    sheets : tuple of Sheet
    pictures : mapping of str to Markup
        Title to drawing, as SVG, so that the page needs no script.
    """

    trial: str
    as_of: date
    head: Head
    invented: bool
    closed: bool
    answer: str
    facts: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    pictures: Mapping[str, Markup]

    @property
    def name(self) -> str:
        """The name of its files, without ending."""
        return "safety-closed" if self.closed else "safety-open"

    def html(self) -> str:
        """Write the report as one HTML page that needs nothing else."""
        title = _("Safety report, closed") if self.closed else _("Safety report, open")
        return render("safety_report.html", title=title, report=self)

    def files(self) -> dict[str, bytes]:
        """Return the page and a CSV file for each table, by name."""
        tables = {f"{self.name}-{sheet.file}.csv": csv(sheet.frame) for sheet in self.sheets}
        return {f"{self.name}.html": self.html().encode()} | tables
