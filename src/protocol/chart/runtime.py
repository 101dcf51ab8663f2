"""The Vega runtime as one script: made once by vl-convert, then kept as a file."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

# A process of its own makes the script: vl_convert would leave 80 MB behind in every kernel that imported it.
_MAKE = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle("export { vegaEmbed, vega };").encode())
"""


def runtime_file() -> Path:
    """Return where the script is kept: the person's cache folder, one file per version of vl-convert."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "protocol-workbook" / f"vega-{version('vl-convert-python')}.js"


def vega_runtime() -> bytes:
    """Return Vega, Vega-Lite and Vega-Embed as one JavaScript module (0.9 MB).

    The first call on a machine makes it (a second or two) and keeps it as a file; where the cache folder
    cannot be written it is made anew each time.
    """
    file = runtime_file()
    try:
        return file.read_bytes()
    except OSError:
        script = subprocess.run([sys.executable, "-c", _MAKE], stdout=subprocess.PIPE, check=True).stdout  # noqa: S603 - our own interpreter and text
    _keep(script, file)
    return script


def _keep(script: bytes, file: Path) -> None:
    """Put the whole file in place at once, so that a second kernel never reads half of it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(script)
        Path(part.name).replace(file)
    except OSError:
        return
