"""The escalation page."""

from protocol.pages.escalation.page import EscalationPage

__all__ = ["EscalationPage"]
