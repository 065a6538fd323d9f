"""The seams: sources, chats, commands, messages.

Where numbers come from, where people are, what they ask, what they read: protocols, their values, their error
trees. No adapter is named here.
"""
