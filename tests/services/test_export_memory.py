"""Two hundred thousand readings take no more memory than twenty thousand, there and back."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from bot.services import exporting, importing
from bot.services.exporting import Form
from bot.services.importing import How
from storage.database import Database
from storage.exports import Chosen
from tests.bench.export import fill
from tests.fakes.clock import NOW

FEW, MANY = 20_000, 200_000
#: What a page more or less, and the sessions' numbers, may come to; the rows themselves would be 100 MB.
SLACK = 1_000_000


@pytest.mark.parametrize("form", Form)
async def test_memory_is_the_same_for_ten_times_as_many_readings(tmp_path: Path, form: Form) -> None:
    few, many = [await _peaks(tmp_path, form, readings) for readings in (FEW, MANY)]
    for one, other in zip(few, many, strict=True):
        assert other <= one + SLACK, f"{other:,} bytes for {MANY:,} readings, {one:,} for {FEW:,}"


async def _peaks(folder: Path, form: Form, readings: int) -> tuple[int, int]:
    """Return how many bytes an export took at most, and how many the import of it."""
    file = folder / f"{readings}.{'zip' if form is Form.CSV else 'jsonl'}"
    full, empty = (Database(f"sqlite:///{folder}/{name}-{readings}.db", throwaway=True) for name in ("a", "b"))
    await full.open()
    await empty.open()
    try:
        await fill(full, readings)
        tracemalloc.start()
        try:
            gc.collect()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            written = await exporting.write(full, file, form=form, chosen=Chosen(), now=NOW)
            exported = tracemalloc.get_traced_memory()[1] - before
            gc.collect()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            report = await importing.bring(empty, file, How(now=NOW))
            imported = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        assert written.samples == report.samples == readings
        return exported, imported
    finally:
        await full.close()
        await empty.close()
