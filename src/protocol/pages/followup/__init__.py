"""The follow-up page."""

from protocol.pages.followup.page import FollowupPage

__all__ = ["FollowupPage"]
