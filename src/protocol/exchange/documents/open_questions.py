"""The open questions to the sponsor as a page to print."""

from collections.abc import Iterable, Mapping
from datetime import date

from protocol.exchange.documents.templates import render
from protocol.records import Ambiguity
from protocol.translation import _

_SEVERITIES = ("high", "medium", "low")


def questions_page(
    trial_id: object, ambiguities: Iterable[Ambiguity], day: date, decided: Mapping[str, int] | None = None
) -> str:
    """Return one HTML page with every question, the most severe first, and room for the sponsor's answer.

    Parameters
    ----------
    trial_id : object
        The trial's registry number.
    ambiguities : iterable of Ambiguity
    day : date
        Written into the head.
    decided : mapping of str to int, optional
        Question id to the number of participants of a cohort that the answer decides. Of equally severe questions
        those with more participants come first.

    Returns
    -------
    str
        The page, complete in itself.
    """
    decided = decided or {}
    ranked = sorted(ambiguities, key=lambda one: (_SEVERITIES.index(one.severity), -decided.get(one.id, 0)))
    lead = _("{count} places where the registry's words allow more than one reading; {day}.")
    return render(
        "open_questions.html",
        title=_("Questions to the sponsor of {trial}").format(trial=trial_id),
        lead=lead.format(count=len(ranked), day=day.isoformat()),
        questions=ranked,
        decided=decided,
    )
