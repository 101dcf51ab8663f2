"""A criterion's registered words in full."""

from protocol.eligibility import Criterion


def lines(criterion: Criterion) -> list[str]:
    """Return the wording and, below it, those of its numbered parts that are not already in it."""
    parts = [part for part in criterion.parts if part.wording not in criterion.wording]
    return [criterion.wording, *(f"   {part.id.rpartition('.')[2]}. {part.wording}" for part in parts)]
