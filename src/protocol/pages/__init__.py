"""The pages of the workbook, one for each notebook. This is the only layer that knows widgets."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit import PageState, Tabs, Text, at_foot, details, framed, paragraph, strong, unbroken
from protocol.pages.kit.page_state import on_dashboard
from protocol.pages.page_objects import (
    Effect,
    Eligibility,
    Escalation,
    Facts,
    Followup,
    Overview,
    Page,
    Settings,
    Sites,
)
from protocol.pages.trial_log.desk import Desk, keep_watching, open_desk, shared_account
from protocol.pages.trial_log.participant_search import ParticipantSearch
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial, load_trial

__all__ = [
    "PAGES", "Effect", "Eligibility", "Escalation", "Facts", "Followup", "Overview", "Page", "Settings", "Sites",
    "open_page",
]  # fmt: skip

PAGES: dict[str, type[Page]] = {
    "overview": Overview,
    "eligibility": Eligibility,
    "escalation": Escalation,
    "followup": Followup,
    "sites": Sites,
    "effect": Effect,
}
"""What :func:`open_page` returns, by the name of the page."""


AFTER_ESCALATION = {"effect"}
"""Pages whose invented example goes on into phase II."""


def open_page(name: str, folder: str | Path) -> Any:
    """Open one page on the trial kept in `folder`.

    Parameters
    ----------
    name : {"overview", "eligibility", "escalation", "followup", "sites", "effect"}
        The page.
    folder : str or Path
        The folder with the trial's TOML files, as for :func:`protocol.load_trial`.

    Returns
    -------
    Overview, Eligibility, Escalation, Followup, Effect or Sites
        The page: it shows itself as the last line of a cell. ``page.participant``, ``page.screening``,
        ``page.cohort``, ``page.simulation``, ``page.ledger`` and others read and set what stands on it; see the
        class of the page.

    Raises
    ------
    ProtocolError
        If there is no such page, if the record or the log cannot be used, or if the record does not state the topic
        of the page. On the dashboard this is a message in place of the page.
    """
    try:
        return _opened(name, folder)
    except ProtocolError as error:
        if not on_dashboard():
            raise
        return framed(Text(error, role=""))


def _opened(name: str, folder: str | Path) -> Page:
    if name not in PAGES:
        raise ProtocolError(_("page"), repr(name), _("one of {names}").format(names=list_of(PAGES)))
    trial = load_trial(folder)
    today = trial.today()
    shown = trial.in_phase_two() if name in AFTER_ESCALATION else trial
    desk = open_desk(shown, os.environ, trial.today)
    if not trial.states(name):
        found = _("no file, or placeholders only. The record of {trial} does not state this topic yet")
        raise ProtocolError(f"{name}.toml", found.format(trial=trial.identity.trial_id), _("what the protocol says"))
    page = getattr(import_module(f"protocol.pages.{name}"), f"{PAGES[name].__name__}Page")(trial, today, desk)
    in_address = getattr(page, "in_address", {})
    state = PageState(in_address, getattr(page, "drafts", {}), getattr(page, "unkept", ()))
    above = [*_of_the_log(trial, desk, page), state.problem]
    if desk is not None and on_dashboard():
        above.append(ParticipantSearch(desk, state, in_address if name == "followup" else {}).view)
    return PAGES[name](trial, page, framed(widgets.VBox([*above, page.view, state])), desk)


def _of_the_log(trial: Trial, desk: Desk | None, page: Any) -> list[widgets.Widget]:
    """Say above a page which log it shows and what the trial should do next, and follow what others record in it.

    The example is not a log. A tab that itself says what to do next has no such sentence above it.
    """
    if desk is None or desk.invented:
        return []
    banner = Text(None, "pw-log")

    def name_log(_change: Any = None) -> None:
        is_said = getattr(page, "says_action", False) or not trial.states("escalation")
        action = None if is_said else desk.briefing.action.sentence
        actor = desk.reader.actor
        warning = details(_("Shared account: {actor}").format(actor=actor), shared_account(actor))
        is_shared = desk.shared and desk.reader.records
        banner.show(
            desk.trouble,
            action and paragraph(strong(unbroken(action)), "next"),
            paragraph(unbroken(str(desk)), "off"),
            warning if is_shared else None,
            at_foot(desk.on_paper),
        )

    name_log()
    desk.on_change(name_log, every_entry=True)
    if isinstance(page.view, Tabs):
        page.view.observe(name_log, "value")
    keep_watching(desk)
    return [banner]
