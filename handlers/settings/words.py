"""What a chat says in its own words, kind by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.domain.alerts import close, ended, milestone, outage, record, reminder, started
from bot.ports.message import Line, Message, Span, Style, plain_text
from bot.services import wording
from bot.texts import own, own_fields
from bot.texts.refused import Refused
from bot.texts.words import N_, Words, bold, code
from handlers.command import Mistake
from handlers.kinds import TYPED, kind_of, names
from handlers.settings.setting import Asked, Choice, Setting

_DEFAULT = {"default", "none", "off"}
#: What is watched where nothing is: a name for the preview.
_NAME = N_("Night Radio")
#: What is seen of a line on either side of a mistake.
_SEEN = 32
_MARK = "👉"

#: A text that works, by kind.
EXAMPLES = {
    started.KIND: "🔴 {{ name }} is on the air! {{ title }}",
    milestone.KIND: "🎉 {{ name }} passed {{ figure }}!",
    record.KIND: "🏆 {{ name }}: {{ figure }}, {{ margin }} more than {{ rival }}",
    close.KIND: "🎯 {{ name }} is at {{ share }} of the record {{ scope }}",
    ended.KIND: "🏁 {{ name }} is over after {{ airtime }}. Thank you all!",
    outage.KIND: "📡 No figures of {{ name }} since {{ since }}{% if back %}, back at {{ back }}{% endif %}",
    reminder.KIND: "⏰ {{ name }} begins in {{ starts_in }}",
}
#: The word that is typed for a kind.
_WORDS = {kind_of(word): word for word in TYPED}


async def shown(asked: Asked) -> Line:
    kinds = await wording.of_chat(asked.services, asked.request)
    if not kinds:
        return asked.words.say("Alerts are told in my own words.")
    return asked.words.say("Told in this chat’s words: {kinds}.", kinds=_listed(kinds, asked.words))


async def change(asked: Asked, typed: str) -> Line:
    words = asked.words
    kind, text = _split(typed)
    if kind is None and typed.strip().lower() in _DEFAULT:
        return await _all_back(asked)
    if kind is None:
        raise Mistake(
            words.say("Say which alerts: {kinds}.", kinds=words.list(list(TYPED))), example=SETTING.example
        )
    if not text:
        written = kind in await wording.of_chat(asked.services, asked.request)
    elif text.lower() in _DEFAULT:
        await wording.remove(asked.services, asked.request, kind)
        written = False
    else:
        text = own.neat(text)
        try:
            own.check(text, kind, words)
        except Refused as error:
            raise _mistake(error, kind, words) from error
        await wording.put(asked.services, asked.request, kind, text)
        written = True
    kinds = _listed([kind], words)
    if written:
        return words.say("Told in this chat’s words: {kinds}.", kinds=kinds)
    return words.say("Told in my own words: {kinds}.", kinds=kinds)


async def _all_back(asked: Asked) -> Line:
    """Take back all that the chat has written, and return the sentence that says of which kinds."""
    written = await wording.of_chat(asked.services, asked.request)
    for kind in written:
        await wording.remove(asked.services, asked.request, kind)
    if not written:
        return asked.words.say("Alerts are told in my own words.")
    return asked.words.say("Told in my own words: {kinds}.", kinds=_listed(written, asked.words))


def looks(typed: str) -> bool:
    """Tell whether a kind was named, and no text for it."""
    kind, text = _split(typed)
    return kind is not None and not text


async def choices(asked: Asked) -> tuple[Choice, ...]:
    written = await wording.of_chat(asked.services, asked.request)
    return tuple(
        Choice(label=_listed([kind], asked.words), value=word, chosen=kind in written)
        for word in TYPED
        if (kind := kind_of(word)) is not None
    )


async def lines(asked: Asked) -> tuple[Line, ...]:
    """Return what the page of one kind says: its text, how that reads, and the fields there are for another."""
    words = asked.words
    kind, typed = _split(" ".join(asked.request.text.split(maxsplit=1)[1:]))
    if kind is None:
        return (words.say("See a kind with its fields: {example}", example=code(f"{_command('milestones')}")),)
    text = (await wording.of_chat(asked.services, asked.request)).get(kind)
    example = await wording.example(asked.services, asked.request, kind, name=words.text(_NAME))
    told = words.of(example.story.timezone)
    made = [*_text(text, words), *_preview(own.write(example.story, told, text), words, told=example.told)]
    if not typed:
        made += _fields(kind, own_fields.values(example.story, told), words)
    if text is not None:
        back = code(f"{_command(_WORDS[kind])} default")
        made.append(words.say("Back to my own words: {example}", example=back))
    return tuple(made)


def _fields(kind: str, values: Mapping[str, own_fields.Value], words: Words) -> list[Line]:
    """Return the fields of a kind, each with what it says; those together that say nothing just now."""
    fields = own_fields.FIELDS[kind]
    made = [words.say("Fields, with what each says there:")]
    made += [
        words.say("{field} {value}", field=code(f"{{{{ {field.name} }}}}"), value=str(values[field.name]))
        for field in fields
        if values[field.name] is not None
    ]
    silent = [field.name for field in fields if values[field.name] is None]
    if silent:
        made.append(words.say("These say nothing there: {fields}.", fields=words.list(silent)))
    bare = [field.name + own_fields.NUMBER for field in fields if field.number is not None]
    if bare:
        numbers = words.list(bare)
        made.append(words.say("Bare numbers, to compare and reckon with: {numbers}.", numbers=numbers))
    return made


def _text(text: str | None, words: Words) -> list[Line]:
    if text is None:
        return []
    written = [(code(line),) if line else () for line in text.split("\n")]
    return [words.say("The text:"), *written]


def _preview(message: Message, words: Words, *, told: bool) -> list[Line]:
    """Return an alert as it reads, on the page that asks for it."""
    heading = words.say("How the last one reads:") if told else words.say("How one would read:")
    symbol = (Span(f"{message.symbol} "),) if message.symbol else ()
    title = (*symbol, bold(plain_text(message.title))) if message.title else ()
    return [heading, *([title] if title else []), *message.lines]


def _split(typed: str) -> tuple[str | None, str]:
    """Return the kind that is typed, and the text behind it with its line breaks."""
    first, *rest = typed.strip().split(maxsplit=1)[:2] or [""]
    return kind_of(first), rest[0] if rest else ""


def _listed(kinds: Iterable[str], words: Words) -> str:
    return words.list(names(kinds, words))


def _command(word: str) -> str:
    return f"/settings words {word}"


def _mistake(error: Refused, kind: str, words: Words) -> Mistake:
    """Return what is wrong with a text, where, and what there is instead."""
    more: list[Line] = []
    if error.line is not None and error.column is not None:
        before, behind = error.near
        near = f"{before[-_SEEN:]}{_MARK}{behind[:_SEEN]}"
        more.append(
            words.say(
                "Line {line}, column {column}: {near}",
                line=words.exact(error.line),
                column=words.exact(error.column),
                near=Span(near, Style.CODE),
            )
        )
    if error.known:
        more.append(words.say("There are: {known}.", known=words.list(list(error.known))))
    more.append(words.say("Nothing was changed."))
    return Mistake(
        words.say(error.why, word=code(error.word[:40])),
        example=f"{_command(_WORDS[kind])} {EXAMPLES[kind]}",
        more=tuple(more),
    )


SETTING = Setting(
    key="words",
    label=N_("Own words"),
    about=N_("What this chat’s alerts say: a text of your own for each kind. Figures and sources stay below it."),
    example=f"{_command('milestones')} {EXAMPLES[milestone.KIND]}",
    shown=shown,
    change=change,
    choices=choices,
    lines=lines,
    looks=looks,
    other_names=("wording", "text", "texts"),
)
