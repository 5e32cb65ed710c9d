"""Records that were copied to the end of their topic, so that what stood before them could be deleted."""

from collections.abc import Iterable
from typing import Final

HEADER: Final = "leadheat.copy-of"
"""The offset at which a copied record first stood, on the same partition."""


def origin_of(headers: Iterable[tuple[str, bytes]]) -> int | None:
    """Where a record first stood, if it is a copy.

    >>> origin_of([("leadheat.copy-of", b"7")]), origin_of([("other", b"7")])
    (7, None)
    """
    for name, value in headers:
        if name == HEADER and value.isdigit():
            return int(value)
    return None
