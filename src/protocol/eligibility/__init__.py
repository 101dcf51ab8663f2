"""Eligibility."""

from protocol.records import Record


class EligibilityRecord(Record):
    """Being written."""
