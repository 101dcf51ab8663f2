"""Exclusion rates by subgroup."""

from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord
from protocol.eligibility.subgroups import (
    ALL,
    COMPUTABLE,
    SITE,
    Grouping,
    exclusion_rates,
    grouping,
    has_sites,
    sites,
)
from protocol.figures import eligibility as figures
from protocol.pages.eligibility.cohort_counts import ScreenedCohort
from protocol.pages.kit import Panel, Table, Text, field, note, section
from protocol.translation import _, list_of, ngettext, paragraph_of


class SubgroupPanel(Panel):
    """Exclusion rates by subgroup.

    Attributes
    ----------
    by : ipywidgets.ToggleButtons
        What the cohort is grouped by.
    rates : pandas.DataFrame
        Of :func:`protocol.eligibility.subgroups.exclusion_rates`; empty if there is nothing to group by.
    """

    def __init__(self, record: EligibilityRecord) -> None:
        self.by = field(widgets.ToggleButtons, _("Subgroups by"), width="form", options=_choices(record))
        self.picture = Chart(figures.groups, description=_("Share excluded by subgroup"))
        self.hidden = Text()
        self.table = Table(_("Exclusion rates by subgroup"), "subgroups.csv")
        folded = widgets.Accordion([self.table.view], titles=(_("The figures as a table"),))
        lead = _(
            "The share of each subgroup that is excluded, with intervals (95 %). Counts from 1 to 9 are hidden, and "
            "with them the counts from which they could be computed. A difference does not explain its cause."
        )
        parts = (self.by, self.hidden, self.picture, folded)
        self.view = section(_("Exclusion rates by subgroup"), *parts, lead=lead)
        self.rates = pd.DataFrame()
        self._kept: tuple[Any, str, Grouping] | None = None
        self.redraw_on(self.by)

    def show(self, screened: ScreenedCohort) -> None:
        """Compare the subgroups; the sites are among them if the cohort names them."""
        offered = _choices(screened.record) + ([(_("Site"), SITE)] if has_sites(screened.cohort) else [])
        with self.redraw_once():
            if tuple(self.by.options) != tuple(offered):
                self.by.options = offered
            self.shown = (screened,)

    def draw(self, screened: ScreenedCohort) -> None:
        """Compare the subgroups."""
        if not self.by.options:
            self.hidden.show(note(_("The record names no subgroups.")))
            return
        self.rates = exclusion_rates(screened.tally, self._grouping(screened))
        rows = _group_rows(self.rates, screened.titles)
        groups = tuple(dict.fromkeys(self.rates["group"]))
        self.picture.draw(rows, names=groups)
        unseen = self.rates.loc[self.rates["hidden"], "criterion"].nunique()
        text = ngettext(
            "{n} criterion has numbers too small to show.", "{n} criteria have numbers too small to show.", unseen
        )
        without = list_of(name for name in groups if name not in set(rows["group"]))
        nowhere = [_("Not in the picture at all: {groups}.").format(groups=without)] if without else []
        self.hidden.show(note(paragraph_of([text.format(n=unseen), *nowhere])) if unseen else None)
        self.table.show(_in_figures(self.rates, screened.titles))

    def _grouping(self, screened: ScreenedCohort) -> Grouping:
        name = str(self.by.value)
        if self._kept is None or self._kept[:2] != (screened.cohort, name):
            found = sites(screened.cohort) if name == SITE else grouping(screened.record, screened.cohort, name)
            self._kept = screened.cohort, name, found
        return self._kept[2]


def _choices(record: EligibilityRecord) -> list[tuple[str, str]]:
    """List the facts that the record compares subgroups by: label and id."""
    labels = {fact.id: fact.label for fact in record.facts}
    return [(labels[subgroup.fact], subgroup.fact) for subgroup in record.subgroups]


def _group_rows(rates: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return the rates that may be shown, of criteria that exclude at least one participant."""
    shown = rates.dropna(subset=["rate"])
    shown = shown[shown.groupby("criterion")["fails"].transform("sum") > 0]
    order = {name: i for i, name in enumerate(dict.fromkeys(rates["criterion"]))}
    return pd.DataFrame(
        {
            "criterion": shown["criterion"],
            "title": shown["criterion"].map(titles),
            "name": [_label(name, titles) for name in shown["criterion"].where(~shown["criterion"].duplicated(), "")],
            "order": shown["criterion"].map(order),
            "group": shown["group"],
            "rate": shown["rate"].astype(float),
            "low": shown["low"].astype(float),
            "high": shown["high"].astype(float),
            "words": [_compared(row) for row in records(shown)],
        }
    ).reset_index(drop=True)


def _label(name: str, titles: dict[str, str]) -> str:
    """Write a criterion as it stands above its rows."""
    return "" if not name else titles[name] if name in (ALL, COMPUTABLE) else f"{name} {titles[name]}"


def _compared(row: dict[str, Any]) -> str:
    """Say how the rate of a group compares with that of all other participants."""
    ratio, difference = row.get("ratio"), row.get("difference")
    if ratio is None or ratio != ratio:
        return _("not compared")
    text = _("{ratio:.2f} times, standardised difference {difference:+.2f}")
    return text.format(ratio=ratio, difference=difference)


def _in_figures(rates: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return the comparison in words and figures."""
    columns = [
        _("Criterion"),
        _("Group"),
        _("Participants"),
        _("Excluded"),
        _("Interval (95 %)"),
        _("Against all others"),
    ]
    return pd.DataFrame([_line(row, titles) for row in records(rates)], columns=columns)


def _line(row: dict[str, Any], titles: dict[str, str]) -> tuple[str, ...]:
    name = str(row["criterion"])
    about = titles[name] if name in (ALL, COMPUTABLE) else f"{name} {titles[name]}"
    who = (about, str(row["group"]), f"{row['size']:,}")
    if row["hidden"]:
        return (*who, _("hidden"), "", "")
    interval = f"{100 * row['low']:.1f}–{100 * row['high']:.1f} %"
    return (*who, f"{int(row['fails']):,} ({100 * row['rate']:.1f} %)", interval, _compared(row))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table by column name."""
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False, name=None)]
