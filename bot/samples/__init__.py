"""The sample session and the record book that it meets, shipped as data.

``SPACE`` is a reconstruction, and its first line says so: what the press reported of it is real, the curve
between is made by ``tests/build_sample.py``.
"""

from __future__ import annotations

from pathlib import Path

#: The Space of 20 April 2022, as a replay file.
SPACE = Path(__file__).parent / "space-2022-04-20.jsonl"
#: What stood on the books that evening, as a record book file.
RECORD_BOOK = Path(__file__).parent / "record-book.json"
