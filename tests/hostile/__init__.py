"""Hostile input: a corpus, and what it may not do, over every command, every source, two chats and the program."""
