"""The protocol: the registry's facts with their sources, what they do not say, open questions, sizes and files."""

from collections import Counter
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.exchange.documents.open_questions import questions_page
from protocol.pages.followup.ledger_text import length_text
from protocol.pages.kit import (
    BothLanguages,
    MadeDocument,
    Text,
    details,
    download,
    field,
    in_english,
    joined,
    macros,
    note_on_renderings,
    origin,
    quoted,
    rendering,
    row,
    section,
    span,
    table,
)
from protocol.pages.overview.record_files import RecordFilesPanel
from protocol.records import Ambiguity
from protocol.translation import ENGLISH, _, language, list_of, ngettext
from protocol.trial import Trial, TrialFact

SEVERITIES = {"high": _("high"), "medium": _("medium"), "low": _("low")}


class ProtocolPanel:
    """What the public record of the trial says, and what its wording leaves open.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's day, written into files.

    Attributes
    ----------
    severity : ipywidgets.ToggleButtons
        Which open questions are shown.
    questions : Text
    both : BothLanguages
        The questions as one document in both languages.
    files : RecordFilesPanel
    view : ipywidgets.VBox
    """

    def __init__(self, trial: Trial, today: date) -> None:
        self.trial, self.today = trial, today
        options = [(_("All"), "any"), *((word, level) for level, word in SEVERITIES.items())]
        self.severity = field(widgets.ToggleButtons, _("Severity"), options=options, value="high")
        self.questions = Text()
        self.both = BothLanguages(trial, self._both)
        self.files = RecordFilesPanel(trial, today)
        self.view = widgets.VBox([self._glance(), self._open_questions(), self._unknowns(), self.files.view])
        self.severity.observe(self.refresh, "value")
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """List the open questions of the chosen severity."""
        shown = [a for a in self.trial.ambiguities if self.severity.value in ("any", a.severity)]
        self.questions.show(question_list(shown))

    def _glance(self) -> widgets.VBox:
        facts = self.trial.identity
        registry = [fact for fact in facts.facts if (fact.source or "").startswith("registry:")]
        others = [fact for fact in facts.facts if fact not in registry]
        everything = [
            _fact_table(registry, _("In the registry listing")),
            _fact_table(others, _("Only on other public pages that copy the registry")),
            macros("overview").arms([*facts.arms, *facts.interventions]),
        ]
        named = [facts[name].value for name in ("nct_id", "phase", "sponsor", "status")]
        name = str(facts["title"].value)
        note = note_on_renderings(str(fact.value) for fact in facts.facts)
        head = macros("overview").title(in_english(name), map(_stated, named), rendering(name), note)
        return widgets.VBox(
            [
                Text(head, role=""),
                Text(size_cards(self.trial), role=""),
                Text(
                    details(_("Everything the public record says, with its sources"), joined(everything)),
                    role="",
                ),
            ]
        )

    def _unknowns(self) -> widgets.VBox:
        unknown = macros("lists").bullets([item.label for item in self.trial.identity.unknowns])
        lead = _("No public page states these. If the workbook needs one, it uses an assumption, marked as one.")
        return section(_("What the public record does not say"), Text(unknown, role=""), lead=lead)

    def _open_questions(self) -> widgets.VBox:
        [(name, page)] = question_files(self.trial, self.today).items()
        link = Text(download(_("Printable list (HTML)"), name, page, "text/html"), role="")
        lead = _("Places where the registry's words allow more than one reading, and how the workbook reads them.")
        controls = row(self.severity, link, self.both.make)
        return section(_("Open questions to the sponsor"), controls, self.both.view, self.questions, lead=lead)

    def _both(self) -> MadeDocument:
        return MadeDocument("questions", self.today, question_files(self.trial, self.today))


def question_files(trial: Trial, day: date) -> dict[str, bytes]:
    """Return the questions to the sponsor as a page to print, by its file name."""
    page = questions_page(trial.identity["nct_id"].value, trial.ambiguities, day)
    return {f"questions-{day.isoformat()}.html": page.encode()}


def _fact_table(facts: list[TrialFact], caption: str) -> Markup:
    rows = [(_label(fact), _stated(fact.value), origin(fact)) for fact in facts]
    return table(pd.DataFrame(rows, columns=[_("What"), _("Value"), _("Source")], dtype=object), caption)


def _label(fact: TrialFact) -> Markup | str:
    """Return the name of a fact; Chinese breaks at any sign and would stand upright beside a long value."""
    return fact.label if language() == ENGLISH else span(fact.label, "date")


def _stated(value: object) -> Markup:
    """Return a value as the source words it."""
    return quoted(value if isinstance(value, tuple) else str(value))


def size_cards(trial: Trial) -> Markup:
    """Return the size of the protocol as a row of cards."""
    criteria, followup = trial.eligibility.criteria, trial.followup
    counts = Counter(criterion.kind for criterion in criteria)
    undecided = [(counts["undecided"], _("criteria that may admit or exclude"))] if counts["undecided"] else []
    grid = f"{len(trial.escalation.doses)} × {len(trial.escalation.frequencies)}"
    cards: list[tuple[object, Markup | str]] = [
        (f"{counts['inclusion']} + {counts['exclusion']}", _("inclusion and exclusion criteria")),
        *undecided,
        *([(grid, _("doses by infusion frequencies"))] if trial.states("escalation") else []),
    ]
    course = trial.identity.get("course")
    if course:
        lasts = str(course.value)
        cards.append((in_english(lasts), joined((_("course of treatment"), rendering(lasts)))))
    cards += [
        (length_text(period.lasts), _("of follow-up"))
        for period in followup.periods
        if period.id == followup.forecast.follow_up
    ]
    cities = list(dict.fromkeys(site.city for site in trial.sites))
    hospitals = ngettext("hospital in {places}", "hospitals in {places}", len(trial.sites))
    places = hospitals.format(places=list_of(cities)) if len(cities) < 4 else _("sites")
    cards += [(len(trial.sites), places), (len(trial.ambiguities), _("open questions to the sponsor"))]
    return macros("lists").cards(cards)


def question_list(ambiguities: list[Ambiguity]) -> Markup:
    """Return open questions: the question, its reason, and how the workbook reads the words until it is answered."""
    count = ngettext("{n} question", "{n} questions", len(ambiguities)).format(n=len(ambiguities))
    return macros("overview").questions(count, ambiguities, _("The workbook reads it as:"), _("Other readings"))
