"""Voila with the templates of the workbook and stricter rules."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from jupyter_core.paths import jupyter_path
from jupyter_server import DEFAULT_TEMPLATE_PATH_LIST
from jupyter_server.base.handlers import Template404
from markupsafe import Markup
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila

from protocol.dashboard import ENCRYPTION
from protocol.dashboard.sessions import OWNERS, owners_only
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Identity, load_trial


@dataclass(frozen=True)
class Page:
    """One page: the file name of its notebook, its title, and its first sentence."""

    file: str
    title: str
    sentence: str

    @property
    def address(self) -> str:
        """The address of the page on the dashboard."""
        return f"/voila/render/{quote(self.file)}"


def pages_of(folder: Path) -> tuple[Page, ...]:
    """Return the pages of a folder, by file name: title (metadata "title", else the file name) and first sentence."""
    return tuple(_page(file) for file in sorted(folder.glob("*.ipynb")))


def _page(file: Path) -> Page:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    texts = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    sentence = " ".join(line.lstrip("# ") for line in next(texts, "").splitlines() if line)
    title = notebook["metadata"].get("title") or file.stem.lstrip("0123456789-").replace("-", " ").capitalize()
    return Page(file.name, _(title), _(sentence))


def trial_of(folder: Path) -> Identity | None:
    """Return the identity of the trial that the notebooks of a folder open; None if it cannot be read."""
    for file in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if opened := _OPENS.search("".join(cell["source"])):
                with suppress(ProtocolError):  # the page itself shows the error
                    return load_trial(folder / opened[1]).identity
    return None


_OPENS = re.compile(r"""open_page\(\s*["']\w+["'],\s*["']([^"']+)["']""")

_OPENS_TOPIC = re.compile(_OPENS.pattern.replace(r"\w+", r"(\w+)"))


def _is_stated(file: Path) -> bool:
    """Whether the trial that a notebook opens has something on the notebook's topic; another notebook has."""
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if opened := _OPENS_TOPIC.search("".join(cell["source"])):
            with suppress(ProtocolError):
                return load_trial(file.parent / opened[2]).states(opened[1])
    return True


FURNITURE = Path(__file__).with_name("jupyter")  # the template and the kernel, in the folders that Jupyter expects

STATIC = FURNITURE / "voila/templates/protocol/static"

CELL_SECONDS = 60  # a page that computes longer shows that it is late

LARGEST_MESSAGE_BYTES = 512 * 2**20  # a cohort file is one message; by default one above 10 MB is dropped silently

IDLE_SECONDS = 900  # a kernel without a connection is ended after this time

# With this policy the browser refuses every other host. Vega needs 'unsafe-eval', Voila's inline scripts need
# 'unsafe-inline', the runtime of the charts needs blob:.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)


class Dashboard(Voila):  # type: ignore[misc] # no types there
    """Voila with fixed settings, a check of the Host header, and the workbook's error pages."""

    name = "voila"
    announce: Callable[[], None] = staticmethod(lambda: None)

    @property
    def config_file_paths(self) -> list[str]:
        """No configuration files are read, so that none can loosen the rules below."""
        return []

    def init_settings(self) -> dict[str, Any]:
        """Add the Host check, the workbook's templates for login and error pages, and its 404 page."""
        settings: dict[str, Any] = super().init_settings()
        pages = settings["voila_jinja2_env"]
        pages.globals["workbook"] = self.voila_configuration.resources["workbook"]
        login = Environment(
            loader=ChoiceLoader([pages.loader, FileSystemLoader(DEFAULT_TEMPLATE_PATH_LIST)]),
            autoescape=True,
            extensions=["jinja2.ext.i18n"],
        )
        login.globals.update(pages.globals)  # the workbook and gettext
        return settings | {
            "jinja2_env": login,
            "allow_remote_access": False,
            "local_hostnames": ["localhost"],
            "default_handler_class": Template404,
            OWNERS: {},
        }

    def init_handlers(self) -> list[Any]:
        """Bind each kernel to the browser that opened its page."""
        return owners_only(super().init_handlers())

    def listen(self) -> None:
        """Announce the address as soon as the dashboard answers."""
        IOLoop.current().add_callback(self.announce)
        super().listen()


def serve(notebooks: Path, port: int, token: str, announce: Callable[[], None]) -> None:
    """Serve the notebooks of a folder to this machine's browsers until interrupted.

    Parameters
    ----------
    notebooks : Path
        The folder. Only its pages are served, none of its files.
    port : int
        Port on 127.0.0.1, free at the time of the call.
    token : str
        Required to open a page.
    announce : callable
        Called once when the dashboard answers.
    """
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(FURNITURE), os.environ.get("JUPYTER_PATH")]))
    app = Dashboard.instance(config=rules(notebooks, port, token))
    app.announce = announce
    app.initialize([str(notebooks)])
    app.start()


def rules(notebooks: Path, port: int, token: str) -> Config:
    """Return all settings of the dashboard."""
    config = Config()
    config.Voila.update(ip="127.0.0.1", port=port, port_retries=0, token=token, open_browser=False, log_level="ERROR")
    config.Voila.tornado_settings = {
        "websocket_max_message_size": LARGEST_MESSAGE_BYTES,
        "headers": {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    }
    config.VoilaConfiguration.update(
        template="protocol",
        theme="light",
        allow_template_override="NO",
        allow_theme_override="NO",  # the page itself switches to dark: one preheated kernel serves both themes
        classic_tree=True,
        show_margins=False,
        file_allowlist=[],
        preheat_kernel=True,
        default_pool_size=1,
        extension_allowlist=[
            "@voila-dashboards/widgets-manager8",
            "@jupyter-widgets/jupyterlab-manager",
            "anywidget",
        ],
        resources={"workbook": workbook(notebooks)},
    )
    config.VoilaExecutor.update(timeout=CELL_SECONDS, iopub_timeout=CELL_SECONDS)
    config.MappingKernelManager.update(cull_idle_timeout=IDLE_SECONDS, cull_interval=60)
    config.KernelManager.transport_encryption = ENCRYPTION
    config.KernelRestarter.restart_limit = 0  # a restarted kernel would be empty; the page shows that it ended
    return config


def workbook(notebooks: Path) -> dict[str, Any]:
    """Return the variables of the templates."""
    trial = trial_of(notebooks)
    look = b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))
    return {
        "pages": tuple(page for page in pages_of(notebooks) if _is_stated(notebooks / page.file)),
        "trial_id": trial.trial_id if trial else "",
        "trial_title": trial.title if trial else "",
        "static": "/voila/templates/protocol/static",
        "version": hashlib.sha256(look).hexdigest()[:12],  # a changed style sheet is not taken from a browser's cache
        "language": os.environ.get("PROTOCOL_LANGUAGE", "en"),
        "patience_seconds": CELL_SECONDS + 15,
        "dark": dark_theme(),
        "gettext": _,
    }


def dark_theme() -> Markup:
    """Return the dark colours of JupyterLab, applied if the theme of the page is not light."""
    file = next(filter(Path.is_file, map(Path, jupyter_path("nbconvert/templates/lab/static/theme-dark.css"))))
    return Markup(file.read_text(encoding="utf-8").replace(":root", ':root[data-jp-theme-light="false"]'))  # noqa: S704 - nbconvert's file
