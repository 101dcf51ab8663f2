"""The status of a trial as one reader may see it: figures for all readers, single participants by permission.

What the reader may not see is left out here: a page receives a briefing and not the log.

Days are calendar days in the time zone of the trial. "Since" the day of a decision means: recorded after that
decision, even on the same day, because the committee did not know it. Since any other day means: recorded on a later
day.
"""

import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from protocol.conduct import (
    AWAITED,
    NOT_EVALUABLE,
    Entry,
    Head,
    Participant,
    Reader,
    State,
    TrialSoFar,
    dlt_windows,
    fold,
    next_cohort,
    outcome_notation,
    participant_status,
    staggered_until,
)
from protocol.conduct.labels import KINDS
from protocol.display import FEW, FEW_TEXT, Displayed
from protocol.escalation import (
    Awaited,
    Design,
    Grid,
    NextAction,
    Outcomes,
    enrolment_stopped,
    escalation_over,
    next_action,
)
from protocol.followup import agenda, timelines
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial, dates_of, escalating, log_rules, reports_due, so_far_of

COUNTS = {
    "screened": _("screened"),
    "consented": _("consented"),
    "enrolled": _("enrolled"),
    "treated": _("treated"),
    "in window": _("in the DLT window"),
    "unassessed": _("DLT assessment missing"),
    "not evaluable": _("left, not evaluable"),
    "evaluable": _("evaluable"),
    "dlts": _("with a DLT"),
    "withdrawn": _("left the trial"),
}
"""Counts of participants and their labels on every page and in every file. `unassessed`: the DLT window is over and
its assessment is missing; `not evaluable`: left before the end of the window."""

_BY_REGIMEN = [*COUNTS][2:-1]


WAITED = {
    "places": _("free places: {n}"),
    "enrolled": _("first infusions: {n}"),
    "in DLT window": _("ends of a DLT window: {n}"),
    "assessment missing": _("missing DLT assessments: {n}"),
}
"""What a recommendation waits for, in words without study ids."""


@dataclass(frozen=True)
class NextInfusion:
    """When the participants of the open cohort may have the first infusion.

    Attributes
    ----------
    regimen : str
    days : int
        How long the first participant is observed alone.
    of : str
        The first participant of a ``cohort`` or of a ``regimen``.
    until : date or None
        The first day for the others; None while nobody has had the first infusion.
    waiting : tuple of str
        Those enrolled without an infusion, as far as the reader may see them.
    others : int
        How many more there are.
    """

    regimen: str
    days: int
    of: str
    until: date | None
    waiting: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class KnownThen:
    """What was known of the open regimen when the committee decided.

    Attributes
    ----------
    regimen : str or None
        Open until then; None before the first decision and after a stop.
    evaluable, dlts, pending : int
        Participants enrolled there: with an outcome, with a DLT, and without an outcome yet.
    """

    regimen: str | None
    evaluable: int = 0
    dlts: int = 0
    pending: int = 0


@dataclass(frozen=True, repr=False)
class Briefing(Displayed):
    """The status of a trial on a day, as one reader may see it.

    Attributes
    ----------
    reader : Reader
    as_of : date
    invented : bool
    head : Head
        The head of the log as far as it was read.
    counts : dict of str to int
        Numbers of participants, by :data:`COUNTS`.
    open_regimen : str or None
        None if the committee stopped enrolment, or declared the regimen of the phase that follows.
    declared : mapping of str to str, or None
        What the committee declared last: ``phase, regimen, on, advised, why, decided_by``.
    notation : str
        The complete outcomes, ``A1:NNN B1:NTN``.
    regimens : DataFrame
        Of the escalation, as the notation: ``regimen, enrolled, treated, in window, unassessed, not evaluable,
        evaluable, dlts``, in the order of the
        grid.
    action : NextAction
        What the trial should do next, and whom it waits for; it names participants only if the reader may see them.
    waiting : DataFrame
        Whom the next decision waits for: ``participant`` (empty if the reader may not see it), ``site``, ``regimen``,
        ``window_ends``, ``progress`` (one of :data:`protocol.conduct.AWAITED`).
    free_places : int
        Places left in the cohort that was opened last; a participant who left and is not evaluable does not fill one.
    earliest : date or None
        First day on which the next decision can be taken; None while it is not known.
    visits : DataFrame
        ``site, overdue, due, open``: visits that need action.
    funnel, reasons, sites, decisions : DataFrame
        ``step, participants``; ``criterion, participants``; ``site, screened, enrolled, treated, dlts``;
        ``day, recommended`` (a regimen, None to stop, or in words that nothing was), ``chosen, why, decided_by,
        seen`` (DLTs of those enrolled under it, in words).
    recruitment : DataFrame
        ``day, enrolled``: how many were enrolled by the end of each week with an enrolment, and until now.
    reports : DataFrame
        What is to be reported of serious adverse events, of the participants that the reader may see: the columns of
        :func:`protocol.effect.reports_of`, without those of which nothing is left to do.
    report_counts : mapping of str to str
        How many reports of the whole trial are ``late`` and ``due``; few are hidden from those who do not see all.
    next_infusion : NextInfusion or None
        When the participants of the open cohort may have the first infusion, if the record has a rule that the first
        one is observed alone; None without such a rule, and when the escalation enrols nobody.
    last_meeting : date
        The day of the last decision. Before the first one the day before the log began, so that everything counts as
        new.
    so_far : TrialSoFar or None
        The participants that the reader may see; None if there are none.
    left_out : tuple of str
        A sentence for each participant whose dates are wrong and who is not counted in `visits`; it names the
        participant only if the reader may see it.
    """

    reader: Reader
    as_of: date
    invented: bool
    head: Head
    counts: dict[str, int]
    open_regimen: str | None
    notation: str
    regimens: pd.DataFrame
    action: NextAction
    waiting: pd.DataFrame
    free_places: int
    earliest: date | None
    visits: pd.DataFrame
    funnel: pd.DataFrame
    reasons: pd.DataFrame
    sites: pd.DataFrame
    decisions: pd.DataFrame
    recruitment: pd.DataFrame
    last_meeting: date
    so_far: TrialSoFar | None
    left_out: tuple[str, ...]
    declared: Mapping[str, Any] | None = None
    next_infusion: "NextInfusion | None" = None
    reports: pd.DataFrame = field(default_factory=pd.DataFrame)
    report_counts: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the day, the open regimen and the number of enrolled participants."""
        now = self.open_regimen or "enrolment stopped"
        if self.declared:
            now = f"phase {self.declared['phase']} at {self.declared['regimen']}"
        return f"Briefing({self.as_of}, {now}, {self.counts['enrolled']} enrolled)"

    def table(self) -> pd.DataFrame:
        """Return the counts of participants, one row each: ``what``, ``participants``."""
        return pd.DataFrame([*self.counts.items()], columns=["what", "participants"])

    @property
    def waits_for(self) -> dict[str, int]:
        """What a recommendation waits for, with counts, as a decision records it."""
        if self.open_regimen is None:
            return {}
        places = {"places": self.free_places} if self.free_places else {}
        return places | {str(name): int(n) for name, n in self.waiting["progress"].value_counts(sort=False).items()}


def brief(
    trial: Trial, state: State, reader: Reader, as_of: date, invented: bool = False, overdue: bool = True
) -> Briefing:
    """Return the status of a trial as one reader may see it.

    Parameters
    ----------
    trial : Trial
    state : State
        The state after the log.
    reader : Reader
        What this reader may not see is left out.
    as_of : date
        The day that counts as today.
    invented : bool
        Whether this is the example: every reader may see its participants.
    overdue : bool
        Whether to count the visits that need action, which takes longest.
    """
    escalation = trial.escalation
    so_far = so_far_of(state, trial, as_of, invented)
    in_escalation, window_days = escalating(trial, so_far), escalation.dlt_window_days.value
    everybody, table = _status(so_far, window_days), _status(in_escalation, window_days)
    declared = _declared(state)
    stopped = bool(declared) or (bool(state.decisions) and state.open_regimen is None)
    sees = every_site if invented or reader.sees_all else reader.sees
    design, outcomes = escalation.designed(), Outcomes.parse(escalation.grid, outcome_notation(table))
    waiting, free_places = (table.iloc[:0][_WAITING], 0) if declared else _waiting(state, so_far, table, design)
    waiting = waiting.copy()
    waiting["participant"] = waiting["participant"].where(waiting["site"].map(sees).astype(bool), "")
    awaited = _awaited(escalation.grid, waiting)
    current = escalation.grid.index(so_far.open_regimen)
    if declared:
        action = escalation_over(declared["regimen"], declared["phase"])
    else:
        action = enrolment_stopped() if stopped else next_action(design, outcomes, current, awaited, free_places)
    visits, left_out = _visits(trial, so_far, sees, overdue)
    reports, report_counts = _reports(trial, state, as_of, sees) if overdue else (pd.DataFrame(), {})
    return Briefing(
        reader=reader,
        as_of=as_of,
        invented=invented,
        head=state.head,
        counts=_counts(state, everybody),
        open_regimen=None if stopped else so_far.open_regimen,
        notation=outcome_notation(table),
        regimens=_regimens(table, escalation.grid.labels),
        action=action,
        waiting=waiting,
        free_places=free_places,
        earliest=None if declared else _earliest(trial, in_escalation, waiting, free_places),
        visits=visits,
        funnel=_funnel(state, everybody),
        reasons=_reasons(trial, state, sees is every_site),
        sites=_sites(trial, so_far, everybody, sees),
        decisions=decided(state, table),
        recruitment=_recruitment(everybody, as_of),
        last_meeting=_last_meeting(trial, state, as_of),
        so_far=_visible(so_far, sees),
        left_out=left_out,
        declared=declared,
        next_infusion=None if stopped else _next_infusion(trial, state, so_far, as_of, sees),
        reports=reports,
        report_counts=report_counts,
    )


def changes(trial: Trial, entries: Sequence[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """Return the counts of a day beside the present ones.

    Returns
    -------
    pandas.DataFrame
        One row for each of :data:`COUNTS`: ``what``, ``before`` (as known on that day), ``now``.
    """
    later = _later(trial, entries, since)
    known = fold(entry for entry in entries if not later(entry))
    before = brief(trial, known, now.reader, since, now.invented, overdue=False).counts
    return pd.DataFrame(
        [(name, before[name], now.counts[name]) for name in COUNTS], columns=["what", "before", "now"]
    )


def _later(trial: Trial, entries: Iterable[Entry], since: date) -> Callable[[Entry], bool]:
    """Return a test: was an entry recorded after a day, or on it after the decision of that day."""
    decisions = fold(entry for entry in entries if entry.kind in ("decision", "correction")).decisions
    met = [entry for entry in decisions if entry.content["on"] == since.isoformat() == str(trial.day_of(entry))]
    last = met[-1].sequence if met else sys.maxsize
    return lambda entry: (day := trial.day_of(entry)) > since or (day == since and entry.sequence > last)


def news(trial: Trial, entries: Iterable[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """Return the entries since a day that a committee wants to see one by one.

    Returns
    -------
    pandas.DataFrame
        ``day`` (of the event), ``kind`` (dlt_assessed with a DLT, withdrawn, correction, decision, regimen_declared,
        or enrolled with a reason), ``regimen`` (of a decision the chosen one; empty if there is none),
        ``participant`` (empty if the reader may not see it), ``words`` (cause, code or reason; that of a participant
        only if the reader may see the participant), ``corrected`` (the entry that corrected it later, 0 for none),
        ``change`` (of a correction: what was recorded and what holds).
    """
    sees = every_site if now.invented or now.reader.sees_all else now.reader.sees
    entries = tuple(entries)
    state = fold(entries)
    later, regimens = _later(trial, entries, since), dict[str, str]()
    corrected = {old.sequence: correction.sequence for correction, old in state.corrections}
    changed = {correction.sequence: _change(correction, old) for correction, old in state.corrections}
    rows = []
    for entry in entries:
        content = entry.content
        person = entry.participant or ""
        if entry.kind == "enrolled":
            regimens[person] = content["regimen"]
        if not later(entry) or not _notable(entry):
            continue
        visible = not person or sees(entry.site)
        words = content.get("code") or content.get("cause") or (_free_words(entry) if visible else "")
        on = content.get("on") or entry.time[:10]
        more = corrected.get(entry.sequence, 0), changed.get(entry.sequence, "")
        named = content.get("chosen") or content.get("regimen") or ""
        regimen = named if entry.kind in ("decision", "regimen_declared") else regimens.get(person, "")
        rows.append((on, entry.kind, regimen, person if visible else "", words or "", *more))
    names = ["day", "kind", "regimen", "participant", "words", "corrected", "change"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def _change(correction: Entry, old: Entry) -> str:
    """Return what was recorded and what holds instead, without free text."""
    new = correction.content["replacement"]
    right = _what(new) if new else _("removed")
    return f"{_what(old.content)} → {right}"


def _what(content: Mapping[str, Any]) -> str:
    if content["kind"] == "dlt_assessed":
        what = _("DLT") if content["dlt"] else _("no DLT")
    else:
        what = KINDS[content["kind"]]
    return _("{what} ({detail})").format(what=what, detail=content["on"])


def _notable(entry: Entry) -> bool:
    return (
        entry.kind in ("withdrawn", "correction", "decision", "regimen_declared")
        or (entry.kind == "dlt_assessed" and entry.content["dlt"])
        or (entry.kind == "enrolled" and bool(entry.reason))
    )


def _free_words(entry: Entry) -> str:
    return str(entry.content.get("why") or entry.reason)


def decided(state: State, table: pd.DataFrame) -> pd.DataFrame:
    """Return the decisions, each with the outcomes of participants enrolled at its regimen until the next decision.

    Parameters
    ----------
    state : State
    table : DataFrame
        What :func:`protocol.conduct.participant_status` returns.

    Returns
    -------
    pandas.DataFrame
        ``day, recommended`` (a regimen, None to stop, or in words that nothing was), ``chosen`` (None to stop),
        ``why, decided_by, seen`` (DLTs of those enrolled under it, in words).
    """
    names = ["chosen", "why", "decided_by"]
    days = [entry.content["on"] for entry in state.decisions]
    by_regimen = _people_by(table, "regimen")
    rows = []
    for entry, first, after in zip(state.decisions, days, [*days, "9999"][1:], strict=True):
        here = by_regimen.get(entry.content["chosen"], ())
        *_others, complete, dlts = _numbers([one for one in here if first <= str(one["enrolled"]) < after])
        seen = f"{dlts}/{complete}" if complete else "–"
        rows.append((first, _recommended(entry.content), *(entry.content[name] for name in names), seen))
    return pd.DataFrame(rows, columns=["day", "recommended", *names, "seen"], dtype=object)


def known_then(trial: Trial, entries: Iterable[Entry], decision: Entry, invented: bool) -> KnownThen:
    """Return what was known on the day of a decision: what is recorded before it, of that day or an earlier one.

    Parameters
    ----------
    trial : Trial
    entries : iterable of Entry
        All of the log, in order.
    decision : Entry
        One of :attr:`protocol.conduct.State.decisions`.
    invented : bool
        Whether this is the example.
    """
    day, then = decision.content["on"], dict[int, Entry]()
    for entry in entries:
        known = entry.sequence < decision.sequence and entry.content.get("on", "") <= day
        if known and (entry.kind != "correction" or entry.content["of"] in then):
            then[entry.sequence] = entry
    before = fold(then.values())
    if before.open_regimen is None:
        return KnownThen(None)
    so_far = so_far_of(before, trial, date.fromisoformat(day), invented)
    table = _status(escalating(trial, so_far), trial.escalation.dlt_window_days.value)
    here = _people_by(table, "regimen").get(before.open_regimen, [])
    *_others, evaluable, dlts = _numbers(here)
    pending = sum(person["progress"] in AWAITED for person in here)
    return KnownThen(before.open_regimen, evaluable, dlts, pending)


def _recommended(decision: Mapping[str, Any]) -> str | None:
    """Return the recommended regimen, None to stop, or a sentence that nothing was recommended and why."""
    if "recommended" in decision:
        regimen: str | None = decision["recommended"]
        return regimen
    found = decision["waits_for"]
    waited = list_of(words.format(n=found[what]) for what, words in WAITED.items() if what in found)
    return _("nothing recommended (waits for {what})").format(what=waited) if waited else _("nothing recommended")


def ledgers(trial: Trial, so_far: TrialSoFar) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Return the visits of all participants; a participant with wrong dates does not hide the others.

    Returns
    -------
    DataFrame or None
        What :func:`protocol.followup.timelines` returns, None if there is no participant.
    dict of str to str
        Study id of each participant left out, to a sentence that says why.
    """
    people, left_out = so_far.participants, {}
    if not people:
        return None, {}
    try:
        return _ledger(trial, so_far, people), {}
    except ProtocolError:
        for person in people:
            try:
                _ledger(trial, so_far, (person,))
            except ProtocolError as error:
                words = _("The dates of {participant} cannot be used: {why}")
                left_out[person.id] = words.format(participant=person.id, why=error)
    rest = tuple(person for person in people if person.id not in left_out)
    return _ledger(trial, so_far, rest) if rest else None, left_out


def _ledger(trial: Trial, so_far: TrialSoFar, people: tuple[Participant, ...]) -> pd.DataFrame:
    return timelines(trial.followup, dates_of(trial, people), so_far.as_of)


def quiet(count: int) -> str:
    """Return a count in words, with 1 to 4 shown as a range."""
    return FEW_TEXT if 0 < count < FEW else str(count)


def every_site(_site: str) -> bool:
    """Return that participants of any site may be seen."""
    return True


def _status(so_far: TrialSoFar, window_days: int) -> pd.DataFrame:
    names = ["participant", "site", "regimen", "enrolled", "first_infusion", "window_ends", "treated", "progress"]
    table = participant_status(so_far, window_days)
    return table if len(table) else pd.DataFrame(columns=names, dtype=object)


def _counts(state: State, table: pd.DataFrame) -> dict[str, int]:
    histories = state.histories.values()
    numbers = (
        sum(bool(history.screenings) for history in histories),
        sum(history.consented is not None for history in histories),
        len(table),
        *_numbers(table.to_dict("records")),
        sum(history.withdrawn is not None for history in histories),
    )
    return dict(zip(COUNTS, numbers, strict=True))


def _people_by(table: pd.DataFrame, column: str) -> dict[str, list[dict[Hashable, Any]]]:
    """Return the rows of each value of a column; far quicker for some dozens of participants than by pandas."""
    found: dict[str, list[dict[Hashable, Any]]] = {}
    for person in table.to_dict("records"):
        found.setdefault(person[column], []).append(person)
    return found


def _regimens(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    people = _people_by(table, "regimen")
    rows = [(label, len(people[label]), *_numbers(people[label])) for label in labels if label in people]
    return pd.DataFrame(rows, columns=["regimen", *_BY_REGIMEN])


def _numbers(people: Iterable[Mapping[Hashable, Any]]) -> tuple[int, ...]:
    """Count those treated, in the window, unassessed, not evaluable, evaluable and with a DLT."""
    people = list(people)
    progress = Counter(person["progress"] for person in people)
    kinds = (["in DLT window"], ["assessment missing"], [NOT_EVALUABLE], ["evaluable", "DLT"], ["DLT"])
    return sum(person["treated"] for person in people), *(sum(progress[one] for one in kind) for kind in kinds)


def _waiting(state: State, so_far: TrialSoFar, table: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, int]:
    """Return the participants for whom the next decision waits, and the free places of the last cohort.

    A design that needs complete outcomes waits at every regimen, as :class:`protocol.escalation.TrialRules` does.
    """
    here = table[table["regimen"].eq(so_far.open_regimen)]
    opened = state.decisions[-1].content["on"] if state.decisions else "0001-01-01"
    staying = here[here["progress"].ne(NOT_EVALUABLE)]
    since = int((staying["enrolled"].astype(str) >= opened).sum()) if len(staying) else 0
    asked = here if design.reads_pending else table
    held = asked[asked["progress"].isin(AWAITED)]
    left = min(design.cohort_size - since, design.maximum - int(table["progress"].ne(NOT_EVALUABLE).sum()))
    return held[_WAITING].reset_index(drop=True), max(left, 0)


_WAITING = ["participant", "site", "regimen", "window_ends", "progress"]


def _declared(state: State) -> Mapping[str, Any] | None:
    return state.declarations[-1].content if state.declarations else None


def _next_infusion(
    trial: Trial, state: State, so_far: TrialSoFar, as_of: date, sees: Callable[[str], bool]
) -> NextInfusion | None:
    rules, regimen = log_rules(trial), so_far.open_regimen
    if rules.stagger is None:
        return None
    found = staggered_until(state.histories, state.decisions, rules, regimen, as_of)
    held = {
        name: one.site
        for name, one in state.histories.items()
        if one.regimen == regimen and rules.is_first(one.phase)
        if one.enrolled and not one.infusions and not one.withdrawn
    }
    named = tuple(sorted(name for name, site in held.items() if sees(site)))
    until = found[1] if found else None
    return NextInfusion(regimen, rules.stagger.days, rules.stagger.of, until, named, len(held) - len(named))


def _awaited(grid: Grid, waiting: pd.DataFrame) -> list[Awaited]:
    """Name who is waited for and until when; only counts if the reader may see none of them."""
    named = waiting["participant"].ne("").any()
    words = [_who(row) if named else "" for row in waiting.to_dict("records")]
    return [Awaited(grid.index(regimen), text) for regimen, text in zip(waiting["regimen"], words, strict=True)]


def _who(row: Mapping[Any, Any]) -> str:
    who = row["participant"] or _("a participant of another site")
    if row["progress"] == "assessment missing":
        return _("{who} (DLT assessment missing)").format(who=who)
    if row["window_ends"] is None or pd.isna(row["window_ends"]):
        return _("{who} (not infused yet)").format(who=who)
    return _("{what} ({detail})").format(what=who, detail=row["window_ends"])


def _earliest(trial: Trial, so_far: TrialSoFar, waiting: pd.DataFrame, free_places: int) -> date | None:
    review = timedelta(days=trial.followup.forecast.review_days.value)
    if free_places or waiting["window_ends"].isna().any() or waiting["progress"].eq("assessment missing").any():
        return None
    if len(waiting):
        last: date = max(waiting["window_ends"])
        return last + review
    size = trial.escalation.design.cohort_size.value
    table = next_cohort(dlt_windows(so_far, trial.escalation.dlt_window_days.value), size, review.days)
    found = table.loc[table["regimen"].eq(so_far.open_regimen), "earliest"].dropna()
    return next(iter(found), None)


def _visits(
    trial: Trial, so_far: TrialSoFar, sees: Callable[[str], bool], asked: bool
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return counts of visits that need action at each site, and a sentence for each participant with wrong dates."""
    names = [site.name for site in trial.sites] if asked else []
    counts = pd.DataFrame(0, index=names, columns=["overdue", "due", "open"])
    ledger, left_out = ledgers(trial, so_far) if asked else (None, {})
    sites = {person.id: person.site for person in so_far.participants}
    if ledger is not None:
        due = agenda(ledger, sites, so_far.as_of, 0)
        found = due.groupby(["site", "status"]).size().unstack(fill_value=0)
        counts = found.reindex(index=names, columns=counts.columns, fill_value=0)
    hidden = _("The dates of a participant cannot be used; the site can see whose they are and why.")
    told = tuple(words if sees(sites[name]) else hidden for name, words in left_out.items())
    return counts.rename_axis("site").reset_index(), told


def _reports(
    trial: Trial, state: State, as_of: date, sees: Callable[[str], bool]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the reports that are to be made, those that the reader sees, and how many there are in the trial."""
    found = reports_due(state, trial, as_of)
    found = found[found["task"] != ""]
    late = int(found["late"].sum())
    counts = {"late": late, "due": len(found) - late}
    told = {name: str(n) if sees is every_site else quiet(n) for name, n in counts.items()}
    return found[found["site"].map(sees).astype(bool)].reset_index(drop=True), told


def _funnel(state: State, table: pd.DataFrame) -> pd.DataFrame:
    counts = _counts(state, table)
    overall = Counter(history.overall for history in state.histories.values() if history.overall)
    rows = [
        ("screened", counts["screened"]),
        *((verdict, overall[verdict]) for verdict in ("ineligible", "possibly eligible", "eligible so far")),
        *((name, counts[name]) for name in ("consented", "enrolled", "treated", "evaluable")),
    ]
    return pd.DataFrame(rows, columns=["step", "participants"])


def _recruitment(table: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Count the enrolled by weeks, which are too coarse to tell one participant's day."""
    ends = sorted(min(day + timedelta(6 - day.weekday()), as_of) for day in table["enrolled"])
    counts = {day: number for number, day in enumerate(ends, start=1)}
    if counts:
        counts[as_of] = len(ends)
    return pd.DataFrame(list(counts.items()), columns=["day", "enrolled"], dtype=object)


def _last_meeting(trial: Trial, state: State, as_of: date) -> date:
    if state.decisions:
        return date.fromisoformat(state.decisions[-1].content["on"])
    return (trial.day_of(state.entries[0]) if state.entries else as_of) - timedelta(1)


def _reasons(trial: Trial, state: State, exact: bool) -> pd.DataFrame:
    """Count the criteria that exclude in each last screening; criteria counted with another one are left out."""
    counted = {criterion.id for criterion in trial.eligibility.criteria if criterion.counted_with is None}
    found: Counter[str] = Counter()
    for history in state.histories.values():
        found.update(name for name in history.excluded_by if name in counted)
    rows = [(name, count if exact else quiet(count)) for name, count in found.most_common()]
    return pd.DataFrame(rows, columns=["criterion", "participants"], dtype=object)


def _sites(trial: Trial, so_far: TrialSoFar, table: pd.DataFrame, sees: Callable[[str], bool]) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    people = _people_by(table, "site")
    for site in (site.name for site in trial.sites):
        own = people.get(site, [])
        treated, *_others, dlts = _numbers(own)
        numbers = (so_far.screened.get(site, 0), len(own), treated)
        if sees(site):
            rows.append((site, *numbers, dlts))
        else:
            rows.append((site, *map(quiet, numbers), "–"))
    return pd.DataFrame(rows, columns=["site", "screened", "enrolled", "treated", "dlts"], dtype=object)


def _visible(so_far: TrialSoFar, sees: Callable[[str], bool]) -> TrialSoFar | None:
    shown = tuple(person for person in so_far.participants if sees(person.site))
    if sees is every_site:
        return so_far
    return so_far.model_copy(update={"participants": shown}) if shown else None
