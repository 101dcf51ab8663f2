"""Escalation."""

from protocol.records import Record


class EscalationRecord(Record):
    """Being written."""
