"""The pages: named inputs, one refresh, named outputs. The only floor that knows widgets."""

import os
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import ipywidgets as widgets

from protocol.pages.kit import text as elements
from protocol.pages.trial_log.attaching import attach, trial_of
from protocol.pages.trial_log.desk import open_desk
from protocol.records import ProtocolError
from protocol.trial import Trial, load_trial

PAGES = {
    "overview": "OverviewPage",
    "eligibility": "EligibilityPage",
    "escalation": "EscalationPage",
    "followup": "FollowupPage",
    "sites": "SitesPage",
}


def today_there(trial: Trial) -> date:
    """Return the present day in the time zone of the trial."""
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
        The page; a readable message in its place when the record or the log cannot be used.
    """
    try:
        trial = load_trial(folder)
        desk = open_desk(trial, os.environ, lambda: today_there(trial))
    except ProtocolError as error:
        return elements.framed(elements.html(elements.message(error)))
    today = today_there(trial)
    kind = getattr(import_module(f"protocol.pages.{name}"), PAGES[name])
    more = {"desk": desk} if name == "overview" else {}
    page = kind(trial_of(trial, desk), today=today, **more)
    return elements.framed(attach(name, page, desk, today) if desk else page.view)
