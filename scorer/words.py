"""Words and phrases in a text, whatever their case and accents."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(r"[^\W_]+")
_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae"})


@lru_cache(maxsize=65_536)
def tokens(text: str) -> str:
    """The words of a text, folded, each between single blanks.

    >>> tokens("Directrice-Générale, Œuvres"), tokens("--")
    (' directrice generale oeuvres ', ' ')
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    folded = unicodedata.normalize("NFKD", plain).translate(_LIGATURES)
    bare = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return " ".join(("", *_TOKEN.findall(bare), ""))


def has_phrase(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether one of the phrases, given as `tokens` gives them, stands in the text as whole words.

    >>> has_phrase("CEO & fondateur", (tokens("ceo"),)), has_phrase("ceos", (tokens("ceo"),))
    (True, False)
    """
    words = tokens(text)
    return any(phrase in words for phrase in phrases)
