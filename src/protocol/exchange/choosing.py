"""Between the findings of one fact: the newest, what they agree on, or the conflict between them."""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from protocol.eligibility import FactValue
from protocol.translation import _

if TYPE_CHECKING:
    from protocol.exchange.evidence import Finding

CONFLICT = "conflicting sources"
STALE = "stale"
NOT_USABLE = "missing"
"""Reasons, as :data:`protocol.eligibility.REASONS` has them; what makes a value unusable stands in its note."""

ROUNDING = 1e-3
"""Two values of one day agree when they differ by less than this share of the larger: 1.65 mg/dL of creatinine is
reported as 146 umol/L. A modelling choice."""

DATED_HISTORY = {
    "ever_anticancer_therapy": "last_anticancer_therapy_date",
    "other_malignancy": "last_other_malignancy_date",
    "organ_transplant": "organ_transplant_date",
}
"""Facts of the medical history that are asked for together with their latest day."""

LIFELONG = ("hiv_history", "fertility_status", *DATED_HISTORY)
"""Facts that one finding of any age settles."""

MORE_EXACT = (
    ("apl", {"aml", "apl"}),
    ("aml", {"aml", "acute_unspecified"}),
    ("all", {"all", "acute_unspecified"}),
    ("invasive", {"invasive", "in_situ"}),
)
"""Where one option says more than the other, both together mean that one."""


def choose(fact: str, findings: list["Finding"]) -> "Finding":
    """Return the finding that decides a fact, without a value when it cannot be told which one does."""
    dated = [f for f in findings if f.day is not None]
    if fact == "diagnosis" or fact in LIFELONG:
        found = _agree([f for f in findings if f.value is not None], findings)
        return replace(found, day=None) if fact in DATED_HISTORY and len(dated) < len(findings) else found
    if not dated:
        return replace(findings[0], value=None, reason=NOT_USABLE, note=_("no date"))
    return _beside_undated(_newest(dated), [f for f in findings if f.day is None])


def _newest(dated: list["Finding"]) -> "Finding":
    tested = max((day_of(f) for f in dated if f.since is None), default=date.min)
    dated = [
        replace(f, day=tested) if f.since == tested else f for f in dated if f.since is None or f.since >= tested
    ]  # of the same day neither says more than the other
    newest = max(map(day_of, dated))
    today = [f for f in dated if f.day == newest]
    if all(f.moment for f in today):
        latest = max(f.moment for f in today)
        today = [f for f in today if f.moment == latest]
    return _agree([f for f in today if f.value is not None], today)


def _beside_undated(newest: "Finding", undated: list["Finding"]) -> "Finding":
    """What has no date may be newer than the newest that has one: unless it says the same, either may hold."""
    others = [f for f in undated if f.value is None or not _same([f.value, newest.value])]
    if newest.value is None or not others:
        return newest
    said = "; ".join([_said(newest), *(_("{finding}: no date").format(finding=_said(f)) for f in others)])
    return replace(newest, value=None, origin="", original="", reason=CONFLICT, note=said)


def day_of(finding: "Finding") -> date:
    """Return the day of a finding, the first of all days when it has none."""
    return finding.day or date.min


def _said(finding: "Finding") -> str:
    return f"{finding.original} ({finding.origin})".strip()


def _agree(usable: list["Finding"], all_: list["Finding"]) -> "Finding":
    """Return the newest finding when all usable ones say the same, else the conflict between or within them."""
    torn = [f for f in all_ if f.reason == CONFLICT]
    if torn or not usable:
        return max(torn or all_, key=lambda f: (day_of(f), f.reason, f.note, f.origin))
    newest = max(usable, key=lambda f: (day_of(f), f.moment, f.origin, f.code))
    if _same([f.value for f in usable]):
        return newest
    values = {f.value for f in usable}
    for winner, pair in MORE_EXACT:
        if values == pair:
            return max((f for f in usable if f.value == winner), key=lambda f: (day_of(f), f.origin))
    said = "; ".join(map(_said, usable))
    return replace(newest, value=None, origin="", original="", reason=CONFLICT, note=said)


def _same(values: list[FactValue | None]) -> bool:
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if numbers and len(numbers) == len(values):
        return max(numbers) - min(numbers) <= ROUNDING * max(map(abs, numbers))
    return len(set(values)) == 1
