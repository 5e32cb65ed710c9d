"""What the address of a page tells beside the page."""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

_MOST_FIELDS: Final = 200


def campaign_of(url: object, prefixes: str | tuple[str, ...] = "utm_") -> dict[str, str]:
    """The campaign that brought somebody to a page: `utm_*` of its query, the first of each name.

    >>> campaign_of("https://acme.example/?utm_source=linkedin&utm_campaign=q4&page=2")
    {'utm_source': 'linkedin', 'utm_campaign': 'q4'}
    """
    if not isinstance(url, str):
        return {}
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in query:
        if name.startswith(prefixes):
            found.setdefault(name, value)
    return found
