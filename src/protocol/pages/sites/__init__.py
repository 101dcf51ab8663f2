"""The sites page."""

from protocol.pages.sites.page import SitesPage

__all__ = ["SitesPage"]
