"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of the machine than of the code: time is measured by the bench.
settings.register_profile("milepost", deadline=None)
settings.load_profile("milepost")
