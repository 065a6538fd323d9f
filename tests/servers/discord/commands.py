"""Registered commands, and what a Discord app makes of what a user typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.discord import checks
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.limits import Meter
from tests.servers.discord.world import Channel, Guild, Member, Permission, Role, User, World

DEFAULTS: Json = {
    "type": checks.CHAT_INPUT,
    "name_localizations": None,
    "description": "",
    "description_localizations": None,
    "options": [],
    "default_member_permissions": None,
    "dm_permission": True,
    "contexts": None,
    "integration_types": [0],
    "nsfw": False,
}
GUILD_CONTEXT, DM_CONTEXT = 0, 1

#: Where commands hold: in one guild, by its id, or everywhere.
Scope = int | None


class NotOffered(AssertionError):
    """The user's app would not let them do this."""


@dataclass(frozen=True)
class Sync:
    """One request that set all commands of a scope at once."""

    scope: Scope
    commands: list[Json]


@dataclass(eq=False)
class Commands:
    """The commands that the bot registered.

    Attributes:
        scopes: By scope, then by id.
        syncs: Every bulk overwrite that was accepted.
        created: How many commands were new, by scope.
    """

    world: World
    meter: Meter
    scopes: dict[Scope, dict[int, Json]] = field(default_factory=dict)
    syncs: list[Sync] = field(default_factory=list)
    created: Counter[Scope] = field(default_factory=Counter)

    def of(self, scope: Scope = None) -> dict[int, Json]:
        return self.scopes.setdefault(scope, {})

    def names(self, scope: Scope = None) -> list[str]:
        return [command["name"] for command in self.of(scope).values()]

    def overwrite(self, scope: Scope, bodies: list[Json]) -> list[Json]:
        form = Form()
        seen: set[tuple[object, object]] = set()
        for index, body in enumerate(bodies):
            checks.command(form, (index,), body)
            key = (body.get("type") or 1, body.get("name"))
            if key in seen:
                form.add(
                    (index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
                )
            seen.add(key)
        form.check()
        self._room(bodies)
        known = {(command["type"], command["name"]): command for command in self.of(scope).values()}
        self._create(scope, sum(key not in known for key in seen))
        made = [self._make(scope, body, known.get((body.get("type") or 1, body["name"]))) for body in bodies]
        self.scopes[scope] = {int(command["id"]): command for command in made}
        self.syncs.append(Sync(scope, bodies))
        return made

    def put(self, scope: Scope, body: Json) -> tuple[Json, bool]:
        """Make a command, or replace the one of its name; tell whether it is new."""
        form = Form()
        checks.command(form, (), body)
        form.check()
        key = (body.get("type") or 1, body["name"])
        known = next((old for old in self.of(scope).values() if (old["type"], old["name"]) == key), None)
        if known is None:
            self._room([*self.of(scope).values(), body])
            self._create(scope, 1)
        command = self._make(scope, body, known)
        self.of(scope)[int(command["id"])] = command
        return command, known is None

    def edit(self, scope: Scope, command_id: int, body: Json) -> Json:
        known = self.get(scope, command_id)
        merged = {key: value for key, value in known.items() if key in DEFAULTS or key == "name"} | body
        form = Form()
        checks.command(form, (), merged)
        form.check()
        self.of(scope)[command_id] = made = self._make(scope, merged, known)
        return made

    def get(self, scope: Scope, command_id: int) -> Json:
        if command_id not in self.of(scope):
            raise ApiError(10063)
        return self.of(scope)[command_id]

    def delete(self, scope: Scope, command_id: int) -> None:
        self.get(scope, command_id)
        del self.of(scope)[command_id]

    def _room(self, bodies: list[Json]) -> None:
        counts = Counter(body.get("type") or 1 for body in bodies)
        if any(count > checks.PER_SCOPE.get(kind, 0) for kind, count in counts.items()):
            raise ApiError(30032)

    def _create(self, scope: Scope, count: int) -> None:
        if count and not self.meter.take(("creates", scope), self.meter.limits.creates, count).allowed:
            raise ApiError(30034)
        self.created[scope] += count

    def _make(self, scope: Scope, body: Json, known: Json | None) -> Json:
        """Store what was asked for; only a real change gives a new version."""
        kept = {key: body[key] for key in DEFAULTS if key in body} | {"name": body["name"]}
        command = DEFAULTS | kept | {"application_id": str(self.world.bot.id)}
        if scope is not None:
            command |= {"guild_id": str(scope)}
        if known is not None and command == {key: known[key] for key in known if key not in {"id", "version"}}:
            return known
        new = str(self.world.snowflake())
        return command | {"id": new if known is None else known["id"], "version": new}

    def find(self, name: str, guild: Guild | None, kind: int = checks.CHAT_INPUT) -> Json:
        """Find the command that a user means: the guild's own goes before the global one."""
        for scope in ([] if guild is None else [guild.id]) + [None]:
            for command in self.of(scope).values():
                if (command["name"], command["type"]) == (name, kind):
                    return command
        raise NotOffered(f"/{name} is not registered here; there are {self.names()}")

    def offered(self, command: Json, member: Member | None) -> None:
        """Refuse what the user's app would not offer in this place, to this member."""
        context = DM_CONTEXT if member is None else GUILD_CONTEXT
        contexts = command["contexts"]
        here = command["dm_permission"] or context == GUILD_CONTEXT if contexts is None else context in contexts
        if not here:
            raise NotOffered(f"/{command['name']} is not offered in this place")
        needed = command["default_member_permissions"]
        if member is None or needed is None or (have := member.permissions()) & Permission.ADMINISTRATOR:
            return
        if not int(needed) or have & int(needed) != int(needed):
            raise NotOffered(f"/{command['name']} needs permissions {needed}")


# ---------------------------------------------------------------- what a user typed

KINDS: dict[int, tuple[type, ...]] = {
    checks.STRING: (str,),
    checks.INTEGER: (int,),
    checks.BOOLEAN: (bool,),
    checks.USER: (User,),
    checks.CHANNEL: (Channel,),
    checks.ROLE: (Role,),
    checks.MENTIONABLE: (User, Role),
    checks.NUMBER: (int, float),
}


@dataclass
class Typed:
    """What a user typed, as Discord's app sends it."""

    guild: Guild | None
    asker: User
    options: Mapping[str, Any]
    focused: str | None = None
    resolved: Json = field(default_factory=dict)

    def read(self, command: Json, path: list[str]) -> list[Json]:
        """Fill in the options of a command, or of the subcommand that ``path`` names."""
        if path:
            step = next((option for option in command["options"] if option["name"] == path[0]), None)
            if step is None or step["type"] not in {checks.SUB_COMMAND, checks.SUB_COMMAND_GROUP}:
                raise NotOffered(f"{command['name']} has no subcommand {path[0]}")
            inner = self.read(step | {"options": step.get("options") or []}, path[1:])
            return [{"name": step["name"], "type": step["type"], "options": inner}]
        known = {option["name"]: option for option in command["options"]}
        if any(option["type"] in {checks.SUB_COMMAND, checks.SUB_COMMAND_GROUP} for option in known.values()):
            raise NotOffered(f"{command['name']} cannot be used without a subcommand")
        if strange := self.options.keys() - known.keys():
            raise NotOffered(f"{command['name']} has no option {', '.join(sorted(strange))}")
        missing = {name for name, option in known.items() if option.get("required")} - self.options.keys()
        if missing and self.focused is None:
            raise NotOffered(f"{command['name']} needs {', '.join(sorted(missing))}")
        return [self._option(known[name], value) for name, value in self.options.items()]

    def _option(self, option: Json, value: Any) -> Json:
        name, kind = option["name"], option["type"]
        entry = {"name": name, "type": kind}
        if name == self.focused:
            if not option.get("autocomplete"):
                raise NotOffered(f"{name} is not autocompleted")
            return entry | {"value": str(value), "focused": True}
        if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != checks.BOOLEAN):
            raise NotOffered(f"{name} cannot be {value!r}")
        self._bounds(option, value)
        if isinstance(value, User | Role | Channel):
            if self.focused is None:  # autocomplete brings ids only
                self._resolve(value)
            return entry | {"value": str(value.id)}
        return entry | {"value": value}

    def _bounds(self, option: Json, value: Any) -> None:
        offered = [choice["value"] for choice in option.get("choices") or []]
        if offered and value not in offered:
            raise NotOffered(f"{option['name']} is one of {offered}, not {value!r}")
        kinds = option.get("channel_types") or []
        if kinds and isinstance(value, Channel) and value.type not in kinds:
            raise NotOffered(f"{option['name']} cannot be a channel of type {value.type}")
        measure, unit = (len(value), "length") if isinstance(value, str) else (value, "value")
        if isinstance(measure, int | float):
            low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
            if (low is not None and measure < low) or (high is not None and measure > high):
                raise NotOffered(f"{option['name']}: {value!r} is not between {low} and {high}")

    def _resolve(self, thing: User | Role | Channel) -> None:
        key = str(thing.id)
        if isinstance(thing, User):
            self.resolved.setdefault("users", {})[key] = thing.payload()
            if self.guild is not None and (member := self.guild.members.get(thing.id)):
                payload = member.payload(user=False) | {"permissions": str(member.permissions())}
                self.resolved.setdefault("members", {})[key] = payload
        elif isinstance(thing, Role):
            self.resolved.setdefault("roles", {})[key] = thing.payload()
        else:
            assert thing.guild is not None
            member = thing.guild.members.get(self.asker.id)
            allowed = 0 if member is None else member.permissions(thing)
            self.resolved.setdefault("channels", {})[key] = thing.partial() | {"permissions": str(int(allowed))}
