"""The effect in the trial as one reader may see it: single participants by permission, figures of groups for all.

A group of few participants, and a count of few, is hidden from those who see figures only.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from protocol.display import FEW
from protocol.effect.adverse_events import ANY, TOTAL, overview, tabulate_events
from protocol.effect.checks import whole
from protocol.effect.counts import units
from protocol.effect.grades import grade, grade_limits
from protocol.effect.incidence import Curve, cumulative_incidence
from protocol.effect.observations import TRANSFUSIONS, Observations, draws, elapsed_days, exposure, recoveries
from protocol.effect.recovery import NEVER, STATUSES, Definition, event_times, nadir
from protocol.effect.reporting_clocks import reports_of
from protocol.translation import _

EVENTS = {1: "recovery", 2: "death", 3: "relapse"}
"""Numbers of the events of :meth:`Summaries.incidence`: the recovery and what competes with it."""

SEVERE = 3
"""Lowest grade that is told apart in pictures."""

HIDDEN = -1
"""In place of a count from 1 to 4 that the reader may not see."""


@dataclass(frozen=True, eq=False)
class Incidence:
    """Cumulative incidence of recovery and of what competes with it.

    Parameters
    ----------
    curves : list of Curve
        By group and event; the events are numbered by :data:`EVENTS`.
    left_out : dict of str to int
        Why participants are not counted, and how many.
    hidden : tuple of str
        Groups that are too small for this reader.
    """

    curves: list[Curve]
    left_out: dict[str, int]
    hidden: tuple[str, ...]


class Summaries:
    """What was observed, as one reader may see it on a day.

    Parameters
    ----------
    observations : Observations
        Of everybody.
    as_of : date
        The day that counts as today.
    sees : callable, optional
        Whether the reader sees single participants of a site, by its name; all without it.
    groups : sequence of str
        The regimens in their order.

    Attributes
    ----------
    own : Observations
        Of the treated participants that the reader sees one by one.
    exact : bool
        Whether no participant, and so no count, is hidden.
    """

    def __init__(
        self,
        observations: Observations,
        as_of: date,
        sees: Callable[[str], bool] | None = None,
        groups: Sequence[str] = (),
    ) -> None:
        self._enrolled, self._all = observations, observations.treated
        self.as_of, self.exact, self._sees = as_of, sees is None, sees
        self._tables = dict[str, pd.DataFrame]()
        self.own = (
            self._all if sees is None else self._all.where(lambda people: people["site"].map(sees).astype(bool))
        )
        seen = self._all.participants["regimen"].drop_duplicates().tolist()
        self.groups = tuple(name for name in groups if name in seen) + tuple(n for n in seen if n not in groups)

    @property
    def treated(self) -> int:
        """Participants treated in the whole trial."""
        return len(self._all.participants)

    @cached_property
    def by_regimen(self) -> pd.DataFrame:
        """Participants treated by regimen and phase: regimen, phase, participants."""
        counted = self._all.participants.groupby(["regimen", "phase"], sort=False).size()
        return counted.rename("participants").reset_index()

    def _of_phase(self, phase: str) -> Observations:
        return self._all.where(lambda people: people["phase"] == phase)

    def hide(self, count: int) -> int:
        """Return a count as the reader may see it: :data:`HIDDEN` in place of 1 to 4."""
        return count if self.exact or not 0 < count < FEW else HIDDEN

    # Counts

    def lowest(self, analyte: str, limit: float) -> pd.DataFrame:
        """Return nadir and days below a limit of every participant that the reader sees; see :func:`nadir`."""
        return nadir(draws(self.own, analyte), limit)

    def days_below(self, analyte: str, limit: float) -> pd.DataFrame:
        """Summarise the days below a limit by regimen, each draw held until the next.

        Returns
        -------
        DataFrame
            One row for each regimen: group, participants (with draws), median, low and high (quartiles); missing for
            a group that is hidden or has no draw.
        """
        found = nadir(draws(self._all, analyte), limit)
        found["group"] = found["participant"].map(self._regimens)
        rows = []
        for name in self.groups:
            days = found.loc[(found["group"] == name) & (found["draws"] > 0), "days_below_carried_forward"].dropna()
            shown = len(days) and (self.exact or len(days) >= FEW)
            quartiles = days.astype(float).quantile([0.5, 0.25, 0.75]).tolist() if shown else [np.nan] * 3
            rows.append((name, self.hide(len(days)), *quartiles))
        return pd.DataFrame(rows, columns=["group", "participants", "median", "low", "high"])

    @cached_property
    def _regimens(self) -> Mapping[str, str]:
        return dict(self._all.participants[["participant", "regimen"]].itertuples(index=False, name=None))

    def transfusion_free(self, product: str, first: int, last: int) -> pd.DataFrame:
        """Count by regimen who had no transfusion on the elapsed days `first` to `last`, both included.

        A participant who was not followed up to the last day counts only after a transfusion. A participant without
        any record, of something given or of a day on which nothing was given, is not known.

        Returns
        -------
        DataFrame
            One row for each regimen: group, free, counted, unknown.
        """
        whole(last, _("last day"), first)
        people = self._all.participants
        given = self._all.given.assign(day=elapsed_days(self._all, self._all.given, "on"))
        inside = given["day"].between(first, last) & (given["what"] == TRANSFUSIONS[product])
        had = people["participant"].isin(given.loc[inside, "participant"])
        followed = elapsed_days(self._all, people, "last_seen") >= last
        free = ~had & followed & people["participant"].isin(given["participant"])
        rows = []
        for name in self.groups:
            mine = people["regimen"] == name
            counted = int((mine & (free | had)).sum())
            shown = self.exact or counted >= FEW
            number = int((mine & free).sum()) if shown else HIDDEN
            rows.append((name, number, self.hide(counted), self.hide(int(mine.sum()) - counted)))
        return pd.DataFrame(rows, columns=["group", "free", "counted", "unknown"])

    # Recovery

    def recovered(self, definition: Definition | str) -> pd.DataFrame:
        """Return what is known of the recovery of every participant that the reader sees."""
        return recoveries(self.own, definition).table()

    def incidence(self, definition: Definition | str, by: str = "") -> Incidence:
        """Estimate the cumulative incidence of recovery, with death and relapse as competing events.

        Parameters
        ----------
        definition : Definition or str
        by : str
            "regimen" or "phase"; all together without it.
        """
        found = recoveries(self._all, definition)
        people = self._all.participants
        days = {
            number: elapsed_days(self._all, people, column).astype("float64").to_numpy()
            for number, column in ((2, "died"), (3, "relapsed"))
        }
        times = event_times(found, days, interim=True)
        left_out = {str(why): int(n) for why, n in times.loc[times["why"] != "", "why"].value_counts().items()}
        times["group"] = people[by].to_numpy() if by else ""
        known = times[times["time"].notna()]
        sizes = known["group"].value_counts()
        hidden = () if self.exact else tuple(sorted(map(str, sizes.index[sizes < FEW])))
        known = known[~known["group"].isin(hidden)]
        if known.empty:
            return Incidence([], left_out, hidden)
        groups = known["group"].tolist() if by else None
        curves = cumulative_incidence(known["time"].astype(float), known["event"].astype(int), groups)
        order = {name: place for place, name in enumerate(self.groups)}
        return Incidence(sorted(curves, key=lambda one: (order.get(one.group, 0), one.event)), left_out, hidden)

    def outcomes(self, phase: str, definition: Definition | str, by_day: int, window_days: int) -> pd.DataFrame:
        """Return response and toxicity of the participants of a phase, in the order of the first infusion.

        A response is a recovery that begins on `by_day` or before; death and relapse before it are none. Who was
        never below the limit has neither, and is left out. A toxicity is a DLT, assessed as one or an event that is
        one; that there was none is known when the window is over and was assessed.

        Returns
        -------
        DataFrame
            response, toxicity: each True, False, or missing while it is not known. No study id is in it.
        """
        own = self._of_phase(phase)
        if own.participants.empty:
            return pd.DataFrame({"response": [], "toxicity": []}, dtype=object)
        response, applies = _responses(own, definition, by_day)
        frame = pd.DataFrame({"response": response, "toxicity": _toxicities(own, window_days)}, dtype=object)
        order = np.argsort(own.participants["first_infusion"].to_numpy(), kind="stable")
        kept: pd.DataFrame = frame.iloc[order][applies[order]].reset_index(drop=True)
        return kept

    # Adverse events

    def events_by_term(self, phase: str = "") -> pd.DataFrame:
        """Tabulate adverse events by term, highest grade and regimen; see :func:`tabulate_events`.

        Counts of few are :data:`HIDDEN` for those who see figures only, and rates with them are missing.
        """
        found = self._tabulated(phase).copy()
        if self.exact:
            return found
        counts = [name for name in found.columns if name.startswith("grade_")] + ["any_grade", "events"]
        few = found["any_grade"].between(1, FEW - 1)
        found[counts] = found[counts].map(self.hide)
        found.loc[few, ["rate", "low", "high", "event_rate"]] = np.nan
        return found

    def _tabulated(self, phase: str) -> pd.DataFrame:
        """Tabulate the events of a phase once; a summary does not change."""
        if phase not in self._tables:
            people, events = exposure(self._of_phase(phase) if phase else self._all)
            present = set(people["group"])
            groups = [name for name in self.groups if name in present]
            self._tables[phase] = tabulate_events(people, events, groups=groups)
        return self._tables[phase]

    def severe_rates(self, phase: str = "") -> pd.DataFrame:
        """Return the rates of events of grade 3 or more in total, as of all events.

        Returns
        -------
        DataFrame
            One row a term: term, having (participants), rate, low, high (per 100 participant-days at risk; missing
            where the count is hidden).
        """
        people, events = exposure(self._of_phase(phase) if phase else self._all)
        people = people.assign(group=TOTAL)  # one group: its rows are the totals
        severe = events[events["grade"] >= SEVERE]
        found = (
            tabulate_events(people, severe, groups=[TOTAL])
            if len(people)
            else pd.DataFrame(columns=["term", "group"])
        )
        found = found[(found["group"] == TOTAL) & (found["term"] != ANY)].drop_duplicates("term")
        found = found.rename(columns={"any_grade": "having"})
        found = found.reindex(columns=["term", "having", "rate", "low", "high"]).reset_index(drop=True)
        few = found["having"].map(self.hide) == HIDDEN
        found.loc[few, ["rate", "low", "high"]] = np.nan
        return found.assign(having=found["having"].map(self.hide))

    def events_overview(self) -> pd.DataFrame:
        """Return the overview of adverse events in total; see :func:`overview`."""
        people, events = exposure(self._all)
        found = overview(people, events)
        found = found[found["group"] == TOTAL].reset_index(drop=True)
        for name in ("participants", "events"):
            found[name] = found[name].map(self.hide)
        return found

    def having(self, terms: Collection[str]) -> int:
        """Count the participants with an adverse event of some terms from the first infusion on."""
        _people, events = exposure(self._all)
        return self.hide(int(events.loc[events["term"].isin(terms), "participant"].nunique()))

    def events_of_participants(self) -> pd.DataFrame:
        """Return the adverse events that the reader sees, with their elapsed days.

        Returns
        -------
        DataFrame
            The columns of ``own.events``, with regimen, site, onset_day and end_day (missing while it lasts).
        """
        people = self.own.participants.set_index("participant")
        listed = self.own.events.copy()
        for name in ("regimen", "site"):
            listed[name] = listed["participant"].map(people[name])
        for name in ("onset", "end"):
            listed[f"{name}_day"] = elapsed_days(self.own, listed, name)
        return listed

    def reports(self, country: str) -> pd.DataFrame:
        """Return what is to be reported of the serious adverse events that the reader sees; see :func:`reports_of`.

        Parameters
        ----------
        country : str
            One of :func:`reporting_rules`.
        """
        sites = self._enrolled.participants.set_index("participant")["site"]
        listed = self._enrolled.events.assign(site=self._enrolled.events["participant"].map(sites))
        if self._sees is not None:
            listed = listed[listed["site"].map(self._sees).astype(bool)]
        return reports_of(listed, self.as_of, country)

    # Lots

    def lots(self) -> list[str]:
        """Return the lots that were infused, by name."""
        return sorted(set(self._all.infusions["lot"]) - {""})

    def received(self, lot: str) -> tuple[pd.DataFrame, int]:
        """Return the infusions of a lot that the reader sees, and the number of participants of other sites.

        The rows have the columns of ``own.infusions``, with regimen and site.
        """
        people = self.own.participants.set_index("participant")
        rows = self.own.infusions[self.own.infusions["lot"] == lot].copy()
        for name in ("regimen", "site"):
            rows[name] = rows["participant"].map(people[name])
        everyone = self._all.infusions.loc[self._all.infusions["lot"] == lot, "participant"]
        return rows, self.hide(int(everyone.nunique() - rows["participant"].nunique()))


def _responses(own: Observations, definition: Definition | str, by_day: int) -> tuple[Any, Any]:
    """Return the response of each participant, and to whom it applies."""
    found = recoveries(own, definition)
    status = np.array(STATUSES)[found.status]
    ended = np.full(status.size, float(NEVER))
    for column in ("died", "relapsed"):
        day = elapsed_days(own, own.participants, column).astype("float64").to_numpy()
        ended = np.fmin(ended, day)
    response = np.full(status.size, None, dtype=object)
    begun = found.day <= by_day
    may_begin = np.minimum(found.earliest, found.open_from) <= np.minimum(by_day, ended - 1)
    over = (found.follow_up_end >= by_day) | (ended <= by_day)
    response[over & ~may_begin] = False
    response[begun & (found.day <= ended)] = True
    response[(status == "unknown") & (found.earliest >= NEVER)] = None  # no draw, or no word of transfusions
    return response, status != "never_below"


def _toxicities(own: Observations, window_days: int) -> Any:
    """Return the toxicity of each participant: a DLT counts at once, no DLT when the window is over and assessed."""
    people = own.participants
    day = elapsed_days(own, own.events, "onset")
    dlts = own.events["dlt"].fillna(False).astype(bool) & day.between(0, window_days - 1)
    having = people["dlt_on"].notna() | people["participant"].isin(own.events.loc[dlts, "participant"])
    complete = elapsed_days(own, people, "assessed").fillna(-1) >= window_days - 1
    return [
        True if bad else False if whole_window else None for bad, whole_window in zip(having, complete, strict=True)
    ]


def graded(observations: Observations, analyte: str, version: str) -> pd.DataFrame:
    """Return the counts of one analyte with their elapsed days and CTCAE grades.

    Returns
    -------
    DataFrame
        participant, day, value, unit, grade (missing where it cannot be known), why.
    """
    own = observations.treated
    rows = own.counts[own.counts["analyte"] == analyte]
    frame = rows[["participant", "value", "unit"]].assign(day=elapsed_days(own, rows, "on")).reset_index(drop=True)
    term, _limits = grade_limits(analyte, version)
    if not term or frame.empty:
        return frame.assign(grade=pd.array([pd.NA] * len(frame), dtype="Int64"), why="")
    limits = rows["normal_limit"].to_numpy(float)
    found = grade(term, frame["value"], units(analyte)[0], version=version, normal_limit=limits).table()
    return frame.assign(grade=found["grade"].to_numpy(), why=found["why"].to_numpy())
