"""Cohort files in, results of a cohort out."""

from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.fhir_group import group
from protocol.exchange.cohort.files import CohortFile, read_cohort, template
from protocol.exchange.cohort.redcap import dictionary, import_file
from protocol.exchange.cohort.results import Stamp, attrition, groups, screening_log, stamp

__all__ = [
    "CohortFile",
    "FileProblem",
    "Stamp",
    "attrition",
    "dictionary",
    "group",
    "groups",
    "import_file",
    "read_cohort",
    "screening_log",
    "stamp",
    "template",
]
