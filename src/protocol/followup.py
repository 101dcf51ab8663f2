"""Followup."""

from protocol.records import Record


class FollowupRecord(Record):
    """Being written."""
