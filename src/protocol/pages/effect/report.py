"""The safety report: which figures it shows, and the tab that makes it."""

from dataclasses import replace
from typing import Any

import pandas as pd

from protocol.effect import Standing, Summaries, watch
from protocol.effect.adverse_events import ANY, TOTAL
from protocol.exchange.documents.archive import zipped
from protocol.exchange.documents.meeting_pack import Sheet, drawn
from protocol.exchange.documents.safety_report import SafetyReport
from protocol.figures import effect as figures
from protocol.pages.effect.adverse_events import (
    OVERVIEW,
    by_regimen,
    by_term,
    listing,
    rate_rows,
    regimen_words,
    report_rows,
)
from protocol.pages.effect.phase_two import (
    boundary_rows,
    boundary_table,
    known_words,
    operating_table,
)
from protocol.pages.effect.recovery import curve_rows, curve_table, recovered_by, ticks
from protocol.pages.effect.settings import EffectSettings
from protocol.pages.effect.words import OUTCOMES, STATUSES, count_text, share_text
from protocol.pages.kit import (
    BothLanguages,
    MadeDocument,
    Panel,
    Text,
    button,
    coded_data,
    download,
    note,
    row,
    section,
)
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _, paragraph_of


def safety_report(desk: Desk, settings: EffectSettings) -> SafetyReport:
    """Return the open safety report on the present state of a log.

    Parameters
    ----------
    desk : Desk
    settings : EffectSettings

    Raises
    ------
    ProtocolError
        If the rule of the record has no boundary.
    """
    seen, now, facts = desk.effect, desk.briefing, desk.trial.identity
    stands = _standing(settings, seen)
    said = [known_words(stands, settings.outcomes(seen)), stands.watch.sentence] if stands else []
    asked = _("How many participants phase {phase} plans is not stated, so that its rule has no boundary.")
    sheets = open_sheets(seen, settings, stands)
    return SafetyReport(
        trial=f"{facts['nct_id'].value}: {facts['title'].value}",
        as_of=now.as_of,
        head=now.head,
        invented=now.invented,
        closed=False,
        answer=stands.sentence if stands else asked.format(phase=settings.phase),
        facts=(*said, settings.outcome_words(), settings.declared_words),
        sheets=sheets,
        pictures={name: drawn(chart) for name, chart in _pictures(seen, settings, stands).items()},
    )


def safety_reports(desk: Desk, settings: EffectSettings) -> tuple[SafetyReport, ...]:
    """Return the open report, and the closed one for those who may see every participant."""
    found = safety_report(desk, settings)
    return (found, closed_report(found, desk.effect, settings)) if desk.effect.exact else (found,)


def closed_report(found: SafetyReport, seen: Summaries, settings: EffectSettings) -> SafetyReport:
    """Return the closed report: the open one with every participant."""
    return replace(found, closed=True, sheets=(*found.sheets, *closed_sheets(seen, settings)))


def _standing(settings: EffectSettings, seen: Summaries) -> Standing | None:
    given, planned = settings.monitoring, settings.planned
    if given is None or planned is None:
        return None
    return watch(given.rule.value, given.aims(planned)).stands(settings.outcomes(seen))


def open_sheets(seen: Summaries, settings: EffectSettings, stands: Standing | None) -> tuple[Sheet, ...]:
    """Return the tables of groups."""
    treated = seen.by_regimen.assign(participants=seen.by_regimen["participants"].map(count_text))
    names = {"regimen": _("Regimen"), "phase": _("Phase"), "participants": _("Treated")}
    overview, terms = seen.events_overview(), seen.events_by_term()
    counted = [
        (OVERVIEW[one["kind"]], share_text(one["participants"], one["treated"]), count_text(one["events"]))
        for one in overview.to_dict("records")
    ]
    heads = [_("Adverse events"), _("Participants"), _("Events")]
    shown = pd.DataFrame(counted, columns=heads, dtype=object)
    curves = seen.incidence(settings.definition, "phase").curves
    days = ticks(max((float(one.times[-1]) for one in curves), default=0.0))
    watched: tuple[Sheet, ...] = ()
    if stands:
        found, does = stands.table(), stands.watch.operating()
        watched = (
            Sheet("boundary", _("The boundary at each look"), found, boundary_table(found)),
            Sheet("characteristics", _("Operating characteristics of the rule"), does, operating_table(does)),
        )
    recovered = pd.concat([curve_table(one) for one in curves], ignore_index=True) if curves else pd.DataFrame()
    every, wide = by_term(terms, settings), by_regimen(terms, settings)
    once = paragraph_of(
        (
            _("Each participant counts once for a term, at the highest grade."),
            regimen_words(),
            _("The file has each regimen by grade, with its rates."),
        )
    )
    return (
        Sheet("treated", _("Participants treated"), treated, treated.rename(columns=names)),
        *watched,
        Sheet("overview", _("Adverse events, overview"), shown, shown),
        Sheet("terms", _("Adverse events by term"), every, wide, once),
        Sheet("recovery", _("Recovered by day (0 = first infusion)"), recovered, recovered_by(curves, days)),
    )


def closed_sheets(seen: Summaries, settings: EffectSettings) -> tuple[Sheet, ...]:
    """Return the tables of participants."""
    events = seen.events_of_participants()
    marked = events["serious"] | events["dlt"].fillna(True).astype(bool)
    grave, every = listing(events[marked], settings), listing(events, settings)
    reports = settings.reports(seen)
    found = seen.recovered(settings.definition)
    names = {
        "participant": _("Participant"),
        "status": _("Recovery"),
        "day": _("Day (0 = first infusion)"),
        "why": _("Why"),
    }
    shown = found.assign(status=found["status"].map(STATUSES))[list(names)].rename(columns=names)
    given = seen.own.infusions[["participant", "number", "on", "lot", "cells", "planned", "viability", "volume_ml"]]
    given = given.assign(on=given["on"].dt.strftime("%Y-%m-%d"))
    columns = [_("Participant"), _("Infusion"), _("On"), _("Lot"), _("Cells given (10⁶/kg)"), _("Planned")]
    columns += [_("Viability"), _("Volume (mL)")]
    told: tuple[Sheet, ...] = ()
    if reports is not None:
        told = (Sheet("reports", _("Reports of serious events"), reports, report_rows(reports, settings)),)
    return (
        Sheet("grave", _("Serious and dose-limiting events, and those to be judged"), grave, grave),
        *told,
        Sheet("events", _("Every adverse event"), every, every),
        Sheet("recoveries", _("Recovery of each participant"), found, shown),
        Sheet("infusions", _("Infusions and lots"), given, given.set_axis(columns, axis=1)),
    )


def _pictures(seen: Summaries, settings: EffectSettings, stands: Standing | None) -> dict[str, Any]:
    found = dict[str, Any]()
    if stands:
        for name in stands.watch.watches:
            rows = boundary_rows(stands, name)
            title = _("Boundary: {outcome}").format(outcome=OUTCOMES[name])
            found[title] = figures.boundary(rows, OUTCOMES[name], stands.watch.looks[-1])
    terms = seen.events_by_term()
    total = terms[(terms["group"] == TOTAL) & (terms["term"] != ANY)]
    rates = rate_rows(total, seen.severe_rates(), settings)
    if len(rates):
        found[_("Rates of adverse events")] = figures.event_rates(rates)
    curves = seen.incidence(settings.definition).curves
    if curves:
        times = ticks(max(float(one.times[-1]) for one in curves))
        rows = curve_rows(curves, [_("all")], times)
        found[_("Cumulative incidence of recovery")] = figures.incidence(
            rows, [_("all")], times, _("recovered"), True
        )
    return found


class SafetyReportPanel(Panel):
    """The tab that makes the safety report; :meth:`show` forgets what was made before.

    Parameters
    ----------
    desk : Desk
    settings : EffectSettings

    Attributes
    ----------
    make : ipywidgets.Button
    both : BothLanguages
        The reports with their pages in both languages.
    files : Text
    """

    def __init__(self, desk: Desk, settings: EffectSettings) -> None:
        self._desk, self._settings = desk, settings
        self.make = button(_("Make the safety report"), self._make)
        self.both = BothLanguages(desk.trial, self._both)
        self.files = Text()
        lead = _(
            "One page to read and print with every table as CSV. The open version has figures of groups; the closed "
            "one names participants and is for the safety board."
        )
        hidden = note(_("Your role shows figures and hides participants: the report is the open one."))
        told = Text(None if desk.effect.exact else hidden, role="")
        self.view = section(
            _("Safety report"), told, row(self.make, self.both.make), self.both.view, self.files, lead=lead
        )

    def draw(self, _seen: Summaries) -> None:
        """Forget the files, which show the log as it was."""
        self.files.show(None)
        self.both.forget()

    def _make(self) -> None:
        labels = {"safety-open": _("Save the open report (ZIP)"), "safety-closed": _("Save the closed report (ZIP)")}
        saved = [
            download(next(label for kind, label in labels.items() if name.startswith(kind)), name, pack, _ZIP)
            for name, pack in safety_files(self._desk, self._settings).items()
        ]
        self.files.show(*saved, coded_data() if self._desk.effect.exact else None)

    def _both(self) -> MadeDocument:
        files = safety_files(self._desk, self._settings)
        desk = self._desk
        return MadeDocument(
            "safety-report", desk.briefing.as_of, files, sight=desk.sight, names_participants=desk.effect.exact
        )


_ZIP = "application/zip"


def safety_files(desk: Desk, settings: EffectSettings) -> dict[str, bytes]:
    """Return the reports that the reader may see as ZIP files, by their names."""
    found = {}
    for report in safety_reports(desk, settings):
        mark = "-invented-example" if report.invented else ""
        found[f"{report.name}-{report.as_of.isoformat()}{mark}.zip"] = zipped(report.files(), report.as_of)
    return found
