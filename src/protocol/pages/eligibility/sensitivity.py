"""Sensitivity of a cohort: near-misses, thresholds over their range, and other readings of the protocol."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord, Parameter
from protocol.eligibility.cohort import reader
from protocol.eligibility.sensitivity import Curve, concerned, curve, near_misses, other_readings, steps, tornado
from protocol.exchange.documents.open_questions import questions_page
from protocol.figures import eligibility as pictures
from protocol.pages.eligibility.screened_cohort import Screened
from protocol.pages.eligibility.subgroups import records
from protocol.pages.kit import text as elements
from protocol.pages.kit.work import Work
from protocol.records import Ambiguity
from protocol.translation import _, ngettext

NEAR_MISSES_LEAD = _(
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
        self.view = elements.section(
            _("Near-misses"), self.work.view, self.picture, self.nearest, lead=NEAR_MISSES_LEAD
        )
        self._shown: Screened | None = None

    def show(self, screened: Screened) -> None:
        """Find the near-misses, criterion by criterion."""
        self._shown = screened
        self.work.begin(_steps(screened), screened.tally.participants)

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


THRESHOLDS_LEAD = _(
    "How many would be left at every value of one threshold, everything else as it is now. Between the lines lie the "
    "participants of whom something is unknown. The dotted line is the present value."
)


class ThresholdPanel:
    """The curve of the threshold chosen."""

    def __init__(self, record: EligibilityRecord) -> None:
        self.threshold = widgets.Dropdown(options=thresholds(record), description=_("Threshold"))
        self.picture = Chart(pictures.threshold, description=_("Participants left over the range of a threshold"))
        self.words = elements.html("", role="status")
        self.view = elements.section(_("Thresholds"), self.threshold, self.picture, self.words, lead=THRESHOLDS_LEAD)
        self._shown: Screened | None = None
        self._kept: tuple[tuple[Any, ...], Curve] | None = None
        self.threshold.observe(self._again, "value")

    def show(self, screened: Screened) -> None:
        """Follow the threshold over its range in one pass."""
        self._shown = screened
        name = str(self.threshold.value)
        parameter = next(item for item in screened.record.parameters if item.id == name)
        found = self._curve(screened, parameter)
        rows = curve_rows(found, parameter)
        self.picture.draw(rows, label=screened.label(name))
        self.words.value = elements.dress(in_words(found, parameter), "status")

    def _curve(self, screened: Screened, parameter: Parameter) -> Curve:
        """Follow the threshold, unless nothing but the threshold itself has changed."""
        others = {name: value for name, value in screened.changed.items() if name != parameter.id}
        state = (screened.cohort, screened.phase, screened.off, parameter.id, others)
        if self._kept is None or self._kept[0] != state or float(parameter.value) not in self._kept[1].points:
            read, points = reader(screened.cohort), steps(parameter)
            found = curve(
                screened.record, screened.screening, read, parameter.id, points, screened.phase, screened.off
            )
            self._kept = state, found
        return self._kept[1]

    def _again(self, _change: Any) -> None:
        if self._shown is not None:
            self.show(self._shown)


def thresholds(record: EligibilityRecord) -> list[tuple[str, str]]:
    """List the thresholds that can change a criterion's verdict at enrolment, with the criteria they belong to."""
    return [
        (f"{', '.join(parameter.concerns)}: {parameter.label}", parameter.id)
        for parameter in record.parameters
        if not parameter.options and concerned(record, parameter.id)
    ]


def curve_rows(found: Curve, parameter: Parameter) -> pd.DataFrame:
    """Prepare the rows of the curve's picture; the lines are named where they lie apart."""
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


def in_words(found: Curve, parameter: Parameter) -> str:
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
    return " ".join(texts)


READINGS_LEAD = _(
    "Each place where the registry's words can be read in another way, tried on this cohort one at a time. To the "
    "right more would be left, to the left fewer: the wide bar counts those not excluded, the thin one those of whom "
    "everything is known and met. Those that decide most participants come first."
)


class ReadingsPanel:
    """What every other reading would change."""

    def __init__(self, ambiguities: Iterable[Ambiguity], trial: str, today: date) -> None:
        self.ambiguities, self.trial, self.today = tuple(ambiguities), trial, today
        self.picture = Chart(pictures.readings, description=_("What every other reading would change"))
        self.nothing, self.questions = elements.html(""), elements.html("")
        self.work = Work(self._found)
        self.view = elements.section(
            _("Readings of unclear words"),
            self.work.view,
            self.picture,
            self.nothing,
            self.questions,
            lead=READINGS_LEAD,
        )
        self._shown: Screened | None = None

    def show(self, screened: Screened) -> None:
        """Try every other reading."""
        self._shown = screened
        record, cohort, phase = screened.record, screened.cohort, screened.phase
        steps = tornado(
            lambda changed: cohort.screen(phase, **(screened.changed | changed)),
            other_readings(record.parameters),
            screened.off,
        )
        self.work.begin(steps, screened.tally.participants)

    def _found(self, found: pd.DataFrame) -> None:
        assert self._shown is not None  # noqa: S101 - work begins in show
        self.picture.draw(reading_rows(found, self._shown.record))
        idle = int((found["decided"] == 0).sum())
        text = ngettext(
            "{n} other reading changes nobody's answer.", "{n} other readings change nobody's answer.", idle
        )
        self.nothing.value = elements.dress(elements.note(text.format(n=idle)) if idle else "")
        self.questions.value = elements.dress(self._questions(found))

    def _questions(self, found: pd.DataFrame) -> str:
        named = found.dropna(subset=["ambiguity"])
        decided = {str(key): int(n) for key, n in zip(named["ambiguity"], named["by_ambiguity"], strict=True)}
        page = questions_page(self.trial, self.ambiguities, self.today, decided)
        return elements.download(
            _("Questions to the sponsor, counted"),
            "questions.html",
            page.encode(),
            "text/html",
        )


def signed(change: int) -> str:
    """Write how many more or fewer."""
    return f"{change:+,}".replace("-", "−") if change else "0"


def reading_rows(found: pd.DataFrame, record: EligibilityRecord) -> pd.DataFrame:
    """Prepare the rows of the picture, what decides most first; readings that change nobody are left out."""
    labels = {(p.id, option): (p.label, label) for p in record.parameters for option, label in p.options.items()}
    frame = found[found["decided"] > 0].sort_values("decided", ascending=False, kind="stable")
    change = frame["eligible_change"].astype(int)
    spoken = [labels[key] for key in zip(frame["parameter"], frame["option"], strict=True)]
    words = [
        _("{change}, all met {met} · decides {n:,} · {option}").format(
            change=signed(n), met=signed(met), n=d, option=option
        )
        for n, met, d, (_label, option) in zip(
            change, frame["confirmed_change"].astype(int), frame["decided"], spoken, strict=True
        )
    ]
    rows = frame["ambiguity"].fillna("–") + "|" + frame["parameter"] + "|" + frame["option"]
    return pd.DataFrame(
        {
            "row": rows.to_numpy(),
            "title": [label for label, _option in spoken],
            "order": range(len(frame)),
            "change": change.to_numpy(),
            "confirmed_change": frame["confirmed_change"].to_numpy(),
            "decided": frame["decided"].to_numpy(),
            "sign": ["more" if n > 0 else "fewer" if n < 0 else "as many" for n in change],
            "words": words,
        }
    )
