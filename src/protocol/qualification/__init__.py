"""Evidence that an installation does what it promises: requirements, checks of the installation and of its operation.

:func:`qualify` runs every check, and :func:`report_page` writes the page that a hospital files.
"""

from protocol.qualification.checks import Check
from protocol.qualification.report import Qualification, qualify, report_page
from protocol.qualification.requirements import Requirement, requirements

__all__ = ["Check", "Qualification", "Requirement", "qualify", "report_page", "requirements"]
