from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, load

ROOT = Path(__file__).parent.parent


def test_nothing_set_is_fine_and_empty_means_the_default() -> None:
    assert load({}, env_file=None) == load({"LOG_FORMAT": "", "OPERATORS": "  "}, env_file=None)


def test_every_mistake_is_reported_at_once_by_its_name() -> None:
    wrong = {
        "POLL_INTERVAL_SECONDS": "soon",
        "SESSION_GRACE_SECONDS": "-1",
        "ALLOWED_PRIVATE_HOSTS": "localhost",
        "OPERATORS": "me",
        "LOG_LEVEL": "loud",
        "TELEGRAM_API_URL": "api.telegram.org",
        "DISCORD_TOKEN_FILE": "/nowhere/token",
    }
    with pytest.raises(SettingsError) as caught:
        load(wrong, env_file=None)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(wrong)
    assert {re.split("[:_]FILE|:", line)[0].removesuffix("_FILE") for line in lines} == {
        name.removesuffix("_FILE") for name in wrong
    }


@pytest.mark.parametrize("port", ["65536", "0", "-1", "99999999", "²", "٣", "8000.0", ""])
def test_a_private_host_has_a_port_that_there_is(port: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"ALLOWED_PRIVATE_HOSTS": f"radio:65535 radio:{port}"}, env_file=None)
    assert str(caught.value) == (
        f"ALLOWED_PRIVATE_HOSTS: 'radio:{port}' is not host:port; write for example 127.0.0.1:8000."
    )


def test_lists_are_read_with_commas_or_spaces() -> None:
    settings = load({"ALLOWED_PRIVATE_HOSTS": "a:1, b:2 c:3", "OPERATORS": "telegram:1,discord:2"}, env_file=None)
    assert settings.allowed_private_hosts == ("a:1", "b:2", "c:3")
    assert settings.operators == ("telegram:1", "discord:2")


def test_the_environment_wins_over_the_file_and_a_value_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    (tmp_path / ".env").write_text(
        f"POLL_INTERVAL_SECONDS=5\nLOG_LEVEL=error\nTELEGRAM_TOKEN_FILE={tmp_path}/secret\n"
    )
    settings = load({"POLL_INTERVAL_SECONDS": "7"}, env_file=tmp_path / ".env")
    assert (settings.poll_interval_seconds, settings.log_level) == (7, "error")
    assert settings.telegram_token is not None
    assert settings.telegram_token.get_secret_value() == "from-file"


def test_secrets_do_not_show() -> None:
    settings = load({"TELEGRAM_TOKEN": "123:s3cret", "DATABASE_URL": "postgresql://a:s3cret@b/c"}, env_file=None)
    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump()}"


def test_the_example_names_every_setting_and_its_default() -> None:
    named = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(named) == {name.upper() for name in Settings.model_fields}
    assert load(named, env_file=None) == load({}, env_file=None)
