"""The eligibility page."""

from protocol.pages.eligibility.page import EligibilityPage

__all__ = ["EligibilityPage"]
