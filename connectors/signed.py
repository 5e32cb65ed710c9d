"""Short signed texts in addresses: made with a key, read by whoever holds it, in one spelling only."""

import base64
import hmac
import re
from collections.abc import Iterable
from typing import Final

MOST_TOKEN: Final = 3_000
"""Characters of a token: more than mail programs and proxies would pass on."""
LEAST_KEY: Final = 16
"""Characters of a key; a shorter one could be guessed from one token, at leisure."""
_MAC_BYTES: Final = 16
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


class KeyTooShortError(ValueError):
    """A key that could be guessed."""


class Signer:
    """Tokens of one purpose: base64url of a payload and 16 bytes of HMAC-SHA-256 over purpose and payload.

    The first key signs, all of them are good for reading.

    >>> signer = Signer(["a key of 16 or more"], "answer/1")
    >>> signer.read(signer.sign(b"yes"))
    b'yes'
    >>> Signer(["a key of 16 or more"], "survey/1").read(signer.sign(b"yes")) is None
    True
    """

    def __init__(self, keys: Iterable[str], purpose: str) -> None:
        self._keys = [key.encode() for key in keys]
        self._domain = f"leadheat-{purpose}\0".encode()
        if short := [place for place, key in enumerate(self._keys, 1) if len(key) < LEAST_KEY]:
            raise KeyTooShortError(
                f"key {short[0]} is shorter than {LEAST_KEY} characters: expected a long random word, such "
                "as of `openssl rand -base64 24`"
            )

    def __bool__(self) -> bool:
        return bool(self._keys)

    def sign(self, payload: bytes) -> str:
        """The token of a payload; IndexError without a key."""
        return _written(payload + self._mac(self._keys[0], payload))

    def read(self, token: str) -> bytes | None:
        """What a token says; None: it is none of ours."""
        if len(token) > MOST_TOKEN or not _ALPHABET.match(token):
            return None
        try:
            packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        payload, mac = packed[:-_MAC_BYTES], packed[-_MAC_BYTES:]
        fits = [hmac.compare_digest(self._mac(key, payload), mac) for key in self._keys]
        return payload if any(fits) and _written(packed) == token else None

    def _mac(self, key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, self._domain + payload, "sha256")[:_MAC_BYTES]


def _written(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
