"""The image as far as it can be tested without building it: what goes in, what is set, where data is kept."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder

from bot.settings import Settings, door

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SETTINGS = {name.upper() for name in Settings.model_fields}
SQLITE = "sqlite:///"


def instructions(name: str) -> list[str]:
    """Return what follows each instruction of a name, its continued lines joined."""
    whole = DOCKERFILE.replace("\\\n", " ")
    return [" ".join(found.split()) for found in re.findall(rf"^{name} (.+)$", whole, re.MULTILINE)]


def variables() -> dict[str, str]:
    """Return the variables that the image itself sets."""
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.+)$", last, re.MULTILINE))))


def copied() -> list[str]:
    """Return what is copied out of the checkout."""
    lines = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in line[:-1]]


def ignored(path: str) -> bool:
    """Tell whether a path is left out of the build: the last line that fits it or a folder above it decides."""
    out = False
    above = [path, *(str(one) for one in PurePosixPath(path).parents)][:-1]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keep, pattern = pattern.startswith("!"), pattern.removeprefix("!")
        names = [PurePosixPath(one).name for one in above] if pattern.startswith("**/") else above
        if any(fnmatchcase(name, pattern.removeprefix("**/")) for name in names if "/" not in name):
            out = not keep
    return out


def in_container(url: str) -> PurePosixPath:
    """Return where an SQLite database lies for a program that is started in the image."""
    assert url.startswith(SQLITE)
    return PurePosixPath(instructions("WORKDIR")[-1]) / url.removeprefix(SQLITE)


def compose() -> dict[str, list[str]]:
    """Return the lines below each line of ``compose.yaml`` by its path, such as ``services.bot.volumes``."""
    found: dict[str, list[str]] = {}
    path: list[str] = []
    for line in COMPOSE.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth, text = (len(line) - len(line.lstrip())) // 2, line.strip()
        key, _, value = text.partition(":")
        above = ".".join(path[:depth])
        found.setdefault(above, []).append(text.removeprefix("- ") if text.startswith("- ") else key)
        if not text.startswith("- "):
            path = [*path[:depth], key]
            if value.strip():
                found[".".join(path)] = [value.strip()]
    return found


def packages() -> list[str]:
    """Return the folders that are installed."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[str] = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return found


def test_what_is_copied_is_there_and_not_left_out() -> None:
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


def test_all_that_is_installed_is_copied_and_no_secret_is() -> None:
    needed = {*packages(), "pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert set(copied()) == needed
    for kept in ("bot/texts/catalogs/en/LC_MESSAGES/milepost.mo", "bot/samples/record-book.json"):
        assert (ROOT / kept).exists()
        assert not ignored(kept)
    for out in (
        ".env",
        "data",
        "data/milepost.db",
        ".git",
        ".venv",
        "tests",
        "bot/__pycache__",
        "bot/x/__pycache__/y",
    ):
        assert ignored(out), out


def test_what_is_installed_has_all_that_lies_beside_the_code(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    installed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {path for package in packages() for path in (ROOT / package).rglob("*") if path.is_file()}
    assert installed == {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def test_only_what_the_lock_file_pins_is_fetched() -> None:
    commands = [part.strip() for line in instructions("RUN") for part in line.split("&&")]
    fetching = [one for one in commands if re.search(r"\bpip\b.* (install|download|wheel)\b", one)]
    assert fetching
    for one in fetching:
        assert "--require-hashes" in one or "--no-index" in one or "--no-build-isolation" in one, one


def test_it_runs_as_nobody_much_and_stops_when_it_is_told() -> None:
    assert instructions("USER") == ["milepost"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("ENTRYPOINT") == ['["milepost"]']
    assert instructions("CMD") == ['["run"]']


def test_the_database_lies_in_the_volume_also_with_the_example_settings() -> None:
    (volume,) = instructions("VOLUME")
    database = in_container(variables()["DATABASE_URL"])
    assert PurePosixPath(volume) in database.parents
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    default = Settings().database_url.get_secret_value()
    assert in_container(example["DATABASE_URL"]) == in_container(default) == database


def test_every_variable_is_a_setting() -> None:
    others = {"PATH", "MPLCONFIGDIR"}  # where the drawing library keeps its list of fonts
    assert set(variables()) - others <= SETTINGS
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", COMPOSE))
    assert {name for name in named if not name.startswith("POSTGRES_")} - {"COMPOSE_PROFILES"} <= SETTINGS


def test_compose_has_the_bot_and_its_data_and_a_database_for_who_asks_for_one() -> None:
    parts = compose()
    assert parts[""] == ["services", "volumes"]
    assert parts["services"] == ["bot", "postgres"]
    assert parts["volumes"] == ["data", "postgres"]
    assert parts["services.postgres.profiles"] == ["postgres"]
    assert parts["services.bot.depends_on.postgres.required"] == ["false"]
    assert parts["services.bot.volumes"] == [f"data:{instructions('VOLUME')[0]}"]
    assert parts["services.bot.env_file"] == [".env"]
    assert parts["services.bot.tmpfs"] == ["/tmp"]
    for key, value in {"build": ".", "init": "true", "read_only": "true", "restart": "unless-stopped"}.items():
        assert parts[f"services.bot.{key}"] == [value]
    assert parts["services.bot.stop_grace_period"] == ["10s"]


def test_the_bot_and_the_database_of_compose_know_each_other() -> None:
    parts = compose()
    (address,) = re.findall(r"^DATABASE_URL=(postgresql://\S+)$", OPERATIONS, re.MULTILINE)
    url = urlsplit(address)
    assert url.hostname in parts["services"]
    assert [url.username] == parts[f"services.{url.hostname}.environment.POSTGRES_USER"]
    assert [url.path.strip("/")] == parts[f"services.{url.hostname}.environment.POSTGRES_DB"]
    (password,) = parts[f"services.{url.hostname}.environment.POSTGRES_PASSWORD"]
    assert [password] == parts["services.bot.environment.PGPASSWORD"]
    assert url.password is None
    assert re.search(rf"^{password.strip('${}').partition(':')[0]}=", OPERATIONS, re.MULTILINE)
    assert "COMPOSE_PROFILES=postgres" in OPERATIONS


def test_health_is_asked_where_the_bot_listens() -> None:
    parts = compose()
    (listens,) = parts["services.bot.environment.HTTP_ADDRESS"]
    address = door(listens)
    assert address is not None
    (check,) = parts["services.bot.healthcheck.test"]
    url = urlsplit(re.search(r"'(http://[^']+)'", check)[1])  # type: ignore[index]
    assert (url.hostname, url.port) == ("127.0.0.1", address[1])
    assert url.path == "/health/live"
