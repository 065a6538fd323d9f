"""The catalogs of sentences: collected from the code, brought up to date, compiled, checked.

``python -m tests.catalogs --write`` (``make catalogs``) writes them; ``--check`` (``make check``) fails where
they are not what the code gives, and where a translation's placeholders are not its sentence's. A new
language is a new folder: ``mkdir -p bot/texts/catalogs/fr/LC_MESSAGES``, then ``make catalogs``.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import io
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po

from bot.texts.catalog import CATALOGS, DOMAIN, ENGLISH, compiled

ROOT = Path(__file__).parent.parent
#: Where sentences are said.
FOLDERS = ("bot", "handlers")
#: What says them, and which of its arguments they are; ``N_`` marks one sentence or a pair.
KEYWORDS: dict[str, Any] = {"say": (1,), "text": (1,), "plural": (1, 2), "N_": {1: (1,), 2: (1, 2)}}
COMMENT = "Translators:"

_ANY_BRACES = re.compile(r"\{[^{}]*\}")
_N = "{n}"
#: Kept out of the files: they change although no sentence did, or say nothing.
_RESTLESS = {"POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Report-Msgid-Bugs-To"}
_UNSET = ("EMAIL@ADDRESS", "LL@li.org")
_HEADER = """\
# What Milepost says, sentence by sentence. `make catalogs` collects the sentences from the code and
# compiles what is translated here. {name} in braces is filled in when the sentence is said."""
#: How many numbers tell which of them share a plural form.
_NUMBERS = range(1000)


class Sentences(Catalog):
    """A catalog whose header changes only when its content does."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The header's fields."""
        fields = [
            (name, value)
            for name, value in super().mime_headers
            if name not in _RESTLESS and not any(unset in value for unset in _UNSET)
        ]
        name, value = fields.pop()
        return [*fields, (name, f"{value}\n")]


@dataclass
class Report:
    """What was found: what must be mended, and what is only told."""

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[Path, bytes] = field(default_factory=dict)


# From the code


def sayings(
    file: IO[bytes], keywords: Collection[str], comment_tags: Collection[str], options: object
) -> Iterator[tuple[int, str, tuple[str | None, ...], list[str]]]:
    """Find what is said in a file, for Babel, whose own reader loses calls within calls' arguments."""
    del options
    source = file.read().decode()
    lines = source.splitlines()
    for call, name in _calls(ast.parse(source), keywords):
        comments = _comments(lines, call.lineno, comment_tags)
        arguments = tuple(_literal(argument) for argument in call.args)
        if isinstance(call.args[0], ast.IfExp):
            for choice in (call.args[0].body, call.args[0].orelse):
                yield call.lineno, name, (_literal(choice), *arguments[1:]), comments
        else:
            yield call.lineno, name, arguments, comments


#: Babel's own types for a reader do not fit its own readers.
_SAYINGS: Any = sayings


def _calls(tree: ast.AST, keywords: Collection[str]) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[_, *_]) if name in keywords:
                yield node, name


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _comments(lines: list[str], lineno: int, tags: Collection[str]) -> list[str]:
    """Return the words to translators that stand right above a line."""
    block: list[str] = []
    for line in reversed(lines[: lineno - 1]):
        if not line.strip().startswith("#"):
            break
        block.insert(0, line.strip().lstrip("# "))
        if block[0].startswith(tuple(tags)):
            return block
    return []


def template(root: Path, report: Report) -> Sentences:
    """Return every sentence of the code."""
    found = _new(None)
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        source = path.read_bytes()
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            report.wrong.append(f"{name}:{error.lineno}: not Python: {error.msg}")
            continue
        report.wrong += [
            f"{name}:{call.lineno}: {word}() cannot translate an f-string or a sum: use {{name}} and a field"
            for call, word in _calls(tree, KEYWORDS)
            if isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
        ]
        sentences = extract(_SAYINGS, io.BytesIO(source), KEYWORDS, (COMMENT,), strip_comment_tags=True)
        for lineno, message, comments, _ in sentences:
            added = found.add(message, None, [(name, lineno)], auto_comments=comments)
            if added.pluralizable and _ids(found[message]) != _ids(added):
                report.wrong.append(f"{name}:{lineno}: {message[0]!r} has another plural elsewhere")
    for sentence in _messages(found):
        sentence.flags.discard("python-format")
        first, *others = _ids(sentence)
        report.wrong += [
            f"{sentence.locations[0][0]}: {first!r} and {other!r} have different fields"
            for other in others
            if _braces(first) - {_N} != _braces(other) - {_N}
        ]
    return found


# To the catalogs


def plan(root: Path = ROOT, catalogs: Path = CATALOGS) -> Report:
    """Return what every file must hold, and what is wrong with what translators wrote."""
    report = Report()
    pot = template(root, report)
    report.files[catalogs / f"{DOMAIN}.pot"] = _po(pot)
    folders = {path.parent.name for path in catalogs.glob("*/LC_MESSAGES")} | {ENGLISH}
    for language in sorted(folders):
        path = compiled(language, catalogs).with_suffix(".po")
        try:
            catalog = _updated(language, path, pot)
        except (PoFileError, UnicodeDecodeError, ValueError) as error:
            report.wrong.append(f"{language}: {path} cannot be read: {error}")
            continue
        report.files[path] = _po(catalog)
        report.files[path.with_suffix(".mo")] = _mo(catalog)
        report.wrong += [f"{language}: {problem}" for problem in _mistakes(catalog)]
        report.notes.append(f"{language}: {_gaps(catalog, language)}")
    return report


def _updated(language: str, path: Path, pot: Sentences) -> Sentences:
    """Return a language's catalog with the code's sentences; what was translated stays."""
    catalog = _new(language)
    if path.is_file():
        with path.open("rb") as file:
            old = read_po(file, locale=language, abort_invalid=True)
        catalog.last_translator, catalog.language_team = old.last_translator, old.language_team
        for message in _messages(old):
            catalog[message.id] = message
        for message in old.obsolete.values():
            if message.id in pot and message.id not in catalog:
                catalog[message.id] = message
            else:
                _retire(catalog, message)
    # English is its own translation: nothing to guess from likeness, nothing to keep of what is gone.
    catalog.update(pot, no_fuzzy_matching=language == ENGLISH)
    if language == ENGLISH:
        catalog.obsolete.clear()
    for message in _messages(catalog):
        message.flags.discard("python-format")
    gone = sorted(catalog.obsolete.values())
    catalog.obsolete.clear()
    for message in gone:
        _retire(catalog, message)
    return catalog


def _retire(catalog: Catalog, message: Message) -> None:
    """Keep a translation whose sentence is gone: the sentence may come back."""
    message.locations = []
    if any(_strings(message)):
        catalog.obsolete[_ids(message)[0]] = message


def _new(language: str | None) -> Sentences:
    return Sentences(
        locale=language,
        domain=DOMAIN,
        header_comment=_HEADER,
        project="Milepost",
        version="1",
        creation_date=datetime(2026, 1, 1, tzinfo=UTC),
        fuzzy=False,
    )


def _messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _strings(message: Message) -> tuple[str, ...]:
    string = message.string or ""
    return (string,) if isinstance(string, str) else tuple(string)


def _po(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_po(file, catalog, width=110, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def _mo(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


# What is amiss


def _braces(text: str) -> frozenset[str]:
    return frozenset(_ANY_BRACES.findall(text))


def _mistakes(catalog: Catalog) -> Iterator[str]:
    """Tell of translations whose placeholders are not those of their sentence."""
    for message in _messages(catalog):
        if message.fuzzy:
            continue
        ids = _ids(message)
        least = most = expected = frozenset[str]().union(*map(_braces, ids))
        for form, text in enumerate(_strings(message)):
            if message.pluralizable:
                most = expected | {_N}
                least = expected - {_N} if _serves_one_number(catalog, form) else expected
            if text and not least <= _braces(text) <= most:
                yield _differs(ids[-1], text, expected)


def _serves_one_number(catalog: Catalog, form: int) -> bool:
    """Tell whether a plural form is for one number alone, which may then be a word of the sentence."""
    choose = gettext.c2py(catalog.plural_expr)
    return sum(choose(n) == form for n in _NUMBERS) == 1


def _differs(sentence: str, text: str, expected: frozenset[str]) -> str:
    return (
        f"the translation of {sentence!r} has {_named(_braces(text))} where the sentence has "
        f"{_named(expected)}: {text!r}"
    )


def _named(braces: frozenset[str]) -> str:
    return " ".join(sorted(braces)) or "no placeholder"


def _gaps(catalog: Catalog, language: str) -> str:
    """Return how much of the code's sentences a language has."""
    messages = _messages(catalog)
    if language == ENGLISH:
        return f"{len(messages)} sentences, as they stand in the code"
    missing = [message for message in messages if message.fuzzy or not all(_strings(message))]
    told = "".join(f"\n  {_ids(message)[-1]}" for message in missing)
    return f"{len(missing)} of {len(messages)} sentences missing" + (f":{told}" if missing else "")


def check(root: Path = ROOT, catalogs: Path = CATALOGS) -> Report:
    """Compare the files with what they should be."""
    report = plan(root, catalogs)
    stale = [path for path, content in report.files.items() if not path.is_file() or path.read_bytes() != content]
    report.wrong += [f"{path} is not what the code gives: run make catalogs" for path in stale]
    return report


def write(root: Path = ROOT, catalogs: Path = CATALOGS) -> Report:
    """Bring the files up to date."""
    report = plan(root, catalogs)
    for path, content in report.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.catalogs", description="The catalogs of sentences.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail where they are stale or a translation is broken")
    what.add_argument("--write", action="store_true", help="bring them up to date and compile them")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the code is")
    parser.add_argument("--catalogs", type=Path, default=CATALOGS, help="where the catalogs are")
    given = parser.parse_args(arguments)
    report = (check if given.check else write)(given.root, given.catalogs)
    for note in report.notes:
        print(note)
    for problem in report.wrong:
        print(problem, file=sys.stderr)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
