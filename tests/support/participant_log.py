"""A log with participants of one site at different points of the path, and what a widget says."""

import re
from datetime import date, timedelta
from html import unescape

from protocol.conduct import event, open_log
from protocol.pages.trial_log.desk import open_desk

START = date(2026, 3, 2)


class OpenedLog:
    """A log, and what its readers see on a day."""

    def __init__(self, trial, path, day):
        self.trial, self.path, self.day = trial, path, day
        self.log = open_log(path)
        self.opened = [self.log]

    def desk(self, role="coordinator", **more):
        names = {"PROTOCOL_LOG": str(self.path), "PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": f"{role}-1"} | more
        desk = open_desk(self.trial, names, lambda: self.day)
        self.opened.append(desk._log)
        return desk

    def close(self):
        for log in self.opened:
            log.close()


class Life(OpenedLog):
    """A log with participants of one site at different points of the path."""

    def __init__(self, trial, path):
        super().__init__(trial, path, START + timedelta(days=20))
        self.site, self.start = trial.sites[0].name, trial.escalation.design.start.value
        self.screen("W-001")
        self.add("consented", "W-001")
        self.add("enrolled", "W-001", regimen=self.start)
        self.add("therapy_started", "W-001")
        self.add("infused", "W-001", number=1)
        self.screen("W-002")

    def screen(self, who, overall="eligible so far", on=START):
        self.add("screened", who, on, phase="Ib", overall=overall, result={})

    def add(self, kind, who, on=START, **more):
        values = {"kind": kind, "on": on, "participant": who} | more
        return self.log.append(event(values), actor="other", site=self.site)

    def last(self):
        return self.log.entries()[-1]

    @property
    def count(self):
        return self.log.head().count


def said(widget):
    """The words of a widget that shows HTML."""
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", widget.value)))
