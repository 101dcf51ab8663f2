"""Cohort files in, results of a cohort out."""

from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.fhir_group import group
from protocol.exchange.cohort.files import CohortFile, is_as_template, propose_mapping, read_cohort, template
from protocol.exchange.cohort.mapping import ColumnMapping, MappedColumn, MappingQuestion, load_mapping
from protocol.exchange.cohort.redcap import dictionary, import_file
from protocol.exchange.cohort.results import Stamp, attrition, groups, screening_log, stamp

__all__ = [
    "CohortFile",
    "ColumnMapping",
    "FileProblem",
    "MappedColumn",
    "MappingQuestion",
    "Stamp",
    "attrition",
    "dictionary",
    "group",
    "groups",
    "import_file",
    "is_as_template",
    "load_mapping",
    "propose_mapping",
    "read_cohort",
    "screening_log",
    "stamp",
    "template",
]
