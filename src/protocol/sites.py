"""Sites."""

from protocol.records import Record


class SitesRecord(Record):
    """Being written."""
