"""All checks of an installation, and the page that a hospital files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from protocol.conduct import stamp
from protocol.display import Displayed
from protocol.exchange.documents.templates import render
from protocol.qualification.checks import Check, guarded
from protocol.qualification.installation import installation, system
from protocol.qualification.log_life import log_life
from protocol.qualification.reference_values import reference_values, verdicts
from protocol.qualification.requirements import requirements
from protocol.qualification.served_pages import dashboard, opened_pages
from protocol.translation import _
from protocol.trial import load_trial
from protocol.version import SHARED


@dataclass(frozen=True)
class Qualification(Displayed):
    """The result of qualifying an installation: its system, and the checks of installation and operation."""

    moment: datetime
    system: dict[str, str]
    installation: tuple[Check, ...]
    operation: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that found something else than expected."""
        return tuple(check for check in (*self.installation, *self.operation) if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not self.failed

    def __repr__(self) -> str:
        """Return the numbers of checks."""
        count = len(self.installation) + len(self.operation)
        return f"Qualification({count} checks, {len(self.failed)} failed)"

    def table(self) -> pd.DataFrame:
        """Return one row a check: ``part``, ``requirements``, ``check``, ``expected``, ``found``, ``passed``."""
        rows = [
            (part, " ".join(one.requirements), one.what, one.expected, one.found, one.passed)
            for part, checks in (("installation", self.installation), ("operation", self.operation))
            for one in checks
        ]
        return pd.DataFrame(rows, columns=["part", "requirements", "check", "expected", "found", "passed"])


def qualify(moment: datetime, progress: Callable[[str], None] = lambda _part: None) -> Qualification:
    """Run every check of this installation, in about half a minute.

    Parameters
    ----------
    moment : datetime
        The present moment with its zone, for the report.
    progress : callable
        Called with the name of each part before it runs.
    """
    trials = [file.parent for file in sorted((SHARED / "data").glob("*/trial.toml"))]

    def done(part: str, checks: Callable[..., object], *given: object) -> list[Check]:
        progress(part)
        return [*guarded(part, lambda: checks(*given))]  # type: ignore[arg-type, return-value]

    with dashboard() as visited:
        installed = done(_("Installation"), installation)
        operated = done(_("Reference values"), reference_values)
        operated += done(_("Log"), log_life)
        for folder in trials:
            trial = load_trial(folder)
            operated += done(_("Criteria"), verdicts, trial)
            operated += done(_("Pages"), opened_pages, trial)
        operated += done(_("Dashboard"), visited)
    return Qualification(moment, system(), tuple(installed), tuple(operated))


def report_page(result: Qualification) -> str:
    """Write the result as one page of HTML that loads nothing, with places for signatures."""
    shown = {name for check in (*result.installation, *result.operation) for name in check.requirements}
    return render(
        "qualification.html",
        title=_("Qualification of protocol-workbook {version}").format(version=result.system[_("Workbook")]),
        moment=stamp(result.moment),
        result=result,
        parts=((_("Installation"), result.installation), (_("Operation"), result.operation)),
        requirements=[one for one in requirements() if one.id in shown],
        others=[one.id for one in requirements() if one.id not in shown],
    )
