"""What the operator set: environment variables and ``.env``, every mistake reported at once.

Each name may be given as ``NAME_FILE``: the path of a file that holds the value (a mounted secret).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

DEFAULT_DATABASE = "sqlite:///data/milepost.db"
LAST_PORT = 65_535
_DOOR = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})", re.ASCII)
#: Printable, and nothing that would end an attribute or a line.
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+")


class SettingsError(Exception):
    """One line for each wrong setting: its name, what is wrong, what to write."""


class Settings(BaseSettings):
    """All settings, checked. Secrets do not show in its text."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    database_url: SecretStr = SecretStr(DEFAULT_DATABASE)
    telegram_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    discord_token: SecretStr | None = None
    discord_api_url: str = "https://discord.com/api/v10"
    x_bearer_token: SecretStr | None = None
    x_api_url: str = "https://api.x.com"
    x_daily_budget_usd: Annotated[float, Field(ge=0, le=100_000)] = 1
    youtube_api_key: SecretStr | None = None
    youtube_api_url: str = "https://www.googleapis.com/youtube/v3"
    youtube_daily_units: Annotated[int, Field(ge=0, le=1_000_000_000)] = 10_000
    twitch_client_id: SecretStr | None = None
    twitch_client_secret: SecretStr | None = None
    twitch_api_url: str = "https://api.twitch.tv/helix"
    twitch_auth_url: str = "https://id.twitch.tv/oauth2"
    kick_client_id: SecretStr | None = None
    kick_client_secret: SecretStr | None = None
    kick_api_url: str = "https://api.kick.com"
    kick_auth_url: str = "https://id.kick.com"
    poll_interval_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60
    session_grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 300
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    x_retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    youtube_retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    youtube_figures_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    allowed_private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    operators: Annotated[tuple[str, ...], NoDecode] = ()
    http_address: str = ""
    public_url: str = ""
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("allowed_private_hosts", "operators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a list as people write it: with commas or spaces."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator(
        "telegram_api_url",
        "discord_api_url",
        "x_api_url",
        "youtube_api_url",
        "twitch_api_url",
        "twitch_auth_url",
        "kick_api_url",
        "kick_auth_url",
    )
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError(f"{value!r} is not an address that begins with https:// or http://")
        return value.rstrip("/")

    @field_validator("allowed_private_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            name, colon, port = host.rpartition(":")
            if not (name and colon and port.isascii() and port.isdigit() and 0 < int(port) <= LAST_PORT):
                raise ValueError(f"{host!r} is not host:port; write for example 127.0.0.1:8000")
        return value

    @field_validator("operators")
    @classmethod
    def _operators(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for operator in value:
            platform, colon, key = operator.partition(":")
            if platform not in {"telegram", "discord"} or not colon or not key.isdigit():
                raise ValueError(f"{operator!r} is not telegram:ID or discord:ID")
        return value

    @field_validator("http_address")
    @classmethod
    def _listens(cls, value: str) -> str:
        if value and door(value) is None:
            raise ValueError(
                f"{value!r} is not host:port; write for example 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _for_readers(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            well = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            well = False
        if not well or parts.username is not None or parts.query or parts.fragment or not _PLAIN.fullmatch(value):
            raise ValueError(
                f"{value!r} is not an address for readers; write for example https://live.example.org"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _served(self) -> Settings:
        if self.public_url and not self.http_address:
            raise ValueError(
                "PUBLIC_URL: it takes HTTP_ADDRESS, too: write for example HTTP_ADDRESS=127.0.0.1:8080"
            )
        return self

    def plain(self) -> dict[str, str]:
        """Return what is set, by the names of the environment, secrets in the clear: for what needs its keys."""
        shown = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is not None:
                shown[name.upper()] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        return shown

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from ``load``, which knows ``NAME_FILE``."""
        return (init_settings,)


def door(address: str) -> tuple[str, int] | None:
    """Return the host and port of a written address to listen at, or None if it is none."""
    found = _DOOR.fullmatch(address)
    if found is None or not 0 < int(found["port"]) <= LAST_PORT:
        return None
    return found["six"] or found["host"], int(found["port"])


def load(environment: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Read settings from the environment and ``.env``; the environment wins.

    Raises:
        SettingsError: One or more are wrong; the message has a line for each.
    """
    given: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        given.update({k.upper(): v for k, v in dotenv_values(env_file).items() if v is not None})
    for name, value in (os.environ if environment is None else environment).items():
        given[name.upper()] = value
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for name in Settings.model_fields:
        variable = name.upper()
        path = given.get(f"{variable}_FILE")
        if path and variable not in given:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(f"{variable}_FILE: {path!r} cannot be read ({error}).")
        elif given.get(variable, "").strip():  # an empty value means the default
            values[name] = given[variable].strip()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        mistakes += [_mistake(one) for one in error.errors()]
        raise SettingsError("\n".join(mistakes)) from None
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _mistake(error: Any) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "?"
    message = error["msg"]
    if message.startswith("Value error, "):
        if not error["loc"]:  # of several together; it names them itself
            return f"{message.removeprefix('Value error, ')}."
        return f"{name}: {message.removeprefix('Value error, ')}."
    return f"{name}: {message[:1].lower()}{message[1:]}, not {error['input']!r}."
