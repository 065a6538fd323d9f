"""Where people are: a package a platform. Nothing else imports their libraries.

To add one: a package that fills ``bot.ports.chat.Chat``, a line in ``open_chats`` of ``bot.app``, and a line in
``tests/contracts/test_chat.py``.
"""
