"""Events of the log as text: the labels of their codes, and a line for each event."""

from collections.abc import Mapping
from typing import Any

from protocol.conduct.labels import KINDS, OVERALL
from protocol.effect import GIVEN, analytes, term_label
from protocol.translation import _, labelled, list_of
from protocol.trial import Trial

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
    "withdrawn": _("treatment withdrawn"),
}

OUTCOMES = {
    "recovered": _("recovered/resolved"),
    "recovering": _("recovering"),
    "not recovered": _("not recovered/not resolved"),
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


def names_of(trial: Trial) -> dict[str, str]:
    """Return what the record of a trial calls its recoveries and its visits, by "recovery" or "visit" and the id."""
    recoveries = {f"recovery {item.id}": _(item.label) for item in trial.identity.recoveries}
    return recoveries | {f"visit {visit.id}": visit.name for visit in trial.followup.visits}


def recoveries_of(trial: Trial) -> dict[str, str]:
    """Return what the record of a trial calls a recovery, by its id."""
    return {item.id: _(item.label) for item in trial.identity.recoveries}


def code_text(code: str) -> str:
    """Return the label of a code: “allergic reaction” for ``allergic_reaction``; a MedDRA code stays as it is."""
    known = TOXICITIES | RESPONSES | CAUSES
    return known.get(code) or (code if ":" in code else code.replace("_", " "))


def event_text(content: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """Return one line about an event: the study id, what happened, and the day.

    Parameters
    ----------
    content : mapping
        The content of an entry, or of an event that is not recorded yet.
    names : mapping of str to str, optional
        What :func:`names_of` returns; without it ids stand.
    """
    text = _what(content, names or {})
    if content.get("participant"):
        text = _("{participant}, {what}").format(participant=content["participant"], what=text)
    return _detailed(text, content["on"]) if content.get("on") else text


def _detailed(what: str, detail: str) -> str:
    return _("{what} ({detail})").format(what=what, detail=detail)


def _what(content: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind = content["kind"]

    def named(name: str) -> str:
        return names.get(f"{kind} {name}") or name.replace("_", " ")

    match kind:
        case "screened":
            return _detailed(KINDS[kind], OVERALL[content["overall"]])
        case "enrolled":
            in_phase = _("enrolled at {regimen}, phase {phase}")
            words = in_phase if content.get("phase") else _("enrolled at {regimen}")
            return words.format(regimen=content["regimen"], phase=content.get("phase"))
        case "infused":
            what, product = _("infusion given {number}").format(number=content["number"]), _product_text(content)
            return _detailed(what, product) if product else what
        case "blood_count":
            labels = {name: _(label) for name, label in analytes().items()}
            counts = list_of(
                f"{labels.get(name, name)} {one['value']:g} {one['unit']}" for name, one in content["counts"].items()
            )
            return _("blood count {counts}").format(counts=counts)
        case "given":
            return _detailed(KINDS[kind], _(GIVEN.get(content["what"], content["what"])))
        case "adverse_event":
            words = _("adverse event {number}: {what}")
            return words.format(number=content["number"], what=_harm_text(content))
        case "adverse_event_followed":
            words = _("follow-up of adverse event {number}: {what}")
            return words.format(number=content["number"], what=_harm_text(content))
        case "regimen_declared":
            words = _("regimen declared {regimen} for phase {phase}: {why}")
            return words.format(**{name: content[name] for name in ("regimen", "phase", "why")})
        case "dlt_assessed":
            return _dlt_text(content) if content["dlt"] else _("assessed for DLT without a DLT")
        case "response":
            return _("response {category}").format(category=code_text(content["category"]))
        case "recovery":
            return _detailed(KINDS[kind], named(content["lineage"]))
        case "visit":
            state = _("done") if content["done"] else _("missed")
            return _("visit {visit}: {state}").format(visit=named(content["visit"]), state=state)
        case "withdrawn":
            return _detailed(KINDS[kind], CAUSES[content["cause"]])
        case "decision":
            words = _("committee decision {chosen}: {why}")
            return words.format(chosen=content["chosen"] or _("stop"), why=content["why"])
        case "correction":
            right = content["replacement"]
            what = event_text(right, names) if right else _("removed")
            return _("correction of entry {number}: {what}").format(number=content["of"], what=what)
    return _("note {text}").format(text=content["text"]) if content.get("text") else KINDS[kind]


def _product_text(content: Mapping[str, Any]) -> str:
    """Return what is known of the product of an infusion."""
    found = []
    if content.get("lot"):
        found.append(_("lot {lot}").format(lot=content["lot"]))
    if content.get("cells"):
        found.append(_("{cells:g} × 10⁶/kg").format(cells=content["cells"]))
    return list_of(found)


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
        found.append(_("serious ({why})").format(why=list_of(SERIOUS[one] for one in content["why_serious"])))
    found += [RELATED[content["relatedness"]]] if content.get("relatedness") else []
    if "dlt" in content:
        found.append(_("DLT") if content["dlt"] else _("no DLT"))
    found += [OUTCOMES[content["outcome"]]] if content.get("outcome") else []
    if content.get("end"):
        found.append(_("until {day}").format(day=content["end"]))
    for name, words in _REPORTED.items():
        if content.get(name):
            found.append(words.format(day=content[name]))
    return list_of(found)


def _dlt_text(content: Mapping[str, Any]) -> str:
    found = _("assessed for DLT with a DLT")
    if content.get("code"):
        found = labelled(found, code_text(content["code"]))
    grade = [_("grade {grade}").format(grade=content["grade"])] if content.get("grade") else []
    return list_of([found, *grade])
