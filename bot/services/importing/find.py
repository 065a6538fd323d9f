"""Finds the watch that figures belong to."""

from __future__ import annotations

from difflib import get_close_matches
from operator import attrgetter

from bot.services.importing.asked import Refused
from storage import watches
from storage.database import Connection


async def find(connection: Connection, wanted: str) -> watches.Watch:
    """Return the watch of an address, or of a name that only one has.

    Raises:
        Refused: Nothing is watched there.
    """
    everything = await watches.everything(connection)
    folded = wanted.strip().casefold()
    addresses = {f"{one.source}:{one.reference}".casefold(): one for one in everything}
    if folded in addresses:
        return addresses[folded]
    found = [one for one in everything if folded in {one.name.casefold(), (one.url or "").casefold()}]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{one.source}:{one.reference}" for one in sorted(found, key=attrgetter("id"))[:5])
        raise Refused(f"Several watches are called so: {names}. Give the address of one.")
    known = {**addresses, **{one.name.casefold(): one for one in everything}}
    near = {f"{known[one].source}:{known[one].reference}" for one in get_close_matches(folded, known, n=3)}
    hint = f" Did you mean {', '.join(sorted(near))}?" if near else ""
    raise Refused(f"Nothing is watched at {wanted}.{hint} Say /watch {wanted} in a chat first.")
