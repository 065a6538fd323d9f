"""Sentences that are data: written where something happens, said later, in each reader's own language.

A sentence is a ``str``, its English, so whoever only logs or compares it need not know. What is stored of it
keeps its message id and fields beside: see ``kept`` and ``recalled``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Self, overload

PLACEHOLDER = re.compile(r"\{(\w+)\}")
#: How a kept sentence begins; no sentence and no address does.
_KEPT = '{"say":'


@overload
def N_(msgid: str, /) -> str: ...
@overload
def N_(msgid: str, plural: str, /) -> tuple[str, str]: ...
def N_(msgid: str, plural: str | None = None, /) -> str | tuple[str, str]:  # noqa: N802 - gettext's own name
    """Mark a sentence, or a pair for ``plural``, that is data here and said elsewhere."""
    return msgid if plural is None else (msgid, plural)


class Sentence(str):
    """A sentence with what fills its placeholders; as text it is in English.

    Attributes:
        msgid: Its message id in the catalogs.
        fields: What fills it: text as it is, numbers as each reader writes them, nothing for None. A sentence
            within is said in the reader's language, too.
    """

    __slots__ = ("fields", "msgid")

    msgid: str
    fields: Mapping[str, str | float | None]

    def __new__(cls, msgid: str, /, **fields: str | float | None) -> Self:
        made = super().__new__(cls, _english(msgid, fields))
        made.msgid, made.fields = str(msgid), fields
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str | float | None]]:
        return (self.msgid,), dict(self.fields)


class ToldError(Exception):
    """What went wrong, as a sentence that people are told, each in their own language.

    Attributes:
        told: That sentence; as text it is in English, as the error is.
    """

    def __init__(self, msgid: str = "", /, **fields: str | float | None) -> None:
        self.told = msgid if isinstance(msgid, Sentence) else Sentence(msgid, **fields)
        super().__init__(self.told)


def kept(text: str) -> str:
    """Return a text as it is stored: a sentence so that it can be said in any language later."""
    return (
        json.dumps(_packed(text), ensure_ascii=False) if isinstance(text, Sentence) and text.fields else str(text)
    )


def recalled(stored: str) -> str:
    """Return what ``kept`` stored; a text that is no sentence, such as one of an older version, stays itself."""
    if not stored.startswith(_KEPT):
        return stored
    try:
        return _unpacked(json.loads(stored))
    except (ValueError, KeyError, TypeError):
        return stored


def _packed(sentence: Sentence) -> dict[str, object]:
    fields = {name: _packed(one) if isinstance(one, Sentence) else one for name, one in sentence.fields.items()}
    return {"say": sentence.msgid} | ({"with": fields} if fields else {})


def _unpacked(packed: dict[str, object]) -> Sentence:
    msgid, fields = packed["say"], packed.get("with", {})
    if not isinstance(msgid, str) or not isinstance(fields, dict):
        raise TypeError
    return Sentence(
        msgid, **{name: _unpacked(one) if isinstance(one, dict) else one for name, one in fields.items()}
    )


def _english(msgid: str, fields: Mapping[str, str | float | None]) -> str:
    if not fields:
        return msgid
    return PLACEHOLDER.sub(lambda found: _shown(fields[found[1]]) if found[1] in fields else found[0], msgid)


def _shown(one: str | float | None) -> str:
    if one is None:
        return ""
    return one if isinstance(one, str) else f"{one:,}" if isinstance(one, int) else f"{one:,g}"
