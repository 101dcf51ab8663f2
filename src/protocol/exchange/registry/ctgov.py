"""ClinicalTrials.gov, API version 2: read a study record, draft a trial folder, write a record, compare two.

Source: the registry's study data structure, https://clinicaltrials.gov/data-api/about-api/study-data-structure.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
import tomli_w

from protocol.exchange.documents.synopsis import wording_lines
from protocol.exchange.foreign_json import Json, Place, read_json
from protocol.records import ProtocolError
from protocol.sites import Contact, Site, phone_problem
from protocol.trial import Arm, Trial

__all__ = [
    "RegisteredCriterion",
    "changes",
    "code",
    "draft",
    "export",
    "split_criteria",
    "study",
    "words",
    "write_folder",
]

_NOT_STATED = "not stated"
_NO_LIMIT = "no limit"
_UNNAMED = "Hospital not named, {city}"

# --- A study record and its codes ---

_LEGACY_KEYS = ("FullStudiesResponse", "FullStudies", "FullStudy", "StudyFieldsResponse", "Study")


def study(content: bytes, name: str = "record") -> Place:
    """Read one study record of API version 2.

    Parameters
    ----------
    content : bytes
        The JSON of one study, as downloaded.
    name : str
        What it is called in messages.

    Raises
    ------
    ProtocolError
        If it is not JSON, comes from the legacy API, is a list of studies, or has no registry number.
    """
    root = read_json(content, name)
    for key in _LEGACY_KEYS:
        if key in root.value:
            raise ProtocolError(
                f"{name}, {key}", "a record of the legacy API (version 1)", "the same study from API version 2"
            )
    if "studies" in root.value:
        raise ProtocolError(f"{name}, studies", "a list of studies", "one study of it")
    number = root.at("protocolSection", "identificationModule", "nctId")
    if not re.fullmatch(r"NCT\d{8}", number.text()):
        raise ProtocolError(f"{name}, {number.path}", f"{number.value!r}", "a number like NCT01234567")
    return root


def words(code: str) -> str:
    """Write a code of the registry in words: NOT_YET_RECRUITING becomes Not yet recruiting."""
    text = code.replace("_", " ").capitalize()
    return re.sub(r"[Pp]hase ?(\d)", r"Phase \1", text)


def code(text: str) -> str:
    """Write words as the registry's code; the inverse of :func:`words`."""
    return re.sub(r"PHASE_(\d)", r"PHASE\1", text.upper().replace(" ", "_"))


# --- The facts of trial.toml: where each stands in a record, how it is read and how it is written ---


class _Form(NamedTuple):
    """How a value of the registry becomes the value of a fact, and the other way round."""

    read: Callable[[Place], Any]
    write: Callable[[Any], Any]


def _read_day(place: Place) -> date | str:
    """Read a whole date; a month alone stays as it is written."""
    text = place.text()
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def _read_texts(place: Place) -> list[str]:
    return [item.text() for item in place.each()]


def _read_whole(place: Place) -> int | None:
    number = place.number()
    return None if number is None else int(number)


def _read_ages(module: Place) -> str:
    youngest, oldest = module.at("minimumAge").text(), module.at("maximumAge").text()
    return f"{youngest or _NO_LIMIT} - {oldest or _NO_LIMIT}" if youngest or oldest else ""


def _write_ages(text: str) -> Json:
    youngest, _dash, oldest = text.partition(" - ")
    return {"minimumAge": youngest, "maximumAge": oldest}


_TEXT = _Form(Place.text, str)
_CODE = _Form(lambda place: words(place.text()), code)
_DAY = _Form(_read_day, str)
_TEXTS = _Form(_read_texts, list)
_NAMES = _Form(
    lambda place: [item.at("name").text() for item in place.each()], lambda names: [{"name": name} for name in names]
)
_PHASES = _Form(lambda place: "/".join(map(words, _read_texts(place))), lambda text: [*map(code, text.split("/"))])
_WHOLE = _Form(_read_whole, int)
_AGES = _Form(_read_ages, _write_ages)
_YES_OR_NO = _Form(lambda place: {True: "Yes", False: "No"}.get(place.value, ""), lambda text: text == "Yes")

_FACTS = (
    ("nct_id", "Trial ID", "identificationModule.nctId", _TEXT),
    ("title", "Title", "identificationModule.briefTitle", _TEXT),
    ("official_title", "Official title", "identificationModule.officialTitle", _TEXT),
    ("acronym", "Acronym", "identificationModule.acronym", _TEXT),
    ("purpose", "Purpose", "descriptionModule.briefSummary", _TEXT),
    ("background", "Background", "descriptionModule.detailedDescription", _TEXT),
    ("sponsor", "Lead sponsor", "sponsorCollaboratorsModule.leadSponsor.name", _TEXT),
    ("criteria_text", "Criteria as registered", "eligibilityModule.eligibilityCriteria", _TEXT),
    ("study_population", "Study population", "eligibilityModule.studyPopulation", _TEXT),
    ("study_type", "Study type", "designModule.studyType", _CODE),
    ("agency_class", "Agency class", "sponsorCollaboratorsModule.leadSponsor.class", _CODE),
    ("status", "Overall status", "statusModule.overallStatus", _CODE),
    ("gender", "Sex", "eligibilityModule.sex", _CODE),
    ("sampling_method", "Sampling method", "eligibilityModule.samplingMethod", _CODE),
    ("start_date", "Registered start", "statusModule.startDateStruct.date", _DAY),
    (
        "primary_completion_date",
        "Registered primary completion",
        "statusModule.primaryCompletionDateStruct.date",
        _DAY,
    ),
    ("completion_date", "Registered completion", "statusModule.completionDateStruct.date", _DAY),
    ("record_updated", "Record last updated", "statusModule.lastUpdatePostDateStruct.date", _DAY),
    ("conditions", "Conditions", "conditionsModule.conditions", _TEXTS),
    ("keywords", "Keywords", "conditionsModule.keywords", _TEXTS),
    ("phase", "Phase", "designModule.phases", _PHASES),
    ("collaborators", "Collaborators", "sponsorCollaboratorsModule.collaborators", _NAMES),
    ("enrolment", "Planned enrolment", "designModule.enrollmentInfo.count", _WHOLE),
    ("eligible_ages", "Eligible ages", "eligibilityModule", _AGES),
    ("healthy_volunteers", "Accepts healthy volunteers", "eligibilityModule.healthyVolunteers", _YES_OR_NO),
)

_NEEDED = {
    "title": "Title",
    "nct_id": "Trial ID",
    "phase": "Phase",
    "sponsor": "Lead sponsor",
    "status": "Overall status",
    "course": "Course of treatment",
}
"""Facts that every page shows; one that the record lacks is written as not stated."""

_OPTIONAL = {
    "acronym",
    "collaborators",
    "eligible_ages",
    "healthy_volunteers",
    "keywords",
    "phase",
    "sampling_method",
    "study_population",
}
"""Facts whose absence is no question to the sponsor."""

_NOT_REGISTERED = {
    "escalation": "doses, frequencies, escalation rule and toxicity window",
    "followup": "visit days, windows and procedures",
    "lookbacks": "waiting times before enrolment",
}
"""What no registry record has a field for."""


def _stated(section: Place) -> list[Json]:
    """Collect the facts that the record states, each with its path."""
    found = []
    for name, label, path, form in _FACTS:
        value = form.read(section.at(*path.split(".")))
        if value not in ("", [], None):
            fields = ".minimumAge, maximumAge" if form is _AGES else ""
            source = f"registry: protocolSection.{path}{fields}"
            found.append({"id": name, "label": label, "value": value, "source": source})
    return found


def _unknowns(stated: Iterable[Json]) -> dict[str, str]:
    """Name what the record has no field for, and what it could state and does not."""
    known = {fact["id"] for fact in stated} | _OPTIONAL
    return _NOT_REGISTERED | {name: label.lower() for name, label, _path, _form in _FACTS if name not in known}


# --- Criteria ---

_Kind = Literal["inclusion", "exclusion"]

_MOST_CRITERIA = 63
"""In one draft. A longer text is split only at its headings, since its lines are hardly one criterion each."""

_HEADING = re.compile(
    r"^\W*(?:[\w-]+ ){0,3}?(inclusion|exclusion)(?: criteri(?:a|on))?(?: \([^)]*\))?\W*:?\W*$", re.I
)
_ITEM = re.compile(r"^(?:\d{1,2}[.)]|[*•\-–])\s+")


@dataclass(frozen=True)
class RegisteredCriterion:
    """One criterion in the registry's words, without its number or bullet."""

    kind: _Kind
    number: int
    wording: str

    @property
    def id(self) -> str:
        """I1, E3 and so on."""
        return f"{self.kind[0].upper()}{self.number}"

    @property
    def title(self) -> str:
        """Inclusion 1, Exclusion 3 and so on."""
        return f"{self.kind.capitalize()} {self.number}"

    @property
    def fact(self) -> str:
        """The id of the fact that answers it."""
        return f"{self.kind}_{self.number}"


def split_criteria(text: str) -> list[RegisteredCriterion]:
    """Split a criteria text at its headings and at the numbers or bullets that begin a line.

    Nested lines stay with the criterion above them, and so does text after the last one. A text without headings and
    numbers is one inclusion criterion. Too many criteria for one record become one of each kind.
    """
    pieces = _pieces(text)
    if len(pieces) > _MOST_CRITERIA:
        pieces = [(kind, "\n".join(part for _kind, part in group)) for kind, group in groupby(pieces, lambda p: p[0])]
    numbers = dict.fromkeys(("inclusion", "exclusion"), 0)
    found = []
    for kind, wording in pieces:
        numbers[kind] += 1
        found.append(RegisteredCriterion(kind, numbers[kind], wording))
    return found


def _pieces(text: str) -> list[tuple[_Kind, str]]:
    kind: _Kind = "inclusion"
    pieces: list[tuple[_Kind, list[str]]] = []
    is_after_heading = True
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            kind = "exclusion" if heading[1].lower() == "exclusion" else "inclusion"
            is_after_heading = True
        elif _ITEM.match(line) or is_after_heading:
            if line.strip():
                pieces.append((kind, [_ITEM.sub("", line)]))
                is_after_heading = False
        else:
            pieces[-1][1].append(line)
    return [(kind, "\n".join(lines).strip()) for kind, lines in pieces]


# --- A record as a draft of a trial folder ---

_TEMPLATES = Path(__file__).with_name("draft_templates")


def draft(content: bytes, name: str = "record") -> dict[str, str]:
    """Turn a study record into the files of a new trial folder.

    Parameters
    ----------
    content : bytes
        One study of API version 2 as JSON.
    name : str
        What it is called in messages.

    Returns
    -------
    dict of str to str
        File name to text: the record as it came, ``trial.toml``, ``sites.toml``, ``eligibility.toml`` and
        ``eligibility_cases.toml`` from it, ``escalation.toml`` and ``followup.toml`` as bare drafts that only let
        the pages open, and ``ambiguities.toml`` with a question for everything that the record does not state.

    Raises
    ------
    ProtocolError
        If the record cannot be used, as in :func:`study`, or has no location or no criteria.
    """
    section = study(content, name).at("protocolSection")
    criteria = split_criteria(section.at("eligibilityModule", "eligibilityCriteria").text())
    if not criteria:
        raise ProtocolError("protocolSection.eligibilityModule.eligibilityCriteria", "no text", "the criteria")
    tables = {
        "trial.toml": _trial_tables(section),
        "sites.toml": _site_tables(section.at("contactsLocationsModule")),
        "eligibility.toml": _eligibility_tables(criteria, _phases(section.at("designModule", "phases"))),
        "eligibility_cases.toml": {item.id: _cases(item) for item in criteria},
        "ambiguities.toml": {"ambiguities": _questions(section)},
    }
    return {
        "registry.json": content.decode("utf-8-sig"),
        **{file: tomli_w.dumps(content) for file, content in tables.items()},
        **{path.name: path.read_text(encoding="utf-8") for path in sorted(_TEMPLATES.glob("*.toml"))},
    }


def write_folder(files: dict[str, str], folder: Path) -> None:
    """Write drafted files into a folder that does not exist yet, so that no work is overwritten.

    Parameters
    ----------
    files : dict of str to str
        What :func:`draft` returns.
    folder : Path

    Raises
    ------
    ProtocolError
        If the folder exists.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ProtocolError(str(folder), "a folder that exists already", "the name of a new folder") from None
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8", newline="")


def _trial_tables(section: Place) -> Json:
    stated = _stated(section)
    names = {fact["id"] for fact in stated}
    missing = [
        {"id": name, "label": label, "value": _NOT_STATED, "assumption": "The registry record does not state it."}
        for name, label in _NEEDED.items()
        if name not in names
    ]
    outcomes = [
        {
            "kind": kind,
            "measure": item.at("measure").text() or _NOT_STATED,
            "description": item.at("description").text(),
            "time_frame": item.at("timeFrame").text(),
            "source": f"registry: {item.path}",
        }
        for kind in ("primary", "secondary", "other")
        for item in section.at("outcomesModule", f"{kind}Outcomes").each()
    ]
    arms = section.at("armsInterventionsModule")
    return {
        "facts": stated + missing,
        "arms": [_read_arm(item, "label") for item in arms.at("armGroups").each()],
        "interventions": [_read_arm(item, "name") for item in arms.at("interventions").each()],
        "outcomes": outcomes,
        "unknowns": [{"id": name, "label": label} for name, label in _unknowns(stated).items()],
    }


def _read_arm(item: Place, name: str) -> Json:
    return {
        "name": item.at(name).text() or _NOT_STATED,
        "type": words(item.at("type").text()) or _NOT_STATED,
        "description": item.at("description").text() or _NOT_STATED,
        "source": f"registry: {item.path}",
    }


def _site_tables(module: Place) -> Json:
    locations = module.at("locations").each()
    if not locations:
        raise ProtocolError(module.path + ".locations", "no location", "a record with at least one location")
    officials = [
        {
            "name": item.at("name").text() or _NOT_STATED,
            "role": words(item.at("role").text()),
            "affiliation": item.at("affiliation").text(),
        }
        for item in module.at("overallOfficials").each()
    ]
    return {
        "sites": [_read_site(item, number) for number, item in enumerate(locations, 1)],
        "central_contacts": [_read_contact(item) for item in module.at("centralContacts").each()],
        "officials": officials,
    }


def _read_site(item: Place, number: int) -> Json:
    city = item.at("city").text()
    site: Json = {
        "id": f"site_{number}",
        "name": item.at("facility").text() or f"{_UNNAMED.format(city=city)} ({number})",
        "city": city,
        "province": item.at("state").text(),
        "country": item.at("country").text(),
        "postcode": item.at("zip").text(),
        "status": words(item.at("status").text()),
        "address": "",
        "source": f"registry: {item.path}",
    }
    people = [_read_contact(person) for person in item.at("contacts").each()]
    site |= dict(zip(("contact", "backup_contact"), people, strict=False))
    if people[2:]:
        site["more_contacts"] = people[2:]
    latitude, longitude = (item.at("geoPoint", axis).number() for axis in ("lat", "lon"))
    if latitude is not None and longitude is not None:
        source = f"registry: {item.path}.geoPoint, the city's"
        site["city_point"] = {"latitude": latitude, "longitude": longitude, "source": source}
    return site


def _read_contact(item: Place) -> Json:
    return {
        "name": item.at("name").text() or _NOT_STATED,
        "role": words(item.at("role").text()),
        "mail": item.at("email").text(),
        "phone": item.at("phone").text(),
        "phone_extension": item.at("phoneExt").text(),
    }


def _phases(place: Place) -> list[str]:
    """Name the phases as they are called: PHASE1 is I. A study without a phase has a single one."""
    names = {"EARLY_PHASE1": "early I", "PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV"}
    return [names[phase] for phase in _read_texts(place) if phase in names] or ["the only one"]


def _eligibility_tables(criteria: list[RegisteredCriterion], phases: list[str]) -> Json:
    """Make each registered criterion one question to the investigator."""
    reason = "Draft: one answer by the investigator for the whole criterion, until it is taken apart into facts."
    return {
        "phases": phases,
        "facts": [
            {
                "id": item.fact,
                "label": f"{item.title} applies",
                "group": item.kind.capitalize(),
                "type": "yes_no",
                "judgement": True,
                "help": item.wording,
                "assumption": reason,
            }
            for item in criteria
        ],
        "parameters": [],
        "criteria": [
            {
                "id": item.id,
                "kind": item.kind,
                "title": item.title,
                "wording": item.wording,
                "condition": item.fact,
                "type": "judgement",
                "confirm": "screening",
                "source": f"registry: eligibilityCriteria, {item.title}",
            }
            for item in criteria
        ],
    }


def _cases(item: RegisteredCriterion) -> list[Json]:
    yes, no = ("met", "not met") if item.kind == "inclusion" else ("not met", "met")
    return [
        {"says": "The investigator says that it applies", "expect": yes, "facts": {item.fact: True}},
        {"says": "The investigator says that it does not", "expect": no, "facts": {item.fact: False}},
        {"says": "Nothing is known", "expect": "unknown"},
    ]


def _questions(section: Place) -> list[Json]:
    asked = [
        (f"The record does not say: {label}.", "high", topic, f"What is stated on: {label}?")
        for topic, label in _unknowns(_stated(section)).items()
    ]
    answers = "Each criterion is one answer by the investigator; none is computed."
    asked.append((answers, "high", "eligibility", "Which facts and limits decide each criterion?"))
    module = section.at("contactsLocationsModule")
    asked += [(problem, "medium", "sites", "Which number is right?") for problem in _phone_problems(module)]
    for key, lack, question in (
        ("facility", "no hospital is named", "Which hospitals are these?"),
        ("contacts", "nobody is registered", "Who is the contact there?"),
        ("status", "no status is registered", "Do these sites recruit?"),
    ):
        places = [item.path.rpartition(".")[2] for item in module.at("locations").each() if not item.at(key).value]
        asked += [(f"At {', '.join(places)} {lack}.", "medium", "sites", question)] if places else []
    return [
        {
            "id": f"A{number:02}",
            "problem": problem,
            "default": "A bare draft stands in its place.",
            "severity": severity,
            "concerns": [topic],
            "question": question,
        }
        for number, (problem, severity, topic, question) in enumerate(asked[:99], 1)
    ]


def _phone_problems(module: Place) -> list[str]:
    """Say which registered telephone numbers cannot be dialled, each with its place; at most 40."""
    people = [(item, "") for item in module.at("centralContacts").each()]
    for location in module.at("locations").each():
        people += [(item, location.at("country").text()) for item in location.at("contacts").each()]
    notes = []
    for item, country in people:
        person = Contact.model_construct(**_read_contact(item))
        if (person.phone or person.phone_extension) and (problem := phone_problem(person, country)):
            notes.append(f"{item.path}.{'phoneExt' if 'extension' in problem else 'phone'}: {problem}")
    return notes[:40]


# --- A trial as a study record ---

_MODULES = (
    "identificationModule",
    "statusModule",
    "sponsorCollaboratorsModule",
    "descriptionModule",
    "conditionsModule",
    "designModule",
    "armsInterventionsModule",
    "outcomesModule",
    "eligibilityModule",
    "contactsLocationsModule",
)
_CONTACT_ROLES = ("CONTACT", "PRINCIPAL_INVESTIGATOR", "SUB_INVESTIGATOR", "STUDY_DIRECTOR", "STUDY_CHAIR")


def export(trial: Trial) -> Json:
    """Write a trial as a study record of API version 2, ready for ``json.dumps``.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    dict
        ``protocolSection`` with the modules that the trial's record can fill. Assumptions of the record and what it
        does not state are left out.
    """
    facts = {fact.id: fact.value for fact in trial.identity.facts if not fact.is_assumption}
    section: Json = {module: {} for module in _MODULES}
    for name, _label, path, form in _FACTS:
        if name in facts:
            _put(section, path, form.write(facts[name]))
    sponsor = section["sponsorCollaboratorsModule"].get("leadSponsor", {})
    section["identificationModule"]["organization"] = {
        "fullName": sponsor.get("name"),
        "class": sponsor.get("class"),
    }
    section["eligibilityModule"].setdefault("eligibilityCriteria", _criteria_text(trial))
    section["armsInterventionsModule"] = {
        "armGroups": [_written_arm(arm, "label") for arm in trial.identity.arms],
        "interventions": [_written_arm(arm, "name") for arm in trial.identity.interventions],
    }
    for item in trial.identity.outcomes:
        outcome = {"measure": item.measure, "description": item.description, "timeFrame": item.time_frame}
        section["outcomesModule"].setdefault(f"{item.kind}Outcomes", []).append(outcome)
    section["contactsLocationsModule"] = {
        "centralContacts": [_written_contact(contact) for contact in trial.central_contacts],
        "overallOfficials": _officials(trial),
        "locations": [_written_site(site) for site in trial.sites],
    }
    record: Json = _pruned({"protocolSection": section})
    return record


def _put(tree: Json, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for step in above:
        tree = tree.setdefault(step, {})
    tree[last] = tree.get(last, {}) | value if isinstance(value, dict) else value


def _officials(trial: Trial) -> list[Json]:
    if trial.officials:
        return [{"name": one.name, "affiliation": one.affiliation, "role": code(one.role)} for one in trial.officials]
    name, affiliation = (trial.identity.get(fact) for fact in ("investigator", "investigator_affiliation"))
    if name is None or name.is_assumption:
        return []
    stated = affiliation.value if affiliation and not affiliation.is_assumption else None
    return [{"name": name.value, "affiliation": stated, "role": "PRINCIPAL_INVESTIGATOR"}]


def _written_arm(arm: Arm, name: str) -> Json:
    return {name: arm.name, "type": code(arm.type), "description": arm.description}


def _criteria_text(trial: Trial) -> str:
    """Number the criteria in the registry's words under its two headings."""
    blocks = []
    for kind in ("inclusion", "exclusion"):
        found = [item for item in trial.eligibility.criteria if item.kind == kind]
        lines = [f"{item.id[1:]}. " + "\n".join(wording_lines(item)) for item in found]
        blocks.append("\n".join([f"{kind.capitalize()} Criteria:", "", *lines]))
    return "\n\n".join(blocks)


def _written_site(site: Site) -> Json:
    point = site.city_point
    return {
        "facility": None if site.name.startswith(_UNNAMED.format(city=site.city)) else site.name,
        "status": code(site.status),
        "city": site.city,
        "state": site.province,
        "zip": site.postcode,
        "country": site.country,
        "contacts": [_written_contact(contact) for contact in site.contacts],
        "geoPoint": {"lat": point.latitude, "lon": point.longitude} if point else None,
    }


def _written_contact(contact: Contact) -> Json:
    """Write a contact; a role that the registry does not know, such as a title, follows the name, as is usual."""
    is_known = not contact.role or code(contact.role) in _CONTACT_ROLES
    return {
        "name": contact.name if is_known else f"{contact.name}, {contact.role}",
        "role": code(contact.role) if is_known else "CONTACT",
        "phone": contact.phone,
        "phoneExt": contact.phone_extension,
        "email": contact.mail,
    }


def _pruned(value: Any) -> Any:
    """Leave out what is empty or not stated."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item not in ("", {}, None)]
    return None if value in (_NOT_STATED, code(_NOT_STATED), _NO_LIMIT) else value


# --- Two versions of a record ---

_NAMING_FIELDS = ("facility", "city", "zip", "name", "label", "measure", "id", "pmid", "title", "term")


def changes(before: Place, after: Place) -> pd.DataFrame:
    """Compare two versions of a record, value by value.

    Parameters
    ----------
    before, after : Place
        What :func:`study` returned.

    Returns
    -------
    pandas.DataFrame
        One row a difference, all columns text: ``place`` (the path; an item of a list stands by its name and not by
        its position, so that a new site changes no other row), ``change`` (added, removed or changed), ``before``,
        ``after``.
    """
    old, new = dict(_values(before.value, "")), dict(_values(after.value, ""))
    rows = []
    for place in dict.fromkeys([*old, *new]):
        if old.get(place) != new.get(place):
            change = "added" if place not in old else "removed" if place not in new else "changed"
            rows.append((place, change, old.get(place, ""), new.get(place, "")))
    return pd.DataFrame(rows, columns=["place", "change", "before", "after"], dtype=object)


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        seen: dict[str, int] = {}
        for item in value:
            name = _name_of(item)
            seen[name] = seen.get(name, 0) + 1
            yield from _values(item, f"{path}[{name}{f' #{seen[name]}' if seen[name] > 1 else ''}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name_of(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(str(item[key]) for key in _NAMING_FIELDS if isinstance(item.get(key), str))
    return str(item)
