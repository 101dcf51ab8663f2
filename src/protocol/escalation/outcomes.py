"""What was seen so far, for many trials at once: participants, DLTs, responses, and who is still in the window."""

import re
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from protocol.display import Displayed, typed_words
from protocol.escalation.checks import checked, floats, integers
from protocol.escalation.grid import Booleans, Floats, Grid, Integers
from protocol.records import ProtocolError
from protocol.translation import _

# One participant: neither, a DLT (toxicity), a response (efficacy), both (the letters usual for such designs since
# Brock and others 2017, BMC Med Res Methodol 17:112); or pending, with the part of the window that has passed.
PERSON = re.compile(r"[NTEB]|P(?P<part>0?\.\d+|0|1(?:\.0+)?)?", re.IGNORECASE)

ENTRY = re.compile(
    rf"(?P<regimen>[^\s:]+):(?P<people>(?:{PERSON.pattern.replace('?P<part>', '?:')})+)", re.IGNORECASE
)

MOST_PARTICIPANTS = 1_000_000  # of one count; more is a mistake, and sums of counts stay exact

NAMES = ("treated", "dlt", "pending", "followed", "responded", "both")


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes(Displayed):
    """Participants with a complete DLT window, those of them with a DLT, and what else is known.

    Parameters
    ----------
    grid : Grid
    treated, dlt : array_like of int, shape (T, D, F) or (D, F)
        Participants who completed the window or had a DLT, and those with a DLT, per trial and regimen; one trial
        may leave out the first axis. Whole numbers of any width are kept 64 bits wide.
    pending : array_like of int, optional, same shape
        Further participants, who are in the window and had no DLT so far.
    followed : array_like of float, optional, same shape
        Windows that these have passed together: from 0 to their number.
    responded, both : array_like of int, optional, same shape
        Of `treated`, those with a response, and those with a response and a DLT.

    Raises
    ------
    ProtocolError
        When a count is not a whole number, is negative, is larger than the one it is a part of or than 1,000,000.
    """

    grid: Grid
    treated: Integers
    dlt: Integers
    pending: Integers | None = None
    followed: Floats | None = None
    responded: Integers | None = None
    both: Integers | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            raise ProtocolError(_("outcomes"), type(self.grid).__name__, _("a grid of regimens first"))
        for name in NAMES:
            if getattr(self, name) is not None or name in NAMES[:2]:
                object.__setattr__(self, name, self._counts(name))
                if len(getattr(self, name)) != len(self.treated):
                    write = _("the same number each time")
                    raise ProtocolError(_("outcomes"), _("different numbers of trials"), write)
        self._part(self.dlt, self.treated, _("{} with a DLT of {} treated"))
        if any(getattr(self, name) is not None for name in NAMES[2:]):
            self._check_pairs()

    def _check_pairs(self) -> None:
        if (self.pending is None) != (self.followed is None) or (self.responded is None) != (self.both is None):
            found = _("one of two counts that belong together")
            write = _("pending with followed, responded with both")
            raise ProtocolError(_("outcomes"), found, write)
        if self.pending is not None and self.followed is not None:
            self._part(self.followed, self.pending, _("{:g} windows passed by {} pending"))
        if self.responded is not None and self.both is not None:
            self._part(self.responded, self.treated, _("{} with a response of {} treated"))
            self._part(
                self.both,
                np.minimum(self.dlt, self.responded),
                _("{} with a DLT and a response, where at most {} can have both"),
            )
            neither = self.treated - self.dlt + self.both
            self._part(self.responded, neither, _("{} with a response, where there can be {}"))

    def _part(self, part: Integers | Floats, whole: Integers, words: str) -> None:
        excess = part > whole
        if excess.any():
            trial, dose, frequency = np.argwhere(excess)[0]
            name = self.grid.doses[dose] + self.grid.frequencies[frequency]
            found = words.format(part[trial, dose, frequency], most := whole[trial, dose, frequency])
            raise ProtocolError(_("outcomes at {}").format(name), found, _("at most {}").format(most))

    def _counts(self, name: str) -> Integers | Floats:
        given, where = getattr(self, name), _words(name)
        if given is None:
            raise ProtocolError(where, "None", _("whole numbers of participants, one row per dose"))
        counts: Integers | Floats
        if name == "followed":
            counts = floats(given, where, _("numbers of windows"))
        else:
            counts = integers(given, where, _("whole numbers of participants, one row per dose"))
        if counts.ndim == 2:
            counts = counts[None]
        if counts.shape[1:] != self.grid.shape:
            write = _("{} doses by {} frequencies").format(*self.grid.shape)
            raise ProtocolError(where, _("an array of shape {}").format(counts.shape), write)
        if not (counts.min(initial=0) >= 0):
            raise ProtocolError(where, str(counts.min()), _("0 or more"))
        if counts.max(initial=0) > MOST_PARTICIPANTS:
            raise ProtocolError(where, str(counts.max()), _("at most {:,}").format(MOST_PARTICIPANTS))
        return counts

    @property
    def enrolled(self) -> Integers:
        """Participants, pending ones included; shape ``(T, D, F)``."""
        return self.treated if self.pending is None else self.treated + self.pending

    def check_single(self) -> None:
        """Refuse anything but one trial.

        Raises
        ------
        ProtocolError
            When there is none, or more than one.
        """
        if len(self.treated) != 1:
            raise ProtocolError(_("outcomes"), _("{} trials").format(len(self.treated)), _("one trial"))

    def of(self, trials: Integers | Booleans) -> Self:
        """Return the chosen trials alone, by their numbers or by one mark for each.

        Raises
        ------
        ProtocolError
            When there is no such trial.
        """
        rows, chosen = np.atleast_1d(trials), copy(self)  # trials of checked counts are not checked again
        if not rows.size and rows.dtype.kind == "f":
            rows = rows.astype(int)  # an empty list
        try:
            if rows.ndim > 1:
                raise IndexError
            for name in NAMES:
                if (whole := getattr(self, name)) is not None:
                    object.__setattr__(chosen, name, whole[rows])
        except IndexError:
            write = _("numbers from 0 to {}, or one mark for each trial").format(len(self.treated) - 1)
            raise ProtocolError(_("chosen trials"), repr(trials)[:80], write) from None
        return chosen

    @classmethod
    @checked
    def none(cls, grid: Grid, trials: Annotated[int, Field(ge=0, le=MOST_PARTICIPANTS)] = 1) -> Self:
        """Return `trials` trials in which no participant was treated yet."""
        return cls(grid, np.zeros((trials, *grid.shape), int), np.zeros((trials, *grid.shape), int))

    @classmethod
    @checked
    def parse(cls, grid: Grid, text: str) -> Self:
        """Read one trial from the usual notation, such as ``A1:NNN B1:NTN``.

        One letter a participant: N for no DLT, T for a DLT (toxicity). Where responses are counted, N and T are
        participants without one, E (efficacy) has a response and no DLT, B has both. P is pending, in the DLT
        window without a DLT so far; a number behind it is the part of the window that has passed: ``B1:NP0.5P``.
        A regimen may be named more than once.

        Raises
        ------
        ProtocolError
            Naming the word that cannot be read or the regimen that is not on the grid.
        """
        counts, followed = {letter: np.zeros(grid.size, int) for letter in "NTEBP"}, np.zeros(grid.size)
        for index, people in _entries(grid, text):
            for person in PERSON.finditer(people):
                counts[person[0][0].upper()][index] += 1
                followed[index] += float(person["part"] or 0)
        n, t, e, b, p = counts.values()
        late = (p, followed) if p.any() else (None, None)
        efficacy = (e + b, b) if (e + b).any() else (None, None)
        parts: list[Any] = [n + t + e + b, t + b, *late, *efficacy]
        shaped: list[Any] = [None if part is None else part.reshape(grid.shape) for part in parts]
        return cls(grid, *shaped)

    def __str__(self) -> str:
        return self.notation()

    def __repr__(self) -> str:
        trials = len(self.treated)
        return (
            f"<Outcomes of {trials} trials>"
            if trials != 1
            else f"<Outcomes {self.notation() or 'without participants'}>"
        )

    def table(self) -> pd.DataFrame:
        """Tabulate the counts, one row for each trial and regimen with participants.

        Returns
        -------
        DataFrame
            trial (0 to T - 1), regimen, enrolled, and the counts that are known: treated, dlt, pending, followed,
            responded, both.
        """
        trials, index = np.nonzero(self.enrolled.reshape(-1, self.grid.size))
        labels = np.array(self.grid.labels, dtype=object)
        columns = {"trial": trials, "regimen": labels[index], "enrolled": self.enrolled}
        columns |= {name: counts for name in NAMES if (counts := getattr(self, name)) is not None}
        place = trials, index
        flat = {n: c if c.ndim == 1 else c.reshape(-1, self.grid.size)[place] for n, c in columns.items()}
        return pd.DataFrame(flat)

    @checked
    def notation(self, last: int | None = None) -> str:
        """Write the first trial in the notation that :meth:`parse` reads, regimen `last` at the end."""
        if not len(self.treated):
            return ""
        enrolled = self.enrolled[0].ravel()
        order = sorted(np.flatnonzero(enrolled), key=lambda index: (index == last, index))
        return " ".join(f"{self.grid.labels[index]}:{self._people(int(index))}" for index in order)

    def _people(self, index: int) -> str:
        names = "treated", "dlt", "pending", "responded", "both"
        n, t, p, e, b = (0 if (c := getattr(self, name)) is None else int(c[0].flat[index]) for name in names)
        part = 0.0 if self.followed is None else float(self.followed[0].flat[index]) / max(p, 1)
        pending = f"P{part:.4g}" if part else "P"
        return "N" * (n - t - e + b) + "E" * (e - b) + "T" * (t - b) + "B" * b + pending * p

    @checked
    def with_regimen(self, index: int, treated: int, dlt: int) -> Self:
        """Return a copy of one trial with other counts at one regimen; its responses there are forgotten."""
        if not 0 <= index < self.grid.size:
            write = _("a number from 0 to {}").format(self.grid.size - 1)
            raise ProtocolError(_("index of a regimen"), str(index), write)
        self.check_single()
        parts: list[Any] = [None if (whole := getattr(self, name)) is None else whole.copy() for name in NAMES]
        for part, value in zip(parts, (treated, dlt, 0, 0.0, 0, 0), strict=True):
            if part is not None:
                part[0].flat[index] = value
        return type(self)(self.grid, *parts)


def _words(name: str) -> str:
    return {
        "treated": _("participants treated"),
        "dlt": _("participants with a DLT"),
        "pending": _("participants pending"),
        "followed": _("windows passed by pending participants"),
        "responded": _("participants with a response"),
        "both": _("participants with a response and a DLT"),
    }[name]


@checked
def last_named(grid: Grid, text: str) -> int:
    """Return the index of the regimen named last in the notation; 0, the lowest, when nothing is named."""
    return next((index for index, _people in reversed(_entries(grid, text))), 0)


def _entries(grid: Grid, text: str) -> list[tuple[int, str]]:
    entries = []
    for word in typed_words(text):
        match = ENTRY.fullmatch(word)
        if match is None:
            raise ProtocolError(
                _("outcome notation"),
                repr(word),
                _("a regimen, a colon, and N or T for each participant: B1:NTN"),
            )
        entries.append((grid.index(match["regimen"]), match["people"]))
    return entries
