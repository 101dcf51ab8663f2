"""The log of a trial for an inspection: every entry as a table and as JSON lines, with the report of its check."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd

from protocol.conduct import Entry, Verification, canonical, json_lines, stamp
from protocol.exchange.spreadsheet import csv as spreadsheet_csv
from protocol.translation import _

COLUMNS = (
    *("sequence", "time", "actor", "site", "kind", "participant", "on", "reason", "event"),
    *("protocol", "software", "key", "previous", "hash"),
)
"""Columns of the log as a table."""


def table(entries: Sequence[Entry]) -> pd.DataFrame:
    """Lay out entries, one row each.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`; ``event`` is the whole event as JSON, ``participant`` and ``on`` are empty where an event has
        none. Everything but ``sequence`` is text.
    """
    plain = ("sequence", "time", "actor", "site", "kind", "reason", "protocol", "software", "key", "previous", "hash")
    rows = [
        {name: getattr(entry, name) for name in plain}
        | {
            "participant": entry.participant or "",
            "on": entry.content.get("on", ""),
            "event": canonical(entry.content),
        }
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def csv(entries: Sequence[Entry]) -> bytes:
    """Write entries as CSV that a spreadsheet opens without running anything in it."""
    return spreadsheet_csv(table(entries))


def parquet(entries: Sequence[Entry]) -> bytes:
    """Write entries as a Parquet file."""
    import polars

    columns = {name: list(column) for name, column in table(entries).items()}
    texts = {name: polars.Int64 if name == "sequence" else polars.String for name in COLUMNS}
    file = BytesIO()
    polars.DataFrame(columns, schema=texts).write_parquet(file)
    return file.getvalue()


def report(checked: Verification, moment: datetime) -> str:
    """Write what the check of a log found, and what such a check shows."""
    lines = [
        _("Check of the trial log on {moment}").format(moment=stamp(moment)),
        _("Entries: {count}").format(count=checked.head.count),
        _("Hash of the last entry: {hash}").format(hash=checked.head.hash),
        _("Result: whole") if checked.ok else _("Result: NOT WHOLE"),
        *map(str, checked.problems),
        "",
        _(
            "Each entry carries the SHA-256 hash of the one before. An entry that was changed, removed, moved or "
            "added shows, and where. A log whose end was cut off together with its head, or that was written anew "
            "with fresh hashes, shows only against the number and the hash above: keep them with the minutes of a "
            "meeting."
        ),
    ]
    return "\n".join(lines) + "\n"


def inspection(entries: Sequence[Entry], checked: Verification, moment: datetime) -> bytes:
    """Put the whole log into one ZIP file: CSV, Parquet, JSON lines and the report."""
    files = {
        "log.csv": csv(entries),
        "log.parquet": parquet(entries),
        "log.jsonl": json_lines(entries),
        "report.txt": report(checked, moment).encode("utf-8"),
    }
    whole = BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()
