"""Voila with the templates of the workbook and stricter rules."""

import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from jupyter_core.paths import jupyter_path
from jupyter_server import DEFAULT_TEMPLATE_PATH_LIST
from jupyter_server.base.handlers import Template404
from jupyter_server.log import log_request
from markupsafe import Markup
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila

from protocol.dashboard import ENCRYPTION
from protocol.dashboard.forking import ForkServer
from protocol.dashboard.notebooks import OF_PAGES, PAGE_NAME, page_words
from protocol.dashboard.sessions import (
    FORKED_PAGE_BYTES,
    HOSTS,
    NEW_PAGE_BYTES,
    PAGES,
    PLACES,
    WAIT,
    PageKernels,
    Places,
    owners_only,
)
from protocol.records import ProtocolError
from protocol.translation import NAMES, _, language, languages, marked_rendering
from protocol.trial import Trial, load_trial


@dataclass(frozen=True)
class Page:
    """One page: the file name of its notebook, its title and first sentence in English, and the page it follows."""

    file: str
    title: str
    sentence: str
    after: str = ""

    @property
    def address(self) -> str:
        """The address of the page below that of the dashboard."""
        return f"voila/render/{quote(self.file)}"


def pages_of(folder: Path) -> tuple[Page, ...]:
    """Return the pages of a folder, by file name: title (metadata "title", else the file name) and first sentence.

    A page is a notebook whose name begins with two digits and a hyphen, such as ``01-overview.ipynb``. One whose
    metadata has "after" stands behind the notebook of that name, so that a new page needs no new names of others.
    """
    found = map(_page, sorted(folder.glob(OF_PAGES)))
    return tuple(sorted(found, key=lambda page: (page.after, page.file) if page.after else (page.file, "")))


def _page(file: Path) -> Page:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    after = notebook["metadata"].get("after")
    return Page(file.name, *page_words(notebook, file.name), f"{after}.ipynb" if after else "")


def trial_of(folder: Path) -> Trial | None:
    """Return the trial that the notebooks of a folder open; None if it cannot be read."""
    for file in sorted(folder.glob("*.ipynb")):
        for _topic, trial in _opened_in(file):
            with suppress(ProtocolError):  # the page itself shows the error
                return load_trial(folder / trial)
    return None


def today_of(folder: Path) -> Callable[[], date]:
    """Return what says which day it is where the trial of a folder takes place; on this machine if there is none."""
    trial = trial_of(folder)
    return trial.today if trial else date.today


_OPENS = re.compile(r"""open_page\(\s*["'](\w+)["'],\s*["']([^"']+)["']""")


def _opened_in(file: Path) -> list[tuple[str, str]]:
    """Return what a notebook opens: the topic of each page, and the folder of its trial as it is written."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return [(found[1], found[2]) for cell in cells if (found := _OPENS.search("".join(cell["source"])))]


def opened_by(folder: Path) -> list[tuple[str, str]]:
    """Return what the pages of a folder open: the topic of each, and the folder of its trial as it is written."""
    return [opened for page in pages_of(folder) for opened in _opened_in(folder / page.file)]


def _is_stated(file: Path) -> bool:
    """Whether the trial that a notebook opens has something on the notebook's topic; another notebook has."""
    for topic, trial in _opened_in(file):
        with suppress(ProtocolError):
            return load_trial(file.parent / trial).states(topic)
    return True


FURNITURE = Path(__file__).with_name("jupyter")  # the template and the kernel, in the folders that Jupyter expects

STATIC = FURNITURE / "voila/templates/protocol/static"

CELL_SECONDS = 60  # a page that computes longer shows that it is late

LARGEST_UPLOAD_BYTES = 512 * 2**20  # a file is one message; by default one above 10 MB is dropped silently

LARGEST_MESSAGE_BYTES = LARGEST_UPLOAD_BYTES + 2**20  # some browsers send it in one piece, with what stands around it

LARGEST_FORM_BYTES = 2**20  # nothing but a token is sent as a form

PAGES_FOR_READERS = 4
"""No page is computed in advance unless so many pages more fit into the memory."""

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


@dataclass(frozen=True)
class Door:
    """The address at which readers open the dashboard, if that is a proxy on this machine.

    Parameters
    ----------
    url : str
        Such as ``https://trial.example.org/workbook/``; "" without a proxy. Its scheme decides if cookies are for
        HTTPS only, its host is allowed besides this machine's own, and its path is the base of all addresses: the
        proxy hands it on unchanged.

    Raises
    ------
    ProtocolError
        If this is no such address.
    """

    url: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        is_address = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        if self.url and not is_address:
            raise ProtocolError("--url", repr(self.url), "https://trial.example.org/workbook/")

    @property
    def hosts(self) -> frozenset[str]:
        """The host names that are allowed besides this machine's own."""
        return frozenset(filter(None, [urlsplit(self.url).hostname]))

    @property
    def base(self) -> str:
        """The path below which all addresses are, with a slash at both ends."""
        path = urlsplit(self.url).path.strip("/")
        return f"/{path}/" if path else "/"

    @property
    def is_secure(self) -> bool:
        """Whether readers come by HTTPS."""
        return urlsplit(self.url).scheme == "https"

    def origins(self) -> dict[str, Any]:
        """Return the setting that lets the proxy's pages connect, where it does not hand on the Host."""
        names = "|".join(map(re.escape, sorted(self.hosts)))
        return {"allow_origin_pat": re.compile(rf"https?://({names})(:\d+)?$")} if names else {}


class Dashboard(Voila):  # type: ignore[misc] # no types there
    """Voila with fixed settings, a check of the Host header, and the workbook's error pages."""

    name = "voila"
    announce: Callable[[], None] = staticmethod(lambda: None)
    door = Door()
    places: Places

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
        return (
            settings
            | {
                "jinja2_env": login,
                "allow_remote_access": False,
                "compress_response": True,
                "local_hostnames": ["localhost"],
                "default_handler_class": Template404,
                "log_function": _log_request,
                "xsrf_cookie_kwargs": {"samesite": "Strict", "secure": self.door.is_secure, "path": self.base_url},
                HOSTS: self.door.hosts,
                PAGES: tuple(page.file for page in pages_of(Path(self.root_dir))),
                PLACES: self.places,
            }
            | self.door.origins()
        )

    def init_handlers(self) -> list[Any]:
        """Bind each kernel to the browser that opened its page."""
        self.kernel_manager.places = self.places
        return owners_only(super().init_handlers(), self.base_url)

    def stop(self) -> None:
        """End what is being started, then everything else."""
        ForkServer.instance(parent=self).stop()
        super().stop()

    def listen(self) -> None:
        """Announce the address as soon as the dashboard answers, and get ready to fork beside it."""
        fork_server = ForkServer.instance(parent=self)
        threading.Thread(target=fork_server.ready_or_not, args=(language(),), daemon=True).start()
        IOLoop.current().add_callback(self.announce)
        has_room = partial(self.places.has_memory_for, PAGES_FOR_READERS)
        self.kernel_manager.hold_ready(self.app.settings[PAGES], today_of(Path(self.root_dir)), has_room)
        limits = {"max_buffer_size": LARGEST_MESSAGE_BYTES, "max_body_size": LARGEST_FORM_BYTES}
        proxy = {"xheaders": True, "trusted_downstream": ["127.0.0.1", "::1"]} if self.door.hosts else {}
        self.app.listen = partial(self.app.listen, **limits, **proxy)
        super().listen()


def _log_request(handler: Any) -> None:
    """Note a request in the log as jupyter_server does, without tokens; a page that waits is no error."""
    if handler.get_status() != WAIT:
        log_request(handler, record_prometheus_metrics=False)  # type: ignore[no-untyped-call]


def hide(*secrets: str) -> None:
    """Leave these texts out of everything that this process logs from now on, tracebacks included."""
    make = logging.getLogRecordFactory()

    def without(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = make(*arguments, **more)
        with suppress(TypeError, ValueError):  # a message that does not fit its arguments is logged as it is
            record.msg, record.args = _hidden(record.getMessage(), secrets), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = _hidden(logging.Formatter().formatException(record.exc_info), secrets)
        return record

    logging.setLogRecordFactory(without)


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "[secret]")
    return re.sub(r"(token=)[^&\s\"')]+", r"\1[secret]", text)


def serve(
    notebooks: Path,
    port: int,
    token: str,
    announce: Callable[[], None],
    door: "Door | None" = None,
    most_pages: int | None = None,
    fork: bool = True,
) -> None:
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
    door : Door, optional
        The address at which a proxy in front of the dashboard is asked.
    most_pages : int, optional
        Pages of all readers together; by default as many as fit into the free memory.
    fork : bool
        Whether kernels are forked where the system can do it.
    """
    hide(token)
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(FURNITURE), os.environ.get("JUPYTER_PATH")]))
    os.environ["PROTOCOL_UPLOAD_BYTES"] = str(LARGEST_UPLOAD_BYTES)
    os.environ["PROTOCOL_UPLOAD_PATHS"] = "no"
    os.environ.setdefault("PROTOCOL_PAGE_MEGABYTES", str(page_megabytes()))
    config = rules(notebooks, port, token, door or Door())
    if not fork:
        config.ForkServer.is_on = False
    app = Dashboard.instance(config=config)
    page_bytes = FORKED_PAGE_BYTES if ForkServer.instance(parent=app).is_on else NEW_PAGE_BYTES
    app.announce, app.door, app.places = announce, door or Door(), Places.by_memory(most_pages, page_bytes)
    app.initialize([str(notebooks)])
    app.start()


def page_megabytes() -> int:
    """Return the memory that one page may take: 3 GB, and at most half of the machine's."""
    return int(min(3 * 2**10, psutil.virtual_memory().total // 2**21))


def rules(notebooks: Path, port: int, token: str, door: "Door" = Door()) -> Config:
    """Return all settings of the dashboard."""
    config = Config()
    config.Voila.base_url = door.base
    config.IdentityProvider.cookie_options = {"samesite": "Strict"}
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
        default_pool_size=0,  # ReadyPages decides
        extension_allowlist=[
            "@voila-dashboards/widgets-manager8",
            "@jupyter-widgets/jupyterlab-manager",
            "anywidget",
        ],
        resources={"workbook": workbook(notebooks, door.base)},
        multi_kernel_manager_class=PageKernels,
        page_config_hook=partial(_themes_below, door.base),
    )
    config.VoilaExecutor.update(timeout=CELL_SECONDS, iopub_timeout=CELL_SECONDS)
    config.VoilaKernelManager.preheat_denylist = [rf"(?!{re.escape(str(notebooks))}[/\\]{PAGE_NAME.pattern}$)"]
    config.MappingKernelManager.update(cull_idle_timeout=IDLE_SECONDS, cull_interval=60)
    config.KernelManager.transport_encryption = ENCRYPTION
    config.ForkServer.folder = str(notebooks)
    config.ForkServer.pages = [f"{page}={trial}" for page, trial in opened_by(notebooks)]
    config.KernelRestarter.restart_limit = 0  # a restarted kernel would be empty; the page shows that it ended
    return config


def _themes_below(base: str, page_config: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """Put the address of themes, the only one that Voila leaves at the root, below the base address."""
    page_config["themesUrl"] = f"{base}voila/api/themes"
    return page_config


def workbook(notebooks: Path, base: str = "/") -> dict[str, Any]:
    """Return the variables of the templates."""
    trial = trial_of(notebooks)
    identity = trial.identity if trial else None
    look = b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))
    return {
        "pages": tuple(page for page in pages_of(notebooks) if _is_stated(notebooks / page.file)),
        "trial_id": identity.trial_id if identity else "",
        "trial_title": identity.title if identity else "",
        "base": base,
        "static": f"{base}voila/templates/protocol/static",
        "version": hashlib.sha256(look).hexdigest()[:12],  # a changed style sheet is not taken from a browser's cache
        "language": language,
        "languages": {code: NAMES.get(code, code) for code in languages()},
        "patience_seconds": CELL_SECONDS + 15,
        "dark": dark_theme(),
        "gettext": _,
        "marked_rendering": marked_rendering,
    }


def dark_theme() -> Markup:
    """Return the dark colours of JupyterLab, applied if the theme of the page is not light."""
    file = next(filter(Path.is_file, map(Path, jupyter_path("nbconvert/templates/lab/static/theme-dark.css"))))
    return Markup(file.read_text(encoding="utf-8").replace(":root", ':root[data-jp-theme-light="false"]'))  # noqa: S704 - nbconvert's file
