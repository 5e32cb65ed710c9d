"""Makes the keys of a machine that was given none."""

import secrets
from typing import Final

_BYTES: Final = 18  # 144 random bits: not to be guessed, and still short enough to copy


def write_keys() -> tuple[str, ...]:
    """One secret key, and one for any id of each protocol that carries only a public id."""
    from connectors.ingest.keys import PROTOCOLS

    return (f"wk_{secrets.token_urlsafe(_BYTES)}", *(f"{protocol}:*" for protocol in sorted(PROTOCOLS)))


def read_key() -> str:
    """A key that opens the board and the read API."""
    return f"rk_{secrets.token_urlsafe(_BYTES)}"
