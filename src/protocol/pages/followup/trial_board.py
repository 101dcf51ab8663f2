"""All participants of a trial: visits to come, a lane for each participant, and when the next cohort may open."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import TrialSoFar, dlt_windows, next_cohort, table_of_dates
from protocol.figures import followup as figures
from protocol.followup import agenda, timelines
from protocol.pages.followup.ledger_text import day_text, status_text, window_text
from protocol.pages.followup.planning import assumptions_text, wide
from protocol.pages.kit import Panel, Table, Text, details, field, invented, joined, paragraph, row, section, table
from protocol.records import Provenance
from protocol.translation import _
from protocol.trial import Trial

VISITS_A_PAGE = 25

WINDOWS = (14, 21, 28, 42)
"""DLT windows to choose from, in days, besides the record's own."""


class TrialBoard(Panel):
    """Every participant of a trial so far; :meth:`show` takes another state of the trial.

    Parameters
    ----------
    trial : Trial
    so_far : TrialSoFar

    Attributes
    ----------
    site, ahead, zoom, per_page, page, window, counted_from, review : ipywidgets
    visits : Table
    counts, lane_text, next_cohort : Text
    picture : Chart
    """

    def __init__(self, trial: Trial, so_far: TrialSoFar) -> None:
        self._trial = trial
        followup, window = trial.followup, trial.escalation.dlt_window_days
        sites = [(_("All sites"), ""), *((name, name) for name in sorted({one.site for one in so_far.participants}))]
        self.site = field(widgets.Dropdown, _("Site"), options=sites)
        weeks = [(_("{n} weeks").format(n=n), 7 * n) for n in (2, 4, 12)]
        self.ahead = field(widgets.Dropdown, _("Look ahead"), options=weeks, value=28, width="short")
        zooms = [
            (_("Course of treatment"), "course"),
            (_("60 days before and after today"), "now"),
            (_("Whole follow-up"), "years"),
        ]
        self.zoom = field(widgets.Dropdown, _("Show"), options=zooms)
        self.per_page = field(widgets.Dropdown, _("Participants a page"), options=[20, 50, 200], width="short")
        self.page = field(widgets.BoundedIntText, _("Page"), value=1, min=1, max=1, width="short")
        windows = [(_("{n} days").format(n=days), days) for days in sorted({*WINDOWS, window.value})]
        self.window = field(widgets.Dropdown, _("DLT window"), options=windows, value=window.value, width="short")
        edges = [(_("first infusion"), "first"), (_("last infusion"), "last")]
        counted_from, review = followup.forecast.counted_from, followup.forecast.review_days
        self.counted_from = field(widgets.ToggleButtons, _("Counted from"), options=edges, value=counted_from.value)
        self.review = field(
            widgets.BoundedIntText, _("Review"), unit=_("days"), value=review.value, min=0, max=365, width="short"
        )

        name = "visits-invented-example.csv" if so_far.invented else "visits.csv"
        self.visits = Table(_("The most urgent first"), name, VISITS_A_PAGE)
        self.counts, self.lane_text, self.next_cohort = Text(), Text(), Text()
        self.picture = Chart(figures.lanes, _("A lane for each participant"))
        assumed: dict[str, Provenance] = {
            _("DLT window"): window,
            _("Counted from"): counted_from,
            _("Review"): review,
            _("Cohort size"): trial.escalation.design.cohort_size,
        }
        self.view = widgets.VBox(
            [
                Text(invented() if so_far.invented else None, role=""),
                section(
                    _("Due, overdue and to come"),
                    row(self.site, self.ahead),
                    self.counts,
                    self.visits.view,
                    lead=_("As of {day}.").format(day=so_far.as_of),
                ),
                section(
                    _("Lanes"),
                    row(self.zoom, self.per_page, self.page),
                    self.lane_text,
                    wide(self.picture),
                    Text(_legend(), role=""),
                ),
                section(
                    _("When the next cohort may open"),
                    row(self.window, self.counted_from, self.review),
                    self.next_cohort,
                    Text(details(_("Assumptions"), assumptions_text(assumed)), role=""),
                    lead=_("A regimen waits for the DLT window of each of its participants, then for the review."),
                ),
            ]
        )
        for part, controls in (
            (self._draw_visits, (self.site, self.ahead)),
            (self._draw_lanes, (self.zoom, self.per_page, self.page, self.site, self.window, self.counted_from)),
            (self._draw_next_cohort, (self.window, self.counted_from, self.review)),
        ):
            for control in controls:
                control.observe(part, names="value")
        self.show(so_far)

    def draw(self, so_far: TrialSoFar) -> None:
        """Show a state of the trial."""
        self._so_far, self._today = so_far, so_far.as_of
        ledger, left_out = ledgers(self._trial, so_far)
        if ledger is None:
            nobody = pd.DataFrame([{"participant": "", "frequency": 1}])
            ledger = timelines(self._trial.followup, nobody, so_far.as_of).iloc[:0]
        self._ledger = ledger
        self._left_out = joined(paragraph(text, "bad") for text in left_out.values())
        self._sites = {person.id: person.site for person in so_far.participants}
        self._draw_visits()
        self._draw_lanes()
        self._draw_next_cohort()

    def _draw_visits(self, _change: Any = None) -> None:
        found = agenda(self._ledger, self._sites, self._today, self.ahead.value)
        if self.site.value:
            found = found[found["site"] == self.site.value]
        self.counts.show(self._left_out, _counts(found))
        self.visits.show(_visits(found))
        self.visits.view.layout.display = "none" if found.empty else None

    @property
    def _last_infusions(self) -> dict[str, int]:
        if self.counted_from.value == "first":
            return {}
        return {str(item.level): item.infusion_days[-1] for item in self._trial.followup.frequencies}

    def _draw_lanes(self, _change: Any = None) -> None:
        people = lanes_of(self._so_far, self.window.value, self._last_infusions)
        people = people[people["site"] == self.site.value] if self.site.value else people
        size = self.per_page.value
        self.page.max = max(1, -(-len(people) // size))
        start = (self.page.value - 1) * size
        shown = people.iloc[start : start + size]
        own = self._ledger[self._ledger["participant"].isin(shown["participant"])]
        rows = figures.lane_rows(own, shown, pd.Timestamp(self._today), self.zoom.value)
        text = _("Participants {first} to {last} of {n}.")
        self.lane_text.show(text.format(first=start + 1, last=start + len(shown), n=len(people)))
        count = int(max([0, *rows["slot"]])) + 1
        self.picture.draw(rows, view=self.zoom.value, slot_count=count, domain=_domain(self.zoom.value, self._today))

    def _draw_next_cohort(self, _change: Any = None) -> None:
        windows = dlt_windows(self._so_far, self.window.value, self._last_infusions)
        cohort = self._trial.escalation.design.cohort_size.value
        found = next_cohort(windows, cohort, self.review.value)
        self.next_cohort.show(_next_cohort(found, self._so_far.open_regimen), _dlt_windows(windows))


def lanes_of(so_far: TrialSoFar, window_days: int, last_infusion_days: dict[str, int]) -> pd.DataFrame:
    """Return the participants with their DLT windows, the latest enrolled first.

    Parameters
    ----------
    so_far : TrialSoFar
    window_days : int
        Length of the DLT window.
    last_infusion_days : dict of str to int
        Study day of the last infusion at each frequency level; empty if the window counts from the first infusion.
    """
    dates = table_of_dates(so_far.participants)[["participant", "enrolment", "withdrawal"]]
    lanes = dates.merge(dlt_windows(so_far, window_days, last_infusion_days), on="participant")
    return lanes.sort_values("enrolment", ascending=False, kind="stable", ignore_index=True)


def _domain(view: str, today: date) -> tuple[Any, Any]:
    first, last, zero, _gap, _drawn = figures.VIEWS[view]
    if zero != "today":
        return first, last
    days = (pd.Timestamp(today) + pd.Timedelta(days=shift) for shift in (first, last))
    start, end = (f"{day:%Y-%m-%d}T12:00:00" for day in days)
    return start, end


def _legend() -> Markup:
    signs = [f"{sign} {word}" for sign, _colour, word in figures.SIGNS.values() if sign not in "–?"]
    items = [_("▼ infusion given"), _("▽ infusion to come"), *signs, _("▶ goes on"), _("bar: DLT window")]
    return paragraph(" · ".join(items), "off")


def _counts(found: pd.DataFrame) -> Markup:
    """Return the visits counted by site and week."""
    if found.empty:
        return paragraph(_("No visit is overdue, due or to come in this time."))
    late = found["status"] == "overdue"
    weeks = [_("week of {day}").format(day=day.date()) for day in found["week"]]
    columns = [_("overdue") if one else week for one, week in zip(late, weeks, strict=True)]
    coming = sorted(found.loc[~late, "week"].unique())
    order = ([_("overdue")] if late.any() else []) + [_("week of {day}").format(day=day.date()) for day in coming]
    grid = found.assign(column=columns).groupby(["site", "column"]).size().unstack(fill_value=0)[order]
    grid[_("all")] = grid.sum(axis=1)
    grid.loc[_("All sites")] = grid.sum()
    return table(grid.rename_axis(_("Site")).reset_index(), _("Visits by site and week"))


def _visits(found: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            _("Site"): one["site"],
            _("Participant"): one["participant"],
            _("Visit"): one["name"],
            _("Status"): status_text(one["status"]),
            _("Target"): day_text(one["target"]),
            _("Window (both days included)"): window_text(one),
        }
        for one in found.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)


def _next_cohort(found: pd.DataFrame, open_regimen: str) -> Markup:
    rows = []
    for one in found.to_dict("records"):
        is_open = one["regimen"] == open_regimen
        ready = one["earliest"] or _("not yet known")
        if one["free_places"] and not one["earliest"]:  # only the open regimen enrols participants
            ready = _("a place is free") if is_open else "–"
        rows.append(
            {
                _("Regimen"): one["regimen"] + (" ◀" if is_open else ""),
                _("Participants"): one["participants"],
                _("DLT windows running or not begun"): one["running"],
                _("Free places"): one["free_places"],
                _("Held by"): one["held_by"] or "–",
                _("Decision from"): str(ready),
            }
        )
    return table(pd.DataFrame(rows, dtype=object), _("Regimens; ◀ is open"))


def _dlt_windows(windows: pd.DataFrame) -> Markup:
    states = {
        "waiting": _("waits for the first infusion"),
        "running": _("running"),
        "unassessed": _("over; the assessment for DLT is missing"),
        "left": _("withdrawn, not evaluable"),
        "complete": _("complete"),
        "DLT": _("DLT"),
    }
    rows = [
        {
            _("Participant"): one["participant"],
            _("Regimen"): one["regimen"],
            _("Site"): one["site"],
            _("DLT window"): states[one["state"]],
            _("Counted from"): one["starts"] or "",
            _("Complete on"): one["complete"] or "",
        }
        for one in windows.to_dict("records")[::-1]
    ]
    return details(_("The DLT window of each participant"), table(pd.DataFrame(rows, dtype=object)))
