"""Milepost tells chats the moment a live session passes a milestone or breaks a record.

The map. Imports point one way, from the top of this list to its end::

    bot.__main__     milepost run | demo | replay | doctor
    bot.play         drives the pipeline by readings: the demo and replays (bot.doctor: looks at everything once)
    bot.app          opens what the settings name, starts in order, stops in reverse
    bot.work         what a process does while it runs; bot.parts builds every part once
    bot.settings     environment and .env
    handlers         one file a command        bot.chats     one package a chat platform
    bot.sources      one entry a platform      bot.pipeline  one file a stage
    bot.pages        what anybody may read, over HTTP
    bot.texts        the words                 bot.services  what commands use: values in, values out
    bot.charts       the pictures, drawn by a program of its own
    storage          the only place with SQL
    bot.ports        the seams: source, chat, command, message; pace, purse, memory, rooms, easel
    bot.domain       what is true of audiences; pure

The flows::

    push   sources/icecast.py -> pipeline/poll.py -> pipeline/ingest.py ---> pipeline/deliver.py -> chats/telegram
           Source.read(asks)     claims what is due  ONE transaction:       lease, render, take   Chat.send()
           -> Told               reads in batches    snapshots, aggregates, a turn, send, settle
                                                     detect.py: alerts and
                                                     deliveries

    clock  storage/reminders.py, outages.py -> pipeline/remind.py, outage.py: alerts and deliveries, sent as above

    pull   chats/discord      -> handlers/stats.py -> services/statistics.py -> storage
           Request               stats(request, ...)
           <- Message <--------- texts/

    page   a browser  -> pages/site.py -> pages/kept.py -> pages/views.py --------> services/public.py -> storage
           GET /s/12     language, 304    once in 5 s      values, texts/, templates/
"""
