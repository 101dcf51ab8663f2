"""Names of hospitals on a page in Chinese: shown in Chinese, stored as registered."""

from datetime import date

import pytest
from support.trial import TRIAL

from protocol.pages.followup import FollowupPage
from protocol.pages.overview import OverviewPage
from protocol.pages.overview.tables import sheets
from protocol.pages.sites import SitesPage
from protocol.pages.trial_log.desk import open_desk
from protocol.pages.trial_log.recorder import sites_of

TODAY = date(2026, 11, 20)
NAMES = {site.name: site.name_local.value for site in TRIAL.sites}


@pytest.fixture
def desk(monkeypatch):
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    return open_desk(TRIAL, {}, lambda: TODAY)


def states(widget):
    yield widget.get_state()
    for child in getattr(widget, "children", ()):
        yield from states(child)


def said(view):
    """What a page shows, without the values behind it."""
    hidden = ("value", "index") if hasattr(view, "options") else ()
    return repr([{name: one for name, one in state.items() if name not in hidden} for state in states(view)])


def test_a_name_is_the_local_one_only_in_the_language_of_the_country(monkeypatch):
    site = TRIAL.sites[0]
    assert (site.shown_name, TRIAL.site_shown(site.name)) == (site.name, site.name)
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    assert TRIAL.site_shown(site.name) == site.shown_name == NAMES[site.name]
    assert site.model_copy(update={"country": "France"}).shown_name == site.name
    assert site.model_copy(update={"name_local": None}).shown_name == site.name
    assert TRIAL.site_shown("Another hospital") == "Another hospital"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        lambda desk: OverviewPage(TRIAL, TODAY, desk).status.view,
        lambda desk: FollowupPage(TRIAL, TODAY, desk).view,
        lambda desk: SitesPage(TRIAL, TODAY, desk).due,
    ],
    ids=["overview", "follow-up", "visits of the sites"],
)
def test_no_page_shows_an_english_name_of_a_hospital(page, desk):
    shown = said(page(desk))
    assert [name for name in NAMES if name in shown] == []
    assert [name for name in NAMES.values() if name not in shown] == []


@pytest.mark.slow
def test_tables_and_choices_show_the_local_name_and_keep_the_registered_one(desk):
    assert sites_of(desk) == [(local, name) for name, local in NAMES.items()]
    by_site = next(one for one in sheets(desk) if one.file == "sites")
    assert set(by_site.shown.iloc[:, 0]) == set(NAMES.values())
    assert set(by_site.frame["site"]) == set(NAMES)
