"""Makes the keys of a machine that was given none."""

import secrets
from dataclasses import dataclass, field
from typing import Final

_BYTES: Final = 18  # 144 random bits: not to be guessed, and still short enough to copy


@dataclass(frozen=True)
class Made:
    """One secret key of each kind."""

    write: str = field(repr=False)
    read: str = field(repr=False)

    def write_keys(self) -> tuple[str, ...]:
        """The secret key, and one for any id of each protocol that carries only a public id."""
        from connectors.ingest.keys import PROTOCOLS

        return (self.write, *(f"{protocol}:*" for protocol in sorted(PROTOCOLS)))

    def read_keys(self) -> tuple[str, ...]:
        """The key that opens the board and the read API."""
        return (self.read,)


def make() -> Made:
    """New keys, each time."""
    return Made(f"wk_{secrets.token_urlsafe(_BYTES)}", f"rk_{secrets.token_urlsafe(_BYTES)}")
