"""The units for systemd: they start what there is, where the manual says, and let it do no more than it needs."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from pathlib import Path

import pytest
import typer

from bot.__main__ import cli
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SERVICES = ("milepost.service", "milepost-backup.service")
#: What a service that reads from the network can do without.
HARD = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}


class _Unit(dict[str, str]):
    """A section; what is set more than once is joined, as systemd does with lists."""

    def __setitem__(self, key: str, value: str) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = [*self[key], *value]
        super().__setitem__(key, value)


def unit(name: str) -> dict[str, dict[str, str]]:
    parser = RawConfigParser(dict_type=_Unit, strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((DEPLOY / name).read_text())
    return {section: dict(parser.items(section)) for section in parser.sections()}


def test_every_unit_is_one_that_the_manual_installs() -> None:
    names = {path.name for path in DEPLOY.glob("milepost*")}
    assert names == {*SERVICES, "milepost-backup.timer"}
    assert "install -m 0644 deploy/milepost*.service deploy/milepost*.timer /etc/systemd/system/" in OPERATIONS
    assert "systemctl enable --now milepost.service milepost-backup.timer" in OPERATIONS


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_a_command_that_there_is(name: str) -> None:
    program, command, *options = unit(name)["Service"]["ExecStart"].split()
    assert program == "/opt/milepost/bin/milepost"
    assert f"python3.11 -m venv {program.removesuffix('/bin/milepost')}\n" in OPERATIONS
    known = typer.main.get_command(cli).commands[command]  # type: ignore[attr-defined]
    flags = {flag for parameter in known.params for flag in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= flags


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little_and_both_the_same(name: str) -> None:
    service = unit(name)["Service"]
    assert {key: service.get(key) for key in HARD} == HARD
    assert service["User"] == "milepost"
    assert "useradd --system --home-dir /var/lib/milepost" in OPERATIONS
    assert service["WorkingDirectory"] == f"%S/{service['StateDirectory']}"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["SystemCallFilter"].splitlines() == ["@system-service", "~@privileged @resources"]
    assert f" {service['EnvironmentFile']}\n" in OPERATIONS


def test_the_bot_is_started_again_and_has_time_to_end() -> None:
    whole = unit("milepost.service")
    assert whole["Service"]["Restart"] == "on-failure"
    assert whole["Unit"]["StartLimitIntervalSec"] == "0"
    assert whole["Install"] == {"WantedBy": "multi-user.target"}


def test_secrets_that_are_handed_over_are_settings() -> None:
    text = (DEPLOY / "milepost.service").read_text()
    handed = dict(re.findall(r"^#LoadCredential=(\w+):(\S+)$", text, re.MULTILINE))
    read = dict(re.findall(r"^#Environment=(\w+)_FILE=%d/(\w+)$", text, re.MULTILINE))
    assert handed
    assert set(read.values()) == set(handed)
    assert set(read) <= {name.upper() for name in Settings.model_fields}


def test_backups_are_made_at_night_also_after_one_that_was_missed() -> None:
    timer = unit("milepost-backup.timer")
    assert timer["Timer"]["OnCalendar"] == "*-*-* 04:00:00"
    assert timer["Timer"]["Persistent"] == "yes"
    assert timer["Install"] == {"WantedBy": "timers.target"}
    kept = unit("milepost-backup.service")["Service"]["ExecStart"].rpartition(" ")[2]
    words = {"14": "fourteen"}
    assert f"makes one each night and keeps {words[kept]}" in OPERATIONS
