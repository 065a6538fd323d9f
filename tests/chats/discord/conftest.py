from __future__ import annotations

import pytest

from bot.chats.discord import chat


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little time pass between tries."""
    monkeypatch.setattr(chat, "IDENTIFY_GAP_SECONDS", 0.2)
    monkeypatch.setattr(chat, "FIRST_PAUSE_SECONDS", 0.05)
