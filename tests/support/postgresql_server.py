"""A real PostgreSQL of Debian's package, started by the tests on loopback in a folder of their own."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support import small_disk

WAIT_SECONDS = 60


def binaries() -> Path | None:
    """Return the folder of initdb and postgres of the newest installed version, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _other_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root; as root the tests run it as the user of Debian's package."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def certificate(folder: Path, name: str, host: str) -> Path:
    """Make a certificate of its own authority for a host; its key lies beside it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}",
         "-addext", f"subjectAltName=DNS:{host}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
        check=True, capture_output=True, timeout=WAIT_SECONDS,
    )  # fmt: skip
    return folder / f"{name}.crt"


class Server:
    """One server: ``start``, ``crash`` (SIGKILL to all of it), ``stop``; ``database`` makes an empty one.

    With `disk_mb` the server sees a disk of that size in its folder ``small``.
    """

    def __init__(self, folder: Path, disk_mb: int = 0) -> None:
        self.bin, self.folder, self.user = folder, Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), _other_user()
        self.password = secrets.token_hex(8)
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        secret = self.folder / "secret"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self.small = self.folder / "small"
        self.before = {"preexec_fn": small_disk.on(self.small, 1024 * disk_mb)} if disk_mb else {}
        self.small.mkdir()
        if self.user:
            os.chown(self.small, self.user["user"], self.user["group"])
        self.data = self.folder / "data"
        self._run("initdb", "-D", self.data, "-U", "trial", "--pwfile", secret, "-A", "scram-sha-256", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def _run(self, program: str, *arguments: object) -> None:
        command = [self.bin / program, *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=WAIT_SECONDS, **self.user)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+pg8000://trial:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres"):
        import pg8000.dbapi

        return pg8000.dbapi.connect(
            "trial", host="127.0.0.1", port=self.port, password=self.password, database=database, timeout=WAIT_SECONDS
        )

    def database(self, place: Path | None = None) -> str:
        """Make an empty database, in a folder of its own when one is given, and return its URL."""
        name = f"log_{secrets.token_hex(4)}"
        connection = self.connect()
        connection.autocommit = True
        where = ""
        if place:
            connection.cursor().execute(f"CREATE TABLESPACE place_{name} LOCATION '{place}'")
            where = f"TABLESPACE place_{name}"
        connection.cursor().execute(f"CREATE DATABASE {name} {where}")
        connection.close()
        return self.url(name)

    def use_tls(self, certificate: Path) -> None:
        """Offer TLS with a certificate, whose key lies beside it, and write down who connected."""
        for ending in (".crt", ".key"):
            there = self.data / f"server{ending}"
            shutil.copy(certificate.with_suffix(ending), there)
            there.chmod(0o600)
            if self.user:
                os.chown(there, self.user["user"], self.user["group"])
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\nlog_connections = on\n")

    def start(self) -> None:
        """Start, after a crash again and again until what was left of the old server has gone."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder, "fsync": "on"}
            options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            with (self.folder / "server.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [self.bin / "postgres", "-D", self.data, "-p", str(self.port), *options],
                    stdout=log, stderr=log, cwd=self.folder, **self.user, **self.before,
                )  # fmt: skip
            while self.process.poll() is None and time.monotonic() < end:
                try:
                    self.connect().close()
                    return
                except Exception:  # not ready yet: recovering, or not listening
                    time.sleep(0.05)
            time.sleep(0.1)
        raise TimeoutError((self.folder / "server.log").read_text()[-2000:])

    def crash(self) -> None:
        """End the server and every process it started at once, as a power failure of the machine would."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.send_signal(signal.SIGKILL)
        for child in map(int, children):
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(WAIT_SECONDS)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            self.process.wait(WAIT_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)
