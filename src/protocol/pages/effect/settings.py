"""What the record says for the effect page, and where that comes from."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.effect import RULES as MONITORING_RULES
from protocol.effect import Aims, Summaries, definitions
from protocol.pages.kit import assumption, macros
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _
from protocol.trial import Trial


class EffectSettings:
    """The values of the record that the effect page starts with.

    Parameters
    ----------
    trial : Trial
    desk : Desk, optional
    """

    def __init__(self, trial: Trial, desk: Desk | None = None) -> None:
        self._trial = trial
        self.phase = trial.eligibility.phases[-1]
        self.version = "5.0"
        self.rule = "bop2_both"
        self.definition = "anc500_3d"
        self.response_day = 28
        self.window_days = trial.escalation.dlt_window_days.value
        self.aims = Aims(40, 10, 5, 0.15, 0.3, 0.3, 0.5, 0.1)
        self.declared_words = ""

    def outcomes(self, seen: Summaries) -> pd.DataFrame:
        """Return the outcomes of phase II under the definitions of the record."""
        return seen.outcomes(self.phase, self.definition, self.response_day, self.window_days)

    def term(self, name: str) -> str:
        """Return the words of a term of an adverse event."""
        return name

    def differs(self, rule: str, aims: Aims) -> list[str]:
        """Say what differs from the record."""
        found = [] if rule == self.rule else [MONITORING_RULES[self.rule][0]]
        labels = _labels()
        given = self.aims
        for name, label in labels.items():
            if getattr(aims, name) != getattr(given, name):
                found.append(f"{label} {getattr(given, name):g}")
        return found

    def assumptions(self) -> Markup:
        """Return where the values come from."""
        rows = [assumption(_("Number, looks and rates of phase II: no public source states them."))]
        return macros("lists").bullets(rows)

    def definition_options(self) -> list[tuple[str, str]]:
        """Return the choices of a list of definitions of recovery."""
        return [(_(one.label), name) for name, one in definitions().items()]


def _labels() -> dict[str, Any]:
    return {
        "planned": _("participants"),
        "first": _("first look"),
        "every": _("look every"),
        "safe": _("acceptable toxicity rate"),
        "toxic": _("unacceptable toxicity rate"),
        "futile": _("uninteresting response rate"),
        "good": _("desirable response rate"),
        "level": _("largest error"),
        "each": _("error kept for each outcome alone"),
    }
