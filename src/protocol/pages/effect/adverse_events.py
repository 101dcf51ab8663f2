"""Adverse events: rates, a timeline of each participant, tables by term and grade, reports, and lots."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.effect import REPORTS, Summaries, elapsed_days
from protocol.effect.adverse_events import ANY, TOTAL
from protocol.figures import effect as figures
from protocol.pages.effect.settings import EffectSettings
from protocol.pages.effect.words import RELATEDNESS, count_text, day_zero, part_text, share_text
from protocol.pages.kit import (
    Pager,
    Panel,
    Table,
    Text,
    details,
    field,
    joined,
    macros,
    note,
    offer,
    paragraph,
    row,
    section,
    table,
)
from protocol.translation import _, list_of, ngettext, paragraph_of

LANES, TERMS_DRAWN = 15, 15
"""Participants and terms that a picture shows at a time."""

MOST_ROWS = 100  # of one lane

OVERVIEW = {
    "any": _("any adverse event"),
    "related": _("related"),
    "grade 3 or more": _("grade 3 or more"),
    "serious": _("serious"),
    "serious and related": _("serious and related"),
    "fatal": _("fatal"),
}


class AdverseEventsPanel(Panel):
    """Adverse events of the trial; :meth:`show` takes Summaries.

    Parameters
    ----------
    settings : EffectSettings
    invented : bool
    site_shown : callable, optional
        Returns the name to show for a site by its registered name.

    Attributes
    ----------
    rates, lanes : Chart
    phase, lot : ipywidgets.Dropdown
    counts, tables, reports, received : Text
    listing, terms : Table
    """

    def __init__(self, settings: EffectSettings, invented: bool, site_shown: Callable[[str], str] = str) -> None:
        self._settings, self._site_shown = settings, site_shown
        mark = "-invented-example" if invented else ""
        self.phase = field(widgets.Dropdown, _("Phase"), options=[(_("all"), "")], value="", width="short")
        self.counts, self.tables, self.reports, self.hidden = Text(), Text(role=""), Text(role=""), Text(role="")
        self.rates = Chart(figures.event_rates, _("Rates of adverse events with their intervals"))
        self.lanes = Chart(figures.event_lanes, _("Adverse events of each participant over time"))
        self.pager = Pager(LANES, self._turned)
        self.received, self.given = Text(), Text(role="")
        self.lot = field(widgets.Dropdown, _("Lot"), options=[("–", "")], value="", width="short")
        self.listing = Table(_("Adverse events, one row each"), f"adverse-events{mark}.csv", 25)
        name = f"adverse-events-by-term{mark}.csv"
        self.terms = Table(_("Each participant counts once for a term, at the highest grade"), name, 25)
        self._terms_fold = widgets.Accordion(
            [self.terms.view], titles=[_("Each regimen with its exposure-adjusted rates")], selected_index=None
        )
        fold = widgets.Accordion([self.listing.view], titles=[_("Every event as a table")], selected_index=None)
        self._people = widgets.VBox(
            [
                section(
                    _("Over time"),
                    self.lanes,
                    self.pager.view,
                    fold,
                    lead=paragraph_of(
                        (
                            _(
                                "A bar is an event with its grade, from onset to end, ! if serious; triangles are "
                                "infusions."
                            ),
                            day_zero(),
                        )
                    ),
                ),
                section(
                    _("Reports"),
                    self.reports,
                    lead=_("What is sent is recorded on the Follow-up page, under Today."),
                ),
                section(_("Participants who received a product lot"), row(self.lot), self.received, self.given),
            ]
        )
        self.view = widgets.VBox(
            [
                section(
                    _("Rates"),
                    row(self.phase),
                    self.counts,
                    self.rates,
                    self.tables,
                    self._terms_fold,
                    lead=_("Everybody treated is counted, with an event or without; exact intervals (95 %)."),
                ),
                self.hidden,
                self._people,
            ]
        )
        self.phase.observe(self._choose_phase, "value")
        self.lot.observe(self._choose_lot, "value")

    def _choose_phase(self, _change: Any) -> None:
        if self.shown:
            self._draw_rates(*self.shown)

    def _choose_lot(self, _change: Any) -> None:
        if self.shown:
            self._draw_lot(*self.shown)

    def draw(self, seen: Summaries) -> None:
        """Show the adverse events that the reader may see."""
        phases = seen.by_regimen["phase"].drop_duplicates().tolist()
        offer(self.phase, [(_("all"), ""), *((one, one) for one in phases)], otherwise="")
        self._draw_rates(seen)
        alone = not len(seen.own.participants)
        self._people.layout.display = "none" if alone else None
        self.hidden.show(note(_("Your role shows figures and hides the participants.")) if alone else None)
        if alone:
            return
        self._events = seen.events_of_participants()
        self._draw_lanes(seen)
        self.listing.show(listing(self._events, self._settings))
        self.reports.show(self._reports(seen))
        offer(self.lot, [(_("choose"), ""), *((one, one) for one in seen.lots())], otherwise="")
        self._draw_lot(seen)
        self.given.show(_given(seen))

    def _draw_rates(self, seen: Summaries) -> None:
        overview = seen.events_overview()
        cards = [
            (part_text(one["participants"], one["treated"]), OVERVIEW[one["kind"]])
            for one in overview.to_dict("records")
        ]
        groups = [
            (part_text(seen.having(one.terms), seen.treated), one.label) for one in self._settings.special_interest
        ]
        watched = paragraph(_("Of special interest, any grade:"), "off")
        self.counts.show(macros("lists").cards(cards), *([watched, macros("lists").cards(groups)] if groups else []))
        found = seen.events_by_term(phase=self.phase.value)
        total = found[(found["group"] == TOTAL) & (found["term"] != ANY)]
        rows = rate_rows(total, seen.severe_rates(phase=self.phase.value), self._settings)
        self.rates.layout.display = None if len(rows) else "none"
        if len(rows):
            self.rates.draw(rows)
        nothing = (found["events"] == 0).all()
        self._terms_fold.layout.display = "none" if nothing else None
        if nothing:
            self.tables.show(note(_("No adverse event is recorded.")))
            return
        wide = table(by_regimen(found, self._settings), regimen_words())
        self.tables.show(details(_("Term by highest grade and by regimen"), wide))
        self.terms.show(by_term(found, self._settings))

    def _draw_lanes(self, seen: Summaries) -> None:
        people = [name for name in seen.own.participants["participant"] if name in set(self._events["participant"])]
        words = _("Participants {first} to {last} of {n} with an adverse event.")
        nobody = _("No participant has an adverse event.")
        shown = people[self.pager.part(len(people), words if people else nobody)]
        self.lanes.layout.display = None if shown else "none"
        if shown:
            rows, last = lane_rows(seen, self._events, shown, self._settings)
            self.lanes.draw(rows, last=last)

    def _turned(self) -> None:
        if self.shown:
            self._draw_lanes(*self.shown)

    def _reports(self, seen: Summaries) -> Markup:
        said = self._settings.reporting_words()
        found = self._settings.reports(seen)
        if found is None:
            return said
        if found.empty:
            return joined((paragraph(_("No serious adverse event is recorded.")), said))
        left, late = int((found["task"] != "").sum()), int(found["late"].sum())
        words = ngettext(
            "{n} report or judgement is to be made, {late} of them late.",
            "{n} reports or judgements are to be made, {late} of them late.",
            left,
        ).format(n=left, late=late)
        shown = table(report_rows(found, self._settings), _("Serious adverse events and their reports"))
        head = paragraph(words, "bad" if late else "")
        return joined((head, details(_("Every serious event"), shown), said))

    def _draw_lot(self, seen: Summaries) -> None:
        lot = self.lot.value
        if not lot:
            self.received.show(None if seen.lots() else paragraph(_("No lot is recorded.")))
            return
        found, elsewhere = seen.received(lot)
        rows = [
            {
                _("Participant"): one["participant"],
                _("Site"): self._site_shown(one["site"]),
                _("Regimen"): one["regimen"],
                _("Infusion"): one["number"],
                _("On"): _day(one["on"]),
                _("Cells given (10⁶/kg)"): _number(one["cells"]),
                _("Planned"): _number(one["planned"]),
                _("Viability"): _number(one["viability"], "{:.0%}"),
                _("Volume (mL)"): _number(one["volume_ml"]),
            }
            for one in found.to_dict("records")
        ]
        count = found["participant"].nunique()
        words = ngettext("{n} participant received lot {lot}.", "{n} participants received lot {lot}.", count)
        said = [paragraph(words.format(n=count, lot=lot))]
        if elsewhere:
            other = _("Participants of other sites who received it: {n}.")
            said.append(paragraph(other.format(n=count_text(elsewhere)), "open"))
        self.received.show(
            *said, table(pd.DataFrame(rows, dtype=object), _("Infusions of the lot")) if rows else None
        )


def report_rows(found: pd.DataFrame, settings: EffectSettings) -> pd.DataFrame:
    """Return the reports of serious adverse events, in words."""
    rows = [
        {
            _("Participant"): one["participant"],
            _("Term"): settings.term(one["term"]),
            _("Grade"): one["grade"],
            _("Known on"): _day(one["known_on"]),
            _("First report by"): _day(one["first_report"]),
            _("Sent on"): _day(one["reported_on"]),
            _("Completed by"): _day(one["follow_up"]),
            _("Completed on"): _day(one["completed_on"]),
            _("To do"): REPORTS.get(one["task"], _("nothing")),
            _("By"): _day(one["due"]),
            _("Late"): _("yes") if one["late"] else "",
        }
        for one in found.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)


def rate_rows(total: pd.DataFrame, severe: pd.DataFrame, settings: EffectSettings) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.event_rates`, the most frequent terms first."""
    named = severe.set_index("term")
    rows = []
    ordered = total[total["rate"].notna() & (total["any_grade"] > 0)].sort_values(
        "rate", ascending=False, kind="stable"
    )
    for one in ordered.head(TERMS_DRAWN).to_dict("records"):
        label = settings.term(one["term"])
        share = share_text(one["any_grade"], one["participants"])
        hard = named.loc[one["term"]] if one["term"] in named.index else None
        bad = 0 if hard is None else int(hard["having"])
        counted = _("{share}; grade 3 or more {n}").format(share=share, n=count_text(bad))
        rows.append((label, "any", one["rate"], one["low"], one["high"], share, f"{label}\n{counted}"))
        if hard is not None and bad > 0:
            words = share_text(bad, one["participants"])
            rows.append((label, "severe", hard["rate"], hard["low"], hard["high"], words, ""))
    return pd.DataFrame(rows, columns=["term", "series", "value", "low", "high", "words", "head"])


def lane_rows(
    seen: Summaries, events: pd.DataFrame, shown: list[str], settings: EffectSettings
) -> tuple[pd.DataFrame, int]:
    """Return the rows of :func:`protocol.figures.effect.event_lanes`, and the last day of the picture."""
    own = events[events["participant"].isin(shown)].sort_values("grade", kind="stable")
    infusions = seen.own.infusions[seen.own.infusions["participant"].isin(shown)]
    given = elapsed_days(seen.own, infusions, "on")
    days = [*own["onset_day"].dropna(), *own["end_day"].dropna(), *given.dropna(), 27]
    last = int(max(days)) + 1
    rows = []
    for place, name in enumerate(shown):
        ends = list[int]()  # the last day of each row of the lane
        for one in own[own["participant"] == name].sort_values("onset_day").to_dict("records"):
            if pd.isna(one["onset_day"]) or (pd.notna(one["end_day"]) and one["end_day"] < 0):
                continue
            start, lasts = max(int(one["onset_day"]), 0), pd.isna(one["end_day"])
            until = last if lasts else max(int(one["end_day"]) + 1, start + 1)
            slot = next((number for number, end in enumerate(ends) if end <= start), len(ends))
            ends[slot : slot + 1] = [until]
            words = [settings.term(one["term"]), _("grade {n}").format(n=one["grade"])]
            span = _("from day {first}, still lasting") if lasts else _("days {first} to {last}")
            words.append(span.format(first=start, last=until - 1))
            words += [_("serious")] if one["serious"] else []
            sign = f"{one['grade']}!" if one["serious"] else str(one["grade"])
            lane = name + figures.BELOW * (slot + 1)
            order = place * MOST_ROWS + slot + 1
            rows.append(("event", lane, order, start, until, str(one["grade"]), sign, list_of(words)))
    for one, day in zip(infusions.to_dict("records"), given, strict=True):
        order = shown.index(one["participant"]) * MOST_ROWS
        words_of = _("infusion {n}, day {day}").format(n=one["number"], day=day)
        rows.append(("infusion", one["participant"], order, int(day), int(day), "", "", words_of))
    columns = ["kind", "lane", "order", "day", "until", "grade", "sign", "words"]
    return pd.DataFrame(rows, columns=columns), last


def by_regimen(found: pd.DataFrame, settings: EffectSettings) -> pd.DataFrame:
    """Return one row a term: its highest grades in total, and for each regimen any grade (and grade 3 or more)."""
    rows = []
    for name in found["term"].drop_duplicates():
        of_term = found[found["term"] == name].set_index("group")
        total = of_term.loc[TOTAL]
        row_of = {_("Term"): _term(name, settings), _("All"): share_text(total["any_grade"], total["participants"])}
        row_of |= {_("Grade {n}").format(n=grade): count_text(total[f"grade_{grade}"]) for grade in range(1, 6)}
        for group, one in of_term.drop(index=TOTAL).iterrows():
            head = f"{group} ({one['participants']})"
            row_of[head] = f"{count_text(one['any_grade'])} ({count_text(one['grade_3_or_more'])})"
        rows.append(row_of)
    return pd.DataFrame(rows, dtype=object)


def regimen_words() -> str:
    """Say how the columns of the regimens in :func:`by_regimen` are read."""
    return _(
        "A column of a regimen has the participants treated in brackets; below it stands the number with any grade, "
        "and in brackets the number with grade 3 or more."
    )


def by_term(found: pd.DataFrame, settings: EffectSettings) -> pd.DataFrame:
    """Return one row a term and regimen: the highest grades and the exposure-adjusted rates, in words."""
    rows = [
        {
            _("Term"): _term(one["term"], settings),
            _("Regimen"): _("all") if one["group"] == TOTAL else one["group"],
            _("Treated"): one["participants"],
            **{_("Grade {n}").format(n=grade): count_text(one[f"grade_{grade}"]) for grade in range(1, 6)},
            _("Any grade"): share_text(one["any_grade"], one["participants"]),
            _("Grade 3 or more"): count_text(one["grade_3_or_more"]),
            _("Events"): count_text(one["events"]),
            _("Per 100 participant-days"): _number(one["rate"], "{:.2f}"),
            _("Interval (95 %)"): f"{_number(one['low'], '{:.2f}')} – {_number(one['high'], '{:.2f}')}",
            _("Events per 100 participant-days"): _number(one["event_rate"], "{:.2f}"),
        }
        for one in found.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)


def listing(events: pd.DataFrame, settings: EffectSettings) -> pd.DataFrame:
    """Return the adverse events one by one, in words."""
    rows = [
        {
            _("Participant"): one["participant"],
            _("Regimen"): one["regimen"],
            _("Term"): settings.term(one["term"]),
            _("Grade"): one["grade"],
            _("Onset"): _day(one["onset"]),
            _("Day (0 = first infusion)"): "–" if pd.isna(one["onset_day"]) else int(one["onset_day"]),
            _("End"): _day(one["end"]) if pd.notna(one["end"]) else _("lasts"),
            _("Serious"): _("yes") if one["serious"] else "",
            _("Relatedness"): RELATEDNESS.get(one["relatedness"], ""),
            _("DLT"): _("asked") if pd.isna(one["dlt"]) else _("yes") if one["dlt"] else "",
        }
        for one in events.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)


def _given(seen: Summaries) -> Markup | None:
    """Say how far the infusions were given as planned, with those that were not."""
    own = seen.own.infusions
    known = own[own["planned"].notna() & own["cells"].notna()]
    if known.empty:
        return None
    share = known["cells"] / known["planned"]
    words = _(
        "Cells given against cells planned: median {median:.0%}, from {low:.0%} to {high:.0%}, in {n} infusions."
    )
    said = words.format(median=share.median(), low=share.min(), high=share.max(), n=len(known))
    return paragraph(said, "off")


def _term(name: str, settings: EffectSettings) -> str:
    return _("Any adverse event") if name == ANY else settings.term(name)


def _day(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:%Y-%m-%d}"


def _number(value: Any, form: str = "{:.4g}") -> str:
    return "–" if pd.isna(value) else form.format(value)
