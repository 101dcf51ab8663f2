"""Files of a document in one ZIP file."""

import io
import zipfile
from collections.abc import Mapping
from datetime import date


def zipped(files: Mapping[str, bytes], day: date) -> bytes:
    """Return files as a ZIP file, each dated `day`; the same input gives the same bytes."""
    content, moment = io.BytesIO(), (day.year, day.month, day.day, 0, 0, 0)
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in files.items():
            pack.writestr(zipfile.ZipInfo(name, moment), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
