"""The record of the trial as a catalogue: every value with its source, or marked as an assumption."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nodes_of
from docutils import nodes
from docutils.parsers.rst import Directive

from protocol.records import Provenance, Record
from protocol.trial import load_trial

TOPICS = ("identity", "eligibility", "escalation", "followup", "sites", "rivers", "districts")
KINDS = {"inclusion": "Inclusion criteria", "exclusion": "Exclusion criteria"}
LEVELS = {"high": "High", "medium": "Medium", "low": "Low"}
LONGEST = 120
"""Characters of a value in the list of all values; longer ones are cut."""


@cache
def trial(folder: str) -> Any:
    """Read the trial once."""
    return load_trial(folder)


def origin(item: Provenance) -> list[nodes.Node]:
    """Say where a value comes from; an assumption is marked in words and not by its colour alone."""
    if item.is_assumption:
        return [nodes.inline("", "Assumption: ", classes=["assumption"]), nodes.Text(item.origin)]
    return [nodes.Text(item.origin)]


def identity(record: Any) -> list[nodes.Node]:
    """Show what the registry says about the trial as a whole."""
    facts = [[one.label, _said(one.value), origin(one)] for one in record.identity.facts]
    arms = [[one.name, one.type, one.description] for one in (*record.identity.arms, *record.identity.interventions)]
    outcomes = [[one.kind, one.measure, one.time_frame, origin(one)] for one in record.identity.outcomes]
    unknowns = [nodes.list_item("", nodes_of.paragraph(one.label)) for one in record.identity.unknowns]
    sections = [("Facts", nodes_of.table(["fact", "value", "origin"], facts), "trial-facts")]
    sections.append(("Arms and interventions", nodes_of.table(["name", "type", "description"], arms), "trial-arms"))
    if outcomes:
        header = ["kind", "measure", "time frame", "origin"]
        sections.append(("Outcome measures", nodes_of.table(header, outcomes), "trial-outcomes"))
    sections.append(("Stated nowhere", nodes.bullet_list("", *unknowns), "trial-unknowns"))
    return [nodes_of.section(title, body, anchor=anchor) for title, body, anchor in sections]


def criteria(record: Any) -> list[nodes.Node]:
    """Show every criterion: the registry's words, the condition, its parts and the questions about it."""
    eligibility = record.eligibility
    groups = [
        (title, [one for one in eligibility.criteria if one.kind == kind], kind) for kind, title in KINDS.items()
    ]
    groups.append(("Criteria of the gate before each infusion", list(eligibility.infusion_criteria), "infusion"))
    return [
        nodes_of.section(title, *(_criterion(eligibility, one) for one in found), anchor=f"criteria-{name}")
        for title, found, name in groups
        if found
    ]


def _criterion(eligibility: Any, one: Any) -> nodes.section:
    details = nodes_of.fields(
        [
            ("Wording", [nodes.emphasis(one.wording, one.wording)]),
            ("Condition", [nodes_of.code(one.condition)] if one.condition else ""),
            ("Applies if", [nodes_of.code(one.applies_if)] if one.applies_if else ""),
            ("Parts", f"{one.combine} of {len(one.parts)}" if one.parts else ""),
            ("Judged by", {"objective": "values alone", "judgement": "the investigator"}.get(one.type, "both")),
            ("Confirmed at", one.confirm),
            ("Repeats", one.mirrors),
            ("Implied by", one.implied_by),
            ("Cannot fail", one.cannot_fail),
            (
                "Questions",
                _questions(tuple(sorted({*one.ambiguities, *(q for p in one.parts for q in p.ambiguities)}))),
            ),
            ("Origin", origin(one)),
        ]
    )
    body: list[nodes.Node] = [details]
    if one.parts:
        rows = [
            [part.id, nodes.emphasis(part.wording, part.wording), nodes_of.code(part.condition)] for part in one.parts
        ]
        body.append(nodes_of.table(["part", "wording", "condition"], rows))
    cases = [
        [rule.id, case.says, case.phase or eligibility.phases[0], case.expect]
        for rule in one.rules()
        for case in eligibility.cases.get(rule.id, ())
    ]
    if cases:
        body.append(nodes_of.folded("Cases", nodes_of.table(["rule", "facts", "phase", "must be"], cases)))
    return nodes_of.section(f"{one.id}: {eligibility.title(one)}", *body, anchor=f"criterion-{one.id}")


def _questions(ids: tuple[str, ...]) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    for name in ids:
        found += [nodes.Text(", ")] if found else []
        found.append(nodes.reference("", name, refuri=f"questions.html#question-{name.lower()}"))
    return found


def parameters(record: Any) -> list[nodes.Node]:
    """Show every threshold and every chosen reading."""
    header = ["parameter", "value", "range or readings", "criteria", "origin"]
    rows = [
        [[one.label, " ", nodes_of.code(one.id)], _with_unit(one.value, one.unit_label), _range(one),
         ", ".join(one.concerns), origin(one)]
        for one in record.eligibility.parameters
    ]  # fmt: skip
    return [nodes_of.table(header, rows)]


def _range(one: Any) -> str:
    if one.options:
        return "; ".join(f"{name}: {words}" for name, words in one.options.items())
    return f"{one.minimum:g} to {one.maximum:g}"


def facts(record: Any) -> list[nodes.Node]:
    """Show what may be known about a participant."""
    groups: dict[str, list[Any]] = {}
    for one in record.eligibility.facts:
        groups.setdefault(one.group, []).append(one)
    header = ["fact", "type", "range or options", "codes", "origin"]
    return [
        nodes_of.section(name, nodes_of.table(header, map(_fact, found)), anchor=f"facts-{name}")
        for name, found in groups.items()
    ]


def _fact(one: Any) -> list[Any]:
    allowed = "; ".join(one.options.values())
    if one.minimum is not None and one.maximum is not None:
        allowed = _with_unit(f"{one.minimum:g} to {one.maximum:g}", one.unit_label)
    return [[one.label, " ", nodes_of.code(one.id)], one.type.replace("_", " or "), allowed, "; ".join(one.codes),
            origin(one)]  # fmt: skip


def roles(record: Any) -> list[nodes.Node]:
    """Show the phases, and the facts and anchors that have a meaning of their own."""
    eligibility = record.eligibility
    labels = {fact.id: fact.label for fact in eligibility.facts}
    phases = nodes.bullet_list("", *(nodes.list_item("", nodes_of.paragraph(one)) for one in eligibility.phases))
    of_facts = [
        [role.replace("_", " "), *([labels[name], nodes_of.code(name)] if name else ["no fact", ""])]
        for role, name in eligibility.roles
    ]
    of_anchors = [
        [one.role.replace("_", " "), one.name, nodes_of.code(one.id)] for one in record.followup.anchors if one.role
    ]
    return [
        nodes_of.section("Phases", phases, anchor="phases"),
        nodes_of.section("Roles of facts", nodes_of.table(["role", "fact", "id"], of_facts), anchor="roles-facts"),
        nodes_of.section(
            "Roles of anchors", nodes_of.table(["role", "anchor", "id"], of_anchors), anchor="roles-anchors"
        ),
    ]


IMPORTS = {
    "person": "Facts about the person",
    "lifelong": "Facts that one finding of any age settles",
    "lasting": "How long a diagnosis counts",
    "implied": "Answers that follow from an option of another fact",
    "circumstances": "How another value was measured",
    "viral_loads": "Amounts of virus",
    "analytes": "What laboratories measure",
    "value_sets": "Codes that belong together",
}


def imports(record: Any) -> list[nodes.Node]:
    """Show what the readers of hospital records have to know about the facts."""
    rules = record.eligibility.imports
    found = []
    for name, title in IMPORTS.items():
        if entries := getattr(rules, name):
            table = _imported(entries) if isinstance(entries, tuple) else _person(entries)
            found.append(nodes_of.section(title, table, anchor=f"imports-{name}"))
    return found


def _person(entry: Any) -> nodes.table:
    names = [name for name in type(entry).model_fields if name not in Provenance.model_fields]
    rows = [[name.replace("_", " "), _entry(getattr(entry, name)), origin(entry)] for name in names]
    return nodes_of.table(["role", "fact or parameter", "origin"], rows)


def _imported(entries: tuple[Any, ...]) -> nodes.table:
    """Return a row for each entry, with a column for each of its fields that is set in any of them."""
    every = [name for name in type(entries[0]).model_fields if name not in Provenance.model_fields]
    names = [name for name in every if any(getattr(one, name) not in (None, "", (), False) for one in entries)]
    rows = [[*(_entry(getattr(one, name)) for name in names), origin(one)] for one in entries]
    return nodes_of.table([*(name.replace("_", " ") for name in names), "origin"], rows)


def _entry(value: Any) -> Any:
    if value is None or value == ():
        return ""
    return nodes_of.code(value) if isinstance(value, str) and value else _said(value)


def schedule(record: Any) -> list[nodes.Node]:
    """Show the anchors, visits, look-backs and periods."""
    followup = record.followup
    anchors = [[one.name, (one.role or "").replace("_", " "), one.meaning, origin(one)] for one in followup.anchors]
    visits = [
        [one.name, nodes_of.code(one.hangs_on), one.offset, f"-{one.window.before} to +{one.window.after}",
         ", ".join(one.procedures).replace("_", " "), origin(one), origin(one.window)]
        for one in followup.all_visits
    ]  # fmt: skip
    lookbacks = [[one.name, one.lasts, origin(one)] for one in followup.lookbacks]
    periods = [[one.name, nodes_of.code(one.starts), f"{one.hangs_on} + {one.lasts}", origin(one)]
               for one in followup.periods]  # fmt: skip
    visit_header = ["visit", "counted from", "offset", "window", "procedures", "origin", "origin of the window"]
    tables = [
        ("Anchors", ["anchor", "role", "meaning", "origin"], anchors),
        ("Visits", visit_header, visits),
        ("Look-backs", ["look-back", "lasts", "origin"], lookbacks),
        ("Periods", ["period", "starts", "ends", "origin"], periods),
    ]
    return [nodes_of.section(title, nodes_of.table(header, rows), anchor=title) for title, header, rows in tables]


def sites(record: Any) -> list[nodes.Node]:
    """Show the sites; people's names and numbers stay in the registry and on the sites page."""
    rows = [
        [one.name, one.name_local.value if one.name_local else "", one.city, one.province, one.country, one.postcode,
         one.status or "empty in the listing", origin(one)]
        for one in record.sites
    ]  # fmt: skip
    header = ["site", "local name", "city", "province", "country", "postcode", "status", "origin"]
    return [nodes_of.table(header, rows)]


def grid(record: Any) -> list[nodes.Node]:
    """Show the doses, the frequencies, and the true rates to simulate with."""
    escalation = record.escalation
    doses = [[one.id, f"{one.amount.value:g}", origin(one.amount)] for one in escalation.doses]
    levels = {str(one.level): one for one in record.followup.frequencies}
    frequencies = [
        [one.id, ", ".join(map(str, levels[one.id].infusion_days)) if one.id in levels else "",
         origin(levels[one.id]) if one.id in levels else ""]
        for one in escalation.frequencies
    ]  # fmt: skip
    scenarios = [
        [one.title, "; ".join(", ".join(f"{rate:g}" for rate in row) for row in one.truth), origin(one)]
        for one in escalation.scenarios
    ]
    dose_table = nodes_of.table(["dose", escalation.dose_unit, "origin"], doses)
    frequency_table = nodes_of.table(["frequency", "infusion days", "origin"], frequencies)
    told = "Rows are doses and columns are frequencies; a semicolon ends a row."
    scenario_table = nodes_of.table(["scenario", "true DLT rates", "origin"], scenarios)
    return [
        nodes_of.section("Doses", dose_table, anchor="doses"),
        nodes_of.section("Frequencies", frequency_table, anchor="frequencies"),
        nodes_of.section("Scenarios", nodes_of.paragraph(told), scenario_table, anchor="scenarios"),
    ]


def questions(record: Any) -> list[nodes.Node]:
    """Show where the registry's words can be read in more than one way, the severe first."""
    found = []
    for level, title in LEVELS.items():
        of_level = [_question(one) for one in record.ambiguities if one.severity == level]
        if of_level:
            found.append(nodes_of.section(f"{title} severity", *of_level, anchor=f"questions-{level}"))
    return found


def _question(one: Any) -> nodes.section:
    details = nodes_of.fields(
        [
            ("Problem", one.problem),
            ("Reading used here", one.default),
            ("Other readings", "; ".join(one.alternatives)),
            ("Concerns", ", ".join(one.concerns)),
        ]
    )
    return nodes_of.section(f"{one.id}: {one.question}", details, anchor=f"question-{one.id}")


def values(record: Any) -> list[nodes.Node]:
    """Show every value that has an origin, wherever it stands in the record."""
    found = []
    for name in TOPICS:
        every = list(_walk(getattr(record, name), name))
        rows = [[nodes_of.code(place), _said(value), origin(item)] for place, value, item in every]
        told = sum(1 for _place, _value, item in every if item.is_assumption)
        body = nodes_of.table(["place", "value", "origin"], rows)
        count = nodes_of.paragraph(f"{len(rows)} values, {told} of them assumptions.")
        found.append(nodes_of.section(name.capitalize(), count, body, anchor=f"values-{name}"))
    return found


def _walk(item: Any, place: str) -> Iterator[tuple[str, Any, Provenance]]:
    if isinstance(item, Provenance):
        yield place, _value(item), item
    if isinstance(item, Record):
        for name in type(item).model_fields:
            yield from _walk(getattr(item, name), f"{place}.{name}")
    elif isinstance(item, tuple):
        for number, one in enumerate(item, 1):
            step = getattr(one, "id", None) or getattr(one, "name", None) or getattr(one, "level", None) or number
            yield from _walk(one, f"{place}[{step}]")


def _value(item: Any) -> Any:
    """Return the value an origin belongs to, or the fields that a reader would look for."""
    if hasattr(item, "value"):
        return item.value
    own = {name: getattr(item, name) for name in type(item).model_fields if name not in Provenance.model_fields}
    for names in (("wording",), ("offset",), ("before", "after"), ("lasts",), ("latitude", "longitude"), ("truth",),
                  ("infusion_days",), ("label",), ("name",), ("title",), ("fact",), ("rule",), ("id",)):  # fmt: skip
        if set(names) <= own.keys():
            return [own[name] for name in names] if len(names) > 1 else own[names[0]]
    return ""


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        text = ", ".join(_said(one) if not isinstance(one, tuple) else f"({_said(one)})" for one in value)
    else:
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _with_unit(value: object, unit: str) -> str:
    return f"{_said(value)} {unit}".strip()


PARTS = {
    "trial": identity,
    "criteria": criteria,
    "parameters": parameters,
    "facts": facts,
    "roles": roles,
    "imports": imports,
    "schedule": schedule,
    "grid": grid,
    "sites": sites,
    "questions": questions,
    "values": values,
}


class Catalogue(Directive):
    """One part of the record."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the part that the argument names."""
        env = self.state.document.settings.env
        folder = Path(env.config.trial_folder)
        for file in folder.glob("*.toml"):
            env.note_dependency(str(file))
        return PARTS[self.arguments[0]](trial(str(folder)))


def setup(app: Any) -> dict[str, bool]:
    """Register the directive and the folder it reads."""
    app.add_config_value("trial_folder", "", "env")
    app.add_directive("catalogue", Catalogue)
    return {"parallel_read_safe": True}
