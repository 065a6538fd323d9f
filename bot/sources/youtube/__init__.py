"""YouTube Live: ``youtube:@handle``, ``youtube:UC...`` (a channel's id), ``youtube:<video id>``.

https://developers.google.com/youtube/v3/docs

Every call costs one of the project's 10,000 units a day, so this package is about asking little:

- a channel is looked up once (``channels.list``) and remembered;
- its newest uploads (``playlistItems.list``, one channel a call) are looked at while nothing of it is live, every
  ten minutes at most, and less often where many channels share what is left of the day;
- everything that is live, due, or new among the uploads, of all watches together, goes into ``videos.list`` calls
  of 50 ids. What was seen to be an ordinary or a finished video is never asked again.

``search.list`` is never used: it has 100 calls a day, and lags.
"""

from __future__ import annotations

from bot.sources.youtube.source import YouTube

__all__ = ["YouTube"]
