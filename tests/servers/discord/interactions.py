"""What users do with the bot: commands, autocomplete, buttons, forms; and what it answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.discord import checks
from tests.servers.discord.bell import Bell
from tests.servers.discord.commands import Commands, NotOffered, Typed
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.messages import Messages, Upload
from tests.servers.discord.world import (
    EPHEMERAL,
    LOADING,
    Channel,
    Guild,
    Member,
    Message,
    Permission,
    User,
    World,
)

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
REPLY, DEFERRED_REPLY, DEFERRED_UPDATE, UPDATE, CHOICES, FORM = 4, 5, 6, 7, 8, 9
ANSWERS = {
    COMMAND: (REPLY, DEFERRED_REPLY, FORM),
    COMPONENT: (REPLY, DEFERRED_REPLY, DEFERRED_UPDATE, UPDATE, FORM),
    AUTOCOMPLETE: (CHOICES,),
    MODAL: (REPLY, DEFERRED_REPLY, DEFERRED_UPDATE, UPDATE),
}
BUTTON = 2
MAX_FILE = 10 * 2**20


@dataclass(eq=False)
class Interaction:
    """Something a user did, on which a test awaits the answer.

    Attributes:
        callback: The body of the first answer, ``{"type": ..., "data": ...}``.
        answered_after: How long that took, in Discord's seconds.
        original: The message of the first answer; for DEFERRED_UPDATE and UPDATE the one that had the component.
        followups: Further messages, in order.
        refusals: Codes of answers that were refused: 40060, 10062, 50035...
    """

    id: int
    token: str
    kind: int
    channel: Channel
    user: User
    data: Json
    born: float
    bell: Bell
    source: Message | None = None
    cause: Interaction | None = None
    locale: str = "en-US"
    callback: Json | None = None
    answered_after: float | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    edits_before: int = 0
    expired: bool = False

    @property
    def guild(self) -> Guild | None:
        return self.channel.guild

    @property
    def member(self) -> Member | None:
        return None if self.guild is None else self.guild.members[self.user.id]

    @property
    def deferred(self) -> bool:
        return self.callback is not None and self.callback["type"] in {DEFERRED_REPLY, DEFERRED_UPDATE}

    @property
    def messages(self) -> list[Message]:
        """What the user sees of the answer."""
        found = [] if self.original is None else [self.original]
        return [message for message in found + self.followups if not message.deleted]

    def expire(self) -> None:
        """Make the token invalid at once."""
        self.expired = True

    async def response(self, seconds: float = 5) -> Json:
        """Wait for the first answer and return its body."""
        return await self.bell.until(lambda: self.callback, seconds) or {}

    async def message(self, seconds: float = 5) -> Message:
        """Wait until the answer is there to read, after any deferral."""

        def ready() -> Message | None:
            answer = self.original
            if answer is None or answer.loading:
                return None
            waits = self.callback is not None and self.callback["type"] == DEFERRED_UPDATE
            return None if waits and len(answer.edits) == self.edits_before else answer

        answer = await self.bell.until(ready, seconds)
        assert answer is not None
        return answer

    async def followup(self, index: int = 0, seconds: float = 5) -> Message:
        await self.bell.until(lambda: len(self.followups) > index, seconds)
        return self.followups[index]

    async def choices(self, seconds: float = 5) -> list[Json]:
        """Wait for the answer to autocomplete."""
        body = await self.response(seconds)
        assert body["type"] == CHOICES, body
        found: list[Json] = body["data"]["choices"]
        return found

    async def form(self, seconds: float = 5) -> Json:
        """Wait for the modal that answers."""
        body = await self.response(seconds)
        assert body["type"] == FORM, body
        data: Json = body["data"]
        return data

    def owners(self) -> Json:
        return {"0": "0" if self.guild is None else str(self.guild.id)}

    def metadata(self) -> Json:
        data: Json = {
            "id": str(self.id),
            "type": self.kind,
            "user": self.user.payload(),
            "authorizing_integration_owners": self.owners(),
        }
        if self.kind == COMPONENT and self.source is not None:
            data["interacted_message_id"] = str(self.source.id)
        if self.kind == MODAL and self.cause is not None:
            data["triggering_interaction_metadata"] = self.cause.metadata()
        return data

    def mark(self, message: Message) -> Json:
        """Tell in a message's payload that it answers this."""
        application = str(message.author.id)
        metadata = self.metadata()
        if message is not self.original and self.original is not None:
            metadata["original_response_message_id"] = str(self.original.id)
        return {"application_id": application, "webhook_id": application, "interaction_metadata": metadata}

    def payload(self, world: World) -> Json:
        payload: Json = {
            "id": str(self.id),
            "application_id": str(world.bot.id),
            "type": self.kind,
            "token": self.token,
            "version": 1,
            "data": self.data,
            "channel_id": str(self.channel.id),
            "channel": self.channel.payload(),
            "app_permissions": str(world.may(self.channel)),
            "locale": self.locale,
            "entitlements": [],
            "authorizing_integration_owners": self.owners(),
            "context": 1 if self.guild is None else 0,
            "attachment_size_limit": MAX_FILE,
        }
        if self.source is not None:
            payload["message"] = self.source.payload()
        if self.guild is None or self.member is None:
            return payload | {"user": self.user.payload()}
        allowed = self.member.permissions(self.channel)
        guild = {"id": str(self.guild.id), "locale": self.guild.locale, "features": []}
        return payload | {
            "guild_id": str(self.guild.id),
            "guild": guild,
            "guild_locale": self.guild.locale,
            "member": self.member.payload() | {"permissions": str(allowed)},
        }


@dataclass(eq=False)
class Interactions:
    """All that users did, and the endpoints for answers."""

    world: World
    messages: Messages
    commands: Commands
    bell: Bell
    made: dict[int, Interaction] = field(default_factory=dict)
    tokens: dict[str, Interaction] = field(default_factory=dict)

    # ------------------------------------------------------------ what users do

    def _make(self, kind: int, channel: Channel, user: User, data: Json, **more: Any) -> Interaction:
        if channel.guild is not None:
            member = channel.guild.members.get(user.id)
            if member is None or not member.permissions(channel) & Permission.VIEW_CHANNEL:
                raise NotOffered(f"{user.name} does not see {channel.name}")
            if kind in {COMMAND, AUTOCOMPLETE} and not (
                member.permissions(channel) & Permission.USE_APPLICATION_COMMANDS
            ):
                raise NotOffered(f"{user.name} may not use commands in {channel.name}")
        number = self.world.snowflake()
        token = base64.urlsafe_b64encode(f"interaction:{number}".encode()).decode().rstrip("=")
        interaction = Interaction(
            number,
            token,
            kind,
            channel,
            user,
            data,
            self.messages.meter.now(),
            self.bell,
            locale=user.locale,
            **more,
        )
        self.made[number] = self.tokens[token] = interaction
        return interaction

    def command(
        self,
        channel: Channel,
        user: User,
        line: str,
        options: Mapping[str, Any],
        *,
        focused: str | None = None,
        forced: bool = False,
    ) -> Interaction:
        """Type a command, with its subcommands; ``focused`` is the option that is being typed."""
        name, *path = line.split()
        command = self.commands.find(name, channel.guild)
        if not forced:
            member = None if channel.guild is None else channel.guild.members.get(user.id)
            self.commands.offered(command, member)
        typed = Typed(channel.guild, user, options, focused)
        data: Json = {
            "id": command["id"],
            "name": name,
            "type": command["type"],
            "options": typed.read(command, path),
        }
        if typed.resolved:
            data["resolved"] = typed.resolved
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return self._make(COMMAND if focused is None else AUTOCOMPLETE, channel, user, data)

    def press(self, message: Message, what: str, user: User, values: list[str] | None = None) -> Interaction:
        """Press the button that has this label or custom_id, or choose in a menu."""
        for _, part in checks.walk(message.components):
            if what in {part.get("custom_id"), part.get("label")} and "custom_id" in part:
                break
        else:
            raise NotOffered(f"The message has no button {what!r}")
        if part.get("disabled"):
            raise NotOffered(f"{what!r} is disabled")
        data: Json = {"custom_id": part["custom_id"], "component_type": part["type"], "id": part.get("id", 1)}
        if part["type"] != BUTTON:
            offered = {option["value"] for option in part.get("options") or []}
            if part["type"] == checks.STRING_SELECT and not set(values or []) <= offered:
                raise NotOffered(f"{what!r} offers {sorted(offered)}")
            data["values"] = values or []
        return self._make(COMPONENT, message.channel, user, data, source=message)

    def submit(self, opened: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Fill in the form that answered an interaction, and send it."""
        assert opened.callback is not None, "there is no form"
        assert opened.callback["type"] == FORM, "there is no form"
        shown = opened.callback["data"]
        fields = {part["custom_id"]: part for _, part in checks.walk(shown["components"]) if "custom_id" in part}
        if strange := values.keys() - fields.keys():
            raise NotOffered(f"The form has no {', '.join(sorted(strange))}")
        for name, part in fields.items():
            if part.get("required", True) and not values.get(name):
                raise NotOffered(f"The form needs {name}")
            if isinstance(text := values.get(name), str) and not (
                part.get("min_length", 0) <= len(text) <= part.get("max_length", 4000)
            ):
                raise NotOffered(f"{name} is too short or too long")
        data = {
            "custom_id": shown["custom_id"],
            "components": [_filled(part, values) for part in shown["components"]],
        }
        return self._make(MODAL, opened.channel, opened.user, data, source=opened.source, cause=opened)

    # ------------------------------------------------------------ what the bot answers

    def respond(self, number: int, token: str, body: Json, files: list[Upload]) -> tuple[Interaction, Json]:
        """Take the first answer; return what ``with_response`` gives."""
        interaction = self.made.get(number)
        if interaction is None or interaction.token != token:
            raise ApiError(10062)
        try:
            self._answer(interaction, body, files)
        except ApiError as error:
            interaction.refusals.append(error.code)
            raise
        told: Json = {"id": str(number), "type": interaction.kind}
        resource: Json = {"type": body["type"]}
        if (answer := interaction.original) is not None:
            told |= {
                "response_message_id": str(answer.id),
                "response_message_loading": answer.loading,
                "response_message_ephemeral": answer.ephemeral,
            }
            if body["type"] in {REPLY, UPDATE}:
                resource["message"] = answer.payload()
        return interaction, {"interaction": told, "resource": resource}

    def _answer(self, interaction: Interaction, body: Json, files: list[Upload]) -> None:
        meter = self.messages.meter
        age = meter.now() - interaction.born
        if interaction.callback is not None:
            raise ApiError(40060)
        if interaction.expired or age > meter.limits.interaction_deadline:
            raise ApiError(10062)
        form = Form()
        form.choice(("type",), body.get("type"), ANSWERS[interaction.kind])
        form.check()
        kind, data = body["type"], body.get("data") or {}
        if kind == CHOICES:
            checks.choices(form, ("data", "choices"), data.get("choices") or [], _focused(interaction.data))
            form.check()
        elif kind == FORM:
            checks.modal(data)
        elif kind == DEFERRED_REPLY:
            interaction.original = self._loading(interaction, body)
        else:
            try:
                self._show(interaction, kind, data, files)
            except ApiError as error:
                error.errors = error.errors and {"data": error.errors}
                raise
        interaction.callback = body
        interaction.answered_after = age

    def _show(self, interaction: Interaction, kind: int, data: Json, files: list[Upload]) -> None:
        if kind == REPLY:
            interaction.original = self.messages.create(
                interaction.channel, data, files, interaction=interaction, reply=True
            )
            return
        if kind == UPDATE and interaction.source is not None and interaction.source.deleted:
            raise ApiError(10008)
        interaction.original = interaction.source
        interaction.edits_before = 0 if interaction.source is None else len(interaction.source.edits)
        if kind == UPDATE and interaction.source is not None:
            self.messages.edit(interaction.source, data, files)

    def _loading(self, interaction: Interaction, body: Json) -> Message:
        flags = ((body.get("data") or {}).get("flags") or 0) & EPHEMERAL | LOADING
        number = self.world.snowflake()
        message = Message(number, interaction.channel, self.world.bot, flags=flags, type=20, sent=body)
        message.interaction = interaction
        if not message.ephemeral:
            interaction.channel.posted.append(message)
        return message

    def webhook(self, token: str) -> Interaction:
        """Return the interaction to which a token still belongs."""
        meter = self.messages.meter
        interaction = self.tokens.get(token)
        if interaction is None or interaction.callback is None:
            raise ApiError(10015)
        if interaction.expired or meter.now() - interaction.born > meter.limits.interaction_life:
            raise ApiError(50027)
        return interaction

    def message(self, interaction: Interaction, which: str) -> Message:
        """Find ``@original`` or a follow-up by its id."""
        for message in interaction.messages:
            if which in {"@original" if message is interaction.original else "", str(message.id)}:
                return message
        raise ApiError(10008)

    def follow_up(self, interaction: Interaction, body: Json, files: list[Upload]) -> tuple[Message, bool]:
        """Add a message; right after a deferral it takes the place of the loading one. Tell whether it is new."""
        original = interaction.original
        if original is not None and original.loading:
            self.messages.edit(original, body, files)
            return original, False
        message = self.messages.create(interaction.channel, body, files, interaction=interaction)
        interaction.followups.append(message)
        return message, True


def _focused(data: Json) -> int:
    for option in data.get("options") or []:
        if option.get("focused"):
            return int(option["type"])
        if option["type"] in {checks.SUB_COMMAND, checks.SUB_COMMAND_GROUP}:
            return _focused(option)
    return checks.STRING


def _filled(part: Json, values: Mapping[str, Any]) -> Json:
    """Make of a form's component what is sent when the form is."""
    filled: Json = {"type": part["type"], "id": part.get("id", 1)}
    if "components" in part:
        return filled | {"components": [_filled(inner, values) for inner in part["components"]]}
    if "component" in part:
        return filled | {"component": _filled(part["component"], values)}
    if "custom_id" in part:
        value = values.get(part["custom_id"], "")
        return filled | {"custom_id": part["custom_id"], "values" if isinstance(value, list) else "value": value}
    return filled
