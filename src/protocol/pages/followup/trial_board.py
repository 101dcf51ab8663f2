"""All participants of a trial: a lane for each of them, and when the next cohort may open."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import TrialSoFar, dlt_windows, next_cohort, table_of_dates
from protocol.figures import followup as figures
from protocol.followup import timelines
from protocol.pages.followup.planning import assumptions_text
from protocol.pages.kit import Panel, Text, details, field, invented, paragraph, row, section, table
from protocol.records import Provenance
from protocol.translation import _
from protocol.trial import Trial, escalating

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
    site, zoom, per_page, page, window, counted_from, review : ipywidgets
    left_out, lane_text, next_cohort : Text
    picture : Chart
    """

    def __init__(self, trial: Trial, so_far: TrialSoFar) -> None:
        self._trial = trial
        followup, window = trial.followup, trial.escalation.dlt_window_days
        names = sorted({one.site for one in so_far.participants})
        sites = [(_("All sites"), ""), *((trial.site_shown(name), name) for name in names)]
        self.site = field(widgets.Dropdown, _("Site"), options=sites)
        zooms = [
            (_("Course of treatment"), "course"),
            (_("60 days before and after today"), "now"),
            (_("Whole follow-up"), "years"),
        ]
        self.zoom = field(widgets.Dropdown, _("Show"), options=zooms)
        self.per_page = field(widgets.Dropdown, _("Participants a page"), options=[10, 20, 50, 200], width="short")
        self.page = field(widgets.BoundedIntText, _("Page"), value=1, min=1, max=1, width="short")
        windows = [(_("{n} days").format(n=days), days) for days in sorted({*WINDOWS, window.value})]
        self.window = field(widgets.Dropdown, _("DLT window"), options=windows, value=window.value, width="short")
        edges = [(_("first infusion"), "first"), (_("last infusion"), "last")]
        counted_from, review = followup.forecast.counted_from, followup.forecast.review_days
        self.counted_from = field(widgets.ToggleButtons, _("Counted from"), options=edges, value=counted_from.value)
        self.review = field(
            widgets.BoundedIntText, _("Review"), unit=_("days"), value=review.value, min=0, max=365, width="short"
        )

        self.left_out, self.lane_text, self.next_cohort = Text(), Text(), Text()
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
                    _("All participants"),
                    row(self.site, self.zoom, self.per_page, self.page),
                    self.left_out,
                    self.lane_text,
                    self.picture,
                    lead=_("Larger marks are infusions, bars DLT windows; an arrow goes on."),
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
        self.left_out.show(*(paragraph(text, "bad") for text in left_out.values()))
        self._draw_lanes()
        self._draw_next_cohort()

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
        named = shown.assign(site=shown["site"].map(self._trial.site_shown))
        rows = figures.lane_rows(own, named, pd.Timestamp(self._today), self.zoom.value)
        text = _("Participants {first} to {last} of {n}.")
        self.lane_text.show(text.format(first=start + 1, last=start + len(shown), n=len(people)))
        count = int(max([1, *rows["slot"]])) + 1
        self.picture.draw(rows, view=self.zoom.value, slot_count=count, domain=_domain(self.zoom.value, self._today))

    def _draw_next_cohort(self, _change: Any = None) -> None:
        windows = dlt_windows(escalating(self._trial, self._so_far), self.window.value, self._last_infusions)
        cohort = self._trial.escalation.design.cohort_size.value
        found = next_cohort(windows, cohort, self.review.value)
        self.next_cohort.show(_next_cohort(found, self._so_far.open_regimen), _dlt_windows(windows, self._trial))


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
    first, last, zero, _gap, _grid = figures.VIEWS[view]
    if zero != "today":
        return first, last
    days = (pd.Timestamp(today) + pd.Timedelta(days=shift) for shift in (first, last))
    start, end = (f"{day:%Y-%m-%d}T12:00:00" for day in days)
    return start, end


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


def _dlt_windows(windows: pd.DataFrame, trial: Trial) -> Markup:
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
            _("Site"): trial.site_shown(one["site"]),
            _("DLT window"): states[one["state"]],
            _("Counted from"): one["starts"] or "",
            _("Complete on"): one["complete"] or "",
        }
        for one in windows.to_dict("records")[::-1]
    ]
    return details(_("The DLT window of each participant"), table(pd.DataFrame(rows, dtype=object)))
