"""The statistical section of the protocol: simulate every scenario, read it, save it."""

from collections.abc import Callable
from datetime import date

import ipywidgets as widgets
from markupsafe import Markup

from protocol.escalation import Calibration, Design, Setting, calibrate
from protocol.exchange.documents.statistics import StatisticalSection
from protocol.pages.kit import text as elements
from protocol.pages.kit.task import Job, Work
from protocol.translation import _
from protocol.trial import Trial

WIDE = {"description_width": "initial"}

TRIALS, MOST_TRIALS = 2000, 100_000


class Report:
    """Write the statistical section for the design as the page stands.

    Parameters
    ----------
    trial : Trial
    design_now : callable
        Returns the design as the page stands.
    name_now : callable
        Returns its name.
    today : date
        Written into the head of the text.
    """

    def __init__(
        self, trial: Trial, design_now: Callable[[], Design], name_now: Callable[[], str], today: date
    ) -> None:
        self.trial, self.record = trial, trial.escalation
        self._design_now, self._name_now, self._today = design_now, name_now, today
        given = {"style": WIDE, "layout": {"width": "260px"}}
        self.trials = widgets.BoundedIntText(
            value=TRIALS, min=1, max=MOST_TRIALS, description=_("Trials of each scenario"), **given
        )
        self.seed = widgets.BoundedIntText(value=1, min=0, max=2**31, description=_("Seed"), **given)
        self.job = Job(self._ask, self._show)
        self.files, self.preview = elements.html("", role="status"), elements.html("")
        lead = _(
            "Design, parameters with their sources, decision table, operating characteristics under every scenario, "
            "references, and what repeats the simulation. Run writes it for the design as it is set on this page."
        )
        self.view = elements.section(
            _("Statistical section"), elements.row(self.trials, self.seed), self.job.view, self.files, self.preview,
            lead=lead,
        )  # fmt: skip

    def _ask(self) -> tuple[int, Work]:
        design, name, trials, seed = self._design_now(), self._name_now(), self.trials.value, self.seed.value
        scenarios = {scenario.title: scenario.truth for scenario in self.record.scenarios}
        margin = self.record.acceptable_margin.value
        one = Setting(design.target, design.cohort_size, design.maximum)
        self._asked = design, name

        def work(progress: Callable[[Calibration], None], stop: Callable[[], bool]) -> Calibration:
            return calibrate(
                lambda _setting: design, scenarios, [one.target], [one.cohort_size], [one.maximum], trials, seed,
                margin=margin, progress=progress, stop=stop,
            )  # fmt: skip

        return trials, work

    def _show(self, result: Calibration) -> None:
        design, name = self._asked
        simulations = {scenario: one for (_setting, scenario), one in result.simulations.items()}
        number = str(self.trial.identity["nct_id"].value)
        text = StatisticalSection(self.record, number, name, design, simulations, self._today)
        kinds = (
            (_("Save as HTML"), "html", text.html(), "html"),
            (_("Save as Markdown"), "md", text.markdown(), "markdown"),
        )
        saved = [
            elements.download(label, f"statistical-section.{end}", content.encode(), f"text/{kind}")
            for label, end, content, kind in kinds
        ]
        self.files.value = elements.dress(Markup(" ").join(saved), role="status")
        self.preview.value = elements.dress(elements.details(_("Read it here"), _readable(text)))


def _readable(text: StatisticalSection) -> Markup:
    return Markup('<div class="pw-scroll" tabindex="0"><pre class="pw-text">{}</pre></div>').format(text.markdown())
