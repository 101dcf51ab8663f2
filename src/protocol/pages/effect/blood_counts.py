"""Blood counts: one participant, small multiples of all, nadir and days below."""

from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.chart import Chart
from protocol.effect import (
    GIVEN,
    TRANSFUSIONS,
    Summaries,
    definitions,
    elapsed_days,
    grade_limits,
    graded,
)
from protocol.figures import effect as figures
from protocol.pages.effect.settings import EffectSettings
from protocol.pages.effect.words import (
    FLOORS,
    LIMITS,
    STATUSES,
    analyte_options,
    analyte_title,
    count_text,
    day_zero,
    unit_text,
)
from protocol.pages.kit import (
    Pager,
    Panel,
    Table,
    Text,
    classed,
    details,
    field,
    macros,
    note,
    paragraph,
    row,
    section,
    table,
)
from protocol.translation import _

MULTIPLES = 12
"""Participants shown as small multiples at a time."""


class BloodCountsPanel(Panel):
    """Counts of the participants; :meth:`show` takes Summaries.

    Parameters
    ----------
    settings : EffectSettings
    invented : bool

    Attributes
    ----------
    analyte, participant, definition : ipywidgets.Dropdown
    one, by_regimen : Chart
    multiples : list of Chart
    course, lowest : Text, Table
    """

    def __init__(self, settings: EffectSettings, invented: bool) -> None:
        self._settings, self._listing = settings, False
        self.analyte = field(
            widgets.Dropdown, _("Blood count"), options=analyte_options(), value="neutrophils", width="short"
        )
        self.definition = field(widgets.Dropdown, _("Recovery"), options=[("–", "")], value="")
        self.participant = field(widgets.Dropdown, _("Participant"), options=[("–", "")], value="", width="short")
        self.hidden, self.course = Text(role=""), Text()
        self.one = Chart(figures.counts, _("Counts of one participant"))
        self.names = [Text(role="") for _place in range(MULTIPLES)]
        first = Chart(figures.small_counts, _("Counts of a participant"))
        others = (Chart(figures.small_counts, first.description, like=first) for _place in range(MULTIPLES - 1))
        self.multiples = [first, *others]
        self._cells = [
            classed(widgets.VBox(list(pair)), "pw-small-multiple")
            for pair in zip(self.names, self.multiples, strict=True)
        ]
        self.pager = Pager(MULTIPLES, self._draw_multiples)
        self.by_regimen = Chart(figures.intervals, _("Days below the limit by regimen"))
        self.days_table = Text(role="")
        name = "counts-invented-example.csv" if invented else "counts.csv"
        self.lowest = Table(_("Nadir and days below of each participant"), name, 25)
        fold = widgets.Accordion([self.lowest.view], titles=[_("Each participant as a table")], selected_index=None)
        one = section(_("One participant"), row(self.participant), self.one, self.course)
        multiples = section(
            _("All participants"),
            classed(row(*self._cells), "pw-small-multiples"),
            self.pager.view,
            fold,
            lead=_("The dashed line is the limit, the upright line the recovery, triangles are infusions."),
        )
        self._people = widgets.VBox([one, multiples])
        self._days_title = Text(role="")
        self.view = widgets.VBox(
            [
                row(self.analyte, self.definition),
                self.hidden,
                self._people,
                self._days_title,
                self.by_regimen,
                self.days_table,
            ]
        )
        self.analyte.observe(self._choose_definitions, "value")
        self._choose_definitions()
        self.redraw_on(self.definition)
        self.participant.observe(lambda _change: self._draw_one(), "value")

    def _choose_definitions(self, _change: Any = None) -> None:
        options = self._settings.definition_options(self.analyte.value)
        with self.redraw_once():
            self.definition.options = options or [(_("no definition of this count"), "")]
            self.definition.value = self._settings.definition_of(self.analyte.value)

    def draw(self, seen: Summaries) -> None:
        """Show the counts that the reader may see."""
        self._seen = seen
        analyte, limit = self.analyte.value, LIMITS[self.analyte.value]
        people = seen.own.participants["participant"].tolist()
        self._people.layout.display = None if people else "none"
        self.hidden.show(None if people else note(_("Your role shows figures and hides the participants.")))
        if people:
            self._graded = graded(seen.own, analyte, self._settings.version)
            self._lowest = seen.lowest(analyte, limit)
            recovered = seen.recovered(self.definition.value) if self.definition.value else None
            self._recovered = None if recovered is None else recovered.set_index("participant")
            options = [(name, name) for name in people]
            if tuple(self.participant.options) != tuple(options):
                chosen, self._listing = self.participant.value, True
                self.participant.options = options
                self.participant.value = chosen if chosen in people else people[0]
                self._listing = False
            self._draw_one()
            self._draw_multiples()
            self.lowest.show(self._lowest_table())
        self._draw_days(seen.days_below(analyte, limit), limit)

    def _draw_days(self, found: pd.DataFrame, limit: float) -> None:
        unit = unit_text(self.analyte.value)
        words = _("Days below {limit:g} {unit}, by regimen").format(limit=limit, unit=unit)
        lead = _("Median and quartiles of the participants; each draw is held until the next one.")
        self._days_title.show(macros("kit").heading(words, lead))
        known = found[found["median"].notna()]
        self.by_regimen.layout.display = None if len(known) else "none"
        if len(known):
            said = _("{regimen}: {median:g} days ({n} participants)")
            rows = known.rename(columns={"group": "row", "median": "value"}).assign(kind="")
            rows["words"] = [
                said.format(regimen=one["row"], median=one["value"], n=count_text(one["participants"]))
                for one in rows.to_dict("records")
            ]
            self.by_regimen.draw(
                rows[["row", "value", "low", "high", "words", "kind"]], title=_("days"), percent=False
            )
        shown = [
            {
                _("Regimen"): one["group"],
                _("Participants"): count_text(one["participants"]),
                _("Median"): _number(one["median"]),
                _("Quartiles"): f"{_number(one['low'])} – {_number(one['high'])}",
            }
            for one in found.to_dict("records")
        ]
        self.days_table.show(details(_("The figures as a table"), table(pd.DataFrame(shown, dtype=object))))

    def _draw_one(self) -> None:
        name = self.participant.value
        if self._listing or not name:
            return
        analyte = self.analyte.value
        rows = self._rows_of(name)
        days = (min(0, int(rows["day"].min())), max(28, int(rows["day"].max()) + 1)) if len(rows) else (0, 28)
        bands = tuple(bands_of(analyte, self._settings.version))
        self.one.draw(rows, title=analyte_title(analyte), bands=bands, days=days)
        self.course.show(*self._said(name))

    def _said(self, name: str) -> list[Any]:
        one: dict[Any, Any] = self._lowest.set_index("participant").loc[name].to_dict()
        unit = unit_text(self.analyte.value)
        if not one["draws"]:
            return [paragraph(_("No draw of this count is recorded."))]
        low = _(
            "Nadir {value:g} {unit} on day {day}. Below {limit:g} on {n} days with a draw; {held:g} days if "
            "each draw is held until the next."
        )
        words = low.format(
            value=one["nadir"],
            unit=unit,
            day=int(one["nadir_day"]),
            limit=LIMITS[self.analyte.value],
            n=int(one["draws_below"]),
            held=one["days_below_carried_forward"],
        )
        said = [paragraph(words)]
        if self._recovered is not None:
            found: dict[Any, Any] = self._recovered.loc[name].to_dict()
            day = int(found["day"]) if pd.notna(found["day"]) else None
            says = _("{definition}: {status}.") if not found["why"] else _("{definition}: {status}; {why}.")
            says = says if day is None else _("{definition}: {status} on day {day}.")
            values = {
                "definition": self._definition_label(),
                "status": STATUSES[found["status"]],
                "why": found["why"],
            }
            said.append(paragraph(says.format(day=day, **values)))
        ungraded = sorted({why for why in self._graded.loc[self._graded["participant"] == name, "why"] if why})
        said += [paragraph(_("Not graded: {why}.").format(why=why), "off") for why in ungraded]
        return [*said, paragraph(day_zero(), "off")]

    def _definition_label(self) -> str:
        return _(definitions()[self.definition.value].label)

    def _rows_of(self, name: str) -> pd.DataFrame:
        """Return the rows of :func:`protocol.figures.effect.counts` of one participant."""
        seen, unit = self._seen, unit_text(self.analyte.value)
        own = self._graded[self._graded["participant"] == name]
        grades = [_("grade {n}").format(n=one) if pd.notna(one) and one else "" for one in own["grade"]]
        rows: list[tuple[str, int, float | None, str]] = [
            ("draw", int(day), float(value), " ".join(filter(None, (f"{value:g} {unit}", said))))
            for day, value, said in zip(own["day"], own["value"], grades, strict=True)
        ]
        for frame, what in ((seen.own.infusions, "infusion"), (seen.own.given, "given")):
            mine = frame[frame["participant"] == name]
            for one, day in zip(mine.to_dict("records"), elapsed_days(seen.own, mine, "on"), strict=True):
                kind = "infusion" if what == "infusion" else _kind_of(one["what"])
                if pd.isna(day) or kind is None:
                    continue
                words = _("infusion {n}").format(n=one["number"]) if what == "infusion" else _(GIVEN[one["what"]])
                rows.append((kind, int(day), None, words))
        since: Any = None if self._recovered is None else self._recovered.loc[name, "day"]
        if since is not None and pd.notna(since):
            day = int(since)
            rows.append(("recovery", day, None, _("recovered on day {day}").format(day=day)))
        return pd.DataFrame(rows, columns=["kind", "day", "value", "words"]).astype({"value": float})

    def _draw_multiples(self) -> None:
        people = self._seen.own.participants["participant"].tolist()
        shown = people[self.pager.part(len(people), _("Participants {first} to {last} of {n}."))]
        least, most = FLOORS[self.analyte.value]
        regimens = self._seen.own.participants.set_index("participant")["regimen"]
        rows = {name: self._rows_of(name) for name in shown}
        last = max([28, *(int(one["day"].max()) for one in rows.values() if len(one))])
        for place, cell in enumerate(self._cells):
            cell.layout.display = None if place < len(shown) else "none"
            if place >= len(shown):
                continue
            name = shown[place]
            self.names[place].show(macros("overview").small_title(f"{name} · {regimens[name]}"))
            self.multiples[place].draw(
                rows[name][["kind", "day", "value"]],
                limit=LIMITS[self.analyte.value],
                least=least,
                most=most,
                days=(-3, last),
            )

    def _lowest_table(self) -> pd.DataFrame:
        regimens = self._seen.own.participants.set_index("participant")["regimen"]
        rows = []
        for one in self._lowest.to_dict("records"):
            found = None if self._recovered is None else self._recovered.loc[one["participant"]]
            rows.append(
                {
                    _("Participant"): one["participant"],
                    _("Regimen"): regimens[one["participant"]],
                    _("Nadir"): _number(one["nadir"]),
                    _("Day of the nadir"): _number(one["nadir_day"]),
                    _("Days drawn"): one["draws"],
                    _("Drawn below"): _number(one["draws_below"]),
                    _("Days below, held"): _number(one["days_below_carried_forward"]),
                    _("Days below, interpolated"): _number(one["days_below_interpolated"]),
                    _("Recovery"): "" if found is None else STATUSES[found["status"]],
                    _("Day of recovery"): "" if found is None else _number(found["day"]),
                    _("Why"): "" if found is None else found["why"],
                }
            )
        return pd.DataFrame(rows, dtype=object)


def _kind_of(what: str) -> str | None:
    if what in TRANSFUSIONS.values():
        return "transfusion"
    return None if what == "nothing" else "growth factor"


def bands_of(analyte: str, version: str) -> list[tuple[str, float, float]]:
    """Return the bands of the grades of a count for a picture, from its floor to its top."""
    least, most = FLOORS[analyte]
    _term, limits = grade_limits(analyte, version)
    found, low = [], least
    for limit, grade in sorted(limits):
        found.append((str(grade), low, limit))
        low = limit
    return [*found, ("", low, most)]


def _number(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.4g}"
