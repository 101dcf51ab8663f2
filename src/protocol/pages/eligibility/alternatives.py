"""Readings: how many participants each unclear word of the protocol decides, and the questions to ask about it."""

from collections.abc import Iterable
from datetime import date

import pandas as pd

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord
from protocol.eligibility.readings import other_readings, tornado
from protocol.exchange.questions import printable
from protocol.figures import eligibility_alternatives as pictures
from protocol.pages import elements
from protocol.pages.eligibility.screened import Screened
from protocol.pages.eligibility.work import Work
from protocol.records import Ambiguity
from protocol.translation import _, ngettext

LEAD = _(
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
            _("Readings of unclear words"), self.work.view, self.picture, self.nothing, self.questions, lead=LEAD
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
        self.work.begin(steps, screened.planes.participants)

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
        page = printable(self.trial, self.ambiguities, self.today, decided)
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
