"""The protocol at a glance, where the trial stands, and the questions that are open."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import TrialSoFar, notation, per_site, standing
from protocol.escalation import Outcomes
from protocol.exchange.questions import printable
from protocol.figures import escalation as figures
from protocol.pages import elements
from protocol.pages.escalation.regimens import regimen_rows
from protocol.pages.record_files import RecordFiles
from protocol.records import Ambiguity
from protocol.translation import _, ngettext
from protocol.trial import Trial, TrialFact

SEVERITIES = {"high": _("high"), "medium": _("medium"), "low": _("low")}


class OverviewPage:
    """What the trial is, where it stands, and what its words leave open."""

    def __init__(self, trial: Trial, today: date) -> None:
        self.trial, self.today = trial, today
        self.severity = widgets.ToggleButtons(
            options=[(_("All"), "any"), *((word, level) for level, word in SEVERITIES.items())],
            value="high",
            description=_("Severity"),
        )
        self.questions = elements.html("", role="status")
        self.grid = Chart(figures.grid, description=_("The grid with what was seen and what is recommended"))
        self.files = RecordFiles(trial, today)
        parts = [self._glance(), self._unknowns(), self._open_questions(), self.files.view]
        if trial.examples:
            parts.insert(1, self._where_it_stands(trial.examples.so_far))
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

    def _where_it_stands(self, so_far: TrialSoFar) -> widgets.Widget:
        escalation = self.trial.escalation
        table = standing(so_far, escalation.dlt_window_days.value)
        design, grid = escalation.designed(), escalation.grid
        outcomes, current = Outcomes.parse(grid, notation(table)), grid.index(so_far.open_regimen)
        open_ = table[table["regimen"].eq(so_far.open_regimen) & ~table["progress"].isin(["evaluable", "DLT"])]
        following = None if len(open_) else int(design.next(outcomes, [current])[0])
        self.grid.draw(regimen_rows(design, outcomes, current, following))
        sites = per_site(so_far, table, [site.name for site in self.trial.sites])
        return elements.section(
            _("Where the trial stands on {day}").format(day=so_far.as_of.isoformat()),
            elements.html(elements.invented() if so_far.invented else ""),
            elements.html(figures_of(so_far, table)),
            elements.row(
                elements.narrow(self.grid),
                elements.html(self._next_step(so_far, open_, design.why(outcomes, current)), "pw-beside"),
            ),
            elements.html(elements.table(_readable(sites), _("Per site"))),
        )

    def _next_step(self, so_far: TrialSoFar, pending: pd.DataFrame, why: str) -> Markup:
        window = self.trial.escalation.dlt_window_days
        basis = Markup("<p>{} {} {}</p>").format(
            _("DLT window in days:"), window.value, elements.assumption(window.origin)
        )
        if pending.empty:
            return Markup("<p>{}</p>{}").format(why, basis)
        ends = [
            Markup("<li>{}: {}</li>").format(
                person,
                _("evaluable from {day}").format(day=end) if pd.notna(end) else _("first infusion not given yet"),
            )
            for person, end in zip(pending["participant"], pending["window_ends"], strict=True)
        ]
        lead = _("Regimen {regimen} is open. The next decision waits for the DLT windows of:")
        counted = _("In each cell: participants with a DLT, of those who completed the DLT window.")
        return Markup("<p>{}</p><ul>{}</ul>{}<p class='pw-off'>{}</p>").format(
            lead.format(regimen=so_far.open_regimen), Markup("").join(ends), basis, counted
        )

    def _unknowns(self) -> widgets.Widget:
        items = Markup("").join(Markup("<li>{}</li>").format(item.label) for item in self.trial.identity.unknowns)
        lead = _("No public page states these. Wherever the workbook needs one it uses an assumption, marked as one.")
        return elements.section(
            _("What the public record does not say"), elements.html(Markup("<ul>{}</ul>").format(items)), lead=lead
        )

    def _open_questions(self) -> widgets.Widget:
        page = printable(self.trial.identity["nct_id"].value, self.trial.ambiguities, self.today)
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
    return _cards(shown)


def figures_of(so_far: TrialSoFar, table: pd.DataFrame) -> Markup:
    """Count participants by how far they have come."""
    count = table["progress"].value_counts()
    shown = [
        (sum(so_far.screened.values()), _("screened")),
        (len(table), _("enrolled")),
        (int((table["progress"] != "enrolled").sum()), _("treated")),
        (int(count.get("in DLT window", 0)), _("in the DLT window")),
        (int(count.get("evaluable", 0) + count.get("DLT", 0)), _("evaluable")),
        (int(count.get("DLT", 0)), _("with a DLT")),
    ]
    return _cards(shown)


def _cards(shown: list[tuple[Any, str]]) -> Markup:
    inner = Markup("").join(
        Markup('<div class="pw-card"><span class="pw-number">{}</span><br>{}</div>').format(number, label)
        for number, label in shown
    )
    return Markup('<div class="pw-cards">{}</div>').format(inner)


def _readable(sites: pd.DataFrame) -> pd.DataFrame:
    names = {
        "site": _("Site"),
        "screened": _("Screened"),
        "enrolled": _("Enrolled"),
        "treated": _("Treated"),
        "DLTs": _("With a DLT"),
    }
    return sites.rename(columns=names)


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
