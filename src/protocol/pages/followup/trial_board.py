"""The whole trial: what is due, a lane for every participant, and when the next cohort may open."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import TrialSoFar, dlt_windows, next_cohort, table_of_dates
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import agenda, timelines
from protocol.pages.followup import planning as plans
from protocol.pages.followup.planning import wide
from protocol.pages.followup.words import iso, status_word
from protocol.pages.kit import text as elements
from protocol.translation import _
from protocol.trial import Trial

_STYLE = {"description_width": "initial"}

_AUTO = {"width": "max-content"}

_LIST = 25  # visits on one page of the list

WINDOWS = (14, 21, 28, 42)


class Board:
    """Every participant of a trial so far.

    Parameters
    ----------
    trial : Trial
    so_far : TrialSoFar
    """

    def __init__(self, trial: Trial, so_far: TrialSoFar) -> None:
        self._trial = trial
        self._take(so_far)
        self._make_inputs()
        self._make_outputs()
        self.view = self._arrange()
        for control in (self.site, self.ahead, self.list_page):
            control.observe(self._list, names="value")
        for control in (self.zoom, self.per_page, self.page, self.site, self.window, self.counted_from):
            control.observe(self._lanes, names="value")
        for control in (self.window, self.counted_from, self.review):
            control.observe(self._openings, names="value")
        self.refresh()

    def show(self, so_far: TrialSoFar) -> None:
        """Show another state of the trial."""
        self._take(so_far)
        self.refresh()

    def _take(self, so_far: TrialSoFar) -> None:
        self._so_far, self._today = so_far, so_far.as_of
        ledger, left_out = ledgers(self._trial, so_far)
        if ledger is None:
            ledger = timelines(
                self._trial.followup, pd.DataFrame([{"participant": "", "frequency": 1}]), so_far.as_of
            )
            ledger = ledger.iloc[:0]
        self._ledger = ledger
        self._left_out = Markup("").join(
            Markup('<p class="pw-bad">{}</p>').format(text) for text in left_out.values()
        )
        self._sites = {person.id: person.site for person in so_far.participants}

    def _make_inputs(self) -> None:
        followup, window = self._trial.followup, self._trial.escalation.dlt_window_days.value
        sites = [(_("All sites"), ""), *((name, name) for name in sorted(set(self._sites.values())))]
        self.site = widgets.Dropdown(
            options=sites, description=_("Site"), style=_STYLE, layout={"width": "min(320px, 100%)"}
        )
        self.ahead = widgets.Dropdown(
            options=[(_("2 weeks"), 14), (_("4 weeks"), 28), (_("12 weeks"), 84)], value=28,
            description=_("Look ahead"), style=_STYLE, layout={"width": "220px"},
        )  # fmt: skip
        self.list_page = _pages(_("Page of the list"))
        zooms = [
            (_("Course of treatment"), "course"),
            (_("60 days before and after today"), "now"),
            (_("Two years"), "years"),
        ]
        self.zoom = widgets.Dropdown(
            options=zooms, description=_("Show"), style=_STYLE, layout={"width": "min(340px, 100%)"}
        )
        self.per_page = widgets.Dropdown(
            options=[20, 50, 200], description=_("Participants a page"), style=_STYLE, layout={"width": "220px"}
        )
        self.page = _pages(_("Page"))
        choices = sorted({*WINDOWS, window})
        self.window = widgets.Dropdown(
            options=[(_("{n} days").format(n=days), days) for days in choices], value=window,
            description=_("DLT window"), style=_STYLE, layout={"width": "200px"},
        )  # fmt: skip
        edges = [(_("first infusion"), "first"), (_("last infusion"), "last")]
        self.counted_from = widgets.ToggleButtons(
            options=edges, value=followup.forecast.counted_from.value, description=_("Counted from"), style=_STYLE
        )
        self.review = widgets.BoundedIntText(
            followup.forecast.review_days.value, min=0, max=365, description=_("Days of review"), style=_STYLE,
            layout={"width": "180px"},
        )  # fmt: skip

    def _make_outputs(self) -> None:
        self.counts, self.list, self.lane_text = (elements.html("", role="status") for _part in range(3))
        self.download, self.next_cohort = elements.html(""), elements.html("", role="status")
        self.picture = Chart(figures.lanes, _("A lane for each participant"))

    def _arrange(self) -> widgets.VBox:
        forecast, escalation = self._trial.followup.forecast, self._trial.escalation
        reasons = Markup("").join(
            Markup("<p>{}: {}</p>").format(name, elements.assumption(value.origin))
            for name, value in (
                (_("DLT window"), escalation.dlt_window_days), (_("Counted from"), forecast.counted_from),
                (_("Days of review"), forecast.review_days), (_("Cohort size"), escalation.design.cohort_size),
            )
        )  # fmt: skip
        label = elements.html(elements.invented() if self._so_far.invented else "")
        day = _("As of {day}.").format(day=self._today)
        return widgets.VBox(
            [
                label,
                elements.section(
                    _("Due, overdue and to come"), elements.row(self.site, self.ahead), self.counts,
                    self.list_page, self.list, self.download, lead=day,
                ),
                elements.section(
                    _("All participants"), elements.row(self.zoom, self.per_page, self.page), self.lane_text,
                    wide(self.picture), elements.html(plans.legend()),
                ),
                elements.section(
                    _("When the next cohort may open"), elements.row(self.window, self.counted_from, self.review),
                    self.next_cohort, elements.html(elements.details(_("Assumptions"), reasons)),
                    lead=_("A regimen waits for the DLT clock of each of its participants, then for the review."),
                ),
            ]
        )  # fmt: skip

    def refresh(self) -> None:
        """Write everything."""
        self._list()
        self._lanes()
        self._openings()

    def _list(self, _change: Any = None) -> None:
        table = agenda(self._ledger, self._sites, self._today, self.ahead.value)
        if self.site.value:
            table = table[table["site"] == self.site.value]
        self.list_page.max = max(1, -(-len(table) // _LIST))
        first = (self.list_page.value - 1) * _LIST
        self.counts.value = elements.dress(self._left_out + _counts(table), role="status")
        self.list.value = elements.dress(_visits(table.iloc[first : first + _LIST]), role="status")
        name = "visits-invented-example.csv" if self._so_far.invented else "visits.csv"
        link = elements.download(_("Download the list (CSV)"), name, csv(table), "text/csv")
        self.download.value = elements.dress(link)

    @property
    def _last_infusions(self) -> dict[str, int]:
        if self.counted_from.value == "first":
            return {}
        return {str(item.level): item.infusion_days[-1] for item in self._trial.followup.frequencies}

    def _lanes(self, _change: Any = None) -> None:
        people = lanes_of(self._so_far, self.window.value, self._last_infusions)
        people = people[people["site"] == self.site.value] if self.site.value else people
        size = self.per_page.value
        self.page.max = max(1, -(-len(people) // size))
        shown = people.iloc[(self.page.value - 1) * size :][:size]
        own = self._ledger[self._ledger["participant"].isin(shown["participant"])]
        rows = figures.lane_rows(own, shown, pd.Timestamp(self._today), self.zoom.value)
        text = _("Participants {first} to {last} of {n}.")
        start = (self.page.value - 1) * size
        self.lane_text.value = elements.dress(
            text.format(first=start + 1, last=start + len(shown), n=len(people)), role="status"
        )
        count = int(max([0, *rows["slot"]])) + 1
        self.picture.draw(rows, view=self.zoom.value, slot_count=count, domain=_domain(self.zoom.value, self._today))

    def _openings(self, _change: Any = None) -> None:
        table = dlt_windows(self._so_far, self.window.value, self._last_infusions)
        cohort = self._trial.escalation.design.cohort_size.value
        text = _openings(next_cohort(table, cohort, self.review.value), self._so_far.open_regimen)
        self.next_cohort.value = elements.dress(text + _clocks(table), role="status")


def lanes_of(so_far: TrialSoFar, window_days: int, last_infusion_days: dict[str, int]) -> pd.DataFrame:
    """Lay out the participants with their DLT clocks, the latest enrolled first."""
    dates = table_of_dates(so_far.participants)[["participant", "enrolment", "withdrawal"]]
    table = dates.merge(dlt_windows(so_far, window_days, last_infusion_days), on="participant")
    return table.sort_values("enrolment", ascending=False, kind="stable", ignore_index=True)


def _pages(description: str) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(1, min=1, max=1, description=description, style=_STYLE, layout={"width": "180px"})


def _domain(view: str, today: date) -> tuple[Any, Any]:
    first, last, origin, _gap, _drawn = figures.VIEWS[view]
    if origin != "today":
        return first, last
    days = (pd.Timestamp(today) + pd.Timedelta(days=shift) for shift in (first, last))
    start, end = (f"{day:%Y-%m-%d}T12:00:00" for day in days)
    return start, end


def _counts(table: pd.DataFrame) -> Markup:
    """Count visits by site and week."""
    if table.empty:
        return Markup("<p>{}</p>").format(_("No visit is overdue, due or to come in this time."))
    late = table["status"] == "overdue"
    week = [
        _("overdue") if o else _("week of {day}").format(day=w.date())
        for o, w in zip(late, table["week"], strict=True)
    ]
    order = ([_("overdue")] if late.any() else []) + [
        _("week of {day}").format(day=w.date()) for w in sorted(table.loc[~late, "week"].unique())
    ]
    grid = table.assign(column=week).groupby(["site", "column"]).size().unstack(fill_value=0)[order]
    grid[_("all")] = grid.sum(axis=1)
    grid.loc[_("All sites")] = grid.sum()
    return elements.table(grid.rename_axis(_("Site")).reset_index(), _("Visits by site and week"))


def _visits(table: pd.DataFrame) -> Markup:
    rows = [
        {_("Site"): row["site"], _("Participant"): row["participant"], _("Visit"): row["name"],
         _("Status"): status_word(row["status"]), _("Target"): iso(row["target"]),
         _("Window (both days included)"): Markup("{} – {}").format(iso(row["opens"]), iso(row["closes"]))}
        for row in table.to_dict("records")
    ]  # fmt: skip
    return elements.table(pd.DataFrame(rows, dtype=object), _("The most urgent first")) if rows else Markup("")


def _openings(table: pd.DataFrame, open_regimen: str) -> Markup:
    rows = []
    for row in table.to_dict("records"):
        regimen = row["regimen"] + (" ◀" if row["regimen"] == open_regimen else "")
        ready = row["earliest"] or _("not yet known")
        if row["free_places"] and not row["earliest"]:  # only the open regimen takes somebody in
            ready = _("a place is free") if row["regimen"] == open_regimen else "–"
        rows.append(
            {_("Regimen"): regimen, _("Participants"): row["participants"],
             _("Clocks running or waiting"): row["running"],
             _("Free places"): row["free_places"], _("Held by"): row["held_by"] or "–",
             _("Decision from"): str(ready)}
        )  # fmt: skip
    return elements.table(pd.DataFrame(rows, dtype=object), _("Regimens; ◀ is open"))


def _clocks(table: pd.DataFrame) -> Markup:
    words = {
        "waiting": _("waits for the first infusion"),
        "running": _("running"),
        "unassessed": _("over; the assessment for DLT is missing"),
        "left": _("withdrawn, not evaluable"),
        "complete": _("complete"),
        "DLT": _("DLT"),
    }
    rows = [
        {_("Participant"): row["participant"], _("Regimen"): row["regimen"], _("Site"): row["site"],
         _("Clock"): words[row["state"]], _("Counted from"): row["starts"] or "",
         _("Complete on"): row["complete"] or ""}
        for row in table.to_dict("records")[::-1]
    ]  # fmt: skip
    return elements.details(_("The DLT clock of each participant"), elements.table(pd.DataFrame(rows, dtype=object)))
