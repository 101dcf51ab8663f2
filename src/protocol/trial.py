"""The one record of the whole trial, and the only reader of ``data/``."""

from datetime import date
from pathlib import Path

from protocol.eligibility import EligibilityRecord
from protocol.escalation import EscalationRecord
from protocol.followup import FollowupRecord
from protocol.records import Ambiguity, Phase, Record, Sourced, Text, read_record
from protocol.sites import SitesRecord


class Trial(Record):
    """A trial: its identity and one record per topic."""

    eligibility: EligibilityRecord
    escalation: EscalationRecord
    followup: FollowupRecord
    sites: SitesRecord


def load_trial(folder: str | Path) -> Trial:
    """Read the TOML files of one trial folder into one frozen record.

    Raises
    ------
    ProtocolError
        Naming the file and the place in it when something is missing or wrong.
    """
    folder = Path(folder)
    return Trial(
        eligibility=read_record(folder / "eligibility.toml", EligibilityRecord),
        escalation=read_record(folder / "escalation.toml", EscalationRecord),
        followup=read_record(folder / "followup.toml", FollowupRecord),
        sites=read_record(folder / "sites.toml", SitesRecord),
    )
