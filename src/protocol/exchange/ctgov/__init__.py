"""ClinicalTrials.gov, API version 2: records become draft folders, trials become records, two records differ."""

from protocol.exchange.ctgov.changes import changes
from protocol.exchange.ctgov.drafting import draft, write_folder
from protocol.exchange.ctgov.reading import registered
from protocol.exchange.ctgov.writing import record

__all__ = ["changes", "draft", "record", "registered", "write_folder"]
