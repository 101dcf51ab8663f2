"""Hospital records in: FHIR R4 and OMOP CDM 5.4 as facts with their evidence."""

from protocol.exchange.clinical.fhir import read_fhir
from protocol.exchange.clinical.findings import Finding, Imported, Imports, Naming, Setting, keyed
from protocol.exchange.clinical.omop import read_omop
from protocol.exchange.clinical.reference_ranges import Limit, LimitTable, limit_template, read_limits

__all__ = [
    "Finding",
    "Imported",
    "Imports",
    "Limit",
    "LimitTable",
    "Naming",
    "Setting",
    "keyed",
    "limit_template",
    "read_fhir",
    "read_limits",
    "read_omop",
]
