"""All participants that a reader may see: what was done, what comes next, and from which day on."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.briefing import ledgers
from protocol.conduct import ParticipantHistory
from protocol.pages.kit import Table, field, row
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.next_step import STEPS, day_of_step, step_name, steps_of
from protocol.translation import _, labelled


class ParticipantList:
    """A table with one row for each participant; those with the same next step can be shown alone.

    Parameters
    ----------
    desk : Desk
    choose : callable
        Takes a study id that is pressed.

    Attributes
    ----------
    following : ipywidgets.Dropdown
        The next step of those who are shown, as on their path; the empty text shows all.
    table : Table
    view : ipywidgets.VBox
    """

    def __init__(self, desk: Desk, choose: Callable[[str], None]) -> None:
        self._desk, self._rows = desk, pd.DataFrame()
        self.following = field(widgets.Dropdown, _("Next step"), options=[("–", "")])
        name = "participants-invented-example.csv" if desk.invented else "participants.csv"
        self.table = Table(_("Participants"), name, page_size=20, opened=choose)
        self.view = widgets.VBox([row(self.following), self.table.view])
        self.following.observe(self._show, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the log."""
        self._rows = participants_with_steps(self._desk)
        counts, chosen = self._rows["next"].value_counts(sort=False), self.following.value
        named = [(f"{name} ({count})", name) for name, count in counts.items()]
        self.following.options = [(_("All ({n})").format(n=len(self._rows)), ""), *named]
        self.following.value = chosen if chosen in counts.index else ""
        self._show()

    def _show(self, _change: Any = None) -> None:
        rows = self._rows
        if self.following.value:
            rows = rows[rows["next"] == self.following.value]
        self.table.show(
            pd.DataFrame(
                {
                    _("Participant"): rows["participant"].tolist(),
                    _("Next step"): rows["next"].tolist(),
                    _("When"): rows["when"].tolist(),
                    _("Regimen"): rows["regimen"].tolist(),
                    _("Infusions"): rows["infusions"].tolist(),
                    _("Last step"): rows["last"].tolist(),
                    _("Site"): rows["site"].map(self._desk.trial.site_shown).tolist(),
                },
                dtype=object,
            )
        )


def participants_with_steps(desk: Desk) -> pd.DataFrame:
    """Return where each participant is on the path.

    Returns
    -------
    pandas.DataFrame
        ``participant``, ``site``, ``regimen``, ``infusions`` (given of planned), ``last`` and ``next`` (names of
        steps), ``when`` (the next one is planned or can be recorded), all text; in the order of the path, those
        without a next step last.
    """
    rows, ledger = [], ledgers(desk.trial, desk.participants)[0] if desk.participants else None
    own = {} if ledger is None else dict(iter(ledger.groupby(ledger["participant"].astype(object), sort=False)))
    for name, course in sorted(desk.courses.items()):
        steps = steps_of(desk, name)
        done = [step for step in steps if step.on is not None]
        following = next((step for step in steps if step.state == "next"), None)
        infusions = [step for step in steps if step.kind == "infused" and step.state != "left out"]
        rows.append(
            {
                "participant": name,
                "site": course.site,
                "regimen": course.regimen or "",
                "infusions": _("{n} of {planned}").format(n=len(course.infusions), planned=len(infusions))
                if course.enrolled
                else "",
                "last": labelled(step_name(done[-1]), str(done[-1].on)) if done else "",
                "next": step_name(following) if following else _ended(course),
                "rank": list(STEPS).index(following.kind) if following else len(STEPS),
                "when": day_of_step(desk, name, following, own.get(name)) if following else "",
            }
        )
    found = pd.DataFrame(rows, columns=[*_COLUMNS, "rank"], dtype=object)
    return found.sort_values(["rank", "next"], kind="stable")[_COLUMNS].reset_index(drop=True)


def _ended(course: ParticipantHistory) -> str:
    return _("none: the end is recorded") if course.withdrawn else _("none: not eligible")


_COLUMNS = ["participant", "site", "regimen", "infusions", "last", "next", "when"]
