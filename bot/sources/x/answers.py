"""Answers of X about users and Spaces, read with care: what is missing in one need not be over."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.reading import Reading, State
from bot.domain.sentence import N_
from bot.ports.source import AccountGone, Denied, Garbage, SourceError, Unavailable
from bot.sources.x.addresses import HANDLE, SPACE_ID
from bot.sources.x_api import Unread, count, kind_of, moment, objects, words

USER_ID = re.compile(r"[0-9]{1,19}")
#: Partial errors of these parameters are about users that a Space names, not about what was asked.
OF_USERS = frozenset({"creator_id", "host_ids", "speaker_ids", "invited_user_ids"})
HIDDEN = "X gives no number of participants."


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of X."""

    id: str
    username: str
    name: str

    def text(self) -> str:
        """Return it as the memory keeps it."""
        return json.dumps({"id": self.id, "username": self.username, "name": self.name})


@dataclass(frozen=True, slots=True)
class Space:
    """One Space of an answer; ``state`` is None where X wrote something else."""

    id: str
    creator: str | None
    host_ids: tuple[str, ...]
    state: State | None
    fields: dict[str, Any]

    def reading(self, names: Mapping[str, str]) -> Reading:
        """Return what X says of it; ``names`` of users by their ids."""
        assert self.state is not None
        figure = count(self.fields.get("participant_count")) if self.state is State.LIVE else None
        people = self.host_ids if self.creator is None else (self.creator, *self.host_ids)
        hosts = dict.fromkeys(names[one] for one in people if one in names)
        due = "scheduled_start" if self.state is State.SCHEDULED else "started_at"
        return Reading(
            session=self.id,
            state=self.state,
            title=words(self.fields.get("title")),
            hosts=tuple(hosts),
            url=link(self.id),
            concurrent=figure,
            reason=HIDDEN if figure is None and self.state is State.LIVE else None,
            started_at=moment(self.fields.get(due)),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What X told of one creator, or of one Space by its id.

    Attributes:
        doubt: Something of the answer cannot be read, so what is missing in it need not be over.
    """

    readings: tuple[Reading, ...] = ()
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Not asked yet; ``wait`` in milliseconds."""

    wait: int


Outcome = Seen | Later | SourceError


def users_in(body: object, handles: Sequence[str]) -> dict[str, Account | SourceError]:
    """Read an answer of ``/2/users/by``.

    Raises:
        Unread: It is none.
    """
    data_of(body)
    assert isinstance(body, dict)
    found: dict[str, Account | SourceError] = {}
    for user in objects(body.get("data")):
        account = _account(user)
        if account is not None and account.username.lower() in handles:
            found.setdefault(account.username.lower(), account)
    for problem in objects(body.get("errors")):
        handle = str(problem.get("value") or problem.get("resource_id") or "").lower()
        if handle in handles:
            gone = AccountGone(N_("X has no account @{handle} any more, or it is suspended."), handle=handle)
            found.setdefault(handle, gone if _is_gone(problem) or _is_shut(problem) else _trouble(problem))
    for handle in handles:
        found.setdefault(handle, Garbage(N_("X says nothing of @{handle}."), handle=handle))
    return found


def spaces_in(body: object, ids: Sequence[str]) -> dict[str, Outcome]:
    """Read an answer of ``/2/spaces``: what of these ids is there, what is gone, what cannot be told.

    Raises:
        Unread: It is none.
    """
    spaces, _ = _spaces(body)
    assert isinstance(body, dict)
    names = _names(body)
    found: dict[str, Outcome] = {}
    for space in spaces:
        if space.id in ids:
            found[space.id] = Seen(doubt=True) if space.state is None else Seen((space.reading(names),))
    for problem in objects(body.get("errors")):
        id_ = problem.get("resource_id") or problem.get("value")
        if isinstance(id_, str) and id_ in ids:
            found.setdefault(id_, Seen() if _is_gone(problem) else _trouble(problem))
    for id_ in ids:
        found.setdefault(id_, Garbage(N_("X says nothing of the Space {id}."), id=id_))
    return found


def hosted_in(body: object, known: Mapping[str, frozenset[str]], names: Mapping[str, str]) -> dict[str, Outcome]:
    """Read an answer of ``/2/spaces/by/creator_ids``.

    Whoever hosts nothing is left out of it. So an answer ends something only where X has counted what it holds
    (``meta.result_count``), and all of that can be read: a count of 0 says that nothing is hosted, ``{}`` nothing.

    Args:
        body: The answer, decoded.
        known: The user ids that were asked, with the ids of what each hosts as far as it is known.
        names: Of users, by id.

    Raises:
        Unread: It is none.
    """
    if isinstance(body, dict) and not any(key in body for key in ("data", "errors", "meta")):
        raise Unread(N_("X answered with something else than its API does."))
    spaces, broken = _spaces(body)
    assert isinstance(body, dict)
    broken = broken or "meta" not in body
    names = {**_names(body), **names}
    readings: dict[str, list[Reading]] = {one: [] for one in known}
    doubtful: set[str] = set()
    for space in spaces:
        creator = _creator(space, known)
        if creator is None:
            broken = True  # whose it is, nobody can tell
        elif space.state is None:
            doubtful.add(creator)
        else:
            readings[creator].append(space.reading(names))
    troubles: dict[str, SourceError] = {}
    for problem in objects(body.get("errors")):
        if problem.get("parameter") in OF_USERS:
            continue  # somebody whose name cannot be told
        user = str(problem.get("resource_id") or problem.get("value"))
        if user in readings:
            gone = AccountGone(N_("X no longer has this account: it was suspended or deleted."))
            troubles[user] = gone if _is_gone(problem) else _trouble(problem)
        else:
            broken = True
    return {
        user: troubles[user]
        if user in troubles and not found
        else Seen(tuple(found), doubt=broken or user in doubtful)
        for user, found in readings.items()
    }


def _spaces(body: object) -> tuple[list[Space], bool]:
    """Return the Spaces of an answer, one for each id, and whether some of it cannot be read.

    Raises:
        Unread: It is no answer at all.
    """
    listed = data_of(body)
    assert isinstance(body, dict)
    spaces: dict[str, Space] = {}
    broken = False
    for one in listed:
        space = space_of(one) if isinstance(one, dict) else None
        if space is None:
            broken = True
        elif space.id not in spaces or space.state is State.LIVE:  # twice: what is live, is
            spaces[space.id] = space
    if "errors" in body and len(objects(body["errors"])) != len(body["errors"] or ()):
        broken = True
    if "meta" in body:
        meta = body["meta"]
        total = count(meta.get("result_count")) if isinstance(meta, dict) else None
        broken = broken or total is None or total > len(listed)
    return list(spaces.values()), broken


def data_of(body: object) -> list[Any]:
    """Return the list of an answer; where X found nothing, it leaves it out.

    Raises:
        Unread: It is no answer of the API.
    """
    if not isinstance(body, dict) or not all(isinstance(body.get(key, []), list) for key in ("data", "errors")):
        raise Unread(N_("X answered with something else than its API does."))
    found: list[Any] = body.get("data", [])
    return found


def space_of(fields: dict[str, Any]) -> Space | None:
    """Read one Space of an answer; None if it has no id."""
    id_, creator, hosts = fields.get("id"), fields.get("creator_id"), fields.get("host_ids")
    if not (isinstance(id_, str) and SPACE_ID.fullmatch(id_)):
        return None
    state = fields.get("state")
    known = state.strip().lower() if isinstance(state, str) else ""
    return Space(
        id=id_,
        creator=str(creator) if isinstance(creator, str | int) else None,
        host_ids=tuple(one for one in hosts if isinstance(one, str)) if isinstance(hosts, list) else (),
        state=State(known) if known in set(State) else None,
        fields=fields,
    )


def _creator(space: Space, known: Mapping[str, frozenset[str]]) -> str | None:
    """Return whose of the users asked a Space is; where X leaves it out, by what is known."""
    if space.creator is not None:
        return space.creator if space.creator in known else None
    candidates = [user for user, ids in known.items() if space.id in ids] or list(known)
    return candidates[0] if len(candidates) == 1 else None


def _account(user: Mapping[str, Any]) -> Account | None:
    id_, username = user.get("id"), user.get("username")
    if not (isinstance(id_, str) and USER_ID.fullmatch(id_)):
        return None
    if not (isinstance(username, str) and HANDLE.fullmatch(username)):
        return None
    return Account(id=id_, username=username, name=words(user.get("name")) or f"@{username}")


def account_of(text: str) -> Account | None:
    """Read an account back from the memory."""
    try:
        user = json.loads(text)
    except ValueError:
        return None
    return _account(user) if isinstance(user, dict) else None


def _names(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the users that came along with an answer."""
    included = body.get("includes")
    users = objects(included.get("users")) if isinstance(included, dict) else []
    return {one.id: one.name for one in map(_account, users) if one is not None}


def _is_gone(problem: Mapping[str, Any]) -> bool:
    kind = kind_of(problem)
    if not kind:
        return "not found" in str(problem.get("title")).lower()
    return kind in {"resource-not-found", "resource-unavailable"}


def _is_shut(problem: Mapping[str, Any]) -> bool:
    return "suspended" in str(problem.get("detail")).lower()


def _trouble(problem: Mapping[str, Any]) -> SourceError:
    """Return what a partial error means that does not say that something is gone."""
    if "not-authorized" in kind_of(problem) or "forbidden" in kind_of(problem):
        return Denied(N_("X does not let this bot see it: it is private."))
    return Unavailable(N_("X cannot tell of it now."))


def link(space: str) -> str:
    """Return the address of a Space, for people."""
    return f"https://x.com/i/spaces/{space}"
