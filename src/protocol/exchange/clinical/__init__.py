"""Hospital records in: FHIR R4 and OMOP CDM 5.4 as facts with their evidence."""

from protocol.exchange.clinical.blood_counts import (
    CountFile,
    count_template,
    read_count_fhir,
    read_count_omop,
    read_count_omop_files,
    read_count_table,
)
from protocol.exchange.clinical.count_columns import UnnamedParticipantError, UnsaidUnitError
from protocol.exchange.clinical.fhir import read_fhir
from protocol.exchange.clinical.findings import Finding, Imported, Imports, Naming, Setting, keyed
from protocol.exchange.clinical.omop import read_omop
from protocol.exchange.clinical.reference_ranges import Limit, LimitTable, limit_template, read_limits

__all__ = [
    "CountFile",
    "Finding",
    "Imported",
    "Imports",
    "Limit",
    "LimitTable",
    "Naming",
    "Setting",
    "UnnamedParticipantError",
    "UnsaidUnitError",
    "count_template",
    "keyed",
    "limit_template",
    "read_count_fhir",
    "read_count_omop",
    "read_count_omop_files",
    "read_count_table",
    "read_fhir",
    "read_limits",
    "read_omop",
]
