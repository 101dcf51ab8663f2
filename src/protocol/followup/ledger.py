"""The ledger: every visit with its window and its one status, for one participant or for thousands.

The axis of one visit, all days inclusive::

    opens              target             closes             closes + overdue
      |------ open ------|------ due -------|----- overdue -----|
    not yet  (before)                                             missed (after)     if it was not done
    early    (before)         in window           late           (after closes)      if it was done

``opens = target - window.before`` and ``closes = target + window.after``. The target day is due, and so is the
last day of the window: it is not overdue. Whether a visit is done on a day is judged on the same window. A visit
whose anchor has no date is *not yet known*; a visit of another frequency level is *not applicable*. Early
termination *cancels*: an infusion planned after the end of treatment, and a visit whose window was still open when
participation ended. Done visits stay done.

Elapsed days count from the first infusion (0 on that day). Study days have no zero: study day 1 is the day of the
first infusion and study day -1 the day before it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.followup.schedule import LAST_INFUSION, Days, FollowupRecord, Visit, shifted
from protocol.followup.windows import UNKNOWN, DateTable, Schedule, WindowDays, read_table
from protocol.records import ProtocolError
from protocol.translation import _, list_of

Dates = Mapping[str, date | None]

Columns = dict[str, NDArray[Any]]

STATUSES = (
    "not yet",
    "open",
    "due",
    "overdue",
    "missed",
    "early",
    "in window",
    "late",
    "not applicable",
    "not yet known",
    "cancelled",
)
"""The statuses of a visit on a day."""

_NOT_APPLICABLE = STATUSES.index("not applicable")

_DATES = ("opens", "target", "closes", "done", "today")


def statuses(window: WindowDays, done: Days, cancelled: NDArray[np.bool_], today: date) -> NDArray[np.intp]:
    """Return the status of visits; no other function decides it.

    Parameters
    ----------
    window : WindowDays
        The days of every visit, NaT where its anchor has no date.
    done : ndarray of datetime64[D]
        The days on which the visits took place, NaT where they did not.
    cancelled : ndarray of bool
        Visits that early termination would cancel.
    today : date
        The day that counts as today.

    Returns
    -------
    ndarray of int
        Places in :data:`STATUSES`, in the shape of `done`.
    """
    day, was_done = np.datetime64(today, "D"), ~np.isnat(done)
    cases = {
        "not yet known": np.isnat(window.target),
        "early": was_done & (done < window.opens),
        "late": was_done & (done > window.closes),
        "in window": was_done,
        "cancelled": cancelled,
        "not yet": day < window.opens,
        "open": day < window.target,
        "due": day <= window.closes,
        "overdue": day <= window.overdue_until,
    }
    codes = [STATUSES.index(name) for name in cases]
    return np.select(list(cases.values()), codes, STATUSES.index("missed"))


def study_day(elapsed_days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn elapsed days since the first infusion into study days, which have no zero."""
    return elapsed_days + (elapsed_days >= 0)


def timelines(record: FollowupRecord, table: pd.DataFrame, today: date) -> pd.DataFrame:
    """Return every visit of many participants with its window and its status today.

    Parameters
    ----------
    record : FollowupRecord
        What the protocol says about time.
    table : pandas.DataFrame
        One row a participant: ``participant``, ``frequency`` (the infusion frequency level), and dates in columns
        named by the ids of anchors and of visits. A visit's column says on which day it took place. Empty dates
        and absent columns are not known, and never guessed. A column ``missed`` may hold, for each participant,
        missed visits: visit id to the day on which the visit was found missed.
    today : date
        The day that counts as today.

    Returns
    -------
    pandas.DataFrame
        One row a participant and visit, in the table's order and by target day, unknown and inapplicable visits
        last. ``participant`` and what :func:`timeline` returns; columns of text are categorical.

    Raises
    ------
    ProtocolError
        As :func:`timeline`, naming the participant.
    """
    found_missed = _found_missed(table, today)
    given = read_table(record, table.drop(columns="missed", errors="ignore"), today)
    pieces = [piece for level in given.levels for piece in _group(record, given.at(level), level, today)]
    if not pieces:
        raise ProtocolError(_("table of dates"), _("no participants"), _("one row a participant"))
    frame = _frame(record, given, {name: np.concatenate([each[name] for each in pieces]) for name in pieces[0]})
    if found_missed:
        still = frame[frame["status"].isin(["not yet", "open", "due", "overdue"])]
        pairs = zip(still["participant"].astype(object), still["id"].astype(object), strict=True)
        frame.loc[still.index[[pair in found_missed for pair in pairs]], "status"] = "missed"
    return frame


def _found_missed(table: pd.DataFrame, today: date) -> set[tuple[str, str]]:
    """Return participant and visit of what was found missed up to today."""
    if "missed" not in table.columns:
        return set()
    rows = zip(table["participant"], table["missed"], strict=True)
    return {(str(name), visit) for name, missed in rows for visit, day in missed.items() if day <= today}


def timeline(
    record: FollowupRecord,
    dates: Dates,
    frequency: int,
    today: date,
    done: Dates | None = None,
    missed: Mapping[str, date] | None = None,
) -> pd.DataFrame:
    """Return every visit of one participant with its window and its status today.

    Parameters
    ----------
    record : FollowupRecord
        What the protocol says about time.
    dates : mapping of str to date or None
        Anchor id to the day on which it happened or is planned; a missing day is not guessed.
    frequency : int
        The participant's infusion frequency level.
    today : date
        The day that counts as today.
    done : mapping of str to date or None, optional
        Visit id to the day it took place. A visit that hangs on a visit counts from the day that one took place,
        and from its target day until then.
    missed : mapping of str to date, optional
        Visit id to the day on which the visit was found missed.

    Returns
    -------
    pandas.DataFrame
        One row a visit, by target day, unknown and inapplicable visits last: ``kind`` (infusion or visit),
        ``id``, ``name``, ``root`` (its anchor), ``hangs_on``, ``offset``, ``opens``, ``target``, ``closes``,
        ``done`` (datetime64[s]), ``elapsed_days`` and ``study_day`` (of the target; Int64), ``status``,
        ``procedures``, ``is_assumption``, ``origin``, ``window_origin``.

    Raises
    ------
    ProtocolError
        For an unknown anchor, visit or frequency, anchors out of order, a visit done in the future, at an anchor
        without a date or at another frequency level.
    """
    row = {"participant": "", "frequency": frequency, "missed": missed or {}, **dates, **(done or {})}
    frame = timelines(record, pd.DataFrame([row], dtype=object), today).drop(columns="participant")
    texts = frame.select_dtypes("category").columns
    return frame.astype(dict.fromkeys(texts, object))


def _group(record: FollowupRecord, given: DateTable, level: int, today: date) -> list[Columns]:
    """Return the columns of every visit, for the participants of one frequency level."""
    schedule = Schedule(record, given, level, np.datetime64(today, "D"))
    none, size = np.full(len(given), UNKNOWN, "datetime64[D]"), len(given)
    elsewhere = WindowDays.unknown(size), none, np.full(size, _NOT_APPLICABLE)
    pieces = []
    for place, visit in enumerate(record.all_visits):
        here = schedule.visits.get(visit.id)
        window, done, code = _judged(schedule, here, today) if here else elsewhere
        pieces.append(
            {
                "row": given.rows,
                "visit": np.full(size, place),
                "level": np.full(size, level),
                "opens": window.opens,
                "target": window.target,
                "closes": window.closes,
                "done": done,
                "status": code,
                "zero": given[record.first_infusion],
            }
        )
    return pieces


def _judged(schedule: Schedule, visit: Visit, today: date) -> tuple[WindowDays, Days, NDArray[np.intp]]:
    schedule.check_counted(visit)
    window, done = schedule.window(visit), schedule.done(visit)
    code = statuses(window, done, schedule.cancelled(visit), today)
    if schedule.roots[visit.id] == schedule.record.anchor("withdrawal"):  # not expected
        code = np.where(np.isnat(window.target), _NOT_APPLICABLE, code)
    return window, done, code


def _frame(record: FollowupRecord, given: DateTable, columns: Columns) -> pd.DataFrame:
    """Return the sorted table; texts are categorical, so that each text is stored once."""
    last = np.isnat(columns["target"]).astype(int) + (columns["status"] == _NOT_APPLICABLE)
    order = np.lexsort((columns["visit"], columns["target"], last, columns["row"]))
    columns = {name: values[order] for name, values in columns.items()}
    known = [item.level for item in record.frequencies]
    which = np.searchsorted(known, columns["level"]) * len(record.all_visits) + columns["visit"]
    texts = _texts(record)
    elapsed = (columns["target"] - columns["zero"]).astype("int64")
    nothing = np.isnat(columns["target"]) | np.isnat(columns["zero"])
    return pd.DataFrame(
        {"participant": pd.Categorical.from_codes(columns["row"], pd.Index(given.names, dtype=object))}
        | {name: _category(texts[name], which) for name in ("kind", "id", "name", "root", "hangs_on", "offset")}
        | {name: columns[name].astype("datetime64[s]") for name in ("opens", "target", "closes", "done")}
        | {
            "elapsed_days": pd.arrays.IntegerArray(elapsed, nothing),
            "study_day": pd.arrays.IntegerArray(study_day(elapsed), nothing.copy()),
            "status": pd.Categorical.from_codes(columns["status"], pd.Index(STATUSES, dtype=object)),
            "procedures": _category(texts["procedures"], which),
            "is_assumption": np.array(texts["is_assumption"])[which],
        }
        | {name: _category(texts[name], which) for name in ("origin", "window_origin")},
        copy=False,
    )


def _category(texts: list[Any], which: NDArray[np.intp]) -> pd.Categorical:
    codes, different = pd.factorize(np.array(texts, dtype=object))
    return pd.Categorical.from_codes(codes[which], pd.Index(different, dtype=object))


def _texts(record: FollowupRecord) -> dict[str, list[Any]]:
    """Describe every visit at every level, level by level in rising order."""
    procedures = {item.id: item.name for item in record.procedures}
    names = {LAST_INFUSION: _("Last infusion")}
    names |= {item.id: item.name for item in record.anchors} | {item.id: item.name for item in record.all_visits}
    rows = []
    for level in sorted(item.level for item in record.frequencies):
        here, roots = {visit.id: visit for visit in record.visits_at(level)}, record.roots(level)
        rows += [
            {
                "kind": "infusion" if visit.is_infusion else "visit",
                "id": visit.id,
                "name": visit.name,
                "root": roots.get(visit.id),
                "hangs_on": names[visit.hangs_on],
                "offset": visit.offset,
                "procedures": list_of(procedures[name] for name in visit.procedures),
                "is_assumption": visit.is_assumption,
                "origin": visit.origin,
                "window_origin": visit.window.origin,
            }
            for visit in (here.get(each.id, each) for each in record.all_visits)
        ]
    return {name: [row[name] for row in rows] for name in rows[0]}


def landmarks(record: FollowupRecord, dates: Dates, today: date) -> pd.DataFrame:
    """Return today, the anchors and the periods as rows for a figure.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (today, anchor or period), ``id``, ``name``, ``root``, ``opens``, ``target``, ``closes``,
        ``done``, ``today`` (datetime64[s]); the target of a period is its last day. Days that hang on an anchor
        without a date are NaT.
    """
    rows: list[dict[str, object]] = [{"kind": "today", "id": "today", "name": "Today", "today": today}]
    for anchor in record.anchors:
        day = dates.get(anchor.id)
        rows.append({"kind": "anchor", "id": anchor.id, "name": anchor.name, "root": anchor.id, "target": day})
    for period in record.periods:
        base, starts = dates.get(period.hangs_on), dates.get(period.starts)
        last = shifted(base, period.lasts) if base and starts else None
        rows.append(
            {
                "kind": "period",
                "id": period.id,
                "name": period.name,
                "root": period.hangs_on,
                "opens": last and starts,
                "target": last,
                "closes": last,
            }
        )
    return _dated(pd.DataFrame(rows).reindex(columns=["kind", "id", "name", "root", *_DATES]))


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with date columns in seconds: nanoseconds end in the year 2262."""
    for column in set(_DATES) & set(frame.columns):
        days = [None if pd.isna(day) else day for day in frame[column]]
        frame[column] = pd.Series(pd.array(days, dtype="datetime64[s]"), index=frame.index)
    return frame
