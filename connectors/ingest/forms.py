"""Reads `name=value&…` of queries and form bodies, bounded in number."""

from typing import Final
from urllib.parse import parse_qsl

from scorer.errors import EventError

_MOST_FIELDS: Final = 1_000


def form(text: str | bytes) -> dict[str, str]:
    """The fields, the last of each name; raises EventError where there are more than a thousand.

    >>> form("?a=1&b=%C3%A9+t&a=2&c")
    {'a': '2', 'b': 'é t', 'c': ''}
    """
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    try:
        return dict(
            parse_qsl(told.strip().removeprefix("?"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        )
    except ValueError:
        raise EventError(f"more than {_MOST_FIELDS} fields") from None
