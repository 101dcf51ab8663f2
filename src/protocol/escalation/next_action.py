"""What a trial should do next: one answer with its reason, for the log, a sandbox, pages, packs and exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from protocol.display import Displayed
from protocol.escalation.checks import checked
from protocol.escalation.design import Design
from protocol.escalation.grid import STOP, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.pathways import deciding_regimens, recommended
from protocol.escalation.selection import isotonic_rates
from protocol.translation import _, list_of, ngettext, paragraph_of

FORESEEN = 6
"""Further DLTs for which the answer is foreseen; more of them lead where the last leads."""


class Awaited(NamedTuple):
    """A participant whose outcome is waited for."""

    regimen: int
    """Index on the grid."""

    words: str = ""
    """Who it is and until when, such as "P-017 (2026-12-11)"; empty in a sandbox."""


@dataclass(frozen=True, repr=False)
class NextAction(Displayed):
    """What the trial should do next.

    Attributes
    ----------
    sentence : str
        "C2 is open. Wait for P-017 (2026-12-11)." or "Treat the next cohort of 3 at C3."
    following : int or None
        Index of the regimen of the next cohort, STOP for none; None while outcomes are waited for.
    waits : tuple of str
        What is waited for, one text each.
    counted : str
        What the answer rests on, in one short sentence; "" before the first outcome.
    why : str
        The reason in the words of the design, with all numbers.
    foreseen : str
        Where the outcomes that are waited for lead; "" when nothing is waited for.
    recommended : str or None
        The regimen that would be recommended for phase II if the trial ended now; None when that is withheld.
    estimate : float or None
        Its estimated DLT rate.
    withheld : str
        Why no regimen is recommended for phase II; "" when one is.
    """

    sentence: str
    following: int | None
    waits: tuple[str, ...]
    counted: str
    why: str
    foreseen: str
    recommended: str | None
    estimate: float | None
    withheld: str

    def __repr__(self) -> str:
        """Return the sentence."""
        return f"NextAction({self.sentence!r})"

    @property
    def phase_two(self) -> str:
        """What holds of a recommendation for phase II, in one sentence."""
        if self.recommended is None or self.estimate is None:
            return self.withheld
        words = _("If the trial ended now, {} would be recommended for phase II (estimated DLT rate {:.2f}).")
        return words.format(self.recommended, self.estimate)

    def table(self) -> pd.DataFrame:
        """Return the answer, one row for each part: ``what``, ``words``."""
        parts = {
            "next": self.sentence,
            "why": self.why,
            "foreseen": self.foreseen,
            "phase II": self.phase_two,
        }
        return pd.DataFrame([item for item in parts.items() if item[1]], columns=["what", "words"])


@checked
def next_action(
    design: Design,
    outcomes: Outcomes,
    current: int,
    awaited: Sequence[Awaited] = (),
    free_places: Annotated[int, Field(ge=0)] = 0,
) -> NextAction:
    """Say what one trial should do next, and whom it waits for.

    Nothing is recommended while an outcome is waited for or the open cohort has free places. A regimen for phase II
    is withheld as long, and when its estimated DLT rate is above the target: isotonic regression (Lin & Yin 2017)
    picks the nearest tried regimen, also when it is too toxic.

    Parameters
    ----------
    design : Design
        A coin, where it tosses one, falls on the dose.
    outcomes : Outcomes
        One trial; the awaited participants are not among `treated`.
    current : int
        Index of the regimen that is open.
    awaited : sequence of Awaited
    free_places : int
        Participants that the open cohort still takes, 0 or more.

    Raises
    ------
    ProtocolError
        When there is not one trial, or the current regimen is not on the grid.
    """
    outcomes.check_single()
    following = int(recommended(design, outcomes, current)[0])
    waits = bool(awaited) or bool(free_places)
    chosen, estimate, withheld = _phase_two(design, outcomes, waits)
    return NextAction(
        sentence=(
            _waiting(design, outcomes, current, awaited, free_places)
            if waits
            else _sentence(design, outcomes, current, following)
        ),
        following=None if waits else following,
        waits=_listed(design, awaited, free_places),
        counted=_counts(design, outcomes, current, following, waits),
        why=_why(design, outcomes, current, following, waits),
        foreseen=_foreseen(design, outcomes, current, awaited, free_places) if waits else "",
        recommended=chosen,
        estimate=estimate,
        withheld=withheld,
    )


def enrolment_stopped() -> NextAction:
    """Return the answer after a decision that stopped enrolment."""
    words = _("Enrolment is stopped by the last decision.")
    return NextAction(words, STOP, (), "", "", "", None, None, _("No regimen is recommended: enrolment is stopped."))


def escalation_over(regimen: str, phase: str) -> NextAction:
    """Return the answer after the committee declared the regimen of the phase that follows."""
    words = _("The escalation is over: {regimen} is the regimen of phase {phase}.").format(
        regimen=regimen, phase=phase
    )
    return NextAction(words, STOP, (), "", "", "", regimen, None, "")


def _sentence(design: Design, outcomes: Outcomes, current: int, following: int) -> str:
    labels, size = design.grid.labels, min(design.cohort_size, design.maximum - int(outcomes.enrolled.sum()))
    if following == STOP:
        if outcomes.enrolled.sum() >= design.maximum:
            return _("Escalation is complete: all {n} participants have their outcome.").format(n=design.maximum)
        return _("Stop enrolment.")
    if not outcomes.treated.any():
        first = _("Treat the first cohort at {regimen}: {n} participants.")
        return first.format(regimen=labels[following], n=size)
    words = (
        _("Treat the next cohort of {n} at {regimen} again.")
        if following == current
        else _("Treat the next cohort of {n} at {regimen}.")
    )
    return words.format(n=size, regimen=labels[following])


def _waiting(design: Design, outcomes: Outcomes, current: int, awaited: Sequence[Awaited], free_places: int) -> str:
    if not awaited and not outcomes.treated.any():
        first = _("Treat the first cohort at {regimen}: {n} participants.")
        return first.format(regimen=design.grid.labels[current], n=free_places)
    parts = [_("{regimen} is open.").format(regimen=design.grid.labels[current])]
    if free_places:
        more = ngettext("Enrol {n} more participant.", "Enrol {n} more participants.", free_places)
        parts.append(more.format(n=free_places))
    if named := [one.words for one in awaited if one.words]:
        parts.append(_("Wait for {who}.").format(who=_all_of(named)))
    elif awaited:
        parts.append(_("Wait for {who}.").format(who=_all_of(_counted(design, awaited))))
    return paragraph_of(parts)


def _all_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else _("{first} and {last}").format(first=list_of(words[:-1]), last=words[-1])


def _counted(design: Design, awaited: Sequence[Awaited]) -> list[str]:
    counts = np.bincount([one.regimen for one in awaited], minlength=design.grid.size)
    words = [ngettext("{n} participant at {at}", "{n} participants at {at}", int(n)) for n in counts]
    return [
        text.format(n=n, at=design.grid.labels[cell])
        for cell, (n, text) in enumerate(zip(counts, words, strict=True))
        if n
    ]


def _listed(design: Design, awaited: Sequence[Awaited], free_places: int) -> tuple[str, ...]:
    more = ngettext("{n} free place", "{n} free places", free_places).format(n=free_places)
    named = [one.words for one in awaited if one.words]
    return (*([more] if free_places else []), *(named or (_counted(design, awaited) if awaited else [])))


def _counts(design: Design, outcomes: Outcomes, current: int, following: int, waits: bool) -> str:
    deciding = int(deciding_regimens(design, outcomes, current)[0])
    n, y = (int(counts.reshape(-1)[deciding]) for counts in (outcomes.treated, outcomes.dlt))
    if not n:
        return ""
    words = ngettext(
        "At {name}, {y} of {n} participant had a DLT.", "At {name}, {y} of {n} participants had a DLT.", n
    ).format(name=design.grid.labels[deciding], y=y, n=n)
    so_far = _("On what is known so far: {place}.").format(place=_place(design, current, following)) if waits else ""
    return paragraph_of(filter(None, (so_far, words)))


def _why(design: Design, outcomes: Outcomes, current: int, following: int, waits: bool) -> str:
    labels, deciding = design.grid.labels, int(deciding_regimens(design, outcomes, current)[0])
    if waits and not outcomes.treated.any():
        return ""
    why = design.why(outcomes, deciding)
    if deciding != current:
        words = _("No participant was treated at {} yet, and {} no longer allows that step.")
        why = paragraph_of([words.format(labels[current], labels[deciding]), why])
    if waits:
        so_far = _("On what is known so far: {place}.").format(place=_place(design, current, following))
        why = paragraph_of([so_far, why])
    return why


def _place(design: Design, current: int, following: int) -> str:
    if following == STOP:
        return _("stop")
    again = _("{regimen} again") if following == current else "{regimen}"
    return again.format(regimen=design.grid.labels[following])


def _foreseen(design: Design, outcomes: Outcomes, current: int, awaited: Sequence[Awaited], free_places: int) -> str:
    """Say where no further DLT, one, two ... at the current regimen lead; those awaited elsewhere have none."""
    open_here = sum(one.regimen == current for one in awaited) + free_places
    if not open_here:
        return ""
    dlts = np.arange(min(open_here, FORESEEN) + 1)
    many = outcomes.of(np.zeros(len(dlts), int))
    treated, dlt = many.treated.copy(), many.dlt.copy()
    for one in awaited:
        treated.reshape(len(dlts), -1)[:, one.regimen] += 1
    treated.reshape(len(dlts), -1)[:, current] += free_places
    dlt.reshape(len(dlts), -1)[:, current] += dlts
    if treated[0].sum() > design.maximum:
        return ""
    leads = recommended(design, type(outcomes)(outcomes.grid, treated, dlt), current)
    return paragraph_of(_runs(design, current, leads))


def _runs(design: Design, current: int, leads: Integers) -> list[str]:
    """Put equal answers of neighbouring numbers of DLTs into one sentence each."""
    starts = [0, *(np.flatnonzero(np.diff(leads)) + 1).tolist(), len(leads)]
    words = []
    for first, after in pairwise(starts):
        numbers = [*map(str, range(first, after))]
        counts = numbers[0]
        says = _("With {n} further DLT: {where}.") if counts == "1" else _("With {n} further DLTs: {where}.")
        if after == len(leads) and len(numbers) > 1:
            says = _("With {n} or more further DLTs: {where}.")
        elif len(numbers) > 1:
            says = _("With {n} further DLTs: {where}.")
            counts = _("{some} or {last}").format(some=list_of(numbers[:-1]), last=numbers[-1])
        words.append(says.format(n=counts, where=_place(design, current, int(leads[first]))))
    return words


def _phase_two(design: Design, outcomes: Outcomes, waits: bool) -> tuple[str | None, float | None, str]:
    """Return the regimen for phase II and its estimate, or why it is withheld."""
    if not outcomes.treated.any():
        return None, None, _("No regimen is recommended for phase II: no participant has an outcome yet.")
    if waits:
        return None, None, _("No regimen is recommended for phase II while outcomes are waited for.")
    chosen = int(design.selected(outcomes)[0])
    if chosen == STOP:
        return None, None, _("If the trial ended now, no regimen could be recommended for phase II.")
    estimate, label = float(isotonic_rates(outcomes).ravel()[chosen]), design.grid.labels[chosen]
    if round(estimate, 2) > round(design.target, 2):
        words = _(
            "No regimen is recommended for phase II: the nearest to the target is {}, and its estimated DLT rate, "
            "{:.2f}, is above the target, {:.2f}."
        )
        return None, estimate, words.format(label, estimate, design.target)
    return label, estimate, ""
