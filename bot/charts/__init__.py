"""Pictures of charts, drawn by a program of its own: ``python -m bot.charts``.

The drawing library takes a second to load and 80 MB. The bot's own process has neither: it starts the program with
the first chart, talks to it through pipes, and ends it when nobody has asked for a while::

    easel     in the bot: one chart at a time, bounded in number and time
    wire      what both say to each other
    __main__  the program: reads charts, writes pictures, ends with its input
    drawing   the picture           labels   where words fit           fonts   which font has the letters
"""

from __future__ import annotations

from bot.charts.easel import Workshop

__all__ = ["Workshop"]
