"""ClinicalTrials.gov, API version 2: records become draft folders, trials become records, two records differ."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from protocol.exchange import toml
from protocol.exchange.documents import synopsis as wordings
from protocol.exchange.foreign_json import Place, read_json
from protocol.records import ProtocolError
from protocol.sites import Contact, Site, phone_problem
from protocol.trial import Arm, Identity, Outcome, Trial

LEGACY = ("FullStudiesResponse", "FullStudies", "FullStudy", "StudyFieldsResponse", "Study")


def registered(content: bytes, name: str = "record") -> Place:
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
        For what is not JSON, for the legacy API, for a list of studies, and without a registry number.
    """
    root = read_json(content, name)
    for key in LEGACY:
        if key in root.value:
            raise ProtocolError(
                f"{name}, {key}", "a record of the legacy API (version 1)", "the same study from API version 2"
            )
    if "studies" in root.value:
        raise ProtocolError(f"{name}, studies", "a list of studies", "one study of it")
    number = root.at("protocolSection", "identificationModule", "nctId")
    if not re.fullmatch(r"NCT\d{8}", number.text()):
        raise ProtocolError(f"{name}, {number.path}", f"{number.value!r}", "a number like NCT05672420")
    return root


def words(code: str) -> str:
    """Write a code of the registry in words: NOT_YET_RECRUITING, Not yet recruiting."""
    text = code.replace("_", " ").capitalize()
    return re.sub(r"[Pp]hase ?(\d)", r"Phase \1", text)


def code(text: str) -> str:
    """Write words as the registry's code; the inverse of :func:`words`."""
    return re.sub(r"PHASE_(\d)", r"PHASE\1", text.upper().replace(" ", "_"))


Kind = Literal["inclusion", "exclusion"]

MOST = 63
"""Criteria of one draft; a longer text is cut at its headings only, since its lines are hardly one criterion each."""

_HEADING = re.compile(
    r"^\W*(?:[\w-]+ ){0,3}?(inclusion|exclusion)(?: criteri(?:a|on))?(?: \([^)]*\))?\W*:?\W*$", re.I
)

_ITEM = re.compile(r"^(?:\d{1,2}[.)]|[*•\-–])\s+")


@dataclass(frozen=True)
class Item:
    """One criterion in the registry's words, without its number or bullet."""

    kind: Kind
    number: int
    wording: str

    @property
    def id(self) -> str:
        """I1, E3 and so on."""
        return f"{self.kind[0].upper()}{self.number}"


def items(text: str) -> list[Item]:
    """Cut a criteria text at its headings and at the numbers or bullets that begin a line.

    Nested lines stay with the criterion above them, and so does what follows the last one. Text that cannot be cut
    is one inclusion criterion.
    """
    pieces = _pieces(text)
    if len(pieces) > MOST:
        pieces = [(kind, "\n".join(part for _kind, part in group)) for kind, group in groupby(pieces, lambda p: p[0])]
    numbers = dict.fromkeys(("inclusion", "exclusion"), 0)
    found = []
    for kind, wording in pieces:
        numbers[kind] += 1
        found.append(Item(kind, numbers[kind], wording))
    return found


def _pieces(text: str) -> list[tuple[Kind, str]]:
    kind: Kind = "inclusion"
    pieces: list[tuple[Kind, list[str]]] = []
    fresh = True
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            kind, fresh = ("exclusion" if heading[1].lower() == "exclusion" else "inclusion"), True
        elif _ITEM.match(line) or fresh:
            if line.strip():
                pieces.append((kind, [_ITEM.sub("", line)]))
                fresh = False
        else:
            pieces[-1][1].append(line)
    return [(kind, "\n".join(lines).strip()) for kind, lines in pieces]


Json = dict[str, Any]

_TEXTS = (
    ("nct_id", "Trial ID", "identificationModule.nctId"),
    ("title", "Title", "identificationModule.briefTitle"),
    ("official_title", "Official title", "identificationModule.officialTitle"),
    ("acronym", "Acronym", "identificationModule.acronym"),
    ("purpose", "Purpose", "descriptionModule.briefSummary"),
    ("background", "Background", "descriptionModule.detailedDescription"),
    ("sponsor", "Lead sponsor", "sponsorCollaboratorsModule.leadSponsor.name"),
    ("criteria_text", "Criteria as registered", "eligibilityModule.eligibilityCriteria"),
    ("study_population", "Study population", "eligibilityModule.studyPopulation"),
)

_CODES = (
    ("study_type", "Study type", "designModule.studyType"),
    ("agency_class", "Agency class", "sponsorCollaboratorsModule.leadSponsor.class"),
    ("status", "Overall status", "statusModule.overallStatus"),
    ("gender", "Sex", "eligibilityModule.sex"),
    ("sampling_method", "Sampling method", "eligibilityModule.samplingMethod"),
)

_DAYS = (
    ("start_date", "Registered start", "statusModule.startDateStruct.date"),
    ("primary_completion_date", "Registered primary completion", "statusModule.primaryCompletionDateStruct.date"),
    ("completion_date", "Registered completion", "statusModule.completionDateStruct.date"),
    ("record_updated", "Record last updated", "statusModule.lastUpdatePostDateStruct.date"),
)

_LISTS = (
    ("conditions", "Conditions", "conditionsModule.conditions"),
    ("keywords", "Keywords", "conditionsModule.keywords"),
)

NEEDED = ("title", "nct_id", "phase", "sponsor", "status")
"""Facts every page relies on; a record without one gets it as not stated."""

NOT_GIVEN = (
    ("escalation", "doses, frequencies, escalation rule and toxicity window"),
    ("followup", "visit days, windows and procedures"),
    ("lookbacks", "waiting times before enrolment"),
)
"""What no registry record has a field for."""


def facts(section: Place) -> list[Json]:
    """Collect what the record states, each fact with the path it stands at, and name what is needed and missing."""
    found = [
        *(_fact(name, label, path, _at(section, path).text()) for name, label, path in _TEXTS),
        *(_fact(name, label, path, words(_at(section, path).text())) for name, label, path in _CODES),
        *(_fact(name, label, path, _day(_at(section, path).text())) for name, label, path in _DAYS),
        *(_fact(name, label, path, _texts(_at(section, path))) for name, label, path in _LISTS),
        _fact("phase", "Phase", "designModule.phases",
              "/".join(words(phase) for phase in _texts(_at(section, "designModule.phases")))),
        _fact("collaborators", "Collaborators", "sponsorCollaboratorsModule.collaborators",
              [item.at("name").text() for item in _at(section, "sponsorCollaboratorsModule.collaborators").each()]),
        _fact("enrolment", "Planned enrolment", "designModule.enrollmentInfo.count",
              _whole(_at(section, "designModule.enrollmentInfo.count").number())),
        _fact("eligible_ages", "Eligible ages", "eligibilityModule.minimumAge, maximumAge", _ages(section)),
        _fact("healthy_volunteers", "Accepts healthy volunteers", "eligibilityModule.healthyVolunteers",
              {True: "Yes", False: "No"}.get(_at(section, "eligibilityModule.healthyVolunteers").value, "")),
    ]  # fmt: skip
    stated = [fact for fact in found if fact["value"] not in ("", [], None)]
    names = [fact["id"] for fact in stated]
    missing = [(name, "Course of treatment" if name == "course" else name.capitalize())
               for name in (*NEEDED, "course") if name not in names]  # fmt: skip
    reason = "The registry record does not state it."
    return stated + [
        {"id": name, "label": label, "value": NOT_STATED, "assumption": reason} for name, label in missing
    ]


def unstated(section: Place) -> list[tuple[str, str]]:
    """Name the facts that the record could state and does not."""
    stated = {fact["id"] for fact in facts(section) if "source" in fact}
    known = (*_TEXTS, *_CODES, *_DAYS, *_LISTS)
    asked = [(name, label.lower()) for name, label, _path in known if name not in (*stated, "acronym", "keywords")]
    asked += [("enrolment", "planned enrolment")] if "enrolment" not in stated else []
    return [(name, label) for name, label in asked if name not in ("study_population", "sampling_method")]


def _fact(name: str, label: str, path: str, value: Any) -> Json:
    return {"id": name, "label": label, "value": value, "source": f"registry: protocolSection.{path}"}


def _at(section: Place, path: str) -> Place:
    return section.at(*path.split("."))


def _texts(place: Place) -> list[str]:
    return [item.text() for item in place.each()]


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _day(text: str) -> date | str:
    """Read a whole date; a month alone stays as it is written."""
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def _ages(section: Place) -> str:
    youngest, oldest = (_at(section, f"eligibilityModule.{end}Age").text() for end in ("minimum", "maximum"))
    return f"{youngest or NO_LIMIT} - {oldest or NO_LIMIT}" if youngest or oldest else ""


_NAMED_BY = ("facility", "city", "zip", "name", "label", "measure", "id", "pmid", "title", "term")


def changes(before: Place, after: Place) -> pd.DataFrame:
    """Compare two versions of a record, value by value.

    Parameters
    ----------
    before, after : Place
        What :func:`protocol.exchange.registry.ctgov.registered` returned.

    Returns
    -------
    pandas.DataFrame
        One row a difference: ``place`` (the path; items of a list go by their name and not by their position, so
        that a new site moves nobody), ``change`` (added, removed or changed), ``before``, ``after`` (text).
    """
    old, new = dict(_values(before.value, "")), dict(_values(after.value, ""))
    rows = [
        (place, "added" if place not in old else "removed" if place not in new else "changed",
         old.get(place, ""), new.get(place, ""))
        for place in dict.fromkeys([*old, *new]) if old.get(place) != new.get(place)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["place", "change", "before", "after"], dtype=object)


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        seen: dict[str, int] = {}
        for item in value:
            name = _name(item)
            seen[name] = seen.get(name, 0) + 1
            yield from _values(item, f"{path}[{name}{f' #{seen[name]}' if seen[name] > 1 else ''}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(str(item[key]) for key in _NAMED_BY if isinstance(item.get(key), str))
    return str(item)


TEMPLATES = Path(__file__).with_name("draft_templates")


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
        the pages open, and ``ambiguities.toml`` with a question for everything the record leaves open.

    Raises
    ------
    ProtocolError
        When the record cannot be used; see :func:`protocol.exchange.registry.ctgov.registered`.
    """
    root = registered(content, name)
    section = root.at("protocolSection")
    text = section.at("eligibilityModule", "eligibilityCriteria").text()
    files = {
        "registry.json": content.decode("utf-8-sig"),
        "trial.toml": _trial(section),
        "sites.toml": _draft_sites(section.at("contactsLocationsModule")),
        "eligibility.toml": _draft_eligibility(text, _phases(section)),
        "eligibility_cases.toml": toml.written({item.id: _cases(item) for item in items(text)}),
        "ambiguities.toml": toml.written({"ambiguities": _questions(section)}),
    }
    templates = ("escalation.toml", "followup.toml")
    return files | {file: (TEMPLATES / file).read_text(encoding="utf-8") for file in templates}


def write_folder(files: dict[str, str], folder: Path) -> None:
    """Write drafted files into a folder that does not exist yet, so that nobody's work is overwritten.

    Raises
    ------
    ProtocolError
        When the folder exists.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ProtocolError(str(folder), "a folder that exists already", "the name of a new folder") from None
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8", newline="")


def _trial(section: Place) -> str:
    arms = section.at("armsInterventionsModule")
    groups = (("arms", "armGroups", "label"), ("interventions", "interventions", "name"))
    outcomes = [
        {"kind": kind, "measure": item.at("measure").text() or NOT_STATED,
         "description": item.at("description").text(), "time_frame": item.at("timeFrame").text(),
         "source": f"registry: {item.path}"}
        for kind in ("primary", "secondary", "other")
        for item in section.at("outcomesModule", f"{kind}Outcomes").each()
    ]  # fmt: skip
    return toml.written(
        {
            "facts": facts(section),
            **{table: [_draft_arm(item, label) for item in arms.at(key).each()] for table, key, label in groups},
            "outcomes": outcomes,
            "unknowns": [{"id": name, "label": label} for name, label in (*NOT_GIVEN, *unstated(section))],
        }
    )


def _draft_arm(item: Place, label: str) -> Json:
    return {
        "name": item.at(label).text() or NOT_STATED,
        "type": words(item.at("type").text()) or NOT_STATED,
        "description": item.at("description").text() or NOT_STATED,
        "source": f"registry: {item.path}",
    }


def _draft_sites(module: Place) -> str:
    locations = module.at("locations").each()
    if not locations:
        raise ProtocolError(module.path + ".locations", "no location", "a record with at least one location")
    return toml.written(
        {
            "sites": [_site(item, number) for number, item in enumerate(locations, 1)],
            "central_contacts": [contact(item) for item in module.at("centralContacts").each()],
            "officials": [
                {"name": item.at("name").text() or NOT_STATED, "role": words(item.at("role").text()),
                 "affiliation": item.at("affiliation").text()}
                for item in module.at("overallOfficials").each()
            ],
        }
    )  # fmt: skip


def _site(item: Place, number: int) -> Json:
    city = item.at("city").text()
    people = [contact(person) for person in item.at("contacts").each()]
    site: Json = {
        "id": f"site_{number}", "name": item.at("facility").text() or f"{UNNAMED.format(city=city)} ({number})",
        "city": city, "province": item.at("state").text(), "country": item.at("country").text(),
        "postcode": item.at("zip").text(), "status": words(item.at("status").text()), "address": "",
        "source": f"registry: {item.path}",
    }  # fmt: skip
    site |= dict(zip(("contact", "backup_contact"), people, strict=False))
    if people[2:]:
        site["more_contacts"] = people[2:]
    latitude, longitude = (item.at("geoPoint", axis).number() for axis in ("lat", "lon"))
    if latitude is not None and longitude is not None:
        point = {
            "latitude": latitude,
            "longitude": longitude,
            "source": f"registry: {item.path}.geoPoint, the city's",
        }
        site["city_point"] = point
    return site


def contact(item: Place) -> Json:
    """Read one contact as it stands."""
    return {
        "name": item.at("name").text() or NOT_STATED, "role": words(item.at("role").text()),
        "mail": item.at("email").text(), "phone": item.at("phone").text(),
        "phone_extension": item.at("phoneExt").text(),
    }  # fmt: skip


def _phases(section: Place) -> list[str]:
    """Name the phases as they are called: PHASE1, I; a study without one has a single phase named so."""
    names = {"EARLY_PHASE1": "early I", "PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV"}
    return [names[phase] for phase in _texts(_at(section, "designModule.phases")) if phase in names] or [NO_PHASE]


def _draft_eligibility(text: str, phases: list[str]) -> str:
    found = items(text)
    if not found:
        raise ProtocolError("protocolSection.eligibilityModule.eligibilityCriteria", "no text", "the criteria")
    reason = "Draft: one answer by the investigator for the whole criterion, until it is taken apart into facts."
    return f"phases = {json.dumps(phases)}\n" + toml.written(
        {
            "facts": [
                {"id": _draft_fact(item), "label": f"{_draft_title(item)} applies", "group": item.kind.capitalize(),
                 "type": "yes_no", "judgement": True, "help": item.wording, "assumption": reason}
                for item in found
            ],
            "parameters": [],
            "criteria": [_criterion(item) for item in found],
        }
    )  # fmt: skip


def _draft_fact(item: Item) -> str:
    return f"{item.kind}_{item.number}"


def _draft_title(item: Item) -> str:
    return f"{item.kind.capitalize()} {item.number}"


def _criterion(item: Item) -> Json:
    return {
        "id": item.id, "kind": item.kind, "title": _draft_title(item), "wording": item.wording,
        "condition": _draft_fact(item),
        "type": "judgement", "confirm": "screening", "source": f"registry: eligibilityCriteria, {_draft_title(item)}",
    }  # fmt: skip


def _cases(item: Item) -> list[Json]:
    yes, no = ("met", "not met") if item.kind == "inclusion" else ("not met", "met")
    fact = _draft_fact(item)
    return [
        {"says": "The investigator says that it applies", "expect": yes, "facts": {fact: True}},
        {"says": "The investigator says that it does not", "expect": no, "facts": {fact: False}},
        {"says": "Nothing is known", "expect": "unknown"},
    ]


def _questions(section: Place) -> list[Json]:
    asked = [
        (f"The record does not say: {label}.", "high", topic, f"What is stated on: {label}?")
        for topic, label in (*NOT_GIVEN, *unstated(section))
    ]
    asked.append(
        ("Each criterion is one answer by the investigator; none is computed.", "high", "eligibility",
         "Which facts and limits decide each criterion?")
    )  # fmt: skip
    asked += [(note, "medium", "sites", "Which number is right?") for note in phone_notes(section)]
    asked += _site_questions(section.at("contactsLocationsModule", "locations"))
    return [
        {"id": f"A{number:02}", "problem": problem, "default": "A bare draft stands in its place.",
         "severity": severity, "concerns": [topic], "question": question}
        for number, (problem, severity, topic, question) in enumerate(asked[:99], 1)
    ]  # fmt: skip


def _site_questions(locations: Place) -> list[tuple[str, str, str, str]]:
    kinds = (
        ("facility", "no hospital is named", "Which hospitals are these?"),
        ("contacts", "nobody is registered", "Who is the contact there?"),
        ("status", "no status is registered", "Do these sites recruit?"),
    )
    found = []
    for key, what, question in kinds:
        lacking = [item.path.rpartition(".")[2] for item in locations.each() if not item.at(key).value]
        if lacking:
            found.append((f"At {', '.join(lacking)} {what}.", "medium", "sites", question))
    return found


def phone_notes(section: Place) -> list[str]:
    """Say which registered telephone numbers cannot be dialled, each with its place, in one note a number."""
    module = section.at("contactsLocationsModule")
    people = [(item, "") for item in module.at("centralContacts").each()]
    for location in module.at("locations").each():
        people += [(item, location.at("country").text()) for item in location.at("contacts").each()]
    notes = []
    for item, country in people:
        person = Contact.model_construct(**contact(item))
        if (person.phone or person.phone_extension) and (problem := phone_problem(person, country)):
            notes.append(f"{item.path}.{'phoneExt' if 'extension' in problem else 'phone'}: {problem}")
    return notes[:40]


UNNAMED = "Hospital not named, {city}"

NOT_STATED = "not stated"

NO_PHASE = "the only one"

NO_LIMIT = "no limit"

ROLES = ("CONTACT", "PRINCIPAL_INVESTIGATOR", "SUB_INVESTIGATOR", "STUDY_DIRECTOR", "STUDY_CHAIR")


def record(trial: Trial) -> Json:
    """Write a trial as a study record of API version 2, ready for ``json.dumps``.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    dict
        ``protocolSection`` with the modules the record can fill. What is an assumption in the record, or stated
        nowhere, is left out.
    """
    facts = _Facts(trial.identity)
    modules = {
        "identificationModule": {
            "nctId": facts["nct_id"],
            "organization": {"fullName": facts["sponsor"], "class": facts.code("agency_class")},
            "briefTitle": facts["title"], "officialTitle": facts["official_title"], "acronym": facts["acronym"],
        },
        "statusModule": {
            "overallStatus": facts.code("status"),
            **{f"{name}Struct": {"date": facts[fact]} for name, fact in (
                ("startDate", "start_date"), ("primaryCompletionDate", "primary_completion_date"),
                ("completionDate", "completion_date"), ("lastUpdatePostDate", "record_updated"))},
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": facts["sponsor"], "class": facts.code("agency_class")},
            "collaborators": [{"name": name} for name in facts["collaborators"] or ()],
        },
        "descriptionModule": {"briefSummary": facts["purpose"], "detailedDescription": facts["background"]},
        "conditionsModule": {"conditions": facts["conditions"], "keywords": facts["keywords"]},
        "designModule": {
            "studyType": facts.code("study_type"),
            "phases": [code(phase) for phase in (facts["phase"] or "").split("/")],
            "enrollmentInfo": {"count": facts["enrolment"]},
        },
        "armsInterventionsModule": {
            "armGroups": [_arm(arm, "label") for arm in trial.identity.arms],
            "interventions": [_arm(arm, "name") for arm in trial.identity.interventions],
        },
        "outcomesModule": {f"{kind}Outcomes": _outcomes(trial.identity.outcomes, kind)
                           for kind in ("primary", "secondary", "other")},
        "eligibilityModule": _eligibility(trial, facts),
        "contactsLocationsModule": _contacts(trial, facts),
    }  # fmt: skip
    full: Json = _pruned({"protocolSection": modules})
    return full


class _Facts:
    """The facts a registry states, by id; None for everything else."""

    def __init__(self, identity: Identity) -> None:
        self._values = {fact.id: fact.value for fact in identity.facts if not fact.is_assumption}

    def __getitem__(self, name: str) -> Any:
        value = self._values.get(name)
        return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value

    def code(self, name: str) -> str:
        return code(self[name] or "")


def _arm(arm: Arm, name: str) -> Json:
    return {name: arm.name, "type": code(arm.type), "description": arm.description}


def _outcomes(outcomes: Iterable[Outcome], kind: str) -> list[Json]:
    return [
        {"measure": item.measure, "description": item.description, "timeFrame": item.time_frame}
        for item in outcomes if item.kind == kind
    ]  # fmt: skip


def _eligibility(trial: Trial, facts: _Facts) -> Json:
    youngest, _dash, oldest = (facts["eligible_ages"] or "").partition(" - ")
    volunteers = facts["healthy_volunteers"]
    return {
        "eligibilityCriteria": facts["criteria_text"] or _criteria_text(trial),
        "healthyVolunteers": None if volunteers is None else volunteers == "Yes",
        "sex": facts.code("gender"), "minimumAge": youngest, "maximumAge": oldest,
        "studyPopulation": facts["study_population"], "samplingMethod": facts.code("sampling_method"),
    }  # fmt: skip


def _criteria_text(trial: Trial) -> str:
    """Number the criteria in the registry's words under its two headings."""
    blocks = []
    for kind in ("inclusion", "exclusion"):
        found = [item for item in trial.eligibility.criteria if item.kind == kind]
        lines = [f"{item.id[1:]}. " + "\n".join(wordings.lines(item)) for item in found]
        blocks.append("\n".join([f"{kind.capitalize()} Criteria:", "", *lines]))
    return "\n\n".join(blocks)


def _contacts(trial: Trial, facts: _Facts) -> Json:
    officials = [
        {"name": one.name, "affiliation": one.affiliation, "role": code(one.role)} for one in trial.officials
    ] or [{"name": facts["investigator"], "affiliation": facts["investigator_affiliation"],
           "role": "PRINCIPAL_INVESTIGATOR" if facts["investigator"] else ""}]  # fmt: skip
    return {
        "centralContacts": [_contact(contact) for contact in trial.central_contacts],
        "overallOfficials": officials,
        "locations": [_location(site) for site in trial.sites],
    }


def _location(site: Site) -> Json:
    point = site.city_point
    return {
        "facility": None if site.name.startswith(UNNAMED.format(city=site.city)) else site.name,
        "status": code(site.status), "city": site.city, "state": site.province, "zip": site.postcode,
        "country": site.country, "contacts": [_contact(contact) for contact in site.contacts],
        "geoPoint": {"lat": point.latitude, "lon": point.longitude} if point else None,
    }  # fmt: skip


def _contact(contact: Contact) -> Json:
    """A role the registry does not know, such as a title, stands behind the name, as is usual there."""
    known = not contact.role or code(contact.role) in ROLES
    return {
        "name": contact.name if known else f"{contact.name}, {contact.role}",
        "role": code(contact.role) if known else "CONTACT",
        "phone": contact.phone, "phoneExt": contact.phone_extension, "email": contact.mail,
    }  # fmt: skip


def _pruned(value: Any) -> Any:
    """Leave out what is empty or not stated."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item not in ("", {}, None)]
    return None if value in (NOT_STATED, code(NOT_STATED), NO_LIMIT) else value
