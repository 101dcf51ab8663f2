"""The files of docs/deploy: systemd takes them, commands exist, and JupyterHub's groups give the roles."""

import re
import shlex
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from support.paths import ROOT
from support.trial import TRIAL

from protocol import __main__ as command
from protocol.conduct import commands as log_commands
from protocol.conduct import reader_of
from protocol.dashboard import launcher

DEPLOY = ROOT / "docs/deploy"
UNITS = sorted(file for file in DEPLOY.iterdir() if file.suffix in {".service", ".timer"})


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    for file in UNITS:
        text = file.read_text(encoding="utf-8").replace("/opt/protocol-workbook/bin/protocol-workbook", "/bin/true")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    done = subprocess.run([program, "verify", unit.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, unit.name in done.stderr) == (0, False), done.stderr


def test_the_commands_of_the_units_and_of_the_container_exist():
    texts = [file.read_text(encoding="utf-8") for file in UNITS]
    started = [found for text in texts for found in re.findall(r"bin/protocol-workbook (.*?)'?$", text, re.MULTILINE)]
    asked = [command._parser().parse_args(shlex.split(line)) for line in started]
    assert sorted(one.command for one in asked) == ["dashboard", "log"]
    for one in asked:
        parser = {"dashboard": launcher._parser, "log": log_commands._parser}[one.command]()
        parser.parse_args(one.options)
    last = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()[-1]
    one = command._parser().parse_args(re.findall(r'"(.*?)"', last))
    assert launcher._parser().parse_args(one.options).port == 8866


@pytest.fixture
def hub(tmp_path):
    """The settings of the hub, with a folder of a test."""
    text = (DEPLOY / "jupyterhub_config.py").read_text(encoding="utf-8")
    names = {"get_config": lambda: SimpleNamespace(Spawner=SimpleNamespace())}
    exec(compile(text, "jupyterhub_config.py", "exec"), names)
    names["FOLDER"] = tmp_path
    (tmp_path / "passwords.toml").write_text('"coordinator-1" = "a"\n"doctor-1" = "b"\n"committee" = "c"\n')
    return names


def served(hub, name, *groups):
    user = SimpleNamespace(name=name, groups=[SimpleNamespace(name=group) for group in groups])
    spawner = SimpleNamespace(user=user, environment={})
    hub["prepare"](spawner)
    return spawner.environment | {"JUPYTERHUB_USER": name}


@pytest.mark.parametrize(
    ("name", "groups", "role", "site", "account"),
    [
        ("coordinator-1", ["coordinators", "others"], "coordinator", "", "coordinator-1:a"),
        ("doctor-1", ["investigators-union"], "investigator", "Wuhan Union Hospital", "doctor-1:b"),
        ("somebody", ["others"], "viewer", "", "committee:c"),
    ],
)
def test_the_groups_of_the_hub_give_role_and_account(hub, name, groups, role, site, account):
    environment = served(hub, name, *groups)
    reader = reader_of(environment)
    assert (reader.actor, reader.role, reader.site) == (name, role, site)
    assert f"//{account}@" in environment["PROTOCOL_LOG"]


def test_a_person_with_two_roles_is_not_served(hub):
    with pytest.raises(ValueError, match="more than one group"):
        served(hub, "doctor-1", "investigators-union", "coordinators")


def test_the_groups_of_the_hub_name_the_sites_of_the_record(hub):
    sites = {role["site"] for role in hub["ROLES"].values() if "site" in role}
    assert sites == {site.name for site in TRIAL.sites}
