"""What of many watches is asked, with what is left of the day's money, and in how many calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.ports.source import Ask, SourceError
from bot.sources.x.addresses import SPACE_ID, Target
from bot.sources.x.answers import Account
from bot.sources.x_api import SPACE_PRICE, XApi

#: Ids or names in one call, of users, creators and Spaces.
MOST_IDS = 100

Item = TypeVar("Item")


@dataclass(slots=True)
class Plan:
    """What of a batch is asked, with the money that is left.

    Attributes:
        creators: User ids asked for what they host.
        spaces: Spaces asked by id.
        known: For each creator, the ids of its sessions.
        poor: Creators that the budget does not hold: of these only Spaces paid for today are asked.
        refused: Spaces that it does not hold.
        price: What the answers may cost, in USD.
    """

    creators: list[str]
    spaces: list[str]
    known: dict[str, set[str]]
    poor: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    price: float = 0.0


class Planner:
    """Shares out the budget of a day."""

    def __init__(self, api: XApi) -> None:
        self._api = api
        #: Where the creators begin of whom the budget holds only some: not the same ones each time.
        self._turn = 0

    async def plan(
        self,
        pairs: Sequence[tuple[Ask, Target | SourceError]],
        accounts: Mapping[str, Account | SourceError],
        now: int,
    ) -> Plan:
        """Share out what is left of the budget: watched Spaces first, then creators, each taken for one new Space.

        X tells what an answer costs only with the answer, so the last one of a day may cost a little more.
        """
        paid = await self._api.paid(now)
        known: dict[str, set[str]] = defaultdict(set)
        spaces: dict[str, None] = {}
        for ask, target in pairs:
            if isinstance(target, SourceError):
                continue
            if target.space is not None:
                spaces[target.space] = None
            account = accounts.get(target.handle or "")
            if isinstance(account, Account):
                known[account.id].update(one for one in ask.known if SPACE_ID.fullmatch(one))
        left = self._api.affordable(now, SPACE_PRICE)
        unpaid = [one for one in spaces if f"space:{one}" not in paid]
        plan = Plan(list(known), [one for one in spaces if one not in unpaid[left:]], known, refused=unpaid[left:])
        bought = min(left, len(unpaid))
        if len(plan.creators) > left - bought:
            self._turn += 1
            begin = self._turn % len(plan.creators)
            turned = plan.creators[begin:] + plan.creators[:begin]
            plan.creators = turned[: left - bought]
            plan.poor = {
                user: [one for one in sorted(known[user]) if f"space:{one}" in paid]
                for user in turned[left - bought :]
            }
        plan.price = SPACE_PRICE * (bought + len(plan.creators))
        return plan


def chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Cut what is asked into calls."""
    return (items[start : start + MOST_IDS] for start in range(0, len(items), MOST_IDS))
