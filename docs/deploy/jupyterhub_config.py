"""Settings of a JupyterHub: the role of a person follows from the groups of the hub, the log is in PostgreSQL."""

import tomllib
from pathlib import Path

import tomli_w

FOLDER = Path("/etc/protocol-workbook")
"""Has ``passwords.toml``, readable by the hub alone: ``"coordinator-1" = "..."`` for each account of the database."""

ROLES = {  # groups of the hub
    "coordinators": {"role": "coordinator"},
    "investigators-union": {"role": "investigator", "site": "Wuhan Union Hospital"},
    "investigators-tongji": {"role": "investigator", "site": "Wuhan Tongji Hospital"},
    "investigators-central": {"role": "investigator", "site": "Wuhan Central Hospital"},
}
LOG = "postgresql+pg8000://{account}:{password}@db.hospital.example/trial"
READER = "committee"
"""The account of the database that viewers use; it may only read."""


def prepare(spawner):
    """Give a server the role of its person, and the address of the log with that person's own account."""
    name = spawner.user.name
    found = [ROLES[group.name] for group in spawner.user.groups if group.name in ROLES]
    if len(found) > 1:
        raise ValueError(f"{name} is in more than one group that has a role")
    file = FOLDER / "roles" / f"{name}.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(tomli_w.dumps({"users": {name: found[0]} if found else {}}), encoding="utf-8")
    account = name if found else READER
    password = tomllib.loads((FOLDER / "passwords.toml").read_text(encoding="utf-8"))[account]
    spawner.environment |= {
        "PROTOCOL_ROLES": str(file),
        "PROTOCOL_LOG": LOG.format(account=account, password=password),
    }


c = get_config()  # noqa: F821 - of JupyterHub
c.Spawner.pre_spawn_hook = prepare
c.Spawner.args = [
    # A file that is uploaded is one message; the default drops a message above 10 MB without an error.
    "--ServerApp.tornado_settings={'websocket_max_message_size': 536870912}",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
c.Spawner.default_url = "/lab"
