"""The participants of a small cohort with their verdicts, one row each."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from protocol.pages.eligibility.cohort_counts import ScreenedCohort
from protocol.pages.kit import Panel, Table, Text, fold, note
from protocol.translation import _, list_of

MOST = 1_000
"""Participants of a cohort up to which all of them are listed."""

MOST_IN_WORDS = 2
"""Criteria in one cell that are named with their titles; of more, only the ids."""


class ParticipantTable(Panel):
    """Lists every participant of a small cohort, folded; the table is built when it is first opened.

    Parameters
    ----------
    opened : callable
        Called with the study id that is pressed.

    Attributes
    ----------
    view : ipywidgets.Accordion
    says : Text
        Why there is no table.
    table : Table or None
        None before it is first opened.
    """

    def __init__(self, opened: Callable[[str], None]) -> None:
        self._opened = opened
        self.says, self._body = Text(), widgets.VBox([])
        self.table: Table | None = None
        lead = _("Press a study id to see the participant in the Patient tab.")
        self.view = fold(_("Participants and their verdicts"), self.says, self._body, lead=lead)
        self.view.observe(self.redraw, "selected_index")

    def draw(self, screened: ScreenedCohort) -> None:
        """List the participants as the cohort is screened now; nothing while the table is folded."""
        if self.view.selected_index is None:
            return
        size = len(screened.cohort)
        if size > MOST:
            words = _(
                "The table shows cohorts of up to {n:,} participants. The screening log (CSV) on the tab Export "
                "holds all of them."
            )
            self.says.show(note(words.format(n=MOST)))
            self._body.children = ()
            return
        self.says.show(None)
        if self.table is None:
            caption = _("Participants and their verdicts")
            self.table = Table(caption, "verdicts.csv", page_size=20, opened=self._opened)
        self.table.show(verdict_rows(screened, np.arange(size)))
        self._body.children = (self.table.view,)


def verdict_rows(screened: ScreenedCohort, rows: Any) -> pd.DataFrame:
    """Return participants by their rows: study id, answer, and the criteria that exclude and that are unknown."""
    counted = [
        (place, one.id) for place, one in enumerate(screened.screening.criteria) if one.id in screened.tally.on
    ]
    flags = [flags[rows] for flags in (screened.screening.fail, screened.screening.unknown)]
    answers = np.array([_("✕ not eligible"), _("? possibly eligible"), _("✓ eligible so far")], dtype=object)
    return pd.DataFrame(
        {
            _("Participant"): [screened.cohort.participants[int(place)] for place in rows],
            _("Answer"): answers[screened.tally.answers[rows]],
            _("Excludes"): _named(flags[0], counted, screened.titles),
            _("Unknown"): _named(flags[1], counted, screened.titles),
        },
        dtype=object,
    )


def _named(flags: Any, counted: list[tuple[int, str]], titles: Mapping[str, str]) -> list[str]:
    """Name the criteria of each participant, with their titles as long as they are few."""
    found = [[name for place, name in counted if line[place]] for line in flags]
    return [
        list_of((f"{name} {titles[name]}" for name in names), "; ") if len(names) <= MOST_IN_WORDS else list_of(names)
        for names in found
    ]
