"""Sensitivity of a cohort: near misses, thresholds over their range, and alternative readings of the protocol."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord, Parameter
from protocol.eligibility.cohort import reader
from protocol.eligibility.sensitivity import Curve, concerned, curve, near_misses, other_readings, steps, tornado
from protocol.exchange.documents.open_questions import questions_page
from protocol.figures import eligibility as figures
from protocol.pages.eligibility.cohort_counts import Behind, Picked, ScreenedCohort, follow
from protocol.pages.eligibility.subgroups import records
from protocol.pages.kit import Panel, Table, Task, Text, download, field, note, section
from protocol.records import Ambiguity
from protocol.translation import _, labelled, list_of, ngettext, paragraph_of

AT_ONCE = 20_000
"""Participants up to which the work is done within the click: it takes less than a second."""

NEAREST = 200
"""Near misses in the table."""

DISTANCES = (
    (0.05, _("up to 5 %")),
    (0.10, _("5 to 10 %")),
    (0.25, _("10 to 25 %")),
    (0.50, _("25 to 50 %")),
    (np.inf, _("above 50 %")),
)
"""Classes of distance: the upper edge as a part of the threshold, and the label."""


class NearMissPanel(Panel):
    """How many near misses at which distance, and the nearest of them; `picked` is told which bar was clicked."""

    def __init__(self, picked: Picked) -> None:
        self.picture = Chart(figures.nearness, description=_("Near misses by distance"))
        self.nearest, self.task = Table(_("The nearest"), "near-misses.csv"), Task(self._found)
        lead = _(
            "Participants who fail exactly one criterion, the nearest first. The distance is how far the threshold "
            "would have to move, as a part of it: with a limit of 30, 1.5 is 5 %. Some criteria have no distance."
        )
        self.view = section(_("Near misses"), self.task.view, self.picture, self.nearest.view, lead=lead)

        self._rows = dict[str, NDArray[np.intp]]()
        follow(self.picture, picked, self._meant)

    def _meant(self, row: dict[str, Any]) -> tuple[str, Behind]:
        rows = self._rows.get(row["distance"], np.array([], dtype=np.intp))
        return _("Near misses, {distance}").format(distance=row["distance"]), lambda _screened: rows

    def draw(self, screened: ScreenedCohort) -> None:
        """Find the near misses, one criterion after another."""
        self.task.begin(_steps(screened), at_once=screened.tally.participants <= AT_ONCE)

    def _found(self, found: pd.DataFrame) -> None:
        (screened,) = self.shown or ()
        self.picture.draw(_distance_rows(found))
        classes = _classes(found)
        rows = found["participant"].to_numpy(dtype=np.intp) if len(found) else np.array([], dtype=np.intp)
        self._rows = {label: rows[classes == place] for place, label in enumerate(_labels())}
        self.nearest.show(_nearest_rows(found, screened))


def _steps(screened: ScreenedCohort) -> Iterator[tuple[pd.DataFrame, float]]:
    pieces: list[pd.DataFrame] = []
    names = screened.tally.order("most")
    for done, name in enumerate(names, start=1):
        one = near_misses(screened.record, screened.tally, reader(screened.cohort), screened.phase, only=name)
        pieces.append(one)
        found = pd.concat(pieces, ignore_index=True).astype({"distance": float})
        yield found.sort_values("distance", kind="stable", na_position="last", ignore_index=True), done / len(names)
    if not names:
        yield pd.DataFrame({"distance": []}), 1.0


def _classes(found: pd.DataFrame) -> NDArray[np.intp]:
    """Return the class of distance of each near miss; the last class is for those without a distance."""
    edges = np.array([edge for edge, _label in DISTANCES])
    distance = found["distance"].to_numpy(dtype=float)
    return np.where(np.isnan(distance), len(DISTANCES), np.searchsorted(edges, distance * (1 - 1e-9)))


def _labels() -> list[str]:
    return [*(label for _edge, label in DISTANCES), _("no distance")]


def _distance_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Count the near misses by class of distance."""
    labels = _labels()
    counts = np.bincount(_classes(found), minlength=len(labels))
    return pd.DataFrame({"distance": labels, "order": range(len(labels)), "participants": [*map(int, counts)]})


def _nearest_rows(found: pd.DataFrame, screened: ScreenedCohort) -> pd.DataFrame:
    """Return the nearest in words."""
    near = found.dropna(subset=["distance"]).head(NEAREST)
    rows = [_in_words(row, screened) for row in records(near)]
    columns = [_("Participant"), _("Distance"), _("Would pass with"), _("Fails only"), _("Still unknown")]
    return pd.DataFrame(rows, columns=columns)


def _in_words(row: dict[str, Any], screened: ScreenedCohort) -> tuple[str, ...]:
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


class ThresholdPanel(Panel):
    """The curve of the threshold chosen."""

    def __init__(self, record: EligibilityRecord) -> None:
        self.threshold = field(widgets.Dropdown, _("Threshold"), width="wide", options=_thresholds(record))
        self.picture = Chart(figures.threshold, description=_("Participants left over the range of a threshold"))
        self.words = Text()
        lead = _(
            "How many would be left at every value of one threshold, everything else as it is now. The participants "
            "between the lines have unknown facts. The dotted line is the present value."
        )
        self.view = section(_("Thresholds"), self.threshold, self.picture, self.words, lead=lead)
        self._kept: tuple[tuple[Any, ...], Curve] | None = None
        self.redraw_on(self.threshold)

    def draw(self, screened: ScreenedCohort) -> None:
        """Follow the threshold over its range in one pass."""
        name = str(self.threshold.value)
        parameter = next(item for item in screened.record.parameters if item.id == name)
        found = self._curve(screened, parameter)
        self.picture.draw(_curve_rows(found, parameter), label=screened.label(name))
        self.words.show(_curve_in_words(found, parameter))

    def _curve(self, screened: ScreenedCohort, parameter: Parameter) -> Curve:
        """Follow the threshold; the last curve stays while only this threshold changes."""
        others = {name: value for name, value in screened.changed.items() if name != parameter.id}
        state = (screened.cohort, screened.phase, screened.off, parameter.id, others)
        if self._kept is None or self._kept[0] != state or float(parameter.value) not in self._kept[1].points:
            read, points = reader(screened.cohort), steps(parameter)
            found = curve(
                screened.record, screened.screening, read, parameter.id, points, screened.phase, screened.off
            )
            self._kept = state, found
        return self._kept[1]


def _thresholds(record: EligibilityRecord) -> list[tuple[str, str]]:
    """List the thresholds that can change a criterion's verdict at enrolment, with the criteria they belong to."""
    return [
        (labelled(list_of(parameter.concerns), parameter.label), parameter.id)
        for parameter in record.parameters
        if not parameter.options and concerned(record, parameter.id)
    ]


def _curve_rows(found: Curve, parameter: Parameter) -> pd.DataFrame:
    """Return the curve; its lines are named where they are far apart."""
    left = found.confirmed + found.possible
    edge = len(left) // 8 + 1
    widest = edge + int(np.argmax(found.possible[edge:-edge])) if len(left) > 2 * edge else 0
    ends = {"lower": _("at least"), "upper": _("at most")}
    return pd.DataFrame(
        {
            "value": found.points,
            "confirmed": found.confirmed,
            "left": left,
            "present": float(parameter.value),
            **{name: np.where(np.arange(len(left)) == widest, word, "") for name, word in ends.items()},
        }
    )


def _curve_in_words(found: Curve, parameter: Parameter) -> str:
    """Say what the threshold's present value and its extremes leave."""
    left = found.confirmed + found.possible
    now = int(np.flatnonzero(np.isclose(found.points, float(parameter.value)))[0]) if found.every_point else None
    texts = []
    if now is not None:
        texts.append(
            _("Now, at {value:g}: {low:,} to {high:,} eligible.").format(
                value=found.points[now], low=found.confirmed[now], high=left[now]
            )
        )
    best = int(np.argmax(left))
    texts.append(
        _("The most are left at {value:g}: {low:,} to {high:,}.").format(
            value=found.points[best], low=found.confirmed[best], high=left[best]
        )
    )
    if not found.every_point:
        text = _("This threshold has to be screened value by value, so only {n} values are shown.")
        texts.append(text.format(n=len(found.points)))
    return paragraph_of(texts)


class ReadingsPanel(Panel):
    """What each alternative reading would change."""

    def __init__(self, ambiguities: Iterable[Ambiguity], trial_id: str, today: date) -> None:
        self.ambiguities, self.trial_id, self.today = tuple(ambiguities), trial_id, today
        self.picture = Chart(figures.readings, description=_("What each alternative reading would change"))
        self.nothing, self.questions, self.task = Text(), Text(role=""), Task(self._found)
        lead = _(
            "Each place where the registry's words can be read in another way, tried on this cohort one at a time. "
            "To the right more participants would be left, to the left fewer. The wide bar counts those not "
            "excluded, the thin one those with everything known and passed. The readings that decide most come first."
        )
        parts = (self.task.view, self.picture, self.nothing, self.questions)
        self.view = section(_("Alternative readings"), *parts, lead=lead)

    def draw(self, screened: ScreenedCohort) -> None:
        """Try every alternative reading."""
        found = tornado(
            lambda changed: screened.cohort.screen(screened.phase, **(screened.changed | changed)),
            other_readings(screened.record.parameters),
            screened.off,
        )
        self.task.begin(found, at_once=screened.tally.participants <= AT_ONCE)

    def _found(self, found: pd.DataFrame) -> None:
        (screened,) = self.shown or ()
        self.picture.draw(_reading_rows(found, screened.record))
        idle = int((found["decided"] == 0).sum())
        text = ngettext("{n} other reading changes no answer.", "{n} other readings change no answer.", idle)
        self.nothing.show(note(text.format(n=idle)) if idle else None)
        self.questions.show(self._questions(found))

    def _questions(self, found: pd.DataFrame) -> Markup:
        named = found.dropna(subset=["ambiguity"])
        decided = {str(key): int(n) for key, n in zip(named["ambiguity"], named["by_ambiguity"], strict=True)}
        page = questions_page(self.trial_id, self.ambiguities, self.today, decided).encode()
        return download(_("Questions to the sponsor, counted"), "questions.html", page, "text/html")


def _signed(change: int) -> str:
    """Write how many more or fewer."""
    return f"{change:+,}".replace("-", "−") if change else "0"


def _reading_rows(found: pd.DataFrame, record: EligibilityRecord) -> pd.DataFrame:
    """Return the readings that change an answer, what decides most first."""
    labels = {(p.id, option): (p.label, label) for p in record.parameters for option, label in p.options.items()}
    frame = found[found["decided"] > 0].sort_values("decided", ascending=False, kind="stable")
    change = frame["eligible_change"].astype(int)
    spoken = [labels[key] for key in zip(frame["parameter"], frame["option"], strict=True)]
    words = [
        _("{change} not excluded, {passed} all passed · decides {n:,}").format(
            change=_signed(n), passed=_signed(passed), n=d
        )
        for n, passed, d in zip(change, frame["confirmed_change"].astype(int), frame["decided"], strict=True)
    ]
    rows = frame["ambiguity"].fillna("–") + "|" + frame["parameter"] + "|" + frame["option"]
    return pd.DataFrame(
        {
            "row": rows.to_numpy(),
            "title": [label for label, _option in spoken],
            "reading": [option for _label, option in spoken],
            "order": range(len(frame)),
            "change": change.to_numpy(),
            "confirmed_change": frame["confirmed_change"].to_numpy(),
            "decided": frame["decided"].to_numpy(),
            "sign": ["more" if n > 0 else "fewer" if n < 0 else "as many" for n in change],
            "words": words,
        }
    )
