"""Identities and event ids: which words name nobody, and the digest under which an id is remembered."""

from hashlib import blake2b
from typing import Final

DIGEST_SIZE: Final = 8
"""Bytes of a remembered id: among 64 ids, two differing ones collide once in 10^16 leads."""

NOBODY: Final = frozenset(
    {
        "",
        "null",
        "undefined",
        "none",
        "nil",
        "nan",
        "anonymous",
        "guest",
        "0",
        "[object object]",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""What trackers send, casefolded, where they know nobody."""

_LONGEST: Final = max(map(len, NOBODY))


def somebody(identity: str | None) -> str | None:
    """The identity, or None where it is one of the words that name nobody.

    >>> somebody("u-42"), somebody("Undefined"), somebody("0"), somebody(None)
    ('u-42', None, None, None)
    """
    if identity is None or (len(identity) <= _LONGEST and identity.casefold() in NOBODY):
        return None
    return identity


def digest(event_id: str) -> bytes:
    """The 8 bytes under which an event's id is remembered.

    >>> digest("e-1").hex()
    '317386494bf10d9f'
    """
    return blake2b(event_id.encode(), digest_size=DIGEST_SIZE).digest()
