"""The pages in headless Chromium: with scripts and without, on a phone, dark, in each language, asking only us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.texts.catalog import languages
from storage.database import Database
from tests.fakes.clock import NOW
from tests.pages.browser import PHONE, SCREEN, Tab, browser
from tests.pages.stand import Site, hill, site
from tests.tour.camera import chromium

pytestmark = pytest.mark.skipif(chromium() is None, reason="chromium is not installed: apt-get install chromium")
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle" * 2


@pytest.fixture(name="stand")
async def _stand(tmp_path: Path) -> AsyncIterator[Site]:
    database = Database(f"sqlite:///{tmp_path}/milepost.db", throwaway=True)
    await database.open()
    async with site(database) as made:
        yield made
    await database.close()


@pytest.fixture(name="tab")
async def _tab() -> AsyncIterator[Tab]:
    async with browser() as tab:
        yield tab


async def test_a_page_works_anywhere_and_asks_nobody_else(stand: Site, tab: Tab) -> None:
    watch = await stand.watch("night", name=LONG[:60])
    past = await stand.goes(watch, hill(90, 1120), start=NOW - DAY, title=LONG, without=range(20, 40))
    live = await stand.goes(watch, hill(120, 1340)[:80], start=NOW - 2 * HOUR, ends=False, title="Midnight")
    for scripts in (True, False):
        for language in languages():
            await tab.looks(width=PHONE, dark=scripts, scripts=scripts)
            for path in ("/", "/records", f"/s/{past}", f"/s/{live}"):
                await tab.opens(f"{stand.url}{path}?lang={language}")
                shown = await tab.says("document.body.innerText")
                assert "1,3" in shown or "1.3" in shown or "1,1" in shown or "1.1" in shown, (path, language)
                assert await tab.says("document.documentElement.scrollWidth") <= PHONE, (path, language)
                paint = await tab.says("getComputedStyle(document.body).backgroundColor")
                assert paint == ("rgb(15, 22, 29)" if scripts else "rgb(243, 246, 249)")
                assert await tab.says("document.documentElement.dir") == ("rtl" if language == "ur" else "ltr")
    await tab.looks(width=SCREEN)
    await tab.opens(f"{stand.url}/s/{past}")
    assert await tab.says("document.querySelectorAll('.chart .wide, .chart .peak-name').length") > 0
    labels = "[...document.querySelectorAll('.chart text')]"
    inside = f"{labels}.every(one => one.getBoundingClientRect().right <= innerWidth)"
    assert await tab.says(inside)
    assert all(one.startswith((stand.url, "data:")) for one in tab.asked), tab.asked
    assert tab.wrong == []


async def test_figures_change_where_they_stand_without_a_reload(stand: Site, tab: Tab) -> None:
    watch = await stand.watch("night", name="Night Radio")
    await stand.goes(watch, hill(30, 900), start=NOW - DAY)
    live = await stand.goes(watch, [100.0] * 30, start=NOW - HOUR, ends=False, title="Midnight", session="now")
    await tab.looks(width=PHONE)
    await tab.opens(f"{stand.url}/s/{live}")
    look = "document.dispatchEvent(new Event('visibilitychange'))"  # as when somebody comes back to the tab
    await tab.says(
        "window.kept = true; document.querySelector('.more a').focus({preventScroll: true}); scrollTo(0, 200)"
    )
    at = NOW - HOUR + 30 * MINUTE
    for minute in range(3):
        await stand.reads(watch, at + minute * MINUTE, 137, session="now", title="After midnight")
    stand.clock.now += 6_000
    await tab.says(look)
    await tab.until("document.body.innerText.includes('137 listeners')")
    assert "After midnight" in await tab.says("document.body.innerText")
    assert await tab.says("window.kept") is True
    assert await tab.says("scrollY") == 200
    assert await tab.says("document.activeElement.getAttribute('href')") == f"../w/{watch.id}"
    assert "137 listeners" in await tab.says("document.querySelector('[role=status]').textContent")
    # What has not changed is not sent again, and one that cannot be had leaves what is there.
    await tab.says(look)
    await stand.pages.stop()
    await tab.says("new Promise(done => setTimeout(done, 50))")
    await tab.says(look)
    await tab.says("new Promise(done => setTimeout(done, 50))")
    assert "137 listeners" in await tab.says("document.body.innerText")


async def test_a_page_that_is_private_again_goes(stand: Site, tab: Tab) -> None:
    watch = await stand.watch("night", name="Night Radio")
    live = await stand.goes(watch, [100.0] * 5, start=NOW - HOUR, ends=False)
    await tab.opens(f"{stand.url}/s/{live}")
    await stand.show(watch, public=False)
    stand.clock.now += 6_000
    await tab.says("document.dispatchEvent(new Event('visibilitychange'))")
    await tab.until("!document.body.innerText.includes('Night Radio')")
    assert "There is no such page" in await tab.says("document.body.innerText")
