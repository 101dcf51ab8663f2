"""Other people's formats, in and out.

Cohorts and hospital records come in through ``read_cohort``, ``read_fhir`` and ``read_omop``; ``propose_mapping`` and
``load_mapping`` say what the columns of other systems hold. Documents, calendars and contact cards go out. ``ctgov``
and ``usdm`` are modules for the registry formats, ``synopsis`` is one for the document; ``cohort`` and ``clinical``
have more functions for cohort files and hospital records. A name is loaded when it is first used, so that importing
this package loads no format.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the names below are, for type checkers and editors
    from protocol.exchange import clinical, cohort
    from protocol.exchange.clinical.fhir import read_fhir
    from protocol.exchange.clinical.findings import Setting, keyed
    from protocol.exchange.clinical.omop import read_omop
    from protocol.exchange.clinical.reference_ranges import read_limits
    from protocol.exchange.cohort.files import propose_mapping, read_cohort
    from protocol.exchange.cohort.mapping import load_mapping
    from protocol.exchange.contacts.calendar import calendar_file, eligibility_calendar
    from protocol.exchange.contacts.mail import mail_draft
    from protocol.exchange.contacts.vcard import qr, vcard
    from protocol.exchange.documents import synopsis
    from protocol.exchange.documents.flow import flow_diagram
    from protocol.exchange.documents.inspection import inspection
    from protocol.exchange.documents.meeting_pack import Sheet, meeting_pack
    from protocol.exchange.documents.open_questions import questions_page
    from protocol.exchange.documents.screening import read_screening, screening_json, screening_page
    from protocol.exchange.documents.side_by_side import side_by_side
    from protocol.exchange.documents.statistics import StatisticalSection
    from protocol.exchange.registry import ctgov, usdm
    from protocol.exchange.registry.adam import visit_windows
    from protocol.exchange.spreadsheet import csv

__all__ = [
    "Setting",
    "Sheet",
    "StatisticalSection",
    "calendar_file",
    "clinical",
    "cohort",
    "csv",
    "ctgov",
    "eligibility_calendar",
    "flow_diagram",
    "inspection",
    "keyed",
    "load_mapping",
    "mail_draft",
    "meeting_pack",
    "propose_mapping",
    "qr",
    "questions_page",
    "read_cohort",
    "read_fhir",
    "read_limits",
    "read_omop",
    "read_screening",
    "screening_json",
    "screening_page",
    "side_by_side",
    "synopsis",
    "usdm",
    "vcard",
    "visit_windows",
]

_MODULES = {
    "clinical": "clinical",
    "cohort": "cohort",
    "ctgov": "registry.ctgov",
    "synopsis": "documents.synopsis",
    "usdm": "registry.usdm",
}

_NAMES = {
    "clinical.fhir": ("read_fhir",),
    "clinical.findings": ("Setting", "keyed"),
    "clinical.omop": ("read_omop",),
    "clinical.reference_ranges": ("read_limits",),
    "cohort.files": ("propose_mapping", "read_cohort"),
    "cohort.mapping": ("load_mapping",),
    "contacts.calendar": ("calendar_file", "eligibility_calendar"),
    "contacts.mail": ("mail_draft",),
    "contacts.vcard": ("qr", "vcard"),
    "documents.flow": ("flow_diagram",),
    "documents.inspection": ("inspection",),
    "documents.meeting_pack": ("Sheet", "meeting_pack"),
    "documents.open_questions": ("questions_page",),
    "documents.screening": ("read_screening", "screening_json", "screening_page"),
    "documents.side_by_side": ("side_by_side",),
    "documents.statistics": ("StatisticalSection",),
    "registry.adam": ("visit_windows",),
    "spreadsheet": ("csv",),
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found: Any = import_module(f"{__name__}.{_MODULES[name]}")
    else:
        module = next((module for module, names in _NAMES.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*globals(), *__all__]
