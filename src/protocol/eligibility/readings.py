"""What each unclear word of the protocol decides: every reading tried against the present one."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from protocol.eligibility.bits import Words, size
from protocol.eligibility.criteria import Parameter
from protocol.eligibility.masks import CohortScreening
from protocol.eligibility.planes import pack
from protocol.eligibility.tally import Tally

Screen = Callable[[dict[str, str]], CohortScreening]
"""Screens the same cohort with some readings changed, everything else as it is."""


class Reading(NamedTuple):
    """One other reading of one ambiguity."""

    parameter: Parameter
    option: str


def other_readings(parameters: Iterable[Parameter]) -> list[Reading]:
    """Return every reading that is not the present one."""
    return [Reading(p, option) for p in parameters if p.options for option in p.options if option != p.value]


def tornado(
    screen: Screen, readings: Iterable[Reading], off: Collection[str] = ()
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Try the readings one at a time; yields the table so far and the part that is done, so that it can be stopped.

    Parameters
    ----------
    screen : callable
        Takes the changed readings by parameter id.
    readings : iterable of Reading
    off : collection of str
        Criteria switched off.

    Yields
    ------
    pandas.DataFrame
        ambiguity (register id or None), parameter, option; confirmed, possible (participants); confirmed_change,
        possible_change, eligible_change (against the present reading; eligible is confirmed or possible); decided
        (participants whose answer changes), by_ambiguity (participants whose answer changes under any of the
        ambiguity's readings tried so far).
    float
        0 to 1.
    """
    readings, rows = list(readings), list[dict[str, object]]()
    present = Tally(pack(screen({})), off)
    changed: dict[str, Words] = {}
    for done, (parameter, option) in enumerate(readings, start=1):
        tally = Tally(pack(screen({parameter.id: option})), off)
        moved = (present.excluded ^ tally.excluded) | (present.open ^ tally.open)
        key = parameter.ambiguity or parameter.id
        changed[key] = changed.get(key, moved) | moved
        names: dict[str, object] = {"ambiguity": parameter.ambiguity, "parameter": parameter.id, "option": option}
        rows.append(names | {"key": key, "decided": size(moved)} | _compared(tally, present))
        frame = pd.DataFrame(rows)
        decided = {key: size(who) for key, who in changed.items()}
        yield frame.assign(by_ambiguity=frame["key"].map(decided)).drop(columns="key"), done / len(readings)


def _compared(tally: Tally, present: Tally) -> dict[str, object]:
    now, before = tally.totals, present.totals
    change = {name: now[name] - before[name] for name in ("confirmed", "possible")}
    return {
        "confirmed": now["confirmed"],
        "possible": now["possible"],
        "confirmed_change": change["confirmed"],
        "possible_change": change["possible"],
        "eligible_change": change["confirmed"] + change["possible"],
    }
