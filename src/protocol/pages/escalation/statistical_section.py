"""The tab "Protocol text": the statistical section of the protocol for the design as set, to read, copy and save."""

from collections import deque
from collections.abc import Callable, Mapping
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
    BothLanguages,
    MadeDocument,
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
    watched : callable, optional
        Returns how phase II is watched.
    sight : callable, optional
        Returns what `watched` was read from; see :class:`protocol.pages.kit.MadeDocument`.

    Attributes
    ----------
    both : BothLanguages
        The text in both languages.
    """

    def __init__(
        self,
        trial: Trial,
        settings: DesignSettings,
        today: date,
        watched: Callable[[], PhaseTwo | None] = lambda: None,
        sight: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._watched, self._sight = watched, sight
        self._trial, self._record, self._settings, self._today = trial, trial.escalation, settings, today
        self._result: Calibration | None = None
        self.trials, self.seed = count_field(_("Trials of each scenario"), TRIALS, MOST_TRIALS), seed_field()
        self.state = ResultState(self._asked_for)
        self.state.watch(self.trials, self.seed)
        self.task = Task(self._show, self._ask)
        self.both = BothLanguages(trial, self._both)
        self.speaks_of, self.files = Text(), Text(role="")
        self.copied, self.text = Text(role=""), Text(role="")
        lead = _(
            "Design, parameters with their sources, decision table, operating characteristics under every scenario, "
            "references, and how to repeat the simulation. Run adds the operating characteristics."
        )
        self.view = section(
            _("Statistical section"),
            self.speaks_of,
            row(self.trials, self.seed, self.task.view),
            self.state.text,
            row(self.files, self.both.make),
            self.both.view,
            self.copied,
            self.text,
            lead=lead,
        )
        settings.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Write the text for the settings; results of other settings are left out of it."""
        self.state.refresh()
        self.both.forget()
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
        return by_scenario(self._result)

    def _write(self, name: str, design: Design, simulations: dict[str, Simulation]) -> None:
        section = written(self._trial, name, design, simulations, self._today, self._watched())
        markdown = section.markdown()
        saved = [
            *(download(_("Save as HTML"), *page, "text/html") for page in section_files(section).items()),
            download(_("Save as Markdown"), "statistical-section.md", markdown.encode(), "text/markdown"),
        ]
        document = macros("escalation").document(markdown)
        copied = macros("sites").copied(
            document, markdown, _("Copy the text as Markdown"), _("Copied"), _("Selected: press Ctrl+C"), _("Copy")
        )
        self.files.show(joined(saved, " "))
        self.copied.show(details(_("The same text as Markdown, to copy"), copied))
        parts = [(f"{part.number} {part.title}", [_piece(item) for item in part.content]) for part in section.parts()]
        self.text.show(macros("escalation").sections(parts))

    def _both(self) -> MadeDocument:
        design, name, trials, seed = self._asked_for()
        simulations = self._simulations() if self.state.holds() else {}
        if any(one.trials < one.requested for one in simulations.values()):
            raise ProtocolError(_("In both languages"), _("a simulation that was stopped"), _("it after a whole run"))
        section = written(self._trial, name, design, simulations, self._today, self._watched())
        inputs = {"settings": self._settings.values()} | ({"trials": trials, "seed": seed} if simulations else {})
        return MadeDocument("statistical-section", self._today, section_files(section), inputs, self._sight())

    def _asked_for(self) -> tuple[Any, ...]:
        return self._settings.design_now(), self._settings.design.value, self.trials.value, self.seed.value

    def _ask(self) -> tuple[int, Steps]:
        design, _name, trials, seed = self.state.ask()
        return 1, simulated(self._trial, design, trials, seed)

    def _show(self, result: Calibration) -> None:
        if result is not self._result:
            self._result = result
            self.state.keep()
            self.refresh()


def simulated(trial: Trial, design: Design, trials: int, seed: int) -> Steps:
    """Simulate a design under every scenario of the record, step by step."""
    scenarios = {scenario.title: scenario.truth for scenario in trial.escalation.scenarios}
    one = Setting(design.target, design.cohort_size, design.maximum)
    levels = [one.target], [one.cohort_size], [one.maximum]
    margin = trial.escalation.acceptable_margin.value
    return calibrate_in_steps(lambda _setting: design, scenarios, *levels, trials, seed, margin=margin)


def by_scenario(result: Calibration | None) -> dict[str, Simulation]:
    """Return the simulations of one setting by the titles of their scenarios."""
    return {scenario: one for (_setting, scenario), one in result.simulations.items()} if result else {}


def written(
    trial: Trial,
    name: str,
    design: Design,
    simulations: dict[str, Simulation],
    day: date,
    watched: PhaseTwo | None,
) -> StatisticalSection:
    """Return the section on a design of this trial."""
    number = str(trial.identity["nct_id"].value)
    return StatisticalSection(trial.escalation, number, name, design, simulations, day, watched)


def section_files(section: StatisticalSection) -> dict[str, bytes]:
    """Return the section as a page to print, by its file name."""
    return {"statistical-section.html": section.html().encode()}


def section_again(trial: Trial, day: date, watched: PhaseTwo | None, inputs: Mapping[str, Any]) -> dict[str, bytes]:
    """Write the section for settings of the page, by their names; simulated if trials and seed are given.

    Raises
    ------
    ProtocolError
        For settings that the design does not take.
    """
    settings = DesignSettings(trial.escalation)
    settings.take(inputs.get("settings", {}))
    design, result = settings.design_now(), None
    if "trials" in inputs:
        [(result, _done)] = deque(simulated(trial, design, inputs["trials"], inputs.get("seed", 1)), maxlen=1)
    return section_files(written(trial, settings.design.value, design, by_scenario(result), day, watched))


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
