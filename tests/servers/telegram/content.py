"""What a message says, as the Bot API reads and checks it: markup, lengths, buttons, files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

from tests.servers.telegram.entities import Json, Unparsable, is_link, parse_html, settled
from tests.servers.telegram.query import Query, Upload, bad
from tests.servers.telegram.world import Content, File, World

MAX_TEXT, MAX_CAPTION = 4096, 1024
MAX_BUTTONS, MAX_DATA = 100, 64
MAX_PHOTO, MAX_UPLOAD = 10 << 20, 50 << 20
#: What a button can do besides calling back and opening an address.
ACTIONS = {"web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat", "copy_text", "pay"}


@dataclass
class Composer:
    world: World

    def formatted(self, given: Json, name: str) -> tuple[str, list[Json]]:
        """Read a text or caption with its markup or its entities."""
        text, mode = str(given.get(name) or ""), str(given.get("parse_mode") or "").lower()
        entities = list(given.get("caption_entities" if name == "caption" else "entities") or [])
        if mode == "html":
            try:
                text, entities = parse_html(text)
            except Unparsable as error:
                raise bad(f"can't parse entities: {error}") from None
        elif mode in {"markdown", "markdownv2"}:
            raise bad("this test server does not read Markdown")
        elif mode:
            raise bad("unsupported parse_mode")
        return settled(text, entities)

    def body(self, query: Query) -> Content:
        """Read what a text message says."""
        if not query.text("text"):
            raise bad("message text is empty")
        given: Json = dict(query.params) | {"entities": query.json("entities", "entities")}
        text, entities = self.formatted(given, "text")
        if not text:
            raise bad("text must be non-empty")
        return Content(text, tuple(entities), markup=self.markup(query))

    def captioned(self, query: Query, file: File | None) -> Content:
        given: Json = dict(query.params) | {"caption_entities": query.json("caption_entities", "entities")}
        text, entities = self.formatted(given, "caption")
        return Content(text, tuple(entities), file, self.markup(query))

    @staticmethod
    def markup(query: Query) -> Json | None:
        """Read buttons. The length of their data is checked after the chat."""
        given = query.json("reply_markup", "reply keyboard markup")
        if given is None:
            return None
        if not isinstance(given, dict):
            raise bad("object expected as reply markup")
        rows = given.get("inline_keyboard")
        if rows is None:
            return None  # reply keyboards are not part of a message
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
        for button in (button for row in rows for button in row):
            _check_button(button)
        return {"inline_keyboard": rows} if any(rows) else None

    @staticmethod
    def checked(content: Content) -> Content:
        """Check what Telegram's servers check, after the chat."""
        if len(content.text) > (MAX_CAPTION if content.file else MAX_TEXT):
            raise bad("message caption is too long" if content.file else "message is too long")
        buttons = [b for row in (content.markup or {}).get("inline_keyboard", []) for b in row]
        if len(buttons) > MAX_BUTTONS:
            raise bad("reply markup is too long")
        if any(len(b.get("callback_data", "").encode()) > MAX_DATA for b in buttons):
            raise bad("BUTTON_DATA_INVALID")
        return content

    def file(self, query: Query, given: str, kind: Literal["photo", "document"], field_name: str) -> File:
        """Find a file: uploaded, attached, known, or at an address (which is not fetched)."""
        upload = query.files.get(given.removeprefix("attach://") if given.startswith("attach://") else field_name)
        if upload is not None:
            return self.stored(upload, kind)
        if not given or given.startswith("attach://"):
            raise bad(f"there is no {kind} in the request")
        if given.startswith(("http://", "https://")):
            return self.world.file(kind, given.rpartition("/")[2] or kind, "application/octet-stream", b"")
        known = self.world.files.get(given)
        if known is None:
            raise bad("wrong file identifier/HTTP URL specified")
        if known.kind != kind:
            raise bad(f"can't use file of type {known.kind.title()} as {kind.title()}")
        return known

    def stored(self, upload: Upload, kind: Literal["photo", "document"]) -> File:
        if not upload.content:
            raise bad("file must be non-empty")
        if len(upload.content) > (MAX_PHOTO if kind == "photo" else MAX_UPLOAD):
            raise bad(f"file is too big for a {kind}")
        if kind == "document":
            return self.world.file(kind, upload.name, upload.mime, upload.content)
        size = _dimensions(upload.content)
        if size is None:
            raise bad("IMAGE_PROCESS_FAILED")
        if sum(size) > 10_000 or max(size) > 20 * min(size):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        return self.world.file(kind, upload.name, upload.mime, upload.content, size=size)

    def medium(self, query: Query, given: Any) -> Content:
        """Read an InputMedia."""
        if not isinstance(given, dict) or given.get("type") not in {"photo", "document"}:
            kind = given.get("type") if isinstance(given, dict) else None
            raise bad(f'can\'t parse InputMedia: type "{kind}" is unsupported')
        text, entities = self.formatted(given, "caption")
        return Content(
            text, tuple(entities), self.file(query, str(given.get("media") or ""), given["type"], "media")
        )


def _check_button(button: Any) -> None:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not button.get("text"):
        raise bad("can't parse inline keyboard button: Can't find field \"text\"")
    if url := button.get("url"):
        if not is_link(url):
            raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        return
    if not button.get("callback_data") and not ACTIONS & set(button):
        raise bad("can't parse inline keyboard button: Text buttons are not allowed in the inline keyboard")


def _dimensions(content: bytes) -> tuple[int, int] | None:
    """Return the size of a picture: the true one of a PNG, any of other formats, None if it is none."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    return (800, 800) if content.startswith((b"\xff\xd8\xff", b"GIF8", b"RIFF")) else None
