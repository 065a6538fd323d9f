"""The one HTTP client that all sources share: bounded in size and time, and kept out of private networks.

An address comes from whoever may set up a watch, so what it leads to is checked where nothing can slip past:
at the socket, on the very address that is about to be connected to. Host names, odd spellings of an address,
DNS answers that change between two look-ups and redirects all end there.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from bot.domain import DAY, SECOND
from bot.domain.outside import may_be_broken, whole_document
from bot.domain.sentence import N_, Sentence
from bot.ports.source import BadAddress, Denied, Garbage, NotAllowed, RateLimited, SourceError, Unavailable
from bot.sources.names import Names

#: Seconds for one whole call: looking up the name, all redirects, and the last byte of the body.
DEFAULT_TIMEOUT = 10.0
#: Bytes of a body, counted after decompression.
DEFAULT_LARGEST_BODY = 2 * 1024 * 1024
MOST_REDIRECTS = 5
#: Connections to one host at a time; a host that hangs holds up nobody else.
MOST_PER_HOST = 8
#: A wait that a server asks for is taken to lie between these (milliseconds).
SHORTEST_WAIT, LONGEST_WAIT = SECOND, DAY

#: Networks whose addresses carry an IPv4 address in their last four bytes (RFC 6052, section 2.1).
NAT64 = ipaddress.ip_network("64:ff9b::/96")

#: Shorter texts may stand in any answer.
_LEAST_SECRET = 8
_NO_SECRETS = frozenset({"accept"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OK = frozenset({200})
#: A name (in its ASCII form) or an IP address.
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%.+)?")

#: A query; as pairs, where a name comes more than once.
Query = Mapping[str, str] | Sequence[tuple[str, str]]

Key = TypeVar("Key")
Value = TypeVar("Value")
#: Why a host takes no connections, where that is known well enough to be said in every language.
_UNREACHABLE = N_("unreachable")
_WHY = {
    None: _UNREACHABLE,
    errno.ECONNREFUSED: N_("connection refused"),
    errno.EHOSTUNREACH: N_("no route to host"),
    errno.ENETUNREACH: N_("network is unreachable"),
    errno.ETIMEDOUT: N_("connection timed out"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer, whole.

    Attributes:
        host: Who gave it, ``host`` or ``host:port``, for messages.
        headers: Names are matched without regard to case.
        body: Decompressed.
    """

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def text(self, ok: frozenset[int] = OK) -> str:
        """Return the body as text; bytes that are not UTF-8 become question marks.

        Raises:
            Garbage: The status is not one of ``ok``.
        """
        if self.status not in ok:
            raise Garbage(N_("{host} answered HTTP {status} instead of data."), host=self.host, status=self.status)
        return self.body.decode("utf-8-sig", errors="replace")

    def json(self, ok: frozenset[int] = OK, decode: Callable[[str], Any] = json.loads) -> Any:
        """Return the body as JSON, its texts without what no database takes.

        Raises:
            Garbage: The status is not one of ``ok``, or the body is not JSON.
        """
        text = self.text(ok)
        try:
            document = decode(text)
            return whole_document(document) if may_be_broken(text) else document
        except (ValueError, RecursionError) as error:
            if text.lstrip().startswith("<"):
                raise Garbage(
                    N_("{host} answered with a web page, where JSON was due."), host=self.host
                ) from error
            raise Garbage(
                N_("{host} answered with text that is not JSON, where JSON was due."), host=self.host
            ) from error


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, and how it is meant."""

    url: URL
    headers: dict[str, str]
    _: KW_ONLY
    guard: bool
    judge: bool
    form: dict[str, str] | None = None


class _PrivateError(OSError):
    """The address that was about to be connected to is not public.

    An OSError, because the race between a host's addresses loses every other kind; the text is the same each
    time, because the race keeps the type only of errors that read the same.
    """

    def __init__(self) -> None:
        super().__init__("not a public address")


class Web:
    """The client; its sessions are opened at first use.

    Args:
        allowed: The operator's ``ALLOWED_PRIVATE_HOSTS``: ``host:port``, the host as addresses write it or
            the IP address that it leads to.
        timeout_seconds: The bound for a whole call.
        largest_body: The bound for a body, in bytes.
    """

    def __init__(
        self,
        *,
        allowed: Iterable[str] = (),
        timeout_seconds: float = DEFAULT_TIMEOUT,
        largest_body: int = DEFAULT_LARGEST_BODY,
    ) -> None:
        self._allowed = frozenset(entry.strip().lower() for entry in allowed)
        self._timeout = timeout_seconds
        self._largest_body = largest_body
        # Two pools: a connection that was made without the guard must not serve a guarded call.
        self._guarded: aiohttp.ClientSession | None = None
        self._open: aiohttp.ClientSession | None = None

    async def get(
        self,
        url: str,
        *,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        guard: bool = True,
        judge: bool = True,
    ) -> Page:
        """Fetch a page; every status is a page but 401, 403, 429 and 5xx.

        Args:
            url: With ``user:password@``, these are sent as Basic authorisation.
            params: Added to the query; as pairs, where a name comes more than once.
            headers: Sent as they are, but not to another host that a redirect names.
            guard: False for an address that the operator, not a chat, has chosen; a redirect to another host
                or port is checked all the same.
            judge: False where the source reads every status itself: then all of them are pages.

        Raises:
            SourceError: In words for an admin, without user, password, path or query.
        """
        target = parse_url(url)
        if params:
            target = target.extend_query(params)
        call = _Call(target, dict(headers or {}), guard=guard, judge=judge)
        return await self._within_time(target, self._follow(call))

    async def post(
        self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None, guard: bool = True
    ) -> Page:
        """Send a form and return the answer, whatever its status; a redirect is not followed.

        Raises:
            SourceError: In words for an admin, without the form.
        """
        target = parse_url(url)
        call = _Call(target, dict(headers or {}), guard=guard, judge=False, form=dict(form))
        return await self._within_time(target, self._page(call))

    async def _within_time(self, target: URL, work: Awaitable[Page]) -> Page:
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError as error:
            raise Unavailable(
                N_("{where} did not answer within {timeout} seconds."), where=_shown(target), timeout=self._timeout
            ) from error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        sessions = self._guarded, self._open
        self._guarded = self._open = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _follow(self, call: _Call) -> Page:
        """Follow redirects by hand, so that each step is checked like the first."""
        start = call.url
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._once(call)
            if isinstance(answer, Page):
                return answer
            headers = call.headers
            # Whoever runs the bot has chosen the host, not where that leads.
            guard = call.guard or not _same_place(answer, call.url)
            if answer.origin() != call.url.origin():
                headers = {}  # they may hold a key
            elif answer.user is None and answer.password is None:
                answer = answer.with_user(call.url.user).with_password(call.url.password)
            call = replace(call, url=answer, headers=headers, guard=guard)
        raise Garbage(N_("{where} redirects more than {most} times."), where=_shown(start), most=MOST_REDIRECTS)

    async def _page(self, call: _Call) -> Page:
        answer = await self._once(call)
        if not isinstance(answer, Page):
            raise Garbage(N_("{where} redirects where an answer was due."), where=_shown(call.url))
        return answer

    async def _once(self, call: _Call) -> Page | URL:
        """Make one request; return its page, or where it redirects to."""
        url, headers, host = call.url, call.headers, _shown(call.url)
        if url.user is not None or url.password is not None:
            authorization = aiohttp.encode_basic_auth(url.user or "", url.password or "", "utf-8")
            headers = headers | {"Authorization": authorization}
            url = url.with_user(None)
        allowed = f"{url.host_subcomponent}:{url.port}" in self._allowed
        session = self._session(guarded=call.guard and not allowed)
        method = "GET" if call.form is None else "POST"
        try:
            async with session.request(
                method, url, headers=headers, data=call.form, allow_redirects=False
            ) as response:
                location = response.headers.get("Location")
                if response.status in REDIRECTS and location:
                    return parse_url(location, base=url)
                if call.judge:
                    _judge(host, response)
                body = await self._body(host, response)
                return Page(
                    host=host,
                    status=response.status,
                    headers=response.headers,
                    body=_without(_secrets(call), body),
                )
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            if isinstance(error, TimeoutError):
                raise  # ours, for the whole call
            raise _translated(error, host, url) from error

    async def _body(self, host: str, response: aiohttp.ClientResponse) -> bytes:
        """Read a body piece by piece: aiohttp decompresses one bounded piece at a time."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._largest_body:
                raise Garbage(
                    N_("{host} answered with more than {most} bytes."), host=host, most=self._largest_body
                )
        return bytes(body)

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        if guarded:
            self._guarded = self._guarded or _session(self._socket)
            return self._guarded
        self._open = self._open or _session(None)
        return self._open

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for an address that is about to be connected to, if it is a public one."""
        family, kind, protocol, _, address = info
        ip, port = str(address[0]), address[1]
        written = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
        if not is_public(ip) and written not in self._allowed:
            raise _PrivateError
        return socket.socket(family=family, type=kind, proto=protocol)


async def once_each(
    keys: Iterable[Key], fetch: Callable[[Key], Awaitable[Value]]
) -> dict[Key, Value | SourceError]:
    """Fetch each different key once, all at the same time; an error of one is its value."""

    async def tried(key: Key) -> Value | SourceError:
        try:
            return await fetch(key)
        except SourceError as error:
            return error

    different = list(dict.fromkeys(keys))
    return dict(zip(different, await asyncio.gather(*map(tried, different)), strict=True))


def is_public(ip: str) -> bool:
    """Tell whether an IP address belongs to the public internet, and so does one that it may carry inside."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            address = inner
        elif address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _session(make_socket: aiohttp.SocketFactoryType | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,  # hosts that hang must not use up the connections of the others
        limit_per_host=MOST_PER_HOST,
        resolver=Names(),
        socket_factory=make_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # one bound stands around the whole call
        cookie_jar=aiohttp.DummyCookieJar(),  # watches share the client, not their cookies
        headers={"User-Agent": "Milepost"},
        trust_env=False,  # a proxy would connect in our place, past the guard
    )


def parse_url(text: str, *, base: URL | None = None) -> URL:
    """Read an address; an odd spelling of an IPv4 address (``0x7f.1``) becomes the usual one.

    Raises:
        BadAddress: It is no address of the web. The text is not repeated: it may hold a password.
    """
    try:
        url = URL(text) if base is None else base.join(URL(text))
        host = url.host
    except ValueError:
        host = None
    if host is None or not HOST.fullmatch(url.raw_host or "") or url.scheme not in {"http", "https"}:
        if base is not None:
            raise BadAddress(N_("{where} redirects to what is not an address of the web."), where=_shown(base))
        raise BadAddress(N_("This is not an address of the web, like https://radio.example.org/path"))
    with suppress(OSError, ValueError):  # a name, or IPv6
        url = url.with_host(socket.inet_ntoa(socket.inet_aton(host)))
    return URL(str(url.with_fragment(None)))  # the same address, the same object: ports that go without saying


def _secrets(call: _Call) -> set[str]:
    """Return what a request holds that no answer may bring back: keys, tokens, passwords."""
    sent = [value.rpartition(" ")[2] for name, value in call.headers.items() if name.lower() not in _NO_SECRETS]
    sent += [*(call.form or {}).values(), call.url.password or ""]
    return {one for one in sent if len(one) >= _LEAST_SECRET}


def _without(secrets: set[str], body: bytes) -> bytes:
    """Return a body without what was sent: servers repeat it in errors, and errors are stored and told."""
    for one in secrets:
        if (raw := one.encode()) in body:
            body = body.replace(raw, b"***")
    return body


def _same_place(one: URL, other: URL) -> bool:
    """Tell whether two addresses are of one server: by http and https, too."""
    return one.host == other.host and (
        one.port == other.port or (one.is_default_port() and other.is_default_port())
    )


def _shown(url: URL) -> str:
    """Return ``host``, with the port if it is an unusual one: all of an address that is never a secret."""
    return url.host_port_subcomponent or ""


def _judge(host: str, response: aiohttp.ClientResponse) -> None:
    """Raise what a status means to every source."""
    status = response.status
    if status in {401, 403}:
        raise Denied(
            N_("{host} does not let us in (HTTP {status}): check user and password, or the key."),
            host=host,
            status=status,
        )
    if status == 429:
        raise RateLimited(
            N_("{host} asks us to wait (HTTP 429)."), host=host, retry_after=wait_of(response.headers)
        )
    if status >= 500:
        raise Unavailable(N_("{host} is out of order (HTTP {status})."), host=host, status=status)


def wait_of(headers: Mapping[str, str]) -> int | None:
    """Read Retry-After: seconds or a date (RFC 9110, section 10.2.3); returns milliseconds."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        wait = int(text) * SECOND
    else:
        until = _moment(text)
        if until is None:
            return None
        # By the server's own clock where it tells it: ours may differ.
        now = _moment(headers.get("Date", "")) or time.time()
        wait = round((until - now) * SECOND)
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def _moment(text: str) -> float | None:
    """Read an HTTP date as seconds since 1970, or None."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _translated(error: Exception, host: str, url: URL) -> SourceError:
    """Turn what the client library raised into the port's words."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Unavailable(N_("{host} shows a certificate that is not valid for it."), host=host)
        case aiohttp.ClientConnectorError(os_error=_PrivateError()):
            return NotAllowed(
                N_(
                    "{host} leads to a private address, which only the operator of the bot can allow, "
                    "with the setting ALLOWED_PRIVATE_HOSTS={address}"
                ),
                host=host,
                address=f"{url.host_subcomponent}:{url.port}",
            )
        case aiohttp.ClientConnectorDNSError():
            return Unavailable(N_("No address is known for the name {host}."), host=host)
        case aiohttp.ClientConnectorSSLError():
            return Unavailable(N_("{host} does not speak https there."), host=host)
        case aiohttp.ClientConnectorError():
            # By number: the library's own text repeats the address that a name leads to.
            number = error.os_error.errno
            if number is None or number in _WHY:
                return Unavailable(
                    N_("{host} does not take connections: {why}."),
                    host=host,
                    why=Sentence(_WHY.get(number, _UNREACHABLE)),
                )
            why = os.strerror(number).lower()
            return Unavailable(N_("{host} does not take connections: {why}."), host=host, why=why)
        case aiohttp.InvalidURL() | UnicodeError():
            return BadAddress(N_("{host} is not the name of a host."), host=host)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return Garbage(N_("The answer of {host} broke off or cannot be decoded."), host=host)
        case _:
            return Unavailable(N_("{host} cut the connection."), host=host)
