"""Near-misses: whom one criterion alone excludes, and by how little."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.eligibility.nearness import near_misses
from protocol.eligibility.rows import reader
from protocol.figures import eligibility_cohort as pictures
from protocol.pages import elements
from protocol.pages.eligibility.groups import records
from protocol.pages.eligibility.screened import Screened
from protocol.pages.eligibility.work import Work
from protocol.translation import _

LEAD = _(
    "Participants who fail exactly one criterion, the nearest first. The distance is how far the threshold would "
    "have to move, in parts of it: 5 % of a limit of 30 is 1.5. Of some criteria there is no degree."
)
SHOWN = 15
CLASSES = (
    (0.05, _("up to 5 %")),
    (0.10, _("5 to 10 %")),
    (0.25, _("10 to 25 %")),
    (0.50, _("25 to 50 %")),
    (np.inf, _("above 50 %")),
)


class NearPanel:
    """How many near-misses at which distance, and the nearest of them."""

    def __init__(self) -> None:
        self.picture = Chart(pictures.nearness, description=_("Near-misses by distance"))
        self.nearest, self.work = elements.html(""), Work(self._found)
        self.view = elements.section(_("Near-misses"), self.work.view, self.picture, self.nearest, lead=LEAD)
        self._shown: Screened | None = None

    def show(self, screened: Screened) -> None:
        """Find the near-misses, criterion by criterion."""
        self._shown = screened
        self.work.begin(_steps(screened), screened.planes.participants)

    def _found(self, found: pd.DataFrame) -> None:
        assert self._shown is not None  # noqa: S101 - work begins in show
        self.picture.draw(distance_rows(found))
        self.nearest.value = elements.table(nearest_rows(found, self._shown), _("The nearest"))


def _steps(screened: Screened) -> Iterator[tuple[pd.DataFrame, float]]:
    """One criterion at a time."""
    pieces: list[pd.DataFrame] = []
    names = screened.tally.order("most")
    for done, name in enumerate(names, start=1):
        one = near_misses(screened.record, screened.tally, reader(screened.cohort), screened.phase, only=name)
        pieces.append(one)
        found = pd.concat(pieces, ignore_index=True).astype({"distance": float})
        yield found.sort_values("distance", kind="stable", na_position="last", ignore_index=True), done / len(names)
    if not names:
        yield pd.DataFrame({"distance": []}), 1.0


def distance_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Count the near-misses by class of distance."""
    edges = np.array([edge for edge, _label in CLASSES])
    distance = found["distance"].to_numpy(dtype=float)
    known = distance[~np.isnan(distance)]
    counts = np.bincount(np.searchsorted(edges, known * (1 - 1e-9)), minlength=len(CLASSES))
    labels = [*(label for _edge, label in CLASSES), _("no degree")]
    numbers = [*map(int, counts), len(distance) - len(known)]
    return pd.DataFrame({"distance": labels, "order": range(len(labels)), "participants": numbers})


def nearest_rows(found: pd.DataFrame, screened: Screened) -> pd.DataFrame:
    """Describe the nearest in words."""
    near = found.dropna(subset=["distance"]).head(SHOWN)
    rows = [_in_words(row, screened) for row in records(near)]
    columns = [_("Participant"), _("Distance"), _("Would pass with"), _("Fails only"), _("Still unknown")]
    return pd.DataFrame(rows, columns=columns)


def _in_words(row: dict[str, Any], screened: Screened) -> tuple[str, ...]:
    parameter = next(item for item in screened.record.parameters if item.id == row["parameter"])
    text = _("{label}: {needed:.4g} instead of {now:.4g} {unit}")
    needs = text.format(
        label=parameter.label, needed=row["needed"], now=row["threshold"], unit=parameter.unit_label
    ).rstrip()
    return (
        screened.cohort.participants[int(row["participant"])],
        f"{100 * row['distance']:.1f} %",
        needs,
        f"{row['criterion']} {screened.titles[row['criterion']]}",
        str(row["open"]),
    )
