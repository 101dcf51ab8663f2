"""Counts of a cohort: the funnel in any order, and each criterion with its reasons and overlaps."""

from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.eligibility.subgroups import SMALLEST
from protocol.figures import eligibility as figures
from protocol.figures import eligibility as pictures
from protocol.pages.eligibility.screened_cohort import Screened, counted_once
from protocol.pages.kit import text as elements
from protocol.translation import _, ngettext

LEAD = _(
    "Wide bar: not excluded so far, in the order chosen. Thin bar: everything known and met so far. "
    "On the right: first excluded here, and how many are excluded by this criterion alone."
)


class LeftPanel:
    """The funnel, in an order the person chooses."""

    def __init__(self) -> None:
        orders = [(_("Protocol"), "protocol"), (_("Most excluded first"), "most"), (_("My own"), "own")]
        self.order = widgets.ToggleButtons(options=orders, description=_("Order"))
        self.own = widgets.Text(
            placeholder="I7 I2 E3", description=_("These first"), continuous_update=False, layout={"display": "none"}
        )
        self.problem, self.once = elements.html("", role="status"), elements.html("")
        self.funnel = Chart(figures.funnel, description=_("Who is left after each criterion"))
        self.view = elements.section(
            _("Who is left"), elements.row(self.order, self.own), self.problem, self.funnel, self.once, lead=LEAD
        )
        self._shown: Screened | None = None
        self.order.observe(self._again, "value")
        self.own.observe(self._again, "value")

    def show(self, screened: Screened) -> None:
        """Draw the funnel."""
        self._shown = screened
        self.own.layout.display = "" if self.order.value == "own" else "none"
        unknown = [name for name in self._named() if name not in screened.tally.ids]
        text = ngettext("{names} is no criterion that counts.", "{names} are no criteria that count.", len(unknown))
        self.problem.value = elements.dress(elements.note(text.format(names=", ".join(unknown))) if unknown else "")
        self.once.value = elements.dress(Markup('<p class="pw-off">{}</p>').format(counted_once(screened.tally)))
        self.funnel.draw(funnel_rows(screened, self.chosen), total=screened.tally.participants)

    @property
    def chosen(self) -> str | list[str]:
        """The order as the counts take it."""
        return self._named() if self.order.value == "own" else str(self.order.value)

    def _named(self) -> list[str]:
        return str(self.own.value).upper().replace(",", " ").split()

    def _again(self, _change: Any) -> None:
        if self._shown is not None:
            self.show(self._shown)


def funnel_rows(screened: Screened, order: str | list[str]) -> pd.DataFrame:
    """Prepare the rows of the funnel picture; implied criteria that add nothing are left out."""
    frame = screened.tally.funnel(order)
    frame = frame[~frame["criterion"].isin(screened.idle)].drop(columns="fails").reset_index(drop=True)
    losses = [
        " · ".join(([f"−{lost:,}"] if lost else []) + ([_("{n:,} alone").format(n=alone)] if alone else []))
        for lost, alone in zip(frame["excluded"], frame["only_reason"], strict=True)
    ]
    numbers = [
        f"−{lost:,} · {alone:,}" if lost or alone else ""
        for lost, alone in zip(frame["excluded"], frame["only_reason"], strict=True)
    ]
    return frame.assign(order=range(len(frame)), loss=losses, numbers=numbers)


def totals(screened: Screened) -> Markup:
    """Count the answers, and say between which numbers the eligible lie."""
    found = screened.tally.totals
    rows = [
        ("pw-good", _("✓ eligible so far"), found["confirmed"]),
        ("pw-open", _("? possibly eligible"), found["possible"]),
        ("pw-bad", _("✕ not eligible"), found["excluded"]),
    ]
    cards = Markup("").join(
        Markup('<div class="pw-card"><span class="pw-number">{:,}</span><br><span class="{}">{}</span></div>').format(
            count, style, label
        )
        for style, label, count in rows
    )
    size = ngettext("of {n:,} participant", "of {n:,} participants", found["participants"])
    bounds = _("Whatever the unknowns turn out to be, from {worst:,} to {best:,} are eligible.")
    missing = _("Left out: {names}.").format(names=", ".join(n for n in screened.tally.ids if n in screened.off))
    return Markup('<div class="pw-cards">{}</div><p class="pw-off">{}. {} {}</p>').format(
        cards,
        size.format(n=found["participants"]),
        bounds.format(worst=found["confirmed"], best=found["confirmed"] + found["possible"]),
        missing if screened.off else "",
    )


VERDICTS_LEAD = _("An unknown stays unknown; it is never counted as met.")

REASONS_LEAD = _(
    "Pale bar: everybody who fails it. Dark bar: its share, each excluded participant divided equally over the "
    "criteria failed, so that the shares add up to the excluded. Diamond: excluded by it alone."
)

REVIEW_LEAD = _(
    "Pale bar: not excluded, and unknown here. Dark bar: nothing else is unknown, so that finding this out decides. "
    "The widest bars are where looking into charts buys most."
)

OVERLAP_LEAD = _("Of those who fail the criterion on the left, the percentage who also fail the one above.")

MOST_IN_OVERLAP = 12


class EachPanel:
    """Four pictures of the criteria."""

    def __init__(self) -> None:
        views = [
            (_("Why excluded"), "reasons"),
            (_("Together"), "overlap"),
            (_("Worth finding out"), "review"),
            (_("Verdicts"), "verdicts"),
        ]
        self.show_what = widgets.ToggleButtons(options=views, description=_("Show"))
        self.reasons = Chart(pictures.reasons, description=_("Whom each criterion excludes"))
        self.overlap = Chart(pictures.overlap, description=_("Criteria failed together"))
        self.review = Chart(pictures.review, description=_("What the unknowns can decide"))
        self.verdicts = Chart(figures.verdicts, description=_("Verdicts per criterion"))
        self._sections = {
            "reasons": elements.section(_("Why people are excluded"), self.reasons, lead=REASONS_LEAD),
            "overlap": elements.section(_("Criteria failed together"), self.overlap, lead=OVERLAP_LEAD),
            "review": elements.section(_("What is worth finding out"), self.review, lead=REVIEW_LEAD),
            "verdicts": elements.section(_("Each criterion on its own"), self.verdicts, lead=VERDICTS_LEAD),
        }
        self.body = widgets.VBox([self._sections["reasons"]])
        self.view = widgets.VBox([self.show_what, self.body])
        self._shown: Screened | None = None
        self.show_what.observe(self._again, "value")

    def show(self, screened: Screened) -> None:
        """Draw the picture chosen."""
        self._shown = screened
        match self.show_what.value:
            case "reasons":
                rows = reason_rows(screened)
                self.reasons.draw(rows, total=largest(rows["fails"]))
            case "overlap":
                self.overlap.draw(overlap_rows(screened))
            case "review":
                rows = review_rows(screened)
                self.review.draw(rows, total=largest(rows["open"]))
            case _:
                self.verdicts.draw(verdict_rows(screened), total=screened.tally.participants)
        self.body.children = [self._sections[self.show_what.value]]

    def _again(self, _change: Any) -> None:
        if self._shown is not None:
            self.show(self._shown)


def largest(column: "pd.Series[Any]") -> int:
    """Round the largest bar up to a round number, so that small changes move the bars and not the axis."""
    most = int(column.max()) if len(column) else 1
    digits = 10 ** max(len(str(most)) - 1, 0)
    return int(-(-most // digits) * digits)


def reason_rows(screened: Screened) -> pd.DataFrame:
    """Prepare the rows of the picture of reasons, the largest share first."""
    frame = screened.tally.criteria()
    frame = frame[frame["fails"] > 0].sort_values("share", ascending=False, kind="stable")
    pairs = [*zip(frame["share"], frame["only_reason"], strict=True)]
    words = [_("share {share:,.1f} · alone {alone:,}").format(share=share, alone=alone) for share, alone in pairs]
    numbers = [f"{share:,.1f} · {alone:,}" for share, alone in pairs]
    kept = ["criterion", "title", "fails", "share", "only_reason", "gain"]
    return frame[kept].assign(order=range(len(frame)), words=words, numbers=numbers).reset_index(drop=True)


def review_rows(screened: Screened) -> pd.DataFrame:
    """Prepare the rows of the picture of unknowns, what decides most first."""
    frame = screened.tally.criteria()
    frame = frame[frame["open"] > 0].sort_values(["decides", "open"], ascending=False, kind="stable")
    pairs = [*zip(frame["open"], frame["decides"], strict=True)]
    words = [_("unknown {open:,} · decides {decides:,}").format(open=open_, decides=n) for open_, n in pairs]
    numbers = [f"{open_:,} · {n:,}" for open_, n in pairs]
    kept = ["criterion", "title", "open", "decides"]
    return frame[kept].assign(order=range(len(frame)), words=words, numbers=numbers).reset_index(drop=True)


def overlap_rows(screened: Screened) -> pd.DataFrame:
    """Prepare the rows of the overlap picture: the criteria that exclude most, in protocol order."""
    table = screened.tally.criteria()
    top = table[table["fails"] >= min(SMALLEST, table["fails"].max())].nlargest(MOST_IN_OVERLAP, "fails")["criterion"]
    names = [name for name in table["criterion"] if name in set(top)]
    frame = screened.tally.overlap()
    frame = frame[frame["criterion"].isin(names) & frame["other"].isin(names)]
    percent = (100 * frame["both"] / frame["fails"].clip(lower=1)).astype(float)
    words = frame["criterion"] + ": " + frame["criterion"].map(screened.titles)
    return frame.assign(
        order=frame["criterion"].map(names.index),
        other_order=frame["other"].map(names.index),
        percent=percent,
        words=words + " + " + frame["other"] + ": " + frame["other"].map(screened.titles),
    ).reset_index(drop=True)


def verdict_rows(screened: Screened) -> pd.DataFrame:
    """Prepare the rows of the verdict picture: one per criterion and verdict."""
    wide = screened.screening.counts().assign(order=lambda frame: range(len(frame)))
    long = wide.melt(["criterion", "title", "order"], figures.STATUSES, "status", "participants")
    return long.assign(rank=long["status"].map(figures.STATUSES.index), sign=long["status"].map(figures.SIGNS))
