"""Voila with the workbook's own look and stricter rules."""

import hashlib
import json
import os
from collections.abc import Callable
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
from protocol.dashboard.sessions import OWNERS, kept_apart
from protocol.translation import _


@dataclass(frozen=True)
class Page:
    """One page: the notebook's file name, its title and the sentence that opens it."""

    file: str
    title: str
    sentence: str

    @property
    def address(self) -> str:
        """Where the dashboard serves the page."""
        return f"/voila/render/{quote(self.file)}"


def pages_of(folder: Path) -> tuple[Page, ...]:
    """Read the titles (metadata "title", else the file name) and first sentences of a folder's notebooks."""
    return tuple(_page(file) for file in sorted(folder.glob("*.ipynb")))


def _page(file: Path) -> Page:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    texts = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    sentence = " ".join(line.lstrip("# ") for line in next(texts, "").splitlines() if line)
    title = notebook["metadata"].get("title") or file.stem.lstrip("0123456789-").replace("-", " ").capitalize()
    return Page(file.name, _(title), _(sentence))


FURNITURE = Path(__file__).with_name("jupyter")  # the template and the kernel, as Jupyter looks for them

STATIC = FURNITURE / "voila/templates/protocol/static"

CELL_SECONDS = 60  # a page that computes longer than this is told to be late

LARGEST_MESSAGE_BYTES = 512 * 2**20  # a cohort file travels as one message; by default it would vanish above 10 MB

IDLE_SECONDS = 900  # a kernel nobody is connected to ends after this

# The browser itself refuses every other host. Vega needs 'unsafe-eval', Voila's inlined parts need
# 'unsafe-inline', the runtime of the pictures blob:.
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
    """Voila that reads no other settings, checks the Host header and has error pages of its own."""

    name = "voila"
    announce: Callable[[], None] = staticmethod(lambda: None)

    @property
    def config_file_paths(self) -> list[str]:
        """Nowhere: a voila.json lying about must not loosen the rules below."""
        return []

    def init_settings(self) -> dict[str, Any]:
        """Add the Host check, the workbook's templates for every kind of answer, and its 404."""
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
        """Keep the readers' sessions apart."""
        return kept_apart(super().init_handlers())

    def listen(self) -> None:
        """Say where the dashboard is once it really answers there."""
        IOLoop.current().add_callback(self.announce)
        super().listen()


def serve(notebooks: Path, port: int, token: str, announce: Callable[[], None]) -> None:
    """Serve the notebooks of a folder to this machine's browsers until interrupted.

    Parameters
    ----------
    notebooks : Path
        The folder; nothing outside it and no file in it is handed out, only the pages.
    port : int
        Port on 127.0.0.1, free at the time of the call.
    token : str
        Whoever opens a page must know it.
    announce : callable
        Called once when the dashboard answers.
    """
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(FURNITURE), os.environ.get("JUPYTER_PATH")]))
    app = Dashboard.instance(config=rules(notebooks, port, token))
    app.announce = announce
    app.initialize([str(notebooks)])
    app.start()


def rules(notebooks: Path, port: int, token: str) -> Config:
    """Return the settings of the dashboard, every one of them."""
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
        allow_theme_override="NO",  # the page itself turns dark, so that a warm kernel serves both
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
    config.KernelRestarter.restart_limit = (
        0  # a restarted kernel is empty and answers nothing; the page says it ended
    )
    return config


def workbook(notebooks: Path) -> dict[str, Any]:
    """Return what the templates know besides Voila's own words."""
    look = b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))
    return {
        "pages": pages_of(notebooks),
        "static": "/voila/templates/protocol/static",
        "version": hashlib.sha256(look).hexdigest()[:12],  # a changed look is never served from a browser's cache
        "language": os.environ.get("PROTOCOL_LANGUAGE", "en"),
        "patience_seconds": CELL_SECONDS + 15,
        "dark": dark_theme(),
        "gettext": _,
    }


def dark_theme() -> Markup:
    """Return JupyterLab's dark colours, in force where the page says that its theme is not light."""
    file = next(filter(Path.is_file, map(Path, jupyter_path("nbconvert/templates/lab/static/theme-dark.css"))))
    return Markup(file.read_text(encoding="utf-8").replace(":root", ':root[data-jp-theme-light="false"]'))  # noqa: S704 - nbconvert's file
