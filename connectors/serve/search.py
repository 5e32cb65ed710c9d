"""Finds leads by the beginnings of words of their name, company, e-mail and ids."""

from typing import Final

from connectors.serve.desk import Desk
from connectors.serve.lead_index import lead_of, words_of

_CHUNK: Final = 5_000
_LAST: Final = "\U0010ffff"


async def found_by(desk: Desk, query: str) -> set[str]:
    """The leads in which every word of the query begins some word."""
    name = desk.cache.key("words")
    found: set[str] | None = None
    for word in dict.fromkeys(words_of(query)):
        leads: set[str] = set()
        least = f"[{word}"
        while members := await desk.cache.redis.zrangebylex(
            name, least, f"[{word}{_LAST}", start=0, num=_CHUNK
        ):
            leads.update(map(lead_of, members))
            least = f"({members[-1]}"
        found = leads if found is None else found & leads
        if not found:
            break
    return found or set()
