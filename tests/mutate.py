"""Answers of a platform gone wrong, from one that is right: for every source, seeded, the same each time."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

#: Numbers that no audience has, or that a parser may choke on.
NUMBERS: tuple[object, ...] = (
    *(0, 1, -1, -2_147_483_648, 2**31, 2**53, 2**53 + 1, 2**63, 10**30, -(10**30)),
    *(0.5, -0.0, 1e-300, 1e308, float("inf"), float("-inf"), float("nan")),
)
#: Texts in place of numbers, times, names and ids.
TEXTS = (
    *("", " ", "0", "-1", "1e400", "NaN", "∞", "null", "none", "N/A", "1,234", "12.5k", "٣", "９", "0x10"),
    *("1_000", "live", "ended", "\x00", "\ud800", "a\u202eb", "@everyone", "<script>", "https://example.org/"),
    "x" * 70_000,
    *("2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-22", "1795360546", "-1e9"),
)
OTHERS: tuple[object, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, [{}], {"error": "?"}, [[[[1]]]])
PAGES = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b"[]",
    b"{}",
    b'""',
    b"NaN",
    b'{"data":',
    b"\xff\xfe\x00\x00",
    b"\xef\xbb\xbf{}",
    b"<!DOCTYPE html><html><title>502 Bad Gateway</title><h1>502</h1></html>",
    b'<?xml version="1.0"?><error>quota</error>',
    b"upstream connect error or disconnect/reset before headers",
    b"[" * 100_000,
    b'{"data":' * 50_000,
    b'{"data": ' + b"9" * 5_000 + b"}",
    b'{"data": [1e999999]}',
)
#: One place in a document: the list or object that holds it, and its index or key.
Place = tuple[Any, Any]
#: Of ten mutations so many are made on the document, the others on its bytes.
ON_DOCUMENT = 7
MOST_CHANGES = 4


def mutations(body: bytes, *, seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` answers, each with one to four things wrong; ``body`` is a right one, in JSON.

    On the document: something dropped, null, of another type, huge, negative, a string for a number and back,
    nested, twice, out of order, a surprising key. On the bytes: cut short, flipped, doubled, another page.
    """
    chance = random.Random(seed)
    document = json.loads(body)
    for _ in range(count):
        if chance.randrange(10) < ON_DOCUMENT:
            yield _with_document_changed(document, chance)
        else:
            yield chance.choice(ON_BYTES)(body, chance)


def _with_document_changed(document: object, chance: random.Random) -> bytes:
    root = [copy.deepcopy(document)]
    for _ in range(chance.randint(1, MOST_CHANGES)):
        holder, key = chance.choice(list(_places(root)))
        chance.choice(ON_PLACES)(holder, key, chance)
        if not root:
            return b""
    if chance.random() < 0.1:
        return json.dumps(root[0], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return json.dumps(root[0]).encode()


def _places(holder: Any) -> Iterator[Place]:
    """Name every place in a document, the outermost first."""
    waiting = [holder]
    while waiting:
        one = waiting.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one)
        for key, value in pairs:
            yield one, key
            if isinstance(value, dict | list):
                waiting.append(value)


def _drop(holder: Any, key: Any, _chance: random.Random) -> None:
    del holder[key]


def _null(holder: Any, key: Any, _chance: random.Random) -> None:
    holder[key] = None


def _other(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = copy.deepcopy(chance.choice(OTHERS))


def _number(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(NUMBERS)


def _text(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(TEXTS)


def _spelled_otherwise(holder: Any, key: Any, chance: random.Random) -> None:
    """Write a number as a string, a string of digits as a number, a whole number with a point."""
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = chance.choice((int(value), str(value), str(value).lower()))
    elif isinstance(value, int | float):
        holder[key] = chance.choice((str(value), f" {value} ", f"+{value}", -value, value * 1.0, f"{value}.0"))
    elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 100:
        holder[key] = chance.choice((int(value), -int(value), float(value), int(value) * 10**20))
    elif isinstance(value, str):
        holder[key] = chance.choice((value.upper(), f" {value}\n", value[: len(value) // 2], list(value[:50])))


def _nest(holder: Any, key: Any, chance: random.Random) -> None:
    value = holder[key]
    for _ in range(chance.choice((1, 1, 2, 50))):
        value = chance.choice(([value], {"data": value}, {"value": value}, [None, value]))
    holder[key] = value


def _unwrap(holder: Any, key: Any, chance: random.Random) -> None:
    """Put what a list or object holds in its place."""
    value = holder[key]
    if isinstance(value, dict) and value:
        holder[key] = chance.choice(list(value.values()))
    elif isinstance(value, list) and value:
        holder[key] = chance.choice(value)


def _twice(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, list) and len(holder) < 1_000:  # what doubles must stay small
        holder.insert(chance.randint(0, len(holder)), copy.deepcopy(holder[key]))
    elif isinstance(holder, dict):
        holder[f"{key}_2"] = copy.deepcopy(holder[key])


def _shuffle(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder[key], list):
        chance.shuffle(holder[key])
    elif isinstance(holder[key], dict):
        values = list(holder[key].values())
        chance.shuffle(values)
        holder[key] = dict(zip(holder[key], values, strict=True))


def _rename(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, dict):
        value = holder.pop(key)
        holder[chance.choice((key.upper(), f"{key} ", f"_{key}", "error", "errors", "data", ""))] = value


ON_PLACES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    *(_drop, _drop, _null, _null, _other, _number, _number, _text),
    *(_spelled_otherwise, _spelled_otherwise, _nest, _unwrap, _twice, _shuffle, _rename),
)


def _cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _flip(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _without_middle(body: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    return body[:start] + body[end:]


def _doubled(body: bytes, chance: random.Random) -> bytes:
    return body + chance.choice((b"", b"\n", b",", b"\x00")) + body


def _page(_body: bytes, chance: random.Random) -> bytes:
    return chance.choice(PAGES)


def _in_other_bytes(body: bytes, chance: random.Random) -> bytes:
    encoding = chance.choice(("utf-16", "utf-32", "latin-1", "cp500"))
    return body.decode("utf-8", "replace").encode(encoding, "replace")


ON_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_cut, _cut, _cut, _flip, _flip, _flip, _without_middle, _doubled, _page, _page, _in_other_bytes),
)
