"""The overview page."""

from protocol.pages.overview.page import OverviewPage

__all__ = ["OverviewPage"]
