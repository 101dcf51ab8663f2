"""Phase II: where the trial stands on its monitoring rule, and what the rule does."""

from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.chart import Chart
from protocol.effect import RULES, Aims, Standing, Summaries, Watch, watch
from protocol.exchange.spreadsheet import csv
from protocol.figures import effect as figures
from protocol.pages.effect.settings import LEAST_PLANNED, STARTING_AIMS, EffectSettings
from protocol.pages.effect.words import COUNTED, LIGHTS, LOOK_STATES, OUTCOMES, TRUTHS, percent
from protocol.pages.kit import (
    Panel,
    Text,
    classed,
    details,
    download,
    field,
    joined,
    macros,
    note,
    paragraph,
    row,
    section,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, labelled, list_of, ngettext

_EFFECT = macros("effect")


class PhaseTwoPanel(Panel):
    """Where phase II stands; :meth:`show` takes Summaries.

    Parameters
    ----------
    settings : EffectSettings
        What the record says.
    invented : bool

    Attributes
    ----------
    rule, planned, first, every, safe, toxic, futile, good, level, each : ipywidgets
    light, said, problem, tables : Text
    response, toxicity, operating : Chart
    sentence : str
        Where the phase stands; "" before it was asked.
    """

    def __init__(self, settings: EffectSettings, invented: bool) -> None:
        self._settings, self.sentence = settings, ""
        given = settings.monitoring
        start = given.aims(LEAST_PLANNED) if given else STARTING_AIMS
        options = [(words[0], name) for name, words in RULES.items()]
        rule = given.rule.value if given else "bop2_both"
        self.rule = field(widgets.Dropdown, _("Monitoring rule"), options=options, value=rule)
        number, rate = widgets.BoundedIntText, widgets.BoundedFloatText
        self.planned = field(
            number,
            _("Participants of phase {phase}").format(phase=settings.phase),
            value=settings.planned or 0,
            min=0,
            max=1000,
            width="short",
        )
        self.first = field(number, _("First look"), value=start.first, min=1, max=1000, width="short")
        self.every = field(number, _("Look every"), value=start.every, min=1, max=1000, width="short")
        limits: dict[str, Any] = {"min": 0.01, "max": 0.99, "step": 0.01, "width": "short"}
        self.safe = field(rate, _("Acceptable toxicity rate"), value=start.safe, **limits)
        self.toxic = field(rate, _("Unacceptable toxicity rate"), value=start.toxic, **limits)
        self.futile = field(rate, _("Uninteresting response rate"), value=start.futile, **limits)
        self.good = field(rate, _("Desirable response rate"), value=start.good, **limits)
        self.level = field(rate, _("Largest error"), value=start.level, **limits)
        self.each = field(
            widgets.Checkbox, _("Control the error also for one bad outcome alone"), value=start.each, indent=False
        )
        self.problem, self.light, self.said, self.sources = Text(), Text(), Text(), Text(role="")
        self.tables, self.ahead, self.does = Text(role=""), Text(), Text()
        self.pictures = {
            "response": Chart(figures.boundary, _("Responses on the boundary of the rule")),
            "toxicity": Chart(figures.boundary, _("Toxicities on the boundary of the rule")),
        }
        self.operating = Chart(figures.intervals, _("Probability to go on under each truth"))
        self._halves = {name: classed(widgets.VBox([chart]), "pw-half") for name, chart in self.pictures.items()}
        self._behind = widgets.VBox()
        self.file = "boundary-invented-example.csv" if invented else "boundary.csv"
        rates = row(self.safe, self.toxic, self.futile, self.good, self.level)
        fold = widgets.Accordion(
            [widgets.VBox([row(self.first, self.every), rates, self.each, self.sources])],
            titles=[_("Looks, rates and errors of the rule, with their sources")],
            selected_index=None,
        )
        lead = _("Exact: every path is counted. The trial should go on only if the regimen is effective and safe.")
        self._behind.children = (
            row(*self._halves.values()),
            self.ahead,
            section(_("What the rule does"), self.does, self.operating, self.tables, lead=lead),
        )
        self.view = widgets.VBox(
            [self.light, row(self.rule, self.planned), self.said, self.problem, self._behind, fold]
        )
        controls = (self.rule, self.planned, self.first, self.every, self.safe, self.toxic)
        self.redraw_on(*controls, self.futile, self.good, self.level, self.each)

    @property
    def aims(self) -> Aims:
        """What the rule shall tell apart, as set on the page.

        Raises
        ------
        ProtocolError
            If the numbers do not go together.
        """
        names = ("planned", "first", "every", "safe", "toxic", "futile", "good", "level", "each")
        return Aims(**{name: getattr(self, name).value for name in names})

    def draw(self, seen: Summaries) -> None:
        """Show where phase II stands on the rule as set."""
        self.sources.show(self._settings.sources())
        outcomes = self._settings.outcomes(seen)
        try:
            rule = watch(self.rule.value, self.aims) if self.planned.value else None
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        self._behind.layout.display = None if rule else "none"
        if rule is None:
            self._ask_for_number(outcomes)
            return
        stands = rule.stands(outcomes)
        sign, word = LIGHTS[stands.light]
        more = [known_words(stands, outcomes), self._settings.declared_words]
        self.sentence = stands.sentence
        self.light.show(_EFFECT.light(stands.light, sign, word, stands.sentence, more))
        self.said.show(*self._remarks(rule))
        for name, chart in self.pictures.items():
            watched = name in rule.watches
            self._halves[name].layout.display = None if watched else "none"
            if watched:
                chart.draw(boundary_rows(stands, name), outcome=OUTCOMES[name], looks=rule.looks[-1])
        self.ahead.show(_ahead(stands))
        found = rule.operating()
        self.does.show(paragraph(_characteristics(found, rule)))
        self.operating.draw(operating_rows(found), title=_("probability to go on"), percent=True, most=1.0)
        saved = download(_("Save the boundary (CSV)"), self.file, csv(rule.table()), "text/csv")
        behind = joined((table(boundary_table(stands.table()), _("The boundary at each look")), saved))
        self.tables.show(
            details(_("The boundary as a table, to print"), behind),
            details(_("Operating characteristics as a table"), table(operating_table(found))),
        )

    def _ask_for_number(self, outcomes: pd.DataFrame) -> None:
        sign, word = LIGHTS["grey"]
        asks = _("How many participants phase {phase} plans is not stated: write a number to see the rule.")
        said = ngettext("{n} participant treated.", "{n} participants treated.", len(outcomes))
        more = [said.format(n=len(outcomes)), self._settings.declared_words]
        self.sentence = asks.format(phase=self._settings.phase)
        self.light.show(_EFFECT.light("grey", sign, word, self.sentence, more))
        self.said.show(None)

    def _remarks(self, rule: Watch) -> list[Any]:
        said = [paragraph(rule.sentence), paragraph(self._settings.outcome_words(), "off")]
        if self.planned.value == self._settings.planned:
            words = self._settings.planned_words()
            said += [paragraph(words, "off")] if words else []
        differs = self._settings.differs(self.rule.value, self.aims)
        tried = _("Tried on this page; the record says otherwise: {what}.")
        return said + ([paragraph(tried.format(what=list_of(differs, "; ")), "open")] if differs else [])


def known_words(stands: Standing, outcomes: pd.DataFrame) -> str:
    """Say how many are treated, and how many outcomes are known."""
    waits = int(outcomes[list(stands.watch.watches)].isna().any(axis=1).sum())
    said = ngettext("{n} participant treated", "{n} participants treated", stands.treated).format(n=stands.treated)
    open_words = ngettext("{n} with an outcome not known yet", "{n} with outcomes not known yet", waits).format(
        n=waits
    )
    counts = [
        COUNTED[name].format(n=int((outcomes[name] == True).sum()))  # noqa: E712 - missing is neither
        for name in stands.watch.watches
    ]
    return _("{text}.").format(text=list_of([said, *counts, open_words], "; "))


def boundary_rows(stands: Standing, outcome: str) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.boundary` for one outcome."""
    rule = stands.watch
    bounds = rule.toxicity if outcome == "toxicity" else rule.futility
    counts = stands.toxicities if outcome == "toxicity" else stands.responses
    top = max([high for high, n in zip(rule.toxicity, rule.looks, strict=True) if high <= n] or [1]) + 3
    rows = []
    for n, bound, (low, high) in zip(rule.looks, bounds, counts, strict=True):
        if outcome == "toxicity" and bound <= n:
            words = _("stop at {n} or more").format(n=bound)
            rows.append(("stop", n, bound, max(min(top, n), bound), words))
        elif outcome == "response" and bound >= 0:
            rows.append(("stop", n, 0, bound, _("stop at {n} or fewer").format(n=bound)))
        if n <= stands.treated:
            words = str(low) if low == high else _("{low} to {high}, outcomes are open").format(low=low, high=high)
            rows.append(("trial", n, low, high, words))
    return pd.DataFrame(rows, columns=["kind", "participants", "low", "high", "words"])


def operating_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.intervals` for operating characteristics."""
    rows = [
        {
            "row": TRUTHS[one["truth"]],
            "value": one["go"],
            "low": 0.0,
            "high": one["go"],
            "words": labelled(TRUTHS[one["truth"]], percent(one["go"])),
            "kind": "good" if place == 0 else "bad",
        }
        for place, one in enumerate(found.to_dict("records"))
    ]
    return pd.DataFrame(rows)


def _characteristics(found: pd.DataFrame, rule: Watch) -> str:
    rows = found.to_dict("records")
    words = _(
        "Power {power}. Probability to go on by error: {futile} if futile, {toxic} if toxic, {both} if "
        "both. Expected participants: {good:.1f} if effective and safe, {bad:.1f} if futile and toxic."
    )
    return words.format(
        power=percent(rows[0]["go"]),
        futile=percent(rows[1]["go"]) if "response" in rule.watches else _("not watched"),
        toxic=percent(rows[2]["go"]) if "toxicity" in rule.watches else _("not watched"),
        both=percent(rows[3]["go"]),
        good=rows[0]["expected_participants"],
        bad=rows[3]["expected_participants"],
    )


def _ahead(stands: Standing) -> Any:
    found = stands.ahead()
    if found.empty:
        return note(_("No look to come can stop the trial.")) if stands.treated else None
    more = _("{n} or more of the next {of} with a toxicity")
    less = _("{n} or fewer of the next {of} with a response")
    rows = [
        {
            _("Look at"): one["participants"],
            _("So far"): COUNTED[one["outcome"]].format(n=one["known"]),
            _("The trial stops with"): (more if one["outcome"] == "toxicity" else less).format(
                n=one["needed"], of=one["to_come"]
            ),
            _("Chance if the regimen is good"): percent(one["chance_good"]),
            _("Chance if it is not"): percent(one["chance_bad"]),
        }
        for one in found.to_dict("records")
    ]
    return table(pd.DataFrame(rows, dtype=object), _("What the next participants could change"))


def boundary_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the boundary at each look and what the trial has there, in words."""
    columns = {
        "participants": _("Participants"),
        "stop_at_or_below": _("Stop at so many responses or fewer"),
        "stop_at_or_above": _("Stop at so many toxicities or more"),
        "state": _("The trial"),
    }
    shown = found[[name for name in columns if name in found]].astype(object)
    shown["state"] = shown["state"].map(LOOK_STATES)
    return shown.where(shown.notna(), "–").rename(columns=columns)


def operating_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the operating characteristics, in words."""
    rows = [
        {
            _("Truth"): TRUTHS[one["truth"]],
            _("Response rate"): percent(one["response"]),
            _("Toxicity rate"): percent(one["toxicity"]),
            _("Goes on"): f"{one['go']:.4f}",
            _("Stops early"): f"{one['stop_early']:.4f}",
            _("Expected participants"): f"{one['expected_participants']:.2f}",
        }
        for one in found.to_dict("records")
    ]
    return pd.DataFrame(rows, dtype=object)
