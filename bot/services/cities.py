"""Cities of the world with their time zones, found by any of their names in any script.

The data is GeoNames' (https://www.geonames.org, CC BY 4.0): all cities of 15,000 inhabitants and more. It lies in
an archive of small parts, chosen by how a name begins; a question reads one of them, which is all that stays in
memory. ``tests/build_cities.py`` makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile
from zlib import crc32

from bot.domain.naming import folded

ARCHIVE = Path(__file__).with_name("cities.zip")
#: Beside the parts: the zones of each country.
COUNTRIES = "countries"
PARTS = 256

#: The biggest of one name is meant if it has so many times the people of the next.
BY_FAR = 2
LONGEST = 80
#: A shorter name is near to too many.
LEAST = 3


@dataclass(frozen=True, slots=True)
class City:
    """The biggest city of a name in one zone.

    Attributes:
        country: Its code in two letters.
        weight: How likely it is meant: its people, fewer if it is mostly called otherwise.
    """

    name: str
    country: str
    zone: str
    weight: int


def part_of(key: str) -> str:
    """Return the part of the archive where a folded name lies; names that begin alike lie together."""
    return f"{crc32(key[:2].encode()) % PARTS:02x}"


def called(name: str, *, country: str | None = None) -> list[City]:
    """Return the cities of a name, one a zone, the likeliest first.

    Args:
        country: Only those of this country.
    """
    key = folded(name[:LONGEST])
    found = [city for _, city in _rows(_part(part_of(key)), key)] if key else []
    return [city for city in found if country is None or city.country == country]


def of_country(country: str) -> list[City]:
    """Return the biggest city of each zone of a country, the zone with the most people first."""
    return [city for _, city in _rows(_part(COUNTRIES), country)]


def meant(found: Sequence[City]) -> City | None:
    """Return the one that is meant: the only one, or the biggest by far."""
    if not found:
        return None
    first, *others = found
    return first if not others or first.weight >= BY_FAR * others[0].weight else None


def like(name: str, *, limit: int = 3) -> list[City]:
    """Return cities whose names are nearly this one, and begin as it does."""
    key = folded(name[:LONGEST])
    if len(key) < LEAST:
        return []
    best: dict[str, City] = {}
    for one, city in _rows(_part(part_of(key))):
        if abs(len(one) - len(key)) <= 2 and (one not in best or best[one].weight < city.weight):
            best[one] = city
    near = get_close_matches(key, best, n=10, cutoff=0.75)
    ranked = sorted((best[one] for one in near), key=lambda city: -city.weight)
    return list({city.name: city for city in ranked}.values())[:limit]


def lines(rows: Iterable[tuple[str, City]]) -> str:
    """Return rows as the archive keeps them."""
    return "".join(f"{key}\t{one.name}\t{one.country}\t{one.zone}\t{one.weight}\n" for key, one in rows)


@lru_cache(maxsize=1)
def _part(name: str) -> str:
    """Return a part, beginning with an empty line; within a name the likeliest comes first."""
    with ZipFile(ARCHIVE) as archive:
        return "\n" + archive.read(name).decode()


def _rows(part: str, key: str | None = None) -> Iterator[tuple[str, City]]:
    """Yield the rows of a part: all of them, or those of one name, which lie together."""
    start = 1 if key is None else part.find(f"\n{key}\t") + 1
    while start and start < len(part):
        end = part.index("\n", start)
        one, name, country, zone, weight = part[start:end].split("\t")
        if key is not None and one != key:
            return
        yield one, City(name, country, zone, int(weight))
        start = end + 1
