"""What one person may see of the trial: figures for everybody, single participants for those who may.

The log is folded and looked at here, and what a person may not see is left out here: a page receives a briefing and
never the log behind it.
"""

from protocol.briefing.ledgers import ledgers
from protocol.briefing.since import changes, news
from protocol.briefing.standing import COUNTS, FEW, Briefing, brief, quiet

__all__ = ["COUNTS", "FEW", "Briefing", "brief", "changes", "ledgers", "news", "quiet"]
