"""What Discord refuses for good, and what the operator does about it."""

from __future__ import annotations

PORTAL = "https://discord.com/developers/applications"
INTENTS = "Guilds, Guild Voice States, Guild Messages, Direct Messages"

TOKEN = (
    "Discord does not take DISCORD_TOKEN: copy the token again "
    f"({PORTAL} > your application > Bot > Reset Token) and start anew."
)

#: Discord closes a connection of a bot that is in more servers than the connections take.
TOO_FEW_SHARDS = 4011

#: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
FATAL = {
    4004: TOKEN,
    4010: "Discord does not take this number of shards: leave --shards out, so that there are as many as it "
    "recommends.",
    4011: "The bot is in more servers than its shards take (2,500 each): leave --shards out, so that there are as "
    "many as Discord recommends, or raise it.",
    4012: "Discord no longer speaks this version of its gateway: update discord.py.",
    4013: f"Discord does not know the intents asked for ({INTENTS}): update discord.py.",
    4014: f"Discord does not allow the intents asked for ({INTENTS}): "
    f"look under Privileged Gateway Intents ({PORTAL} > your application > Bot) and start anew.",
}


def looks_like_a_token(token: str) -> bool:
    """Tell whether a text can be a token at all; what cannot would break the request."""
    return token.isascii() and token.isprintable() and bool(token) and " " not in token
