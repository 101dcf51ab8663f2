"""A ClinicalTrials.gov record as the draft of a trial folder: nothing lost, nothing made up, every gap a question."""

from pathlib import Path
from typing import Any

from protocol.exchange import toml
from protocol.exchange.ctgov import criteria
from protocol.exchange.ctgov.facts import NOT_GIVEN, facts, unstated
from protocol.exchange.ctgov.reading import registered, words
from protocol.exchange.ctgov.writing import NOT_STATED, UNNAMED
from protocol.exchange.foreign import Place
from protocol.records import ProtocolError
from protocol.sites import Contact, phone_problem

TEMPLATES = Path(__file__).parent
Json = dict[str, Any]


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
        File name to text: the record as it came, ``trial.toml``, ``sites.toml`` and ``eligibility.toml`` from it,
        ``escalation.toml`` and ``followup.toml`` as bare drafts that only let the pages open, and
        ``ambiguities.toml`` with a question for everything the record leaves open.

    Raises
    ------
    ProtocolError
        When the record cannot be used; see :func:`protocol.exchange.ctgov.registered`.
    """
    root = registered(content, name)
    section = root.at("protocolSection")
    text = section.at("eligibilityModule", "eligibilityCriteria").text()
    files = {
        "registry.json": content.decode("utf-8-sig"),
        "trial.toml": _trial(section),
        "sites.toml": _sites(section.at("contactsLocationsModule")),
        "eligibility.toml": _eligibility(text),
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
            **{table: [_arm(item, label) for item in arms.at(key).each()] for table, key, label in groups},
            "outcomes": outcomes,
            "unknowns": [{"id": name, "label": label} for name, label in (*NOT_GIVEN, *unstated(section))],
        }
    )


def _arm(item: Place, label: str) -> Json:
    return {
        "name": item.at(label).text() or NOT_STATED,
        "type": words(item.at("type").text()) or NOT_STATED,
        "description": item.at("description").text() or NOT_STATED,
        "source": f"registry: {item.path}",
    }


def _sites(module: Place) -> str:
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


def _eligibility(text: str) -> str:
    found = criteria.items(text)
    if not found:
        raise ProtocolError("protocolSection.eligibilityModule.eligibilityCriteria", "no text", "the criteria")
    reason = "Draft: one answer by the investigator for the whole criterion, until it is taken apart into facts."
    return toml.written(
        {
            "facts": [
                {"id": _fact(item), "label": f"{_title(item)} applies", "group": item.kind.capitalize(),
                 "type": "yes_no", "judgement": True, "help": item.wording, "assumption": reason}
                for item in found
            ],
            "parameters": [],
            "criteria": [_criterion(item) for item in found],
        }
    )  # fmt: skip


def _fact(item: criteria.Item) -> str:
    return f"{item.kind}_{item.number}"


def _title(item: criteria.Item) -> str:
    return f"{item.kind.capitalize()} {item.number}"


def _criterion(item: criteria.Item) -> Json:
    met = item.kind == "inclusion"
    return {
        "id": item.id, "kind": item.kind, "title": _title(item), "wording": item.wording, "condition": _fact(item),
        "type": "judgement", "confirm": "screening", "source": f"registry: eligibilityCriteria, {_title(item)}",
        "cases": [
            {"says": "The investigator says that it applies", "expect": "met" if met else "not met",
             "facts": {_fact(item): True}},
            {"says": "The investigator says that it does not", "expect": "not met" if met else "met",
             "facts": {_fact(item): False}},
            {"says": "Nothing is known", "expect": "unknown"},
        ],
    }  # fmt: skip


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
