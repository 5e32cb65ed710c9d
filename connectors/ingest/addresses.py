"""What an address tells beside the page: the campaign that brought somebody, the file behind it."""

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

_MOST_FIELDS: Final = 200
_FILE: Final = re.compile(
    r".+\.(?:7z|aac|apk|avi|azw3|bz2|csv|dmg|do[ct][mx]?|epub|exe|flv|gz|ics|iso|jar|key|m[4k][av]|midi?|mobi|mov"
    r"|mp[34]|mpe?g|msi|numbers|od[bfgpst]|og[gv]|pages|pdf|pkg|pot[mx]?|pp[st][mx]?|ps|rar|rtf|tar|tgz|txt|wav|webm"
    r"|wm[av]|xl[st][bmx]?|xml|xz|zip)\Z",
    re.IGNORECASE | re.DOTALL,
)
"""Names of what browsers save or open beside the site: documents, archives, programs, films and sounds."""


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


def file_of(url: object) -> str | None:
    """The name of the file that an address leads to, where its ending says that it is one to download.

    >>> file_of("https://acme.example/files/Livre%20blanc.PDF?v=2"), file_of("https://acme.example/tarifs.html")
    ('Livre blanc.PDF', None)
    """
    if not isinstance(url, str):
        return None
    try:
        name = unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return None
    return name if _FILE.match(name) else None
