"""The tab "Protocol text": the statistical section of the protocol for the design as set, to read, copy and save."""

from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.escalation import Calibration, Design, Setting, Simulation, calibrate_in_steps
from protocol.exchange.documents.statistics import PhaseTwo, StatisticalSection
from protocol.exchange.documents.synopsis import Line, SynopsisTable
from protocol.pages.escalation.design_settings import DesignSettings
from protocol.pages.escalation.operating_characteristics import count_field, seed_field
from protocol.pages.escalation.result_state import ResultState
from protocol.pages.kit import (
    Steps,
    Task,
    Text,
    details,
    download,
    in_english,
    joined,
    macros,
    origin,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial

TRIALS, MOST_TRIALS = 2000, 100_000


class StatisticalSectionPanel:
    """Write the statistical section for the design as it is set.

    The text stands there at once and follows the settings; Run adds the operating characteristics of all scenarios.

    Parameters
    ----------
    trial : Trial
    settings : DesignSettings
    today : date
        Written into the head of the text.
    watched : PhaseTwo, optional
        How phase II is watched.
    """

    def __init__(self, trial: Trial, settings: DesignSettings, today: date, watched: PhaseTwo | None = None) -> None:
        self._watched = watched
        self._trial, self._record, self._settings, self._today = trial, trial.escalation, settings, today
        self._result: Calibration | None = None
        self.trials, self.seed = count_field(_("Trials of each scenario"), TRIALS, MOST_TRIALS), seed_field()
        self.state = ResultState(self._asked_for)
        self.state.watch(self.trials, self.seed)
        self.task = Task(self._show, self._ask)
        self.speaks_of, self.files, self.text = Text(), Text(role=""), Text(role="")
        lead = _(
            "Design, parameters with their sources, decision table, operating characteristics under every scenario, "
            "references, and how to repeat the simulation. Run adds the operating characteristics."
        )
        self.view = section(
            _("Statistical section"),
            self.speaks_of,
            row(self.trials, self.seed, self.task.view),
            self.state.text,
            self.files,
            self.text,
            lead=lead,
        )
        settings.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Write the text for the settings; results of other settings are left out of it."""
        self.state.refresh()
        try:
            design = self._settings.design_now()
        except ProtocolError as error:
            self.speaks_of.show(error)
            return
        differs = self._settings.differences()
        own = (
            _("as in the record") if not differs else _("differs from the record: {}").format(list_of(differs, "; "))
        )
        name = self._settings.design.value
        words = _("cohorts of {}, at most {} participants, target DLT rate {:g}; {}.").format(
            design.cohort_size, design.maximum, design.target, own
        )
        self.speaks_of.show(paragraph(strong(_("This text is for {}:").format(name), words)))
        self._write(name, design, self._simulations() if self.state.holds() else {})

    def _simulations(self) -> dict[str, Simulation]:
        found = self._result.simulations if self._result else {}
        return {scenario: one for (_setting, scenario), one in found.items()}

    def _write(self, name: str, design: Design, simulations: dict[str, Simulation]) -> None:
        number = str(self._trial.identity["nct_id"].value)
        section = StatisticalSection(self._record, number, name, design, simulations, self._today, self._watched)
        html, markdown, file = section.html(), section.markdown(), "statistical-section"
        saved = [
            download(_("Save as HTML"), f"{file}.html", html.encode(), "text/html"),
            download(_("Save as Markdown"), f"{file}.md", markdown.encode(), "text/markdown"),
        ]
        document = macros("escalation").document(markdown)
        copied = macros("sites").copied(
            document, markdown, _("Copy the text as Markdown"), _("Copied"), _("Selected: press Ctrl+C"), _("Copy")
        )
        self.files.show(joined(saved, " "), details(_("The same text as Markdown, to copy"), copied))
        parts = [(f"{part.number} {part.title}", [_piece(item) for item in part.content]) for part in section.parts()]
        self.text.show(macros("escalation").sections(parts))

    def _asked_for(self) -> tuple[Any, ...]:
        return self._settings.design_now(), self._settings.design.value, self.trials.value, self.seed.value

    def _ask(self) -> tuple[int, Steps]:
        design, _name, trials, seed = self.state.ask()
        scenarios = {scenario.title: scenario.truth for scenario in self._record.scenarios}
        one = Setting(design.target, design.cohort_size, design.maximum)
        levels = [one.target], [one.cohort_size], [one.maximum]
        margin = self._record.acceptable_margin.value
        return 1, calibrate_in_steps(lambda _setting: design, scenarios, *levels, trials, seed, margin=margin)

    def _show(self, result: Calibration) -> None:
        if result is not self._result:
            self._result = result
            self.state.keep()
            self.refresh()


def _piece(item: Line | SynopsisTable) -> Markup:
    """Return a line, or a table; its last column says where a row comes from if any row says so."""
    if isinstance(item, SynopsisTable):
        frame = pd.DataFrame([cells for cells, _source in item.rows], columns=[*item.head], dtype=object)
        sources = [origin(source) if source else "" for _cells, source in item.rows]
        if any(sources):
            frame[_("Where from")] = pd.Series(sources, dtype=object)
        return table(frame, label=item.head[0])
    text = in_english(item.text) if item.is_reference else item.text
    words = joined((text, origin(item.origin)), " ") if item.origin else text
    return paragraph(strong(item.name, words) if item.name else words)
