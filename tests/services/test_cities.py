"""Cities by their names: which zone a name means, in any script."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.naming import folded
from bot.services import cities
from tests.build_cities import write


def zone(name: str) -> str | None:
    city = cities.meant(cities.called(name))
    return None if city is None else city.zone


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lahore", "Asia/Karachi"),
        ("لاہور", "Asia/Karachi"),
        ("لاهور", "Asia/Karachi"),  # with the letters of an Arabic keyboard
        ("کراچی", "Asia/Karachi"),
        ("كراچي", "Asia/Karachi"),
        ("اسلام آباد", "Asia/Karachi"),
        ("Islamabad", "Asia/Karachi"),  # Chittagong was called so once
        ("Busan", "Asia/Seoul"),
        ("부산", "Asia/Seoul"),
        ("서울", "Asia/Seoul"),
        ("Barcelona", "Europe/Madrid"),
        ("Sevilla", "Europe/Madrid"),
        ("Seville", "Europe/Madrid"),
        ("Munich", "Europe/Berlin"),
        ("München", "Europe/Berlin"),
        ("MUNCHEN", "Europe/Berlin"),
        ("Muenchen", "Europe/Berlin"),
        ("Mumbai", "Asia/Kolkata"),
        ("Bombay", "Asia/Kolkata"),
        ("मुंबई", "Asia/Kolkata"),
        ("Sao Paulo", "America/Sao_Paulo"),
        ("São Paulo", "America/Sao_Paulo"),
        ("Łódź", "Europe/Warsaw"),
        ("Москва", "Europe/Moscow"),
        ("東京", "Asia/Tokyo"),
        ("القاهرة", "Africa/Cairo"),
        ("New York", "America/New_York"),
        ("Washington, D.C.", "America/New_York"),
        ("Washington", "America/New_York"),
        ("London", "Europe/London"),
        ("Ciudad de México", "America/Mexico_City"),
        ("Springfield", None),
        ("Valencia", None),
        ("Nowhereville", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_city_is_found_by_any_of_its_names(name: str, expected: str | None) -> None:
    assert zone(name) == expected


def test_cities_of_one_name_come_one_a_zone_the_biggest_first() -> None:
    found = cities.called("Valencia")
    assert [(one.country, one.zone) for one in found[:2]] == [("VE", "America/Caracas"), ("ES", "Europe/Madrid")]
    assert len({one.zone for one in found}) == len(found)
    assert [one.zone for one in cities.called("Valencia", country="ES")] == ["Europe/Madrid"]
    assert cities.called("Valencia", country="KR") == []


def test_a_country_has_its_zones_by_people() -> None:
    assert [one.zone for one in cities.of_country("KR")] == ["Asia/Seoul"]
    assert [one.zone for one in cities.of_country("ES")] == ["Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta"]
    assert cities.meant(cities.of_country("US")) is None
    assert cities.of_country("xx") == []


@pytest.mark.parametrize(
    ("typed", "name"), [("Karatchi", "Karachi"), ("Munchn", "Munich"), ("Barcelone", "Barcelona")]
)
def test_what_is_nearly_a_name_is_guessed(typed: str, name: str) -> None:
    assert name in [one.name for one in cities.like(typed)] or zone(typed) is not None


def test_every_row_has_a_zone_that_there_is_and_lies_where_it_is_looked_for() -> None:
    known = available_timezones()
    with ZipFile(cities.ARCHIVE) as archive:
        assert archive.testzip() is None
        for part in archive.namelist():
            before: tuple[str, int] = ("", 0)
            for line in archive.read(part).decode().splitlines():
                key, _, country, where, weight = line.split("\t")
                assert where in known
                assert len(country) == 2
                if part == cities.COUNTRIES:
                    continue
                assert folded(key) == key
                assert cities.part_of(key) == part
                assert key > before[0] or (key == before[0] and int(weight) <= before[1])
                before = key, int(weight)
        assert len(archive.namelist()) == cities.PARTS + 1


@given(name=st.text(max_size=120))
def test_no_name_breaks_the_search(name: str) -> None:
    for city in (*cities.called(name), *cities.like(name)):
        assert city.zone
    assert folded(folded(name)) == folded(name)


def test_a_search_keeps_little() -> None:
    cities._part.cache_clear()
    tracemalloc.start()
    try:
        for name in ("Lahore", "San Jose", "부산"):
            cities.called(name)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000


def test_the_same_cities_make_the_same_archive(tmp_path: Path) -> None:
    made = {
        "1": {
            "name": "Munich",
            "countrycode": "DE",
            "timezone": "Europe/Berlin",
            "population": 1_500_000,
            "alternatenames": ["München", "mew nichn", "Munich"],
        },
        "2": {
            "name": "Munich",
            "countrycode": "US",
            "timezone": "America/Chicago",
            "population": 0,
            "alternatenames": [],
        },
        "3": {
            "name": "Atlantis",
            "countrycode": "XX",
            "timezone": "Atlantic/Nowhere",
            "population": 9,
            "alternatenames": [],
        },
    }
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    write(made, one)
    write(dict(reversed(made.items())), other)
    assert one.read_bytes() == other.read_bytes()
    with ZipFile(one) as archive:
        assert archive.read(cities.part_of("munich")).decode() == (
            "munchen\tMunich\tDE\tEurope/Berlin\t75000\n"
            "munich\tMunich\tDE\tEurope/Berlin\t1500000\n"
            "munich\tMunich\tUS\tAmerica/Chicago\t1\n"
        )
        assert b"Atlantis" not in b"".join(archive.read(name) for name in archive.namelist())
