"""Text as Telegram reads it: the documented HTML, the entities that it finds itself, and lengths.

Entities are counted in UTF-16 units, as documented. Lengths of texts are counted in code points: the documentation
says "characters", and 4096 emoji (8192 units) were measured to be accepted and 4097 refused
(https://github.com/FerroxLabs/wayland/issues/934).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

#: Entities beyond these are not shown; nothing is refused for them.
MAX_ENTITIES = 100

KINDS = {
    "a": "text_link",
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
    "blockquote": "blockquote",
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
SPACE = " \t\r\n\0\v"
TOKEN = re.compile(r"[A-Za-z0-9.-]*")
REFERENCE = re.compile(r"&(?:#(?P<dec>[0-9]+)|#x(?P<hex>[0-9a-fA-F]+)|(?P<name>lt|gt|amp|quot));?")
#: What Telegram finds in any text, and how.
FOUND = {
    "url": re.compile(r"https?://[^\s<>\"]+\.[^\s<>\"]*[^\s<>\".,;:!?)]"),
    "bot_command": re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{2,31})?(?![\w/<>])", re.ASCII),
    "mention": re.compile(r"(?<!\w)@[A-Za-z]\w{3,31}(?!\w)", re.ASCII),
    "hashtag": re.compile(r"(?<!\w)#\w*[^\W\d]\w*"),
}


class Unparsable(Exception):
    """The markup is refused; the message is Telegram's."""


@dataclass
class _Open:
    tag: str
    begin: int
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def is_link(url: str) -> bool:
    """Say whether Telegram takes an address: a host without a dot, as ``localhost``, is refused."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme == "tg":
        return True
    return parts.scheme in {"http", "https"} and ("." in (parts.hostname or "") or ":" in (parts.hostname or ""))


def parse_html(markup: str) -> tuple[str, list[Json]]:
    """Read a text with ``parse_mode=HTML``: the plain text, and its entities."""
    return _Html(markup).parse()


def found(text: str, taken: list[Json]) -> list[Json]:
    """Find commands, mentions, links and hashtags outside the entities that the sender set himself."""
    closed = [(e["offset"], e["offset"] + e["length"]) for e in taken if e["type"] in {"code", "pre", "text_link"}]
    entities: list[Json] = []
    for kind, pattern in FOUND.items():
        for match in pattern.finditer(text):
            start, length = utf16(text[: match.start()]), utf16(match[0])
            if not any(start < end and begin < start + length for begin, end in closed):
                entities.append({"type": kind, "offset": start, "length": length})
                closed.append((start, start + length))
    return entities


def settled(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Return a text as it is kept: without white space at its end, with everything found, in order."""
    text = text.rstrip()
    room = utf16(text)
    kept = [e | {"length": min(e["length"], room - e["offset"])} for e in entities if e["offset"] < room]
    fixed = [e for e in kept if not any(_holds(other, e) for other in kept if other["type"] in {"code", "pre"})]
    fixed += found(text, fixed)
    return text, sorted(fixed, key=lambda e: (e["offset"], -e["length"]))[:MAX_ENTITIES]


def _holds(outer: Json, inner: Json) -> bool:
    """Say whether an entity lies within another one; of two equal ones neither does."""
    if (outer["offset"], outer["length"]) == (inner["offset"], inner["length"]):
        return outer["type"] == "pre" and inner["type"] not in {"pre", "code"}
    end = outer["offset"] + outer["length"]
    return bool(outer["offset"] <= inner["offset"] and inner["offset"] + inner["length"] <= end)


class _Html:
    def __init__(self, markup: str) -> None:
        self.markup = markup
        self.at = 0
        self.plain: list[str] = []
        self.length = 0
        self.stack: list[_Open] = []
        self.entities: list[Json] = []

    def parse(self) -> tuple[str, list[Json]]:
        while self.at < len(self.markup):
            sign = self.markup[self.at]
            if sign == "<":
                self.tag()
            elif sign == "&":
                self.put(self.reference())
            else:
                self.at += 1
                self.put(sign)
        if self.stack:
            raise Unparsable(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')
        text = "".join(self.plain)
        for entity in self.entities:
            if entity["type"] == "code":
                entity.pop("language", None)  # it is known only of what is in <pre>
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise Unparsable(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            )
        return text, sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))

    def put(self, text: str) -> None:
        self.plain.append(text)
        self.length += len(text.encode("utf-16-le", "surrogatepass")) // 2

    def reference(self) -> str:
        """Read what begins with an ampersand: only four names are known, and the semicolon may be missing."""
        match = REFERENCE.match(self.markup, self.at)
        if match is not None:
            code = int(match["dec"]) if match["dec"] else int(match["hex"], 16) if match["hex"] else None
            if code is None or 0 < code <= 0x10FFFF:
                self.at = match.end()
                return NAMED[match["name"]] if code is None else chr(code)
        self.at += 1
        return "&"

    def where(self, at: int) -> str:
        return f"at byte offset {len(self.markup[:at].encode())}"

    def peek(self) -> str:
        return self.markup[self.at : self.at + 1]

    def tag(self) -> None:
        begin = self.at
        self.at += 1
        if self.peek() == "/":
            self.end_tag(begin)
            return
        tag = self.word(SPACE + ">").lower()
        if not self.peek():
            raise Unparsable(f"Unclosed start tag {self.where(begin)}")
        if tag not in KINDS:
            raise Unparsable(f'Unsupported start tag "{tag}" {self.where(begin)}')
        attributes: dict[str, str] = {}
        while True:
            self.word("", among=SPACE)
            if self.peek() == ">":
                break
            self.attribute(tag, begin, attributes)
        self.at += 1
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise Unparsable(f'Tag "span" must have class "tg-spoiler" {self.where(begin)}')
        self.stack.append(_Open(tag, len(self.plain), self.length, attributes))

    def word(self, until: str, *, among: str = "") -> str:
        start = self.at
        while (sign := self.peek()) and (sign in among if among else sign not in until):
            self.at += 1
        return self.markup[start : self.at]

    def attribute(self, tag: str, begin: int, attributes: dict[str, str]) -> None:
        name = self.word(SPACE + "=>" if tag == "blockquote" else SPACE + "=").lower()
        self.word("", among=SPACE)
        if not name:
            what = "Empty attribute name in the tag" if self.peek() else "Unclosed start tag"
            raise Unparsable(f'{what} "{tag}" {self.where(begin)}')
        if self.peek() != "=":
            if (tag, name.rstrip(">")) == ("blockquote", "expandable"):
                attributes["expandable"] = ""
                return
            raise Unparsable(
                f'Expected equal sign in declaration of an attribute of the tag "{tag}" {self.where(begin)}'
            )
        self.at += 1
        self.word("", among=SPACE)
        quote = self.peek()
        if not quote:
            raise Unparsable(f'Unclosed start tag "{tag}" {self.where(begin)}')
        if quote in "\"'":
            self.at += 1
            attributes[name] = self.quoted(quote, begin)
            return
        start = self.at
        attributes[name] = TOKEN.match(self.markup, start)[0].lower()  # type: ignore[index]  # it matches nothing too
        self.at += len(attributes[name])
        if not self.peek() or self.peek() not in SPACE + ">":
            raise Unparsable(f"Unexpected end of name token {self.where(start)}")

    def quoted(self, quote: str, begin: int) -> str:
        value: list[str] = []
        while (sign := self.peek()) != quote:
            if not sign:
                raise Unparsable(f"Unclosed start tag {self.where(begin)}")
            if sign == "&":
                value.append(self.reference())
            else:
                value.append(sign)
                self.at += 1
        self.at += 1
        return "".join(value)

    def end_tag(self, begin: int) -> None:
        if not self.stack:
            raise Unparsable(f"Unexpected end tag {self.where(begin)}")
        self.at += 1
        name = self.word(SPACE + ">").lower()
        self.word("", among=SPACE)
        if self.peek() != ">":
            raise Unparsable(f"Unclosed end tag {self.where(begin)}")
        self.at += 1
        opened = self.stack.pop()
        if name not in {"", opened.tag}:
            raise Unparsable(
                f'Unmatched end tag {self.where(begin)}, expected "</{opened.tag}>", found "</{name}>"'
            )
        if self.length > opened.offset:
            self.close(opened)

    def close(self, opened: _Open) -> None:
        entity: Json = {
            "type": KINDS[opened.tag],
            "offset": opened.offset,
            "length": self.length - opened.offset,
        }
        if entity["type"] == "text_link" and not self.link(entity, opened):
            return
        if entity["type"] == "blockquote" and "expandable" in opened.attributes:
            entity["type"] = "expandable_blockquote"
        if entity["type"] == "custom_emoji":
            entity["custom_emoji_id"] = opened.attributes.get("emoji-id", "")
            if not entity["custom_emoji_id"].isdecimal():
                raise Unparsable("Invalid custom emoji identifier specified")
        if entity["type"] == "date_time":
            entity["unix_time"] = int(opened.attributes.get("unix", "0"))
            entity["date_time_format"] = opened.attributes.get("format", "")
        if entity["type"] == "code" and opened.attributes.get("class", "").startswith("language-"):
            entity["language"] = opened.attributes["class"].removeprefix("language-")
        self.entities.append(entity)
        self.program(entity)

    def program(self, entity: Json) -> None:
        """Make one entity of ``<pre><code class="language-...">``."""
        if entity["type"] != "pre":
            return
        for inner in self.entities[:-1]:
            if (inner["type"], inner["offset"], inner["length"]) == ("code", entity["offset"], entity["length"]):
                self.entities.remove(inner)
                if inner.get("language"):
                    entity["language"] = inner["language"]

    def link(self, entity: Json, opened: _Open) -> bool:
        url = opened.attributes.get("href") or "".join(self.plain[opened.begin :])
        parts = urlsplit(url)
        if parts.scheme == "tg" and parts.netloc == "user":
            user = parse_qs(parts.query).get("id", [""])[0]
            entity |= {"type": "text_mention", "user": {"id": int(user or 0), "is_bot": False, "first_name": user}}
        else:
            entity["url"] = url if "://" in url else f"http://{url}"
        return is_link(url)
