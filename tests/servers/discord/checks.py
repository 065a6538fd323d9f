"""The rules for messages and commands, as documented."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.world import COMPONENTS_V2, Kind

LOCALES = {
    *(
        "id",
        "da",
        "de",
        "en-GB",
        "en-US",
        "es-ES",
        "es-419",
        "fr",
        "hr",
        "it",
        "lt",
        "hu",
        "nl",
        "no",
        "pl",
        "pt-BR",
    ),
    *("ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko"),
}
Path = tuple[str | int, ...]

# ---------------------------------------------------------------- messages

EMBED_TEXTS = {("title",): 256, ("description",): 4096, ("footer", "text"): 2048, ("author", "name"): 256}
EMBED_LINKS = (("url",), ("image", "url"), ("thumbnail", "url"), ("author", "url"))
EMBED_ICONS = (("footer", "icon_url"), ("author", "icon_url"))
EMBED_SUM = 6000


def _at(part: Json, path: tuple[str, ...]) -> Any:
    value: Any = part
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _link(form: Form, place: Path, url: object, schemes: tuple[str, ...] = ("http", "https")) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(str(url))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme and parts.scheme not in schemes:
        form.add(place, "URL_TYPE_INVALID_SCHEME", f"Scheme {parts.scheme!r} is not one of {schemes}.")
    elif not parts.scheme or not parts.netloc or any(map(str.isspace, str(url))):
        form.add(place, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _embed(form: Form, place: Path, embed: Json) -> int:
    """Check one embed and return how many of the 6000 characters it takes; spaces around a text do not count."""
    total = 0
    for path, most in EMBED_TEXTS.items():
        if (text := _at(embed, path)) is not None:
            text = str(text).strip()
            total += len(text)
            form.at_most((*place, *path), text, most)
    fields = embed.get("fields") or []
    form.at_most((*place, "fields"), fields, 25)
    for index, field in enumerate(fields):
        for key, most in (("name", 256), ("value", 1024)):
            text = str(field.get(key) or "").strip()
            total += len(text)
            if text:
                form.at_most((*place, "fields", index, key), text, most)
            else:
                form.required((*place, "fields", index, key))
    for path in EMBED_LINKS:
        files = ("attachment",) if path[0] in {"image", "thumbnail"} else ()
        _link(form, (*place, *path), _at(embed, path), ("http", "https", *files))
    for path in EMBED_ICONS:
        _link(form, (*place, *path), _at(embed, path), ("http", "https", "attachment"))
    color = embed.get("color")
    if color is not None and not 0 <= color <= 0xFFFFFF:
        form.add((*place, "color"), "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.")
    if (moment := embed.get("timestamp")) is not None:
        try:
            datetime.fromisoformat(moment)
        except ValueError:
            form.add(
                (*place, "timestamp"), "DATE_TIME_TYPE_PARSE", f"Could not parse {moment}. Should be ISO8601."
            )
    if not total and not any(_at(embed, path) for path in (("image", "url"), ("thumbnail", "url"))):
        form.required((*place, "description"))
    return total


def _mentions(form: Form, allowed: Json) -> None:
    parse = allowed.get("parse") or []
    for index, kind in enumerate(parse):
        form.choice(("allowed_mentions", "parse", index), kind, ("roles", "users", "everyone"))
    for kind in ("users", "roles"):
        form.at_most(("allowed_mentions", kind), allowed.get(kind), 100)
        if kind in parse and allowed.get(kind):
            form.add(
                ("allowed_mentions",),
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f"parse:['{kind}'] and {kind}: [ids...] are mutually exclusive.",
            )


ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
SELECTS = {STRING_SELECT, 5, 6, 7, 8}
LINK, PREMIUM = 5, 6
TOP_V2 = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)


def walk(components: list[Json], place: Path = ("components",)) -> Iterator[tuple[Path, Json]]:
    """Go over components and all that they hold."""
    for index, component in enumerate(components):
        here = (*place, index)
        yield here, component
        yield from walk(component.get("components") or [], (*here, "components"))
        for key in ("accessory", "component"):
            if isinstance(inner := component.get(key), dict):
                yield (*here, key), inner


def _button(form: Form, place: Path, button: Json) -> None:
    style = button.get("style")
    form.choice((*place, "style"), style, (1, 2, 3, 4, 5, 6))
    form.at_most((*place, "label"), button.get("label"), 80)
    if style == LINK:
        if "custom_id" in button:
            form.add(
                place,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )
        if not button.get("url"):
            form.required((*place, "url"))
        form.at_most((*place, "url"), button.get("url"), 512)
        _link(form, (*place, "url"), button.get("url"), ("http", "https", "discord"))
    elif style != PREMIUM:
        form.between((*place, "custom_id"), button.get("custom_id"), 1, 100)
        if not button.get("label") and not button.get("emoji"):
            form.add(place, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button must have a label or an emoji")


def _select(form: Form, place: Path, select: Json) -> None:
    form.between((*place, "custom_id"), select.get("custom_id"), 1, 100)
    form.at_most((*place, "placeholder"), select.get("placeholder"), 150)
    if select["type"] != STRING_SELECT:
        return
    options = select.get("options") or []
    if not options:
        form.required((*place, "options"))
    form.at_most((*place, "options"), options, 25)
    for index, option in enumerate(options):
        for key in ("label", "value"):
            form.between((*place, "options", index, key), option.get(key), 1, 100)
        form.at_most((*place, "options", index, "description"), option.get("description"), 100)
        if option.get("value") in [other.get("value") for other in options[:index]]:
            told = "The specified option value is already used"
            form.add((*place, "options", index, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", told)
    if sum(bool(option.get("default")) for option in options) > select.get("max_values", 1):
        told = "The number of default options must not be more than the number of values that may be chosen"
        form.add((*place, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULTS", told)


def components(form: Form, parts: list[Json], *, v2: bool) -> None:
    seen: set[str] = set()
    count = text = 0
    if not v2:
        form.at_most(("components",), parts, 5)
    for index, part in enumerate(parts):
        form.choice(("components", index, "type"), part.get("type"), TOP_V2 if v2 else (ROW,))
    for place, part in walk(parts):
        count += 1
        kind = part.get("type")
        if kind == ROW and not 1 <= len(part.get("components") or []) <= 5:
            form.add((*place, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        elif kind == ROW and sum(5 if one.get("type") in SELECTS else 1 for one in part["components"]) > 5:
            told = "The specified component exceeds the maximum width"
            form.add((*place, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", told)
        elif kind == BUTTON:
            _button(form, place, part)
        elif kind in SELECTS:
            _select(form, place, part)
        elif kind == TEXT:
            text += len(part.get("content") or "")
        if (custom := part.get("custom_id")) in seen:
            form.add(
                (*place, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
            )
        elif custom is not None:
            seen.add(custom)
    if count > 40:
        form.add(
            ("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The maximum number of components is 40"
        )
    if text > 4000:
        form.add(
            ("components",),
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            "Displayable text exceeds maximum size of 4000",
        )


def message(body: Json, *, files: int = 0) -> None:
    """Check the body of a message as it will be, and refuse what Discord refuses."""
    form = Form()
    content = body.get("content") or ""
    form.at_most(("content",), content, 2000)
    form.at_most(("nonce",), str(body.get("nonce") or ""), 25)
    embeds = body.get("embeds") or []
    form.at_most(("embeds",), embeds, 10)
    total = sum(_embed(form, ("embeds", index), embed) for index, embed in enumerate(embeds))
    if total > EMBED_SUM:
        form.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_SUM}")
    _mentions(form, body.get("allowed_mentions") or {})
    v2 = bool((body.get("flags") or 0) & COMPONENTS_V2)
    for key in ("content", "embeds") if v2 else ():
        if body.get(key):
            form.add(
                (key,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    parts = body.get("components") or []
    components(form, parts, v2=v2)
    form.check()
    if not (content.strip() or embeds or files or parts):
        raise ApiError(50006)


def modal(data: Json) -> None:
    form = Form()
    form.between(("data", "custom_id"), data.get("custom_id"), 1, 100)
    form.between(("data", "title"), data.get("title"), 1, 45)
    parts = data.get("components") or []
    if not 1 <= len(parts) <= 5:
        form.add(("data", "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for place, part in walk(parts, ("data", "components")):
        if part.get("type") == TEXT_INPUT:
            form.between((*place, "custom_id"), part.get("custom_id"), 1, 100)
            form.at_most((*place, "label"), part.get("label"), 45)
            form.at_most((*place, "placeholder"), part.get("placeholder"), 100)
    form.check()


# ---------------------------------------------------------------- commands

SUB_COMMAND, SUB_COMMAND_GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, FILE_OPTION = (
    range(1, 12)
)
CHAT_INPUT = 1
PER_SCOPE = {1: 100, 2: 15, 3: 15, 4: 1}
COMMAND_SIZE = 8000


def _in_name(sign: str) -> bool:
    """Tell whether a sign is one of [-_'\\p{L}\\p{N}\\p{sc=Deva}\\p{sc=Thai}]."""
    return (
        sign in "-_'"
        or unicodedata.category(sign)[0] in "LN"
        or any(
            low <= sign <= high for low, high in ("\u0900\u097f", "\ua8e0\ua8ff", "\u0e01\u0e3a", "\u0e40\u0e5b")
        )
    )


def _name(form: Form, place: Path, name: object) -> None:
    form.between(place, name, 1, 32)
    if isinstance(name, str) and 1 <= len(name) <= 32 and not (all(map(_in_name, name)) and name == name.lower()):
        form.add(place, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _words(form: Form, place: Path, part: Json, key: str, check: Callable[[Form, Path, object], None]) -> None:
    """Check a text and its translations."""
    check(form, (*place, key), part.get(key))
    for locale, text in (part.get(f"{key}_localizations") or {}).items():
        here = (*place, f"{key}_localizations", locale)
        if locale in LOCALES:
            check(form, here, text)
        else:
            form.choice(here, locale, sorted(LOCALES))


def _sentence(form: Form, place: Path, text: object) -> None:
    form.between(place, text, 1, 100)


def choices(form: Form, place: Path, offered: list[Json], kind: int = STRING) -> None:
    """Check the choices of an option, or of an answer to autocomplete."""
    form.at_most(place, offered, 25)
    for index, choice in enumerate(offered):
        _words(form, (*place, index), choice, "name", _sentence)
        value = choice.get("value")
        if kind == STRING:
            form.between((*place, index, "value"), value, 1, 100)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            form.add((*place, index, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')


NESTING = {0: range(SUB_COMMAND, FILE_OPTION + 1), SUB_COMMAND_GROUP: (SUB_COMMAND,), SUB_COMMAND: range(3, 12)}


def _option(form: Form, place: Path, option: Json, above: int) -> None:
    kind = option.get("type")
    form.choice((*place, "type"), kind, NESTING[above])
    _words(form, place, option, "name", _name)
    _words(form, place, option, "description", _sentence)
    offered = option.get("choices") or []
    choices(form, (*place, "choices"), offered, kind or 0)
    if offered and option.get("autocomplete"):
        form.add(
            place,
            "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE",
            "Autocomplete and choices are mutually exclusive",
        )
    if option.get("autocomplete") and kind not in {STRING, INTEGER, NUMBER}:
        form.add(place, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type of option cannot be autocompleted")
    kinds = option.get("channel_types") or []
    for index, one in enumerate(kinds):
        form.choice((*place, "channel_types", index), one, [int(kind) for kind in Kind if kind is not Kind.DM])
    if kinds and kind != CHANNEL:
        form.add(place, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type of option has no channel types")
    for key, least in (("min_length", 0), ("max_length", 1)):
        if option.get(key) is not None and not least <= option[key] <= 6000:
            form.add((*place, key), "NUMBER_TYPE_MAX", f"int value should be between {least} and 6000.")
    if kind in {SUB_COMMAND, SUB_COMMAND_GROUP}:
        _options(form, (*place, "options"), option.get("options") or [], kind)


def _options(form: Form, place: Path, options: list[Json], above: int) -> None:
    form.at_most(place, options, 25)
    names: set[object] = set()
    optional = False
    for index, option in enumerate(options):
        _option(form, (*place, index), option, above)
        if option.get("name") in names:
            form.add(
                (*place, index, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATE", "Option name is not unique"
            )
        names.add(option.get("name"))
        if option.get("required") and optional:
            form.add(
                (*place, index),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional = optional or not option.get("required")


def _longest(part: Json, key: str) -> int:
    texts = [part.get(key) or "", *(part.get(f"{key}_localizations") or {}).values()]
    return max(map(len, texts))


def size(part: Json) -> int:
    """Count the characters of a command, of which there may be 8000: the longest translation of each text."""
    total = _longest(part, "name") + _longest(part, "description")
    if isinstance(value := part.get("value"), str):
        total += len(value)
    return total + sum(size(inner) for key in ("options", "choices") for inner in part.get(key) or [])


def command(form: Form, place: Path, body: Json) -> None:
    kind = body.get("type") or CHAT_INPUT
    if kind == CHAT_INPUT:
        _words(form, place, body, "name", _name)
        _words(form, place, body, "description", _sentence)
        _options(form, (*place, "options"), body.get("options") or [], 0)
        if size(body) > COMMAND_SIZE:
            form.add(place, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({COMMAND_SIZE})")
        return
    form.between((*place, "name"), body.get("name"), 1, 32)
    if body.get("description") or body.get("options"):
        form.add(
            place, "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", "Context menus have no description or options"
        )
