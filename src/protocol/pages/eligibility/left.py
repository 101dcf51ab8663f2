"""Who is left: the funnel in any order, and the two bounds that the unknown leaves."""

from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.figures import eligibility as figures
from protocol.pages import elements
from protocol.pages.eligibility.screened import Screened, counted_once
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
        unknown = [name for name in self._named() if name not in screened.planes.ids]
        text = ngettext("{names} is no criterion that counts.", "{names} are no criteria that count.", len(unknown))
        self.problem.value = elements.dress(elements.note(text.format(names=", ".join(unknown))) if unknown else "")
        self.once.value = elements.dress(Markup('<p class="pw-off">{}</p>').format(counted_once(screened.planes, ())))
        self.funnel.draw(funnel_rows(screened, self.chosen), total=screened.planes.participants)

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
    missing = _("Left out: {names}.").format(names=", ".join(n for n in screened.planes.ids if n in screened.off))
    return Markup('<div class="pw-cards">{}</div><p class="pw-off">{}. {} {}</p>').format(
        cards,
        size.format(n=found["participants"]),
        bounds.format(worst=found["confirmed"], best=found["confirmed"] + found["possible"]),
        missing if screened.off else "",
    )
