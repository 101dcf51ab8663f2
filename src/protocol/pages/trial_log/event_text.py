"""Events of the log as text: the labels of their codes, and a line for each event."""

from collections.abc import Mapping
from typing import Any

from protocol.effect import GIVEN, analytes, term_label
from protocol.translation import _
from protocol.trial import Trial

KINDS = {
    "screened": _("screened"),
    "consented": _("informed consent signed"),
    "enrolled": _("enrolled"),
    "therapy_started": _("anti-cancer therapy started"),
    "infused": _("infusion given"),
    "treatment_ended": _("treatment ended"),
    "dlt_assessed": _("assessed for DLT"),
    "response": _("response"),
    "recovery": _("blood counts recovered"),
    "blood_count": _("blood count"),
    "given": _("transfusion or growth factor"),
    "adverse_event": _("adverse event"),
    "adverse_event_followed": _("follow-up of adverse event"),
    "relapsed": _("relapse or progression"),
    "visit": _("visit"),
    "withdrawn": _("left the trial"),
    "decision": _("committee decision"),
    "regimen_declared": _("regimen declared"),
    "correction": _("correction"),
    "note": _("note"),
}

CAUSES = {
    "consent withdrawn": _("consent withdrawn"),
    "adverse event": _("adverse event"),
    "progression": _("progression"),
    "death": _("death"),
    "lost to follow-up": _("lost to follow-up"),
    "investigator": _("decision of the investigator"),
    "other": _("other cause"),
}

ACTIONS = {
    "none": _("none"),
    "slowed": _("infusion slowed"),
    "interrupted": _("infusion interrupted"),
    "next infusion delayed": _("next infusion delayed"),
    "next infusion omitted": _("next infusion omitted"),
    "withdrawn": _("treatment ended"),
}

OUTCOMES = {
    "recovered": _("recovered"),
    "recovering": _("recovering"),
    "not recovered": _("not recovered"),
    "recovered with sequelae": _("recovered with sequelae"),
    "fatal": _("fatal"),
    "unknown": _("unknown"),
}

RELATED = {
    "definite": _("definitely related"),
    "probable": _("probably related"),
    "possible": _("possibly related"),
    "unlikely": _("unlikely related"),
    "unrelated": _("not related"),
    "not assessable": _("not assessable"),
}

SERIOUS = {
    "death": _("death"),
    "life-threatening": _("life-threatening"),
    "hospitalisation": _("hospital stay, new or longer"),
    "disability": _("disability"),
    "congenital anomaly": _("congenital anomaly"),
    "medically important": _("medically important"),
}

OVERALL = {
    "ineligible": _("not eligible"),
    "possibly eligible": _("possibly eligible"),
    "eligible so far": _("eligible so far"),
}

RESPONSES = {
    "complete_remission": _("complete remission"),
    "partial_remission": _("partial remission"),
    "no_response": _("no response"),
    "not_assessed": _("not assessed"),
}

TOXICITIES = {
    "allergic_reaction": _("allergic reaction"),
    "infusion_reaction": _("infusion reaction"),
    "thromboembolic_event": _("thromboembolic event"),
    "infection": _("infection"),
    "organ_toxicity": _("organ toxicity"),
    "other": _("other toxicity"),
}


def recoveries_of(trial: Trial) -> dict[str, str]:
    """Return what the record of a trial calls a recovery, by its id."""
    return {item.id: _(item.label) for item in trial.identity.recoveries}


def code_text(code: str) -> str:
    """Return the label of a code: “allergic reaction” for ``allergic_reaction``; a MedDRA code stays as it is."""
    known = TOXICITIES | RESPONSES | CAUSES
    return known.get(code) or (code if ":" in code else code.replace("_", " "))


def event_text(content: Mapping[str, Any], recoveries: Mapping[str, str] | None = None) -> str:
    """Return one line about an event: the study id, what happened, and the day.

    Parameters
    ----------
    content : mapping
        The content of an entry, or of an event that is not recorded yet.
    recoveries : mapping of str to str, optional
        What the record of the trial calls a recovery, by its id; without it the id stands.
    """
    kind, parts = content["kind"], [str(content["participant"])] if content.get("participant") else []
    parts += [" ".join(filter(None, (KINDS[kind], _detail(content, recoveries or {}))))]
    return ", ".join(parts) + (f" ({content['on']})" if content.get("on") else "")


def _detail(content: Mapping[str, Any], recoveries: Mapping[str, str]) -> str:
    match content["kind"]:
        case "screened":
            return f"({OVERALL[content['overall']]})"
        case "enrolled":
            at = _("at {regimen}").format(regimen=content["regimen"])
            phase = content.get("phase")
            return f"{at}, " + _("phase {phase}").format(phase=phase) if phase else at
        case "infused":
            return f"{content['number']}" + _given_text(content)
        case "blood_count":
            return ", ".join(
                f"{analytes().get(name, name)} {one['value']:g} {one['unit']}"
                for name, one in content["counts"].items()
            )
        case "given":
            return f"({_(GIVEN.get(content['what'], content['what']))})"
        case "adverse_event" | "adverse_event_followed":
            return _harm_text(content)
        case "regimen_declared":
            words = _("{regimen} for phase {phase}: {why}")
            return words.format(**{name: content[name] for name in ("regimen", "phase", "why")})
        case "dlt_assessed":
            return _("without a DLT") if not content["dlt"] else _dlt_text(content)
        case "response":
            return code_text(content["category"])
        case "recovery":
            return f"({recoveries.get(content['lineage']) or content['lineage'].replace('_', ' ')})"
        case "visit":
            return f"{content['visit'].replace('_', ' ')}: " + (_("done") if content["done"] else _("missed"))
        case "withdrawn":
            return f"({CAUSES[content['cause']]})"
        case "decision":
            return f"{content['chosen'] or _('stop')}: {content['why']}"
        case "correction":
            new = content["replacement"]
            what = event_text(new, recoveries) if new else _("removed")
            return _("of entry {number}: {what}").format(number=content["of"], what=what)
    return str(content.get("text", ""))


def _given_text(content: Mapping[str, Any]) -> str:
    """Return what is known of the product of an infusion."""
    found = []
    if content.get("lot"):
        found.append(_("lot {lot}").format(lot=content["lot"]))
    if content.get("cells"):
        found.append(_("{cells:g} × 10⁶/kg").format(cells=content["cells"]))
    return f" ({', '.join(found)})" if found else ""


_REPORTED = {
    "known_on": _("the sponsor knew on {day}"),
    "reported_on": _("first report sent on {day}"),
    "completed_on": _("completed report sent on {day}"),
}


def _harm_text(content: Mapping[str, Any]) -> str:
    """Return what an entry says of an adverse event."""
    found = [term_label(content["term"])] if "term" in content else []
    if content.get("grade"):
        found.append(_("grade {grade}").format(grade=content["grade"]))
    if content.get("why_serious"):
        found.append(_("serious ({why})").format(why=", ".join(SERIOUS[one] for one in content["why_serious"])))
    found += [RELATED[content["relatedness"]]] if content.get("relatedness") else []
    if "dlt" in content:
        found.append(_("DLT") if content["dlt"] else _("no DLT"))
    found += [OUTCOMES[content["outcome"]]] if content.get("outcome") else []
    if content.get("end"):
        found.append(_("until {day}").format(day=content["end"]))
    for name, words in _REPORTED.items():
        if content.get(name):
            found.append(words.format(day=content[name]))
    return f"{content['number']}: " + ", ".join(found)


def _dlt_text(content: Mapping[str, Any]) -> str:
    found = _("with a DLT")
    if content.get("code"):
        found += f": {code_text(content['code'])}"
    if content.get("grade"):
        found += ", " + _("grade {grade}").format(grade=content["grade"])
    return found
