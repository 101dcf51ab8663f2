"""The answer for one trial: the card, the grid, and what lies ahead; the same for the log and for a sandbox."""

from collections.abc import Sequence

from markupsafe import Markup
from numpy.typing import ArrayLike

from protocol.chart import Chart
from protocol.escalation import Design, EscalationRecord, NextAction, Outcomes
from protocol.figures import escalation as figures
from protocol.pages.escalation.pathways import PathwaysPanel
from protocol.pages.escalation.regimen_rows import rate_words, regimen_rows
from protocol.pages.kit import Content, Text, action_card, joined, origin, paragraph
from protocol.translation import _


class Answer:
    """Show what one trial should do next.

    Parameters
    ----------
    record : EscalationRecord

    Attributes
    ----------
    card, legend : Text
        The answer in words; what the figures of the grid mean.
    picture : Chart
        The grid.
    pathways : PathwaysPanel
    """

    def __init__(self, record: EscalationRecord) -> None:
        self._record = record
        self.card, self.legend = Text(), Text(role="")
        self.picture = Chart(figures.grid, description=_("Recommendation on the grid"))
        self.pathways = PathwaysPanel(record)

    def show(
        self,
        design: Design,
        outcomes: Outcomes,
        current: int,
        action: NextAction,
        *,
        pending: ArrayLike,
        awaited: int,
        notes: Sequence[Content] = (),
        marked: int | None = None,
    ) -> None:
        """Show one trial.

        Parameters
        ----------
        design : Design
        outcomes : Outcomes
        current : int
            Index of the regimen that is open.
        action : NextAction
        pending : array_like of int, shape (D * F,)
            Participants at each regimen whose outcome is not known yet.
        awaited : int
            Outcomes that the open cohort still has to give, free places among them; they come before the next cohort.
        notes : sequence
            What else must be known about this answer.
        marked : int, optional
            Index of the regimen whose counts are being edited.
        """
        self.card.show(action_card(action), *notes)
        self.picture.draw(regimen_rows(design, outcomes, current, action.following, pending, marked))
        self.legend.show(self._words(design))
        self.pathways.show(design, outcomes, current, action, awaited)

    def _words(self, design: Design) -> Markup:
        window, target = self._record.dlt_window_days, self._record.design.target
        counted = _(
            "1/9: participants with a DLT, of those who completed the DLT window of {days} days. est.: DLT rate "
            "estimated by isotonic regression on the grid, not the observed fraction. pending: outcome not yet known."
        ).format(days=window.value)
        goal = _("Target DLT rate {rate}.").format(rate=rate_words(design.target))
        marks = [counted, origin(window), goal]
        if design.target == target.value:
            marks.append(origin(target))
        return paragraph(joined(marks, " "), "off")
