"""Alert or answer, language and zone in; a message out. No clock, no storage, no chat's markup."""
