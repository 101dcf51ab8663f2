"""What a cohort's screening found, as tables for spreadsheets; each says under which reading of which rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility import CohortScreening, EligibilityRecord, Tally
from protocol.eligibility.screening_record import interpretation_id, rule_hash
from protocol.exchange.spreadsheet import csv
from protocol.records import Phase
from protocol.translation import _, list_of
from protocol.version import __version__


@dataclass(frozen=True)
class Stamp:
    """Under what a result was found.

    Attributes
    ----------
    trial : str
        The registry's id.
    phase : str
    as_of : date
        The day of the result.
    interpretation_id, rule_hash : str
        What the thresholds and readings were, and what the criteria were.
    software : str
        The version of the workbook.
    off : tuple of str
        Criteria that were switched off.
    changed : tuple of str
        Thresholds and readings that were not the record's own, in words.
    """

    trial: str
    phase: Phase
    as_of: date
    interpretation_id: str
    rule_hash: str
    software: str
    off: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def lines(self) -> dict[str, str]:
        """Return the stamp as labelled texts."""
        return {
            _("Trial"): self.trial,
            _("Phase"): self.phase,
            _("As of"): self.as_of.isoformat(),
            _("Interpretation"): self.interpretation_id,
            _("Rules"): self.rule_hash,
            _("Software"): self.software,
            _("Switched off"): " ".join(self.off) or "–",
            _("Changed"): list_of(self.changed, "; ") or "–",
        }


def stamp(
    record: EligibilityRecord,
    phase: Phase,
    as_of: date,
    trial: str,
    off: Sequence[str] = (),
    changed: Sequence[str] = (),
) -> Stamp:
    """Stamp a result found with a record's present parameters.

    Parameters
    ----------
    record : EligibilityRecord
        With the thresholds and readings used.
    phase : str
    as_of : date
    trial : str
    off : sequence of str
        Criteria switched off.
    changed : sequence of str
        The thresholds and readings that are not the record's own, in words.
    """
    rules = interpretation_id(record), rule_hash(record)
    return Stamp(trial, phase, as_of, *rules, __version__, tuple(off), tuple(changed))


def screening_log(screening: CohortScreening, under: Stamp, tally: Tally) -> bytes:
    """Write one line per participant: the answer, and the criteria that fail, are unknown or do not apply.

    Criteria switched off are left out of the answer and of the lists; a mirror counts with its criterion.
    """
    on = set(tally.on)
    counted = {i: c.id for i, c in enumerate(screening.criteria) if on & {c.id, c.mirrors}}
    found = (screening.fail, screening.unknown, screening.not_applicable)
    fail, unknown, absent = (_listed(flags, counted) for flags in found)
    answer = np.where(
        fail != "", _("not eligible"), np.where(unknown != "", _("possibly eligible"), _("eligible so far"))
    )
    frame = pd.DataFrame(
        {
            _("Participant"): list(screening.participants),
            _("Answer"): answer,
            _("Excludes"): fail,
            _("Unknown"): unknown,
            _("Not applicable"): absent,
        }
    )
    return _written(frame, under)


def _listed(flags: NDArray[np.bool_], counted: Mapping[int, str]) -> NDArray[Any]:
    """Spell out each participant's criteria."""
    texts = np.full(len(flags), "", dtype=object)
    for i, criterion in counted.items():
        texts[flags[:, i]] += f" {criterion}"
    return np.array([text[1:] for text in texts], dtype=object)


def attrition(tally: Tally, order: str | Sequence[str], under: Stamp) -> bytes:
    """Write one line per criterion in the order shown: lost here, left, and each criterion's counts on its own."""
    funnel = tally.funnel(order).drop(columns=["title", "fails", "only_reason"])
    frame = funnel.merge(tally.criteria(), on="criterion", how="left")
    names = {
        "criterion": _("Criterion"),
        "title": _("About"),
        "excluded": _("First excluded here"),
        "remaining": _("Not excluded so far"),
        "confirmed": _("Of these, everything known and passed"),
        "fails": _("Excluded by this, alone or with others"),
        "only_reason": _("Excluded by this alone"),
        "share": _("Share of the exclusions"),
        "gain": _("More left without it"),
        "unknown": _("Unknown"),
        "decides": _("Decided by this alone when found out"),
    }
    first = dict.fromkeys(names.values(), "") | {_("Criterion"): _("all participants")}
    first[names["remaining"]] = str(tally.totals["participants"])
    table = frame.rename(columns=names)[list(names.values())].round(2).astype(object)
    return _written(pd.concat([pd.DataFrame([first]), table], ignore_index=True), under)


def groups(rates: pd.DataFrame, titles: dict[str, str], under: Stamp) -> bytes:
    """Write the comparison of groups as shown: hidden numbers stay hidden, and none says for itself why."""
    why = _("hidden: a number from 1 to 9, or one that would give such a number away")
    shown = rates.assign(title=rates["criterion"].map(titles), hidden=rates["hidden"].map({True: why}))
    names = {
        "criterion": _("Criterion"),
        "title": _("About"),
        "group": _("Group"),
        "size": _("Participants"),
        "fails": _("Excluded"),
        "rate": _("Rate"),
        "low": _("Lower bound (95 %)"),
        "high": _("Upper bound (95 %)"),
        "difference": _("Standardised difference from all others"),
        "ratio": _("Ratio to all others"),
        "hidden": _("Hidden"),
    }
    return _written(shown.reindex(columns=list(names)).rename(columns=names).round(4), under)


def _written(frame: pd.DataFrame, under: Stamp) -> bytes:
    return csv(frame.assign(**under.lines()))
