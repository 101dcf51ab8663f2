"""The protocol at a glance, where the trial stands, the open questions, and the record as files."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.exchange.documents.open_questions import questions_page
from protocol.pages.kit import text as elements
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.overview.record_files import RecordFiles
from protocol.pages.trial_log.desk import Desk
from protocol.records import Ambiguity
from protocol.translation import _, ngettext
from protocol.trial import Trial, TrialFact

SEVERITIES = {"high": _("high"), "medium": _("medium"), "low": _("low")}


class OverviewPage:
    """What the trial is, where it stands, and what its words leave open.

    Parameters
    ----------
    trial : Trial
    today : date
    desk : Desk, optional
        The log; without one the page does not say where the trial stands.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.trial, self.today = trial, today
        self.severity = widgets.ToggleButtons(
            options=[(_("All"), "any"), *((word, level) for level, word in SEVERITIES.items())],
            value="high",
            description=_("Severity"),
        )
        self.questions = elements.html("", role="status")
        self.files = RecordFiles(trial, today)
        parts = [self._glance(), self._unknowns(), self._open_questions(), self.files.view]
        self.meeting = MeetingPanel(desk) if desk else None
        if self.meeting:
            parts.insert(1, self.meeting.view)
        self.view = widgets.VBox(parts)
        self.severity.observe(self.refresh, "value")
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """List the open questions of the chosen severity."""
        shown = [a for a in self.trial.ambiguities if self.severity.value in ("any", a.severity)]
        self.questions.value = elements.dress(question_list(shown), "status")

    def _glance(self) -> widgets.Widget:
        facts = self.trial.identity
        title = Markup('<h1 class="pw-title">{}</h1><p class="pw-lead">{} · {} · {} · {}</p>').format(
            facts["title"].value,
            facts["nct_id"].value,
            facts["phase"].value,
            facts["sponsor"].value,
            facts["status"].value,
        )
        registry = [fact for fact in facts.facts if (fact.source or "").startswith("registry:")]
        others = [fact for fact in facts.facts if fact not in registry]
        table = fact_table(registry, _("In the registry listing")) + fact_table(
            others, _("Only on other public pages that copy the registry")
        )
        words = Markup("").join(
            Markup("<h4>{} <span class='pw-off'>{}</span></h4><blockquote lang='en'>{}</blockquote>").format(
                arm.name, arm.type, arm.description
            )
            for arm in (*facts.arms, *facts.interventions)
        )
        return widgets.VBox(
            [
                elements.html(title),
                elements.html(cards(self.trial)),
                elements.html(
                    elements.details(_("Everything the public record says, with its sources"), table + words)
                ),
            ]
        )

    def _unknowns(self) -> widgets.Widget:
        items = Markup("").join(Markup("<li>{}</li>").format(item.label) for item in self.trial.identity.unknowns)
        lead = _("No public page states these. Wherever the workbook needs one it uses an assumption, marked as one.")
        return elements.section(
            _("What the public record does not say"), elements.html(Markup("<ul>{}</ul>").format(items)), lead=lead
        )

    def _open_questions(self) -> widgets.Widget:
        page = questions_page(self.trial.identity["nct_id"].value, self.trial.ambiguities, self.today)
        link = elements.download(
            _("Printable list (HTML)"), f"questions-{self.today.isoformat()}.html", page.encode(), "text/html"
        )
        lead = _("Places where the registry's words allow more than one reading, and how the workbook reads them.")
        return elements.section(
            _("Open questions to the sponsor"),
            elements.row(self.severity, elements.html(link)),
            self.questions,
            lead=lead,
        )


def fact_table(facts: list[TrialFact], caption: str) -> Markup:
    """Show facts of the trial with their sources."""
    rows = [(fact.label, _value(fact.value), elements.origin(fact)) for fact in facts]
    return elements.table(pd.DataFrame(rows, columns=[_("What"), _("Value"), _("Source")], dtype=object), caption)


def _value(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def cards(trial: Trial) -> Markup:
    """Show the size of the protocol in a row of cards."""
    criteria = trial.eligibility.criteria
    places = dict.fromkeys(site.city for site in trial.sites)
    inclusions = sum(criterion.kind == "inclusion" for criterion in criteria)
    shown = [
        (f"{inclusions} + {len(criteria) - inclusions}", _("inclusion and exclusion criteria")),
        (
            f"{len(trial.escalation.doses)} × {len(trial.escalation.frequencies)}",
            _("doses by infusion frequencies, phase Ib"),
        ),
        (trial.identity["course"].value, _("course of treatment")),
        *([(_("2 years"), _("follow-up after enrolment"))] if trial.identity.get("follow_up") else []),
        (
            len(trial.sites),
            _("hospitals in {places}").format(places=", ".join(places)) if len(places) < 4 else _("sites"),
        ),
        (len(trial.ambiguities), _("open questions to the sponsor")),
    ]
    inner = Markup("").join(
        Markup('<div class="pw-card"><span class="pw-number">{}</span><br>{}</div>').format(number, label)
        for number, label in shown
    )
    return Markup('<div class="pw-cards">{}</div>').format(inner)


def question_list(ambiguities: list[Ambiguity]) -> Markup:
    """List open questions: the question, why it is one, and how the workbook reads the words until it is answered."""
    count = ngettext("{n} question", "{n} questions", len(ambiguities)).format(n=len(ambiguities))
    items = Markup("").join(_question(ambiguity) for ambiguity in ambiguities)
    return Markup('<p class="pw-off">{}</p><div class="pw-verdicts">{}</div>').format(count, items)


def _question(ambiguity: Ambiguity) -> Markup:
    others = Markup("").join(Markup("<li>{}</li>").format(reading) for reading in ambiguity.alternatives)
    return Markup(
        '<details class="pw-details"><summary><span class="pw-id">{}</span> {} '
        '<span class="pw-off">{}</span></summary>'
        "<p>{}</p><p><b>{}</b> {}</p>{}</details>"
    ).format(
        ambiguity.id,
        ambiguity.question,
        ", ".join(ambiguity.concerns),
        ambiguity.problem,
        _("The workbook reads it as:"),
        ambiguity.default,
        Markup("<p>{}</p><ul>{}</ul>").format(_("Other readings"), others) if others else "",
    )
