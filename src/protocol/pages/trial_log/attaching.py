"""Join the log to the pages: each shows what its reader may see, and offers what that reader may record."""

from datetime import date
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.conduct import TrialSoFar
from protocol.pages.kit import text as elements
from protocol.pages.trial_log.desk import Desk, keep_watching
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial
from protocol.version import __version__

if TYPE_CHECKING:
    from protocol.pages.eligibility.participant import ParticipantPanel


ROLES = {
    "viewer": _("viewer: figures, nothing recorded"),
    "investigator": _("investigator of {site}"),
    "coordinator": _("coordinator: all sites"),
}


def trial_of(trial: Trial, desk: Desk | None) -> Trial:
    """Return the trial with the participants of the log, for pages about all of them: only when all may be seen."""
    return trial.model_copy(update={"so_far": rows_of(desk) if desk and desk.sees_all else None})


def rows_of(desk: Desk) -> TrialSoFar | None:
    """Return the participants that may be seen; None when there are none."""
    so_far = desk.briefing.so_far
    return so_far if so_far and so_far.participants else None


def attach(name: str, page: Any, desk: Desk, today: date) -> widgets.Widget:
    """Join the log to a page and return what is shown."""
    join = {"eligibility": _eligibility, "escalation": _escalation, "followup": _followup}.get(name)
    if join:
        join(page, desk, today)
    if desk.invented:
        return page.view
    banner = elements.html("", role="status")

    def tell() -> None:
        banner.value = elements.dress(whose(desk), role="status")

    tell()
    desk.on_change(tell, every_entry=True)
    keep_watching(desk)
    return widgets.VBox([banner, page.view])


def whose(desk: Desk) -> Markup:
    """Say which log this is and as whom it is read."""
    now, reader = desk.briefing, desk.reader
    role = ROLES[reader.role].format(site=reader.site)
    words = _("Trial log {where}, entry {count}, as of {day}. You see it as {who}.").format(
        where=desk.where,
        count=now.head.count,
        day=now.as_of,
        who=f"{reader.actor}, {role}" if reader.actor else role,
    )
    return Markup('<p class="pw-off">{}</p>').format(words)


# Each page's process carries only the forms of that page.


def _eligibility(page: Any, desk: Desk, today: date) -> None:
    from protocol.pages.trial_log.screenings import ScreeningPanel

    panel = ScreeningPanel(desk, today, lambda study_id: screened(page.person, desk, study_id))
    first, *others = page.tabs.children
    page.tabs.children = (widgets.VBox([first, panel.view]), *others)
    page.screenings = panel


def screened(person: "ParticipantPanel", desk: Desk, study_id: str) -> tuple[str, str, dict[str, Any]]:
    """Return phase, overall verdict and result of the screening that stands on the page.

    Raises
    ------
    ProtocolError
        For fields that cannot be used, for the gate of an infusion, and for a study id that is none.
    """
    from protocol.eligibility.screening_record import screening_record

    _facts, problems = person.form.read()
    if problems:
        raise problems[0]
    now, identity = person.present(), desk.trial.identity
    if now.gate != "enrolment":
        raise ProtocolError(_("Gate"), _("an infusion"), _("enrolment: a screening is about it"))
    updated = identity.get("record_updated")
    kept = screening_record(
        now.record, now.facts, now.phase, now.as_of, study_id=study_id, sources=now.sources, unusable=now.unusable,
        trial_id=str(identity["nct_id"].value), registry_version=str(updated.value) if updated else "",
        software=__version__,
    )  # fmt: skip
    return kept.phase, kept.overall, compact(kept.model_dump(mode="json"))


def compact(kept: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a screening record what its rule hash stands for: the wording of the criteria."""
    criteria = kept.pop("criteria")
    verdicts = {item["id"]: item["status"] for item in criteria}
    reasons = {item["id"]: item["reason"] for item in criteria if item["status"] in ("not met", "unknown")}
    again = {"study_id", "phase", "overall", "decides"}  # stand in the event itself, or are no result
    return {key: value for key, value in kept.items() if key not in again} | {
        "verdicts": verdicts,
        "reasons": reasons,
    }


def _escalation(page: Any, desk: Desk, today: date) -> None:
    from protocol.pages.trial_log.decisions import DecisionPanel

    panel = DecisionPanel(desk, today)
    titles = page.tabs.titles
    page.tabs.children = (*page.tabs.children, widgets.VBox([panel.view, panel.past]))
    page.tabs.titles = (*titles, _("Decisions"))
    page.decisions = panel
    if desk.invented:
        page.example.click()
        return
    page.example.description = _("Put in the outcomes of the log")
    page.example.disabled = False
    page.example.on_click(page._take_example, remove=True)
    page.example.on_click(lambda _button: take_outcomes(page, desk))
    take_outcomes(page, desk)


def take_outcomes(page: Any, desk: Desk) -> None:
    """Put the outcomes of the log into the escalation page."""
    now, grid = desk.briefing, desk.trial.escalation.grid
    page.notation.value = now.notation
    page.current.value = grid.index(now.open_regimen or desk.trial.escalation.design.start.value)
    page.pending.value = len(now.waiting)


def _followup(page: Any, desk: Desk, today: date) -> None:
    from protocol.pages.trial_log.participant_events import HappeningPanel

    panel = HappeningPanel(desk, today)
    titles = page.tabs.titles
    page.tabs.children = (*page.tabs.children, panel.view)
    page.tabs.titles = (*titles, _("Record"))
    page.happenings = panel
    page.show(rows_of(desk))
    desk.on_change(lambda: page.show(rows_of(desk)))
