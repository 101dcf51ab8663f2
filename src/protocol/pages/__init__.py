"""The pages of the workbook, one for each notebook. This is the only layer that knows widgets."""

import os
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import ipywidgets as widgets

from protocol.pages.kit import PageState, Text, details, framed, paragraph, strong
from protocol.pages.kit.page_state import on_dashboard
from protocol.pages.trial_log.desk import Desk, keep_watching, open_desk, shared_account
from protocol.pages.trial_log.participant_search import ParticipantSearch
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial, load_trial

__all__ = ["PAGES", "open_page", "today_there"]

PAGES = {
    "overview": "OverviewPage",
    "eligibility": "EligibilityPage",
    "escalation": "EscalationPage",
    "followup": "FollowupPage",
    "sites": "SitesPage",
    "effect": "EffectPage",
}
"""The class of each page, by the page's name; it stands in ``protocol.pages.<name>``."""


AFTER_ESCALATION = {"effect"}
"""Pages whose invented example goes on into phase II."""


def today_there(trial: Trial) -> date:
    """Return the present day in the time zone of the trial; the log counts days by it."""
    return trial.local_day(datetime.now(UTC))


def open_page(name: str, folder: str | Path) -> widgets.VBox:
    """Open one page on the trial kept in `folder`.

    Parameters
    ----------
    name : str
        One of :data:`PAGES`.
    folder : str or Path
        The folder with the trial's TOML files.

    Returns
    -------
    ipywidgets.VBox
        The page, or a message if the record or the log cannot be used.
    """
    try:
        trial = load_trial(folder)
        shown = trial.in_phase_two() if name in AFTER_ESCALATION else trial
        desk = open_desk(shown, os.environ, lambda: today_there(trial))
    except ProtocolError as error:
        return framed(Text(error, role=""))
    if not trial.states(name):
        says = _("The record of {trial} does not state this topic yet: it has no file, or placeholders only.")
        return framed(Text(paragraph(says.format(trial=trial.identity.trial_id)), role=""))
    today = today_there(trial)
    page_class = getattr(import_module(f"protocol.pages.{name}"), PAGES[name])
    page = page_class(trial, today, desk)
    in_address = getattr(page, "in_address", {})
    state = PageState(in_address, getattr(page, "drafts", {}))
    above = _of_the_log(trial, desk)
    if desk is not None and on_dashboard():
        above.append(ParticipantSearch(desk, state, in_address if name == "followup" else {}).view)
    return framed(widgets.VBox([*above, state.problem, page.view, state]))


def _of_the_log(trial: Trial, desk: Desk | None) -> list[widgets.Widget]:
    """Say above a page which log it shows and what the trial should do next, and follow what others record in it.

    The example is not a log.
    """
    if desk is None or desk.invented:
        return []
    banner = Text()

    def name_log() -> None:
        action = desk.briefing.action.sentence if trial.states("escalation") else None
        actor = desk.reader.actor
        warning = details(_("Shared account: {actor}").format(actor=actor), shared_account(actor))
        is_shared = desk.shared and desk.reader.records
        line = paragraph(str(desk), "off")
        banner.show(desk.trouble, action and paragraph(strong(action), "next"), line, warning if is_shared else None)

    name_log()
    desk.on_change(name_log, every_entry=True)
    keep_watching(desk)
    return [banner]
