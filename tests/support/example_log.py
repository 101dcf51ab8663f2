"""A real log with the events of the invented example, as they would have been recorded."""

import shutil
from datetime import datetime

from protocol.conduct import Correction, open_log


def record_all(path, entries):
    """Record the events of `entries` one by one, each at its time; return the path."""
    moments = iter([datetime.fromisoformat(entry.time) for entry in entries])
    log = open_log(path, clock=lambda: next(moments))
    try:
        for entry in entries:
            event = entry.event
            if isinstance(event, Correction):  # names the hash of an entry, which has other hashes before it here
                target = next(e for e in log.entries(event.of - 1) if e.sequence == event.of)
                event = event.model_copy(update={"hash": target.hash})
            log.append(event, actor=entry.actor, site=entry.site, reason=entry.reason, key=entry.key)
    finally:
        log.close()
    return path


def copied(path, folder):
    """Copy a closed log, so that a test may write into it."""
    target = folder / path.name
    shutil.copy(path, target)
    return target
