"""The participants behind a bar of a picture of the cohort."""

from collections.abc import Callable

import ipywidgets as widgets

from protocol.eligibility import EligibilityRecord
from protocol.pages.eligibility.cohort_counts import Behind, ScreenedCohort, excluded_by
from protocol.pages.eligibility.participant_table import MOST, verdict_rows
from protocol.pages.kit import Panel, Table, Text, button, field, note, row, section
from protocol.translation import _, ngettext, paragraph_of


class ParticipantsBehind(Panel):
    """Lists the participants behind what was clicked, or behind a criterion that is chosen from a list.

    Parameters
    ----------
    record : EligibilityRecord
    opened : callable
        Called with the study id that is pressed.

    Attributes
    ----------
    criterion : ipywidgets.Dropdown
        The criterion whose excluded participants are listed; the same as a click on its bar.
    everyone : ipywidgets.Button
        Ends the selection.
    says : Text
        Who is listed.
    table : Table
    """

    def __init__(self, record: EligibilityRecord, opened: Callable[[str], None]) -> None:
        titles = {one.id: record.title(one) for one in record.criteria if not one.mirrors}
        options = [("–", ""), *((f"{name} {title}", name) for name, title in titles.items())]
        self.criterion = field(widgets.Dropdown, _("Excluded by"), options=options)
        self.everyone = button(_("End the selection"), self._end, icon="times")
        caption = _("Participants behind the selection")
        self.says, self.table = Text(), Table(caption, "participants.csv", page_size=20, opened=opened)
        self._picked: tuple[str, Behind] | None = None
        lead = _("A click on a bar lists the participants behind it.")
        parts = (row(self.criterion, self.everyone), self.says, self.table.view)
        self.view = section(_("Participants"), *parts, lead=lead)
        self.criterion.observe(lambda change: self._choose(change["new"], titles), "value")

    def pick(self, says: str, behind: Behind) -> None:
        """List the participants behind this from now on."""
        self._picked = says, behind
        self.redraw()

    def draw(self, screened: ScreenedCohort) -> None:
        """List the participants behind the selection as the cohort is screened now; nobody without a selection."""
        self.table.view.layout.display = "" if self._picked else "none"
        self.everyone.disabled = self._picked is None
        if self._picked is None:
            self.says.show(None)
            return
        says, behind = self._picked
        rows = behind(screened)
        count = ngettext("{says}: {n:,} participant.", "{says}: {n:,} participants.", len(rows))
        more = [_("The first {n:,} are listed.").format(n=MOST)] if len(rows) > MOST else []
        self.says.show(note(paragraph_of([count.format(says=says, n=len(rows)), *more])))
        self.table.show(verdict_rows(screened, rows[:MOST]))

    def _choose(self, name: str, titles: dict[str, str]) -> None:
        if name:
            self.pick(*excluded_by(name, titles[name]))

    def _end(self) -> None:
        self._picked, self.criterion.value = None, ""
        self.redraw()
