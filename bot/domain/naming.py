"""Names of places as they are compared, in any script."""

from __future__ import annotations

import re
import unicodedata

#: Accents, and vowel signs of Arabic: people leave them out.
_MARKS = re.compile("[\u0300-\u036f\u064b-\u0652\u0670\u0640]")
_SAINT = re.compile(r"\bsaint\b")
_BETWEEN = re.compile(r"[\W_]+")
#: Letters that look alike and are typed one for the other, and those that accents cannot be taken off.
_ALIKE = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ة": "ہ", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})


def folded(name: str) -> str:
    """Return a name as it is compared: without case, accents and signs."""
    # Some letters have a plain form only without case, others a case only in their plain form.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name.casefold()).casefold())
    bare = _MARKS.sub("", plain)
    bare = unicodedata.normalize("NFC", bare).translate(_ALIKE)
    return _SAINT.sub("st", _BETWEEN.sub(" ", bare).strip())
