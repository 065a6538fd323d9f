"""The tour: what people really read on Telegram and Discord, drawn from what the bot really sends.

The bot's own parts run on a fresh database, behind both adapters, against the servers of ``tests/servers``; only
the clock and the radio station are made up. ``python -m tests.tour`` (``make tour``) draws it::

    chapters  what people do, told once for both platforms
    stage     lets them do it, and notes what there is to see, as each platform has stored it
    telegram, discord
              show that as the apps would, in HTML
    page      puts both side by side, and reads the text off again
    site      shows the pages that chats make public, in a real browser
    camera    makes pictures of pages
"""
