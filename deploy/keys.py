"""Makes the keys of a machine that was given none."""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

_BYTES: Final = 18  # 144 random bits: not to be guessed, and still short enough to copy


@dataclass(frozen=True)
class Made:
    """One secret key of each kind."""

    write: str = field(repr=False)
    read: str = field(repr=False)

    @property
    def page(self) -> str:
        """The key that a page may show. It comes of the secret one, which does not come of it."""
        mac = hmac.digest(self.write.encode(), b"leadheat page key", "sha256")
        return f"pk_{base64.urlsafe_b64encode(mac[:_BYTES]).decode()}"

    def write_keys(self) -> tuple[str, ...]:
        """The secret key, the page's for protocols that have one, any id for those that carry only that."""
        from connectors.ingest.keys import KEYED, PROTOCOLS

        shown = (f"{protocol}:{self.page}" for protocol in sorted(KEYED))
        return (self.write, *shown, *(f"{protocol}:*" for protocol in sorted(PROTOCOLS)))

    def read_keys(self) -> tuple[str, ...]:
        """The key that opens the board and the read API."""
        return (self.read,)


def link_key(write_key: str) -> str:
    """What links are signed with where no key was set. It comes of a secret one, not that one of it."""
    return hmac.digest(write_key.encode(), b"leadheat link key", "sha256").hex()


def make() -> Made:
    """New keys, each time."""
    return Made(f"wk_{secrets.token_urlsafe(_BYTES)}", f"rk_{secrets.token_urlsafe(_BYTES)}")
