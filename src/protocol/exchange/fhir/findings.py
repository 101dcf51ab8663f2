"""What clinical resources say about the record's facts. Codes decide; displays and free texts are never read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from protocol.eligibility import Fact
from protocol.exchange.codes import SYSTEMS, CodeBook, Meaning
from protocol.exchange.evidence import Finding, Setting
from protocol.exchange.fhir.dates import first_day, last_day, moment, period
from protocol.exchange.fhir.ranges import NOBODY, Subject
from protocol.exchange.fhir.values import answered
from protocol.exchange.history import diagnosed, still_going_on
from protocol.translation import _

RESULTS = {"final", "amended", "corrected", "preliminary"}
"""States of an Observation that carry a result; entered-in-error, cancelled, registered and unknown do not."""
NOT_CONFIRMED = {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
"""Verification states in which a Condition is no diagnosis."""
CONFIRMED = {"confirmed"}
ENDED = {"inactive", "resolved"}
"""Clinical states of something that is over; remission is a state of the disease, not its end."""
GOING_ON = {"active", "recurrence", "relapse", "remission"}
MCODE_MEDICATION = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication"
"""Begins the profiles by which mCODE marks a medication as given against cancer."""


class UnclearError(ValueError):
    """A state of a Condition that none of its codings tells, or that two tell differently; the element's name."""


@dataclass(frozen=True)
class Reader:
    """Reads the resources of one person with one record's codes."""

    book: CodeBook
    setting: Setting
    subject: Subject = NOBODY

    def findings(self, resource: dict[str, Any]) -> list[Finding]:
        """Return what one resource says; nothing when its codes are not the record's.

        Raises
        ------
        UnclearError
            For a Condition that does not say in a code of HL7 whether it is confirmed, or whether it is over.
        """
        kind = str(resource["resourceType"])
        origin = f"{kind} {resource.get('id', '')}".strip()
        match kind:
            case "Observation":
                return [*self._observation(resource, origin)]
            case "Condition":
                return [*self._condition(resource, origin)]
            case "Procedure":
                return [*self._procedure(resource, origin)]
        return [*self._medication(resource, origin)]

    def _meanings(self, concept: Any) -> Iterator[tuple[Fact, Meaning, str]]:
        """Yield what the codings of a concept say, the first coding of each fact only."""
        seen = set()
        for coding in (concept or {}).get("coding", []):
            system = SYSTEMS.get(str(coding.get("system")).rstrip("/"), "")
            for meaning in self.book.meanings(system, str(coding.get("code"))) if system else []:
                if meaning.fact not in seen:
                    seen.add(meaning.fact)
                    yield self.setting.facts[meaning.fact], meaning, f"{system} {coding['code']}"

    def _observation(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in RESULTS:
            return
        start, end = period(resource, "effective")
        at = end or start or resource.get("issued")
        note = _("preliminary result") if resource["status"] == "preliminary" else ""
        for part in (resource, *resource.get("component", [])):
            for fact, meaning, code in self._meanings(part.get("code")):
                blank = Finding(fact.id, None, first_day(at), origin, code, note=note, moment=moment(at))
                finding = answered(part, fact, meaning.option, blank, self.subject)
                if finding is not None:
                    yield finding

    def _condition(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        meanings = [found for found in self._meanings(resource.get("code")) if found[1].option]
        if not meanings or _is(resource, "verificationStatus", NOT_CONFIRMED, CONFIRMED):
            return
        start = first_day(period(resource, "onset")[0]) or first_day(resource.get("recordedDate"))
        end = last_day(period(resource, "abatement")[1])
        ended = _is(resource, "clinicalStatus", ENDED, GOING_ON)
        if start and start > self.setting.as_of:
            return
        for fact, meaning, code in meanings:
            blank = Finding(fact.id, None, start, origin, code, original=code)
            yield from diagnosed(fact, meaning.option, blank, end or ended, self.setting.as_of)

    def _procedure(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in ("completed", "in-progress"):
            return
        begun, day = self._until(resource, "performed", ongoing=resource["status"] == "in-progress")
        if not begun:
            return
        for fact, meaning, code in self._meanings(resource.get("code")):
            if meaning.option:
                value = True if fact.type == "yes_no" else meaning.option
                yield Finding(fact.id, value, day, origin, code, original=code)

    def _medication(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        profiles = (resource.get("meta") or {}).get("profile", [])
        if not any(str(profile).startswith(MCODE_MEDICATION) for profile in profiles):
            return
        if resource.get("status") not in ("active", "in-progress", "completed", "stopped", "on-hold"):
            return
        ongoing = resource["status"] in ("active", "in-progress")
        begun, day = self._until(resource, "effective", ongoing=ongoing)
        if not begun:
            return
        note = still_going_on() if ongoing else _("a medication against cancer by its mCODE profile")
        yield Finding("ever_anticancer_therapy", True, day, origin, "mCODE", note=note)

    def _until(self, resource: dict[str, Any], stem: str, *, ongoing: bool) -> tuple[bool, date | None]:
        """Return whether something had begun by the as-of date, and its last day up to then.

        What goes on ends when its period does; a single date only says when it was noted. A period that is over and
        does not say when has an end nobody knows: its start is not its last day.
        """
        start, end = period(resource, stem)
        if ongoing and f"{stem}Period" not in resource:
            end = None
        begun, last = first_day(start), last_day(end)
        if begun and begun > self.setting.as_of:
            return False, None
        if last is None:
            return True, self.setting.as_of if ongoing else None
        return True, min(last, self.setting.as_of)


def _is(resource: dict[str, Any], element: str, states: set[str], others: set[str]) -> bool:
    """Whether an element's codings say one of `states`; False without the element."""
    concept = resource.get(element)
    if concept is None:
        return False
    codes = {str(coding.get("code")) for coding in concept.get("coding", [])}
    said = {code in states for code in codes & (states | others)}
    if len(said) != 1:
        raise UnclearError(element)
    return said.pop()
