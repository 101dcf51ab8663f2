"""The figures of a briefing in words, as tables of a page or a file, and as rows of the pictures."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from protocol.briefing import COUNTS, Briefing
from protocol.conduct.labels import KINDS, OVERALL
from protocol.display import FEW
from protocol.escalation import Outcomes
from protocol.exchange.documents.meeting_pack import Sheet
from protocol.figures.theme import moment
from protocol.pages.escalation.regimen_rows import pending_in, regimen_rows
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import code_text
from protocol.records import Provenance
from protocol.translation import _, labelled, list_of, ngettext
from protocol.trial import Trial

PROGRESS = ("screened", "consented", "enrolled", "treated", "evaluable")
"""The counts from screening to the outcome, in this order."""

SITE_COUNTS = ("screened", "enrolled", "treated", "dlts")

HIDDEN = "–"
"""A count that the reader may not see."""


def grid_rows(desk: Desk) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.grid` for the present briefing."""
    now, escalation = desk.briefing, desk.trial.escalation
    outcomes = Outcomes.parse(escalation.grid, now.notation)
    current = escalation.grid.index(now.open_regimen or escalation.design.start.value)
    waits = pending_in(now, escalation.grid.labels)
    return regimen_rows(escalation.designed(), outcomes, current, now.action.following, waits)


def behind_grid(trial: Trial) -> dict[str, Provenance]:
    """Return the values behind the grid, and what its doses mean, in words, each with where it comes from."""
    record, review = trial.escalation, trial.followup.forecast.review_days
    target, window = record.design.target, record.dlt_window_days
    return {
        _("target DLT rate {value}").format(value=f"{target.value:.2f}"): target,
        _("DLT window {value} days").format(value=window.value): window,
        _("review {value} days").format(value=review.value): review,
        **{
            _("dose {id}: {amount:,.15g} {unit}").format(
                id=one.id, amount=one.amount.value, unit=record.dose_unit
            ): one.amount
            for one in record.doses
        },
    }


def grid_caption(trial: Trial) -> tuple[str, list[str], list[str]]:
    """Return what the cells of the grid show, and the stated and the assumed values behind them, in words."""
    behind, doses = behind_grid(trial), trial.escalation.doses
    named = list(behind.items())[: -len(doses)]
    stated = [words for words, value in named if not value.is_assumption]
    assumed = [words for words, value in named if value.is_assumption]
    if any(one.amount.is_assumption for one in doses):
        assumed.append(_("amounts of the doses"))
    return _("In each cell: with a DLT / evaluable, estimated DLT rate, outcomes pending."), stated, assumed


def progress_rows(now: Briefing) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.conduct.progress`."""
    counts = [now.counts[name] for name in PROGRESS]
    most = max(*counts, 1)  # a log may hold an enrolment without its screening
    rows = [(place, COUNTS[name], n, n / most) for place, (name, n) in enumerate(zip(PROGRESS, counts, strict=True))]
    return pd.DataFrame(rows, columns=["place", "step", "participants", "share"])


def recruitment_rows(now: Briefing) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.conduct.recruitment`."""
    return now.recruitment.assign(day=[moment(day) for day in now.recruitment["day"]])


def site_rows(now: Briefing) -> tuple[dict[str, pd.DataFrame], int]:
    """Return the rows of :func:`protocol.figures.conduct.site` for each site, and the largest count of all."""
    found = {}
    for one in now.sites.to_dict("records"):
        rows = [(COUNTS[name], *_range(one[name])) for name in SITE_COUNTS]
        found[str(one["site"])] = pd.DataFrame(rows, columns=["count", "low", "high", "words"])
    return found, max((int(rows["high"].max()) for rows in found.values()), default=0)


def exclusion_rows(desk: Desk, most: int) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.conduct.exclusions`: at most so many reasons, the frequent first."""
    record = desk.trial.eligibility
    titles = {criterion.id: record.title(criterion) for criterion in record.criteria}
    rows = [
        (f"{one['criterion']} {titles.get(one['criterion'], '')}".strip(), *_range(one["participants"]))
        for one in desk.briefing.reasons.head(most).to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["reason", "low", "high", "words"])


def _range(count: Any) -> tuple[int, int, str]:
    """Return a count as a range with its words; "1–4" and "–" are counts that are hidden."""
    if isinstance(count, str) and not count.isdecimal():
        return (0, 0, _("not shown")) if count == HIDDEN else (0, FEW - 1, count)
    return int(count), int(count), str(count)


def missing_assessments(now: Briefing) -> str:
    """Say how many DLT windows are over without an assessment, and whose, as far as the reader may see it."""
    names = [
        name for name in now.waiting.loc[now.waiting["progress"].eq("assessment missing"), "participant"] if name
    ]
    count = now.counts["unassessed"]
    words = ngettext("{n} DLT assessment missing", "{n} DLT assessments missing", count).format(n=count)
    return _("{what} ({detail})").format(what=words, detail=list_of(names)) if names else words


def sheets(desk: Desk) -> tuple[Sheet, ...]:
    """Return the tables of the present state: regimens, sites, visits, screening, reasons."""
    now, record = desk.briefing, desk.trial.eligibility
    hidden = _("One to four are not told apart for those who see figures only, and DLTs are not split by site.")
    funnel = now.funnel.assign(step=now.funnel["step"].map(OVERALL | COUNTS))
    titles = {criterion.id: record.title(criterion) for criterion in record.criteria}
    reasons = now.reasons.assign(what=now.reasons["criterion"].map(titles))
    last = _("By each participant's last screening; more than one criterion may exclude a participant.")
    columns = COUNTS | {
        "regimen": _("Regimen"),
        "site": _("Site"),
        "overdue": _("overdue"),
        "due": _("due"),
        "open": _("open"),
        "step": _("Step"),
        "participants": _("Participants"),
        "criterion": _("Criterion"),
        "what": _("What it asks"),
    }

    def sheet(file: str, heading: str, frame: pd.DataFrame, remark: str = "") -> Sheet:
        shown = frame.assign(site=frame["site"].map(desk.trial.site_shown)) if "site" in frame else frame
        return Sheet(file, heading, frame, shown.rename(columns=columns), remark)

    return (
        sheet("regimens", _("Participants by regimen"), now.regimens),
        sheet("sites", _("Participants by site"), now.sites, "" if now.invented or now.reader.sees_all else hidden),
        sheet("visits", _("Open, due and overdue visits"), now.visits),
        sheet("screening", _("From screening to outcome"), funnel),
        sheet("reasons", _("Criteria not passed"), reasons[["criterion", "what", "participants"]], last),
    )


def change_sheets(desk: Desk, since: date) -> tuple[Sheet, Sheet]:
    """Return the changes since a day: the counts, and the DLTs, withdrawals, corrections and decisions."""
    found, news = desk.changes(since), desk.news(since)
    figures = pd.DataFrame(
        {
            _("What"): found["what"].map(COUNTS),
            _("On that day"): found["before"],
            _("Now"): found["now"],
            _("Change"): [f"{change:+d}" if change else "–" for change in found["now"] - found["before"]],
        }
    )
    columns = [_("Day"), _("What"), _("Regimen"), _("Participant"), _("Text")]
    rows = [
        (one["day"], news_kind(one), one["regimen"], one["participant"], news_text(one))
        for one in news.to_dict("records")
    ]
    shown = pd.DataFrame(rows, columns=columns, dtype=object)
    return (
        Sheet("changes", _("Counts of participants on {day} and now").format(day=since), found, figures),
        Sheet(
            "news",
            _("DLTs, withdrawals, corrections and decisions after {day}").format(day=since),
            news,
            shown,
            nothing=_("No DLT, withdrawal, correction, decision or declaration was recorded in these days."),
        ),
    )


def news_kind(one: Mapping[Any, Any]) -> str:
    """Return what a row of :func:`protocol.briefing.news` is about."""
    return _("DLT") if one["kind"] == "dlt_assessed" else KINDS[one["kind"]]


def news_text(one: Mapping[Any, Any]) -> str:
    """Return a row of :func:`protocol.briefing.news` as text, with the entry that corrects it."""
    later = _("later corrected (entry {number})").format(number=one["corrected"]) if one["corrected"] else ""
    return list_of(filter(None, (one["change"], code_text(one["words"]), later)), "; ")


def news_lines(desk: Desk, since: date) -> list[str]:
    """Return what is new since a day, one line each, the last one first."""
    lines = []
    for one in reversed(desk.news(since).to_dict("records")):
        head = _head(one)
        lines.append(labelled(head, news_text(one)) if news_text(one) else head)
    return lines


def _head(one: Mapping[Any, Any]) -> str:
    """Return the day, what happened, where and to whom."""
    if one["kind"] == "decision" and one["regimen"]:
        words = _("{day} {kind} → {regimen}")
    elif one["regimen"]:
        words = _("{day} {kind} at {regimen} {participant}") if one["participant"] else _("{day} {kind} at {regimen}")
    else:
        words = _("{day} {kind} {participant}") if one["participant"] else "{day} {kind}"
    values = {name: one[name] for name in ("day", "regimen", "participant")}
    return words.format(kind=news_kind(one), **values)


def decision_sheet(now: Briefing) -> Sheet:
    """Return the decisions so far."""
    columns = {
        "day": _("Day"),
        "recommended": _("Recommended"),
        "chosen": _("Chosen"),
        "why": _("Why"),
        "decided_by": _("Decided by"),
        "seen": _("With a DLT / evaluable, enrolled under it"),
    }
    shown = now.decisions.fillna({"recommended": _("stop"), "chosen": _("stop")}).rename(columns=columns)
    return Sheet("decisions", _("Decisions so far"), now.decisions, shown)
