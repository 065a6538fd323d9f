"""Why an alert did not arrive, in words, and what an admin can do: one remedy for every reason that is kept.

Reasons are the sentences that chats and the pipeline keep with a delivery, a subscription or a chat. They are
looked up by their message ids, which a test collects from wherever they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.outside import clean
from bot.domain.quiet import QUIET_HOURS
from bot.domain.sentence import Sentence
from bot.ports.message import Line
from bot.texts.words import N_, Part, Words, code

#: Of a reason so much is shown: there may be a dozen of them in one message.
LONGEST, LONGEST_NAME = 200, 60

#: What the deliverer writes of an alert that nobody is to read any more.
UNWANTED = "muted, no longer true, or nobody is subscribed any more"
#: What people type for the kinds that a chat can have words of its own for.
TOLD_IN_OWN_WORDS = frozenset({"start", "milestones", "records", "recap", "outages", "reminder", "close"})
#: A mistake of the program: what follows is for its log.
_INTERNAL = re.compile(r"(?:internal|not written): *(\w*)")

_AGAIN = N_("Nothing to do: I try again by myself. If it lasts, tell those who run this bot.")
_LIMIT = N_(
    "Nothing to do: I go on as soon as the platform lets me. If that happens often, fewer alerts help: {fewer}"
)
_TOO_LATE = N_(
    "Nothing to do for this one: it was no longer worth telling once it could be sent. If that happens often, "
    "tell those who run this bot."
)
_REFUSED = N_(
    "The platform does not take this text. If it is in this chat’s own words, go back to mine: {own}. If not, "
    "tell those who run this bot what it says."
)
_SHORTER = N_("Make this chat’s own words shorter, or go back to mine: {own}")
_RUN_IT = N_("Nothing that this chat could do: only those who run this bot can mend it. Tell them what it says.")
_OURS = N_(
    "A mistake of mine: tell those who run this bot, its log says more. If this chat has own words for it, {own} "
    "may help."
)
_ADD = N_("Add me there again: all settings are kept, and alerts go on by themselves.")
_ADD_TO_CHANNEL = N_(
    "Channel > “Administrators” > “Add Administrator”: choose me and leave “Post Messages” on. Alerts then go on "
    "by themselves."
)
_REMOVED_FROM_GROUP = N_("Group > “Permissions” > “Removed Users”: take me off that list, then add me again.")
_REMOVED_FROM_CHANNEL = N_(
    "Channel > “Removed Users”: take me off that list, then add me as an administrator who may “Post Messages”."
)
_ANOTHER_CHAT = N_("It does not come back. Add me where alerts shall come instead, and give {watch} there.")
_NOBODY = N_("Nothing to do: there is nobody left to write to.")
_UNBLOCK = N_("Tap “Restart Bot” or “Unblock” in the conversation with me, then write {start}.")
_BEGIN = N_("Write {start} to me once: a bot cannot begin a conversation.")
_PRIVACY = N_(
    "In a server that we share: its name > “Privacy Settings” > allow “Direct Messages”; unblock me if I am "
    "blocked. Then write {start} to me."
)
_REOPEN = N_("Topic > “Reopen Topic”, and alerts come again. Or give {subscribe} in another topic.")
_ELSEWHERE = N_("Give {subscribe} where alerts shall come from now on.")
_UNLOCK = N_(
    "Thread > “Unlock Thread”, and write something in it: alerts come again. Or give {subscribe} in another "
    "channel."
)
_WAKE = N_("Write something in the thread, and it is open again: its posts can then be changed.")
_FORUM = N_("Open one of the forum’s posts and give {subscribe} there.")
_DELETED = N_("Nothing to do: what somebody deleted is not posted anew.")
_FOLLOWED = N_("Nothing to do: I go along to the new group, with all that was set.")
_NO_FILE = N_("Nothing to do: it was there for a moment only. Ask for it again.")
_QUIET = N_("To have such alerts in the morning: {hold}. At once: {send}.")
_PERMISSION = N_(
    "“Edit Channel” > “Permissions”: add me or my role, and allow “{permission}”. I then go on by myself."
)
_ANY_PERMISSION = N_(
    "“Edit Channel” > “Permissions”: allow me “View Channel”, “Send Messages” and “Embed Links”. If they are "
    "allowed, tell those who run this bot what Discord says."
)
_PRIVATE_THREAD = N_(
    "Mention me in the thread and let Discord add me; or “Edit Channel” > “Permissions”: allow me “Manage "
    "Threads”. I then go on by myself."
)
_ATTACH = N_("“Edit Channel” > “Permissions”: allow me “Attach Files”. The next picture then comes.")
_POST_MESSAGES = N_("Channel > “Administrators” > my name: turn on “Post Messages”. I then go on by myself.")
_SEND_MESSAGES = N_(
    "Group > “Permissions”: turn on “Send Text Messages”; or make me an administrator. I then go on by myself."
)
_ADMINISTRATOR = N_("Group > “Administrators” > “Add Administrator”: choose me. I then go on by myself.")
_PHOTOS = N_(
    "Group > “Permissions” > “Send Media”: turn on “Photos”; or make me an administrator. The next picture then "
    "comes."
)
_FILES = N_(
    "Group > “Permissions” > “Send Media”: turn on “Files”; or make me an administrator. The next file then comes."
)

#: By the message id of the reason.
REMEDIES: Mapping[str, str] = {
    # Telegram
    "the person blocked me": _UNBLOCK,
    "the person has not written to me yet": _BEGIN,
    "there is no such person, or they never wrote to me": _BEGIN,
    "the person's account was deleted": _NOBODY,
    "{user} is nobody on Telegram": _NOBODY,
    "the group was deleted": _ANOTHER_CHAT,
    "I was banned from the group": _REMOVED_FROM_GROUP,
    "I was banned from the channel": _REMOVED_FROM_CHANNEL,
    "I was removed from the group": _ADD,
    "I am not in the group": _ADD,
    "I am not in the channel": _ADD_TO_CHANNEL,
    "I am no longer an administrator of the channel": _ADD_TO_CHANNEL,
    "I am no longer let in": _ADD,
    "Telegram does not let me in": _ADD,
    "there is no such chat, or I was never in it": _ADD,
    "{chat} is no chat of Telegram": _ELSEWHERE,
    "the topic is closed": _REOPEN,
    "the topic is no longer there": _ELSEWHERE,
    "{topic} is no topic of Telegram": _ELSEWHERE,
    "the message to edit is no longer there": _DELETED,
    "{key} is no message of Telegram": _DELETED,
    "the message is too large for Telegram": _SHORTER,
    "the file is no longer there": _NO_FILE,
    "Telegram asks to wait {seconds} s": _LIMIT,
    "Telegram asks to wait": _LIMIT,
    "the group became a supergroup": _FOLLOWED,
    "TELEGRAM_TOKEN is not accepted": _RUN_IT,
    "Telegram cannot be reached": _AGAIN,
    "Telegram is not connected": _AGAIN,
    "Telegram did not answer in time": _AGAIN,
    "Telegram's answer was lost: {error}": _AGAIN,
    "what answered is not Telegram ({name})": _AGAIN,
    # Discord
    "I may not post in {place}: allow me “{permission}” there (channel settings > Permissions)": _PERMISSION,
    "I may not post in {place}: Discord says: {said}": _ANY_PERMISSION,
    "I may not post in the private thread {name}: add me to it (mention me there), or "
    "allow me “Manage Threads” in its channel": _PRIVATE_THREAD,
    "I may not send pictures and files in {place}: allow me “Attach Files” there (channel settings > "
    "Permissions)": _ATTACH,
    "the bot was removed from the server": _ADD,
    "the bot is no longer in the server": _ADD,
    "the server was deleted": _ANOTHER_CHAT,
    "the channel was deleted": _ELSEWHERE,
    "the thread was deleted": _ELSEWHERE,
    "the channel or thread was deleted": _ELSEWHERE,
    "the thread is locked": _UNLOCK,
    "the thread is archived and locked": _UNLOCK,
    "the thread is archived: the message stays as it is": _WAKE,
    "this is a forum: subscribe in one of its posts": _FORUM,
    "on Discord a post needs a channel or thread of the server": _ELSEWHERE,
    "there is no such conversation any more": _BEGIN,
    "this person takes no messages from the bot": _PRIVACY,
    "{user} is nobody's id on Discord": _NOBODY,
    "the message was deleted": _DELETED,
    "Discord asks to wait": _LIMIT,
    "Discord asks the whole bot to wait": _LIMIT,
    "Discord asks to wait for {seconds} s": _LIMIT,
    "too much is asked in this channel at once": _LIMIT,
    "Discord lets old messages be edited only so often": _LIMIT,
    "Discord is in trouble ({status})": _AGAIN,
    "Discord did not answer within {seconds} s": _AGAIN,
    "Discord's answer was not understood ({name})": _AGAIN,
    "the connection to Discord was lost ({name})": _AGAIN,
    "not connected to Discord": _AGAIN,
    "Discord's API refuses the bot ({status})": _RUN_IT,
    # All chats
    "the platform's limit": _LIMIT,
    "no answer": _AGAIN,
    "the database could not be reached": _AGAIN,
    "the bot is no longer in it": _ADD,
    QUIET_HOURS: _QUIET,
}
#: Where a reason holds what to allow as a sentence of its own, that sentence decides.
RIGHTS: Mapping[str, str] = {
    "make me an administrator who may post messages": _POST_MESSAGES,
    "make me an administrator": _ADMINISTRATOR,
    "allow me to send messages": _SEND_MESSAGES,
    "allow me to send text messages": _SEND_MESSAGES,
    "allow me to send photos": _PHOTOS,
    "allow me to send files": _FILES,
}

#: Where nothing but how it stands is known.
OF_STATE: Mapping[str, str] = {
    "pending": N_("Nothing to do: it goes out in its turn."),
    "leased": N_("Nothing to do: it is on its way."),
    "superseded": N_("Nothing to do: what came after it tells more."),
    "dead": _REFUSED,
    "expired": _TOO_LATE,
    "sent": N_("Nothing to do: its text has arrived."),
}
#: What is of no use once an alert is given up.
_TRIES = frozenset({_AGAIN, _LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """An alert that did not arrive, or has not yet, or not as a whole.

    Attributes:
        state: As it is kept: see ``storage.tables.delivery``.
        why: The reason that is kept with it, if there is one.
        watch: What the chat calls what it is about.
        word: What people type for its kind.
        rung: It is a milestone: a newer one may have taken its place.
        subscribed: Its subscription is there still.
        muted: That is muted, and was when the alert was given up.
        until: When the quiet hours are over in which it is held.
    """

    state: str
    why: str | None
    watch: str
    word: str
    rung: bool = False
    subscribed: bool = True
    muted: bool = False
    until: int | None = None


def known(why: str) -> str | None:
    """Return the message id of a reason's own remedy, or None if it has none."""
    if not isinstance(why, Sentence):
        return _OURS if _INTERNAL.match(why) else REMEDIES.get(why)
    right = why.fields.get("remedy")
    if isinstance(right, str):
        return RIGHTS.get(right.msgid if isinstance(right, Sentence) else right)
    return REMEDIES.get(why.msgid)


def reason(one: Unsent, words: Words) -> str:
    """Return why an alert did not arrive, in a few words; "" where how it stands says it all."""
    if one.why == UNWANTED:
        if not one.subscribed:
            return words.text("nobody is subscribed any more")
        return words.text("muted") if one.muted else words.text("muted then, or no longer true when its turn came")
    if one.state == "superseded" and not one.rung:
        return words.text("no longer news when the quiet hours were over")
    if one.why is not None:
        return said(one.why, words)
    return words.text("this chat or the bot was away meanwhile") if one.state == "expired" else ""


def said(why: str, words: Words) -> str:
    """Return a reason in words, bounded; a mistake of the program by its name alone."""
    ours = None if isinstance(why, Sentence) else _INTERNAL.match(why)
    if ours is not None:
        return words.text("a mistake of the bot’s own ({name})", name=ours[1][:LONGEST_NAME])
    return clean(words.told(why), limit=LONGEST)


def remedy(one: Unsent, words: Words) -> Line:
    """Return what to do about an alert that did not arrive, or that there is nothing to do."""
    if one.state == "held":
        return _held(one, words)
    if one.why == UNWANTED:
        return _unwanted(one, words)
    sentence = None if one.why is None else known(one.why)
    waits = one.state in {"pending", "leased"}
    if sentence is None and waits and one.why is not None:
        sentence = _AGAIN
    if sentence is None or (sentence in _TRIES and not waits):
        sentence = OF_STATE[one.state]
    return _filled(sentence, one.why, watch=one.watch, word=one.word, words=words)


def standing(why: str, words: Words, *, watch: str) -> Line:
    """Return what to do about what keeps all alerts of a watch from a place."""
    return _filled(known(why) or _AGAIN, why, watch=watch, word="", words=words)


def _held(one: Unsent, words: Words) -> Line:
    send = code(f"/settings quiet {one.word} send")
    if one.until is None:
        return words.say("Nothing to do: it comes with the next digest. At once from now on: {send}", send=send)
    return words.say(
        "Nothing to do: it comes with the digest at {time}. At once from now on: {send}",
        time=words.time(one.until).text,
        send=send,
    )


def _unwanted(one: Unsent, words: Words) -> Line:
    if not one.subscribed:
        return words.say("To have its alerts again: {subscribe}", subscribe=code(f"/subscribe {one.watch}"))
    if one.muted:
        return words.say("To have its alerts again now: {unmute}", unmute=code(f"/mute {one.watch} off"))
    return words.say("Nothing to do: what is no longer wanted or true is not told.")


def _filled(sentence: str, why: str | None, *, watch: str, word: str, words: Words) -> Line:
    """Return a remedy with the commands and names that it holds."""
    permission = why.fields.get("permission") if isinstance(why, Sentence) else None
    fields: dict[str, Part] = {
        "start": "/start",
        "watch": "/watch",
        "subscribe": code(f"/subscribe {watch}"),
        "fewer": code(f"/subscribe {watch} records recap"),
        "own": code(f"/settings words {word} default" if word in TOLD_IN_OWN_WORDS else "/settings words"),
        "hold": code(f"/settings quiet {word} hold"),
        "send": code(f"/settings quiet {word} send"),
        "permission": str(permission or ""),
    }
    return words.say(sentence, **fields)
