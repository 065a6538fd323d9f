"""The source that docs/sources.md shows, taken from there."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

MANUAL = Path(__file__).parents[2] / "docs" / "sources.md"


def code() -> str:
    """Return the one block of Python in the manual."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


@lru_cache
def module() -> ModuleType:
    made = ModuleType("peertube")
    exec(compile(code(), str(MANUAL), "exec"), made.__dict__)
    return made


def peertube(*arguments: Any) -> Any:
    """Make the source."""
    return module().PeerTube(*arguments)
