"""What the record and the log say for the effect page, and where it comes from."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.effect import RULES, Aims, Monitoring, Summaries, definitions, term_label, versions, watch
from protocol.exchange.documents.statistics import PhaseTwo
from protocol.pages.kit import in_english, joined, macros, origin
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.reports import reporting_words
from protocol.records import Provenance, Sourced
from protocol.translation import _
from protocol.trial import Trial


class EffectSettings:
    """The values that the effect page starts with.

    Parameters
    ----------
    trial : Trial
    desk : Desk, optional

    Attributes
    ----------
    phase, first_phase : str
        The phase that is watched, and the one before it.
    version : str
        Of CTCAE.
    monitoring : Monitoring or None
        None if the record says nothing of it.
    window_days : int
        The DLT window.
    special_interest : tuple of SpecialInterest
        Groups of terms that a safety board watches.
    """

    def __init__(self, trial: Trial, desk: Desk | None = None) -> None:
        self._trial, self._desk = trial, desk
        phases = trial.eligibility.phases
        self.first_phase, self.phase = phases[0], phases[-1]
        record = trial.effect
        self.version = record.ctcae.value if record else next(iter(versions()))
        self.monitoring: Monitoring | None = record.monitoring if record else None
        self.window_days = trial.escalation.dlt_window_days.value
        self.special_interest = record.special_interest if record else ()
        self._chosen = {one.lineage: one.definition.value for one in record.recoveries} if record else {}

    @property
    def definition(self) -> str:
        """The definition of recovery that is the response; the first one of the record, or of all, without a rule."""
        if self.monitoring:
            return self._chosen[self.monitoring.lineage.value]
        return next(iter(self._chosen.values()), next(iter(definitions())))

    def definition_of(self, analyte: str) -> str:
        """Return the definition of recovery of an analyte: the record's if it has one; empty if there is none."""
        own = [name for name, one in definitions().items() if one.analyte == analyte]
        return next((name for name in self._chosen.values() if name in own), next(iter(own), ""))

    def definition_options(self, analyte: str = "") -> list[tuple[str, str]]:
        """Return the choices of a list of definitions of recovery, of one analyte or of all."""
        return [(_(one.label), name) for name, one in definitions().items() if analyte in ("", one.analyte)]

    def definition_origin(self, name: str) -> Markup:
        """Say where a definition comes from, and whether the record uses it."""
        chosen = self._trial.effect.recoveries if self._trial.effect else ()
        used = next((one.definition for one in chosen if one.definition.value == name), None)
        words = in_english(definitions()[name].source)
        return (
            joined((words, joined((_("the record uses it:"), origin(used)), " ")), "; ") if used else joined((words,))
        )

    @property
    def planned(self) -> int | None:
        """Participants of the phase, or at most so many: those of the trial less those of the phase before.

        None if the record states neither.
        """
        record = self._trial.effect
        if record and record.phase_two_planned:
            return record.phase_two_planned.value
        whole = self._trial.identity.get("enrolment")
        if whole is None or not isinstance(whole.value, int):
            return None
        left = whole.value - self._enrolled_before
        return left if left >= LEAST_PLANNED else None

    @property
    def _enrolled_before(self) -> int:
        return self._desk.enrolled_by_phase.get(self.first_phase, 0) if self._desk else 0

    def planned_words(self) -> Markup | None:
        """Say where the planned number comes from, with its origin; None if there is nothing to say."""
        words, source = self.planned_from()
        return joined(filter(None, (words, origin(source))), " ") if source else None

    def planned_from(self) -> tuple[str, Provenance | None]:
        """Return in words how the planned number follows from the whole trial's, and the origin of that number."""
        record, whole = self._trial.effect, self._trial.identity.get("enrolment")
        if record and record.phase_two_planned:
            return "", record.phase_two_planned
        if self.planned is None or whole is None:
            return "", None
        words = _(
            "How many participants phase {phase} plans is an open question. At most {left}: {whole} in the whole "
            "trial less {before} enrolled in phase {first}."
        )
        left, before = self.planned, self._enrolled_before
        text = words.format(phase=self.phase, left=left, whole=whole.value, before=before, first=self.first_phase)
        return text, whole

    @property
    def declared_words(self) -> str:
        """Say which regimen the committee declared for the phase, and what the design advised."""
        found = self._desk.declaration(self.phase) if self._desk else None
        if found is None:
            return _("The committee has not declared a regimen for phase {phase} in the log.").format(
                phase=self.phase
            )
        advised = found["advised"] or _("none")
        words = _("Regimen {regimen} declared for phase {phase} on {day}; the design advised {advised}.")
        return words.format(regimen=found["regimen"], phase=self.phase, day=found["on"], advised=advised)

    def outcomes(self, seen: Summaries) -> pd.DataFrame:
        """Return the outcomes of the phase under the definitions of the record."""
        by_day = self.monitoring.by_day.value if self.monitoring else self.window_days
        return seen.outcomes(self.phase, self.definition, by_day, self.window_days)

    def outcome_words(self) -> str:
        """Say what counts as a response and as a toxicity."""
        by_day = self.monitoring.by_day.value if self.monitoring else self.window_days
        words = _(
            "Response: {definition}, begun by day {day} (day 0 = first infusion). Toxicity: a DLT within {window} "
            "days."
        )
        label = _(definitions()[self.definition].label)
        return words.format(definition=label, day=by_day, window=self.window_days)

    def differs(self, rule: str, aims: Aims) -> list[str]:
        """Say what of a rule differs from the record."""
        given = self.monitoring
        if given is None:
            return []
        found = [] if rule == given.rule.value else [RULES[given.rule.value][0]]
        for name, label in _labels().items():
            value = getattr(given, name).value
            if getattr(aims, name) != value:
                shown = (_("yes") if value else _("no")) if isinstance(value, bool) else f"{value:g}"
                found.append(_("{label} {value}").format(label=label, value=shown))
        return found

    def sources(self) -> Markup:
        """Return where the values of the rule come from, one line each."""
        if self.monitoring is None:
            return macros("kit").paragraph(_("The record says nothing of a monitoring rule: all values are yours."))
        values: dict[str, Sourced[Any]] = {_("rule"): self.monitoring.rule}
        values |= {label: getattr(self.monitoring, name) for name, label in _labels().items()}
        values[_("response by day (0 = first infusion)")] = self.monitoring.by_day
        values[_("response of")] = self.monitoring.lineage
        rows = [
            joined(
                (_("{label}:").format(label=label), origin(value), value.origin if value.is_assumption else ""), " "
            )
            for label, value in values.items()
        ]
        return macros("lists").bullets(rows)

    def reports(self, seen: Summaries) -> pd.DataFrame | None:
        """Return what is to be reported of serious adverse events; None if the record names no rule of reporting."""
        rule = self._trial.effect.reporting if self._trial.effect else None
        return seen.reports(rule.value) if rule else None

    def reporting_words(self) -> Markup:
        """Say by when what is reported, and where the days come from."""
        return reporting_words(self._trial)

    def term(self, name: str) -> str:
        """Return the words of a term of an adverse event."""
        return term_label(name)


LEAST_PLANNED = 2

STARTING_AIMS = Aims(LEAST_PLANNED, 10, 5, 0.15, 0.3, 0.3, 0.5, 0.1)
"""Values that the fields show where a record states none; the page says that they are nobody's."""


def _labels() -> dict[str, str]:
    return {
        "first": _("first look"),
        "every": _("look every"),
        "safe": _("acceptable toxicity rate"),
        "toxic": _("unacceptable toxicity rate"),
        "futile": _("uninteresting response rate"),
        "good": _("desirable response rate"),
        "level": _("largest error"),
        "each": _("error kept for each outcome alone"),
    }


def phase_two_text(settings: EffectSettings) -> PhaseTwo | None:
    """Return what the statistical section says of the phase after the escalation; None if the record says nothing."""
    given = settings.monitoring
    if given is None:
        return None
    planned = settings.planned
    rule = watch(given.rule.value, given.aims(planned)) if planned else None
    return PhaseTwo(settings.phase, given, *settings.planned_from(), rule)
