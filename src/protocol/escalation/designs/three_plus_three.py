"""3+3 along a stated path through the grid.

The rule in common use, described by Storer 1989 (Biometrics), in the form that asks for six participants at the
selected level. It knows one line of levels: on a grid the path has to be stated, and regimens beside it are never
given.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from protocol.escalation.design import Description, Design
from protocol.escalation.grid import STOP, Booleans, Integers, upwards
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _, list_of, paragraph_of

FEW, MANY, TOO_MANY_DLTS = 3, 6, 2  # participants in one cohort and in two; DLTs that close a level


class PathParameters(Record):
    """The regimens of a 3+3 in the order of escalation."""

    path: Sourced[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class ThreePlusThree(Design):
    """3+3: no DLT in three steps up, one in three asks for three more, two close the level and all above.

    Parameters
    ----------
    grid : Grid
    target, toxic : float
        Target DLT rate and lowest rate that is too toxic, 0 to 1. The rule uses neither; simulations are judged
        by them.
    path : tuple of str
        Names of regimens in the order of escalation, each one step above the one before. Empty: along the doses
        at the lowest frequency, then along the frequencies.
    cohort_size, maximum : int
        Three, and participants in the whole trial at most; the rule needs no more than six a level.

    Raises
    ------
    ProtocolError
        When the path leaves the grid, skips or goes down, or when the cohort is not three.
    """

    parameters = PathParameters
    uses_target: ClassVar[bool] = False

    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cohort_size != FEW:
            raise ProtocolError(_("design"), _("3+3 with cohorts of {}").format(self.cohort_size), _("cohorts of 3"))
        for low, high in pairwise(self.levels):
            if high not in self.grid.neighbours[1, low]:
                labels = self.grid.labels[low], self.grid.labels[high]
                write = _("each regimen one step above the one before")
                raise ProtocolError(_("path of the 3+3"), _("{} followed by {}").format(*labels), write)

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "Along one stated path of regimens: no DLT in three participants goes up, one in three asks for "
                "three more, two or more close the regimen and all above it."
            ),
            _("The highest regimen with six participants and at most one DLT is recommended."),
            ("Storer BE. Design and analysis of phase I clinical trials. Biometrics 1989;45:925-937.",),
            {"path": _("Path of the 3+3")},
        )

    @cached_property
    def levels(self) -> list[int]:
        """Indices of the regimens on the path, lowest first."""
        doses, frequencies = self.grid.shape
        usual = [dose * frequencies for dose in range(doses)]
        usual += [(doses - 1) * frequencies + frequency for frequency in range(1, frequencies)]
        return [self.grid.index(label) for label in self.path] or usual

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`.

        The design has no ties, so that `draws` are not used.

        Raises
        ------
        ProtocolError
            When a regimen has more than six participants or the current one is not on the path.
        """
        self._draws(outcomes, draws)
        at, levels = self._levels_of(self._indices(outcomes, current)), np.array(self.levels)
        n, y, rows, top = *self._counts(outcomes), np.arange(len(at)), self._top(outcomes)
        here, seen = n[rows, at], y[rows, at]
        enough = (here >= FEW) & (seen == 0) | (here >= MANY)
        # Six participants are asked for at a level that nothing above it can follow.
        above = np.where(enough & (at < top), at + 1, np.where(here >= MANY, STOP, at))
        below = np.where(n[rows, top] >= MANY, STOP, top)
        following = np.where(at > top, below, above)
        done = (top < 0) | (outcomes.enrolled.sum(axis=(1, 2)) >= self.maximum)
        return np.where(done | (following == STOP), STOP, levels[following])

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens with two or more DLTs and all at or above them; shape ``(T, D, F)``."""
        self._check_counts(outcomes, MANY)
        return upwards(outcomes.dlt >= TOO_MANY_DLTS)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the highest level with at most one DLT in six; STOP where none has six participants."""
        n, _y = self._counts(outcomes)
        complete = (n >= MANY) & (np.arange(len(self.levels)) <= self._top(outcomes)[:, None])
        highest = len(self.levels) - 1 - np.argmax(complete[:, ::-1], axis=1)
        return np.where(complete.any(axis=1), np.array(self.levels)[highest], STOP)

    def decisions(self) -> pd.DataFrame:
        """Tabulate what follows from DLTs at the current level, after three and after six participants."""
        rows = [(FEW, 0, TOO_MANY_DLTS, TOO_MANY_DLTS), (MANY, 1, TOO_MANY_DLTS, TOO_MANY_DLTS)]
        frame = pd.DataFrame(rows, columns=["treated", "escalate", "deescalate", "eliminate"])
        return frame.astype({"eliminate": "Int64"})

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        at = int(self._levels_of(np.array([current]))[0])
        n, y = (int(counts[0, at]) for counts in self._counts(outcomes))
        top, following = int(self._top(outcomes)[0]), int(self.next(outcomes, [current])[0])
        name, path = self.grid.labels[current], list_of(self.grid.labels[level] for level in self.levels)
        sentences = [
            _("At {}, {} of {} participants had a DLT.").format(name, y, n),
            self._rule(outcomes, at, n, y, top, following),
            _("The path is {}.").format(path),
        ]
        return paragraph_of(sentences)

    def _rule(self, outcomes: Outcomes, at: int, n: int, y: int, top: int, following: int) -> str:
        labels = [self.grid.labels[level] for level in self.levels]
        if top < 0:
            return _("The lowest level, {}, is closed by 2 or more DLTs: the trial stops.").format(labels[0])
        if int(outcomes.enrolled.sum()) >= self.maximum:
            return _("The maximum of {} participants is reached.").format(self.maximum)
        if following == STOP:
            words = _("{} has 6 participants with at most 1 DLT and nothing above it is open: the trial ends.")
            return words.format(labels[top])
        if at > top:
            words = _("2 or more DLTs close a level with all above it: go down to {}, which needs 6 participants.")
            return words.format(labels[top])
        if self.levels[at] != following:
            return _("0 of 3 or 1 of 6 steps up: to {}.").format(self.grid.labels[following])
        if n < FEW:
            return _("A level starts with a cohort of 3.")
        if y:
            return _("1 DLT in 3 asks for 3 more participants here.")
        return _("Nothing above {} is open: 6 participants are asked for here.").format(labels[at])

    def _levels_of(self, at: Integers) -> Integers:
        position = np.full(self.grid.size, -1)
        position[self.levels] = np.arange(len(self.levels))
        if (position[at] < 0).any():
            name = self.grid.labels[at[position[at] < 0][0]]
            path = list_of(self.grid.labels[level] for level in self.levels)
            write = _("a regimen on the path of the 3+3: {}").format(path)
            raise ProtocolError(_("current regimen"), name, write)
        return position[at]

    def _counts(self, outcomes: Outcomes) -> tuple[Integers, Integers]:
        self._check_counts(outcomes, MANY)
        treated, dlt = outcomes.treated.reshape(-1, self.grid.size), outcomes.dlt.reshape(-1, self.grid.size)
        return treated[:, self.levels], dlt[:, self.levels]

    def _top(self, outcomes: Outcomes) -> Integers:
        """Return the position of the highest level that is open, -1 for none; shape ``(T,)``."""
        closed = self.eliminated(outcomes).reshape(-1, self.grid.size)[:, self.levels]
        return np.where(closed.any(axis=1), closed.argmax(axis=1), len(self.levels)) - 1
