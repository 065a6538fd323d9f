"""Where numbers come from.

A source is one file in ``bot/sources/`` that turns a platform's answers into readings. Errors::

    SourceError             what is wrong, in words for an admin
    +-- BadAddress          the reference cannot be one of this platform
    +-- NotAllowed          the operator has not allowed this address
    +-- Unavailable         not reached, timed out, 5xx
    +-- RateLimited         asked to wait (``retry_after``, milliseconds)
    +-- Denied              the key, or the account, may not see it
    +-- AccountGone         the account was renamed, deleted or made private: its chats' admins are told
    +-- Garbage             the answer makes no sense
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from bot.domain.reading import Answer, Failure, Metric, Trouble
from bot.domain.sentence import ToldError
from bot.ports.purse import Purse


class SourceError(ToldError):
    """The source could not answer.

    What is wrong is a sentence of the catalogs with its fields, which each admin is told in their own language:
    ``raise BadAddress(N_("There is no station {name}."), name=name)``.
    """

    trouble = Trouble.UNAVAILABLE
    retry_after: int | None = None

    def failure(self, at: int) -> Failure:
        """Return the error as a value that the pipeline keeps."""
        return Failure(at=at, trouble=self.trouble, detail=self.told, retry_after=self.retry_after)


class BadAddress(SourceError):
    """This is not an address of the platform."""

    trouble = Trouble.DENIED


class NoAddress(BadAddress):
    """No source takes this text, which is all that the error says."""


class NotAllowed(SourceError):
    """The operator has not allowed this address."""

    trouble = Trouble.DENIED


class Unavailable(SourceError):
    """The source was not reached, or answered that it is ill."""


class RateLimited(SourceError):
    """The source asks to wait; ``retry_after`` in milliseconds."""

    trouble = Trouble.RATE_LIMITED

    def __init__(
        self, msgid: str = "", /, *, retry_after: int | None = None, **fields: str | float | None
    ) -> None:
        super().__init__(msgid, **fields)
        self.retry_after = retry_after


class Denied(SourceError):
    """The key is wrong, or what was asked is not for us."""

    trouble = Trouble.DENIED


class AccountGone(SourceError):
    """What was watched is not there under this name any more: renamed, deleted, or private."""

    trouble = Trouble.GONE


class Garbage(SourceError):
    """The answer makes no sense."""

    trouble = Trouble.GARBAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One watch to read.

    Attributes:
        reference: The watch's address as ``describe`` returned it.
        known: The platform's ids of the sessions that are live or announced.
        since: The moment of its last answer that was not a failure, or None before the first. A source that holds
            a history tells what came after, failures among it: a question that failed loses nothing.
        started: When the watch was made.
        account: The platform's own id of the account, if a ``Told`` or a ``Description`` has named it before. It
            holds where the name in the reference has come to mean someone else.
    """

    reference: str
    known: tuple[str, ...] = ()
    since: int | None = None
    started: int = 0
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a source tells of one watch.

    Attributes:
        answers: In order of time; most sources give one, a failure is an answer too.
        again_at: When it is worth asking again; None leaves it to the poll interval.
        over: There will never be anything new: do not ask again.
        account: The platform's own id of the account, where the source knows it.
    """

    answers: Sequence[Answer | Failure]
    again_at: int | None = None
    over: bool = False
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a watch costs a day, at most, of what the platform allows the bot.

    Attributes:
        unit: As the purse of the source counts: ``units``, ``USD``, ``calls``.
        limit: What all watches of the platform together may cost a day.
        each: The platform's word for a session, where each one costs the amount, and nothing does without one.
        once: What finding it out has cost, beside.
    """

    amount: float
    unit: str
    limit: float | None = None
    each: str | None = None
    once: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a watch will be, told before it is made.

    Attributes:
        reference: The address in its one canonical spelling: the same thing, the same text.
        name: What people will call it.
        unit: One reader of the figure in English plural: ``participants``, ``listeners``, ``viewers`` ...
        metric: The figure that ladders stand on.
        daily: It has no starts and ends: one session a calendar day.
        platform: Where records count; differs from the source's own name for ``replay`` only.
        interval: Milliseconds between readings where the source prescribes them.
        timezone: IANA name, where the source knows it.
        live_now: Whether it is on the air now; None if unknown.
        sessions: The platform's ids of what is live or announced, as far as it was asked; for a watch of a single
            session, its own.
        next_at: When the first announced session is due (milliseconds); None if none is known.
        url: A link for readers.
        note: A sentence that an admin should know before relying on it.
        cost: What it costs a day; None where asking is free.
        account: The platform's own id of the account that is followed, where names can change hands.
    """

    reference: str
    name: str
    unit: str
    metric: Metric = Metric.CONCURRENT
    daily: bool = False
    platform: str | None = None
    interval: int | None = None
    timezone: str | None = None
    live_now: bool | None = None
    next_at: int | None = None
    sessions: tuple[str, ...] = ()
    url: str | None = None
    note: str | None = None
    cost: Cost | None = None
    account: str | None = None


class Source(Protocol):
    """One platform.

    Adapters hold no state that a restart would miss, and never sleep or retry inside a call: the poller decides
    when to ask again.

    Attributes:
        platform: The word before the colon of an address.
        public: Whether its watches are the platform's own, so that platform records may count them.
        batch: How many watches one call of ``read`` takes.
        for_operators: Only operators and the console may watch it.
        example: An address that works, for help and error texts.
        purse: What it may cost a day; None where asking is free.
    """

    platform: str
    public: bool
    batch: int
    for_operators: bool
    example: str
    purse: Purse | None

    def recognises(self, url: str) -> str | None:
        """Return the reference if this plain URL is one of the platform's, else None."""
        ...

    async def describe(self, reference: str, now: int) -> Description:
        """Try an address for real and say what a watch of it would be.

        Raises:
            SourceError: It cannot be watched; the message says why and what to do.
        """
        ...

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Read watches; one result for each ask, in their order.

        An error of one watch is a ``Failure`` in its result. Raise ``SourceError`` only for what concerns
        all of them. A figure that is hidden, missing or absurd is None with a reason.
        """
        ...

    async def check(self) -> str | None:
        """Return what is wrong with the source's set-up and how to mend it, or None; for ``doctor``."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Gathers(Protocol):
    """A source that answers for many watches in one call.

    Attributes:
        ids_a_call: For how many, at most.
        calls_a_quarter: How many such calls the platform allows in a quarter of an hour; None where that is no
            concern.
        spares: Whether asking less often spares its purse; X charges by what is told in a day, however often.
    """

    ids_a_call: int
    calls_a_quarter: int | None
    spares: bool

    def kind(self, reference: str) -> str:
        """Return a word that watches which can share a call have in common; "" where all can."""
        ...


@runtime_checkable
class Follows(Protocol):
    """A source of what people write without an address: ``@name``, ``name``, ``#tag``."""

    def named(self, text: str) -> str | None:
        """Return the reference that a bare name may mean; None where it is none, or there is no key."""
        ...


#: What people also write before the colon.
ALIASES = {"twitter": "x", "yt": "youtube"}
#: What a sentence leaves at the end of an address, and puts around it.
STOPS = ".,;!?\u2026"
AROUND = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "\u201c": "\u201d", "\u00ab": "\u00bb", "`": "`"}


@dataclass(frozen=True, slots=True)
class Registry:
    """The sources that are set up, by the word before the colon."""

    sources: dict[str, Source] = field(default_factory=dict)

    def of(self, platform: str) -> Source | None:
        """Return the source of a platform, or None."""
        return self.sources.get(platform)

    def split(self, address: str) -> tuple[Source, str]:
        """Split ``platform:reference`` or a plain URL into its source and reference.

        Raises:
            NoAddress: No source takes it.
        """
        text = _bare(address)
        head, colon, rest = text.partition(":")
        source = self.of(head.lower()) or self.of(ALIASES.get(head.lower(), ""))
        if colon and source is not None and rest:
            return source, rest
        for candidate in self.sources.values():
            reference = candidate.recognises(text)
            if reference is not None:
                return candidate, reference
        raise NoAddress(text)

    def named(self, text: str) -> list[str]:
        """Return the addresses that a bare name may mean, ``platform:reference``, one of each platform."""
        name = _bare(text)
        if not name or any(one.isspace() or one in ":/" for one in name) or "." in name.lstrip("@"):
            return []
        found = [(one, one.named(name)) for one in self.sources.values() if isinstance(one, Follows)]
        return [f"{one.platform}:{reference}" for one, reference in found if reference is not None]


def _bare(address: str) -> str:
    """Return an address without what a sentence puts around it."""
    text = address.strip().strip("<>").rstrip(STOPS)
    while len(text) > 1 and AROUND.get(text[0]) == text[-1]:
        text = text[1:-1].strip().strip("<>").rstrip(STOPS)
    return text
