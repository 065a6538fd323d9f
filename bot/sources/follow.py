"""How watches of accounts are read in batches: whom each means, what they stream, what to tell of each watch.

A watch follows an account, whatever that is called: the one that is kept with it; else the one in its reference
(``name~id``); else whom its name meant when the bot first met it; else who has the name now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import HOUR
from bot.domain.reading import Answer, Reading
from bot.domain.sentence import N_
from bot.ports.source import AccountGone, Ask, BadAddress, Garbage, SourceError, Told
from bot.sources.handles import Handle, Site


@dataclass(slots=True)
class Listed:
    """What a platform says of accounts that it was asked for; those that are not live are not named.

    Attributes:
        streams: By account, then by the id of the stream.
        wrong: Accounts of which it cannot be told whether they are live, and why.
        complete: Whether all that is listed could be told whose it is: only then is who is not listed not live.
    """

    platform: str
    streams: dict[str, dict[str, Reading]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    @property
    def named(self) -> set[str]:
        """The accounts that it speaks of."""
        return {*self.streams, *self.wrong}

    def told(self, account: str) -> tuple[Reading, ...]:
        """Return what is said of an account; nothing: it is not live.

        Raises:
            Garbage: That cannot be told.
        """
        if account in self.streams:
            return tuple(self.streams[account].values())
        if account in self.wrong:
            raise Garbage(self.wrong[account])
        if not self.complete:
            raise Garbage(
                N_("{platform}'s answer lists a stream of nobody: who is not live cannot be told from it."),
                platform=self.platform,
            )
        return ()

    def add(self, other: Listed) -> None:
        """Take in what the answer to another part says."""
        self.streams |= other.streams
        self.wrong |= other.wrong
        self.complete &= other.complete


#: Finds the accounts of names, an error for each name that has none.
Find = Callable[[Sequence[str]], Awaitable[Mapping[str, str | SourceError]]]
#: Asks what accounts stream (their names by their ids); returns that, and which of them are no more.
Look = Callable[[Mapping[str, str]], Awaitable[tuple[Listed, Collection[str]]]]


async def follow(asks: Sequence[Ask], now: int, *, site: Site, find: Find, look: Look) -> list[Told]:
    """Read watches of accounts, each account once; one result for each ask, in their order.

    Raises:
        SourceError: What concerns all of them.
    """
    whom = [_meant(site, ask) for ask in asks]
    names = dict.fromkeys(one.name for one in whom if isinstance(one, Handle) and one.account is None)
    found = await find(list(names)) if names else {}
    accounts = [_account(one, found) for one in whom]
    owners = {
        account: one.name
        for one, account in zip(whom, accounts, strict=True)
        if isinstance(account, str) and isinstance(one, Handle)
    }
    listed, gone = await look(owners)

    def told(account: str | SourceError) -> Told:
        if isinstance(account, SourceError):
            # Names that nobody has cost a call each time.
            again_at = now + HOUR if isinstance(account, AccountGone) else None
            return Told(answers=(account.failure(now),), again_at=again_at)
        try:
            if account in gone:
                raise site.gone(owners[account])
            readings = listed.told(account)
        except SourceError as error:
            return Told(answers=(error.failure(now),), account=account)
        return Told(answers=(Answer(at=now, readings=readings),), account=account)

    return [told(account) for account in accounts]


def _meant(site: Site, ask: Ask) -> Handle | BadAddress:
    try:
        handle = site.read(ask.reference)
    except BadAddress as error:
        return error
    return Handle(handle.name, ask.account or handle.account)


def _account(one: Handle | BadAddress, found: Mapping[str, str | SourceError]) -> str | SourceError:
    if isinstance(one, BadAddress):
        return one
    return one.account or found[one.name]


def by_name(owners: Mapping[str, str]) -> dict[str, str]:
    """Return accounts by their names; a name that two of them have had says nothing of either."""
    times = Counter(owners.values())
    return {name: account for account, name in owners.items() if times[name] == 1}


def parts_of(values: Iterable[str], most: int) -> list[list[str]]:
    """Cut what is asked for into what one call takes."""
    whole = list(values)
    return [whole[start : start + most] for start in range(0, len(whole), most)]
