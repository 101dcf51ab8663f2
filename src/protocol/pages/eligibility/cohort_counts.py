"""Counts of a screened cohort: the totals, the funnel in any order, and each criterion with reasons and overlaps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from protocol.chart import Chart
from protocol.display import typed_words
from protocol.eligibility import Cohort, CohortScreening, EligibilityRecord, Tally
from protocol.eligibility.cohort import reader
from protocol.eligibility.fact_sources import Choices
from protocol.eligibility.frames import EPOCH
from protocol.eligibility.logic import Value
from protocol.eligibility.subgroups import ALL, COMPUTABLE, SMALLEST
from protocol.eligibility.verdicts import SIGNS, STATUSES, signed
from protocol.figures import eligibility as figures
from protocol.pages.kit import Panel, Text, field, macros, note, paragraph, row, section
from protocol.records import Phase
from protocol.translation import _, list_of, ngettext, paragraph_of

MOST_IN_OVERLAP = 12
"""Criteria in the picture of the overlap."""


@dataclass(frozen=True)
class ScreenedCohort:
    """A cohort with its screening, as each panel of the cohort receives it.

    Attributes
    ----------
    record : EligibilityRecord
        With the present thresholds and readings.
    changed : dict
        Those that differ from the record's own, by id.
    cohort, screening : Cohort, CohortScreening
    phase : str
    off : frozenset of str
        Criteria switched off.
    """

    record: EligibilityRecord
    changed: dict[str, Any]
    cohort: Cohort
    screening: CohortScreening
    phase: Phase
    off: frozenset[str]

    @cached_property
    def tally(self) -> Tally:
        """The counts."""
        return self.screening.tally(self.off)

    @cached_property
    def titles(self) -> dict[str, str]:
        """The short title of each criterion, and of the two totals that :func:`exclusion_rates` adds."""
        totals = {ALL: _("Any criterion"), COMPUTABLE: _("Any criterion but the judgements")}
        return dict(zip(self.tally.ids, self.tally.titles, strict=True)) | totals

    @property
    def left_out(self) -> list[str]:
        """The criteria that are switched off, in the order of the protocol."""
        return [name for name in self.tally.ids if name in self.off]

    @property
    def idle(self) -> list[str]:
        """Implied criteria that add nothing to the one they follow from."""
        return [*self.tally.idle()]

    def label(self, parameter: str) -> str:
        """Return a threshold's name with its unit."""
        found = next(item for item in self.record.parameters if item.id == parameter)
        return f"{found.label} ({found.unit_label})" if found.unit_label else found.label


def facts_of_one(cohort: Cohort, names: Iterable[str], row: int) -> dict[str, Any]:
    """Return the facts of one participant as plain values, None where unknown."""
    for _rows, values in reader(cohort)(list(names), np.array([row])):
        return {name: plain(value, cohort.source.facts[name].type) for name, value in values.items()}
    return {}


def plain(value: Value, kind: str) -> Any:
    """Return a column of length one as a plain Python value, None if unknown; `kind` is the type of the fact."""
    if not value.known[0]:
        return None
    if isinstance(value.data, Choices):
        return value.data.options[int(value.data.positions[0])]
    if kind == "date":
        return np.datetime64(int(value.data[0]) + EPOCH, "D").astype(object)
    if kind == "yes_no":
        return bool(value.data[0])
    return int(value.data[0]) if kind == "whole" else float(value.data[0])


def totals(screened: ScreenedCohort) -> Markup:
    """Count the answers, and say between which numbers the eligible lie."""
    found = screened.tally.totals
    cards = [
        ("good", _("✓ eligible so far"), found["confirmed"]),
        ("open", _("? possibly eligible"), found["possible"]),
        ("bad", _("✕ not eligible"), found["excluded"]),
    ]
    size = ngettext("of {n:,} participant.", "of {n:,} participants.", found["participants"])
    bounds = _("Depending on the unknowns, from {worst:,} to {best:,} are eligible.")
    words = [
        size.format(n=found["participants"]),
        bounds.format(worst=found["confirmed"], best=found["confirmed"] + found["possible"]),
    ]
    if screened.off:
        words.append(_("Left out: {names}.").format(names=list_of(screened.left_out)))
    return macros("eligibility").totals(cards, paragraph_of(words))


Behind = Callable[[ScreenedCohort], NDArray[np.intp]]
"""Returns the rows of the participants behind a mark of a picture."""

Picked = Callable[[str, Behind], None]
"""Called with what was clicked, in words, and who stands behind it."""


def follow(picture: Chart, picked: Picked, meant: Callable[[dict[str, Any]], tuple[str, Behind]]) -> None:
    """Tell `picked` about every click on a mark; `meant` says what a clicked row means."""
    picture.observe(lambda change: picked(*meant(change["new"])) if change["new"] else None, "picked")


class FunnelPanel(Panel):
    """The funnel, in an order that can be chosen; `picked` is told which bar was clicked."""

    def __init__(self, picked: Picked) -> None:
        orders = [(_("Protocol"), "protocol"), (_("Most excluded first"), "most"), (_("My own"), "own")]
        self.order = field(widgets.ToggleButtons, _("Order"), width="form", options=orders)
        self.own = field(
            widgets.Text, _("These first"), continuous_update=False, placeholder=_("ids of criteria, by spaces")
        )
        self.problem, self.once = Text(), Text(role="")
        self.funnel = Chart(figures.funnel, description=_("Participants left after each criterion"))
        lead = _(
            "Wide bar: not excluded so far, in the order chosen. Thin bar: everything known and passed so far. "
            "On the right: first excluded here, and how many are excluded by this criterion alone."
        )
        parts = (row(self.order, self.own), self.problem, self.funnel, self.once)
        self.view = section(_("Funnel"), *parts, lead=lead)
        self.redraw_on(self.order, self.own)
        follow(self.funnel, picked, self._meant)

    def _meant(self, row: dict[str, Any]) -> tuple[str, Behind]:
        name, order = row["criterion"], self.chosen
        says = _("First excluded by {criterion} {title}").format(criterion=name, title=row["title"])
        return says, lambda screened: screened.tally.first_failing(name, order)

    def draw(self, screened: ScreenedCohort) -> None:
        """Draw the funnel."""
        self.own.layout.display = "" if self.order.value == "own" else "none"
        unknown = [name for name in self._named() if name not in screened.tally.ids]
        text = ngettext("{names} is no criterion that counts.", "{names} are no criteria that count.", len(unknown))
        self.problem.show(note(text.format(names=list_of(unknown))) if unknown else None)
        self.once.show(paragraph(_counted_once(screened.tally), "off"))
        self.funnel.draw(_funnel_rows(screened, self.chosen), total=screened.tally.participants)

    @property
    def chosen(self) -> str | list[str]:
        """The order as the counts take it."""
        return self._named() if self.order.value == "own" else str(self.order.value)

    def _named(self) -> list[str]:
        return typed_words(str(self.own.value).upper())


def _counted_once(tally: Tally) -> str:
    """Say which criteria are counted with another."""
    pairs = [
        _("{one} follows from {other}").format(one=one, other=other)
        if one in tally.ids
        else _("{one} says the same as {other}").format(one=one, other=other)
        for one, other in tally.counted_in.items()
    ]
    return _("Counted once: {pairs}.").format(pairs=list_of(pairs, "; ")) if pairs else ""


def _funnel_rows(screened: ScreenedCohort, order: str | list[str]) -> pd.DataFrame:
    frame = screened.tally.funnel(order)
    counted = frame[~frame["criterion"].isin(screened.idle)].drop(columns="fails").reset_index(drop=True)
    return figures.funnel_rows(counted)


class CriteriaPanel(Panel):
    """Four pictures of the criteria: reasons, overlap, value of missing data and verdicts.

    `picked` is told which mark was clicked.
    """

    def __init__(self, picked: Picked) -> None:
        views = [
            (_("Exclusions"), "reasons"),
            (_("Overlap"), "overlap"),
            (_("Value of missing data"), "review"),
            (_("Verdicts"), "verdicts"),
        ]
        self.show_what = field(widgets.ToggleButtons, _("Show"), width="form", options=views)
        self.reasons = Chart(figures.reasons, description=_("Participants excluded by each criterion"))
        self.overlap = Chart(figures.overlap, description=_("Criteria failed together"))
        self.review = Chart(figures.review, description=_("What the unknowns can decide"))
        self.verdicts = Chart(figures.verdicts, description=_("Verdicts per criterion"))
        reasons = _(
            "Pale bar: all who fail the criterion. Dark bar: its share; each excluded participant is divided equally "
            "over the criteria failed, so that the shares add up to the excluded. Diamond: excluded by it alone."
        )
        overlap = _("Of those who fail the criterion on the left, the percentage who also fail the one above.")
        review = _(
            "Pale bar: not excluded, and unknown here. Dark bar: nothing else is unknown, so that this criterion "
            "decides. Data of the criteria with the longest dark bars decide the most participants."
        )
        verdicts = _("An unknown stays unknown; it is never counted as passed.")
        self._sections = {
            "reasons": section(_("Exclusions by criterion"), self.reasons, lead=reasons),
            "overlap": section(_("Criteria failed together"), self.overlap, lead=overlap),
            "review": section(_("Value of missing data"), self.review, lead=review),
            "verdicts": section(_("Verdicts by criterion"), self.verdicts, lead=verdicts),
        }
        self.body = widgets.VBox([self._sections["reasons"]])
        self.view = widgets.VBox([self.show_what, self.body])
        self.redraw_on(self.show_what)
        follow(self.reasons, picked, _excluded_by)
        follow(self.overlap, picked, _excluded_by_both)
        follow(self.review, picked, _open_at)
        follow(self.verdicts, picked, _with_verdict)

    def draw(self, screened: ScreenedCohort) -> None:
        """Draw the picture chosen."""
        match self.show_what.value:
            case "reasons":
                rows = _reason_rows(screened)
                self.reasons.draw(rows, total=_rounded_up(rows["fails"]))
            case "overlap":
                self.overlap.draw(_overlap_rows(screened))
            case "review":
                rows = _review_rows(screened)
                self.review.draw(rows, total=_rounded_up(rows["open"]))
            case _:
                self.verdicts.draw(_verdict_rows(screened), total=screened.tally.participants)
        self.body.children = [self._sections[self.show_what.value]]


def excluded_by(name: str, title: str) -> tuple[str, Behind]:
    """Return those whom a criterion excludes, and in words which it is."""
    says = _("Excluded by {criterion} {title}").format(criterion=name, title=title)
    return says, lambda screened: screened.tally.failing(name)


def _excluded_by(row: dict[str, Any]) -> tuple[str, Behind]:
    return excluded_by(row["criterion"], row["title"])


def _excluded_by_both(row: dict[str, Any]) -> tuple[str, Behind]:
    one, other = row["criterion"], row["other"]
    says = _("Excluded by {one} and by {other}").format(one=one, other=other)
    return says, lambda screened: np.intersect1d(screened.tally.failing(one), screened.tally.failing(other))


def _open_at(row: dict[str, Any]) -> tuple[str, Behind]:
    name = row["criterion"]
    says = _("Not excluded, and unknown at {criterion} {title}").format(criterion=name, title=row["title"])
    return says, lambda screened: screened.tally.open_at(name)


def _with_verdict(row: dict[str, Any]) -> tuple[str, Behind]:
    name, status = row["criterion"], row["status"]
    says = _("{criterion} {title}: {verdict}").format(criterion=name, title=row["title"], verdict=signed(status))

    def behind(screened: ScreenedCohort) -> NDArray[np.intp]:
        place = [one.id for one in screened.screening.criteria].index(name)
        return np.flatnonzero(screened.screening.codes()[:, place] == STATUSES.index(status))

    return says, behind


def _rounded_up(column: "pd.Series[Any]") -> int:
    """Return the largest bar rounded up to one digit, so that a small change moves the bars and not the axis."""
    most = int(column.max()) if len(column) else 1
    digits = 10 ** max(len(str(most)) - 1, 0)
    return int(-(-most // digits) * digits)


def _reason_rows(screened: ScreenedCohort) -> pd.DataFrame:
    """Return the criteria that exclude, the largest share first."""
    frame = screened.tally.criteria()
    frame = frame[frame["fails"] > 0].sort_values("share", ascending=False, kind="stable")
    pairs = [*zip(frame["share"], frame["only_reason"], strict=True)]
    words = [_("share {share:,.1f} · alone {alone:,}").format(share=share, alone=alone) for share, alone in pairs]
    numbers = [f"{share:,.1f} · {alone:,}" for share, alone in pairs]
    kept = ["criterion", "title", "fails", "share", "only_reason", "gain"]
    return frame[kept].assign(order=range(len(frame)), words=words, numbers=numbers).reset_index(drop=True)


def _review_rows(screened: ScreenedCohort) -> pd.DataFrame:
    """Return the criteria with unknowns, the one that decides most first."""
    frame = screened.tally.criteria()
    frame = frame[frame["open"] > 0].sort_values(["decides", "open"], ascending=False, kind="stable")
    pairs = [*zip(frame["open"], frame["decides"], strict=True)]
    words = [_("unknown {open:,} · decides {decides:,}").format(open=open_, decides=n) for open_, n in pairs]
    numbers = [f"{open_:,} · {n:,}" for open_, n in pairs]
    kept = ["criterion", "title", "open", "decides"]
    return frame[kept].assign(order=range(len(frame)), words=words, numbers=numbers).reset_index(drop=True)


def _overlap_rows(screened: ScreenedCohort) -> pd.DataFrame:
    """Return the pairs of the criteria that exclude most, in the order of the protocol."""
    table = screened.tally.criteria()
    top = table[table["fails"] >= min(SMALLEST, table["fails"].max())].nlargest(MOST_IN_OVERLAP, "fails")["criterion"]
    names = [name for name in table["criterion"] if name in set(top)]
    frame = screened.tally.overlap()
    frame = frame[frame["criterion"].isin(names) & frame["other"].isin(names)]
    one, other = (frame[column] + ": " + frame[column].map(screened.titles) for column in ("criterion", "other"))
    return frame.assign(
        order=frame["criterion"].map(names.index),
        other_order=frame["other"].map(names.index),
        percent=(100 * frame["both"] / frame["fails"].clip(lower=1)).astype(float),
        words=one + " + " + other,
    ).reset_index(drop=True)


def _verdict_rows(screened: ScreenedCohort) -> pd.DataFrame:
    """Return one row per criterion and verdict."""
    wide = screened.screening.counts().assign(order=lambda frame: range(len(frame)))
    long = wide.melt(["criterion", "title", "order"], [*STATUSES], "status", "participants")
    return long.assign(rank=long["status"].map(STATUSES.index), sign=long["status"].map(SIGNS))
