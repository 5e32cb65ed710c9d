"""Decides whether a write key admits a request: a secret key anywhere, `protocol:id` at its own protocol."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from connectors.ingest.errors import ConfigError, RefusedError

PROTOCOLS: Final = frozenset({"ga4", "matomo", "mautic", "snowplow", "webhook"})
"""Protocols that carry only a public id."""

KEYED: Final = frozenset({"posthog", "segment"})
"""Protocols that carry a key. `segment:KEY` is one that a page may show: it opens Segment's paths alone."""

_ANY: Final = "*"


class WriteKeys:
    """The keys that a gateway takes, kept as digests only.

    >>> keys = WriteKeys(["s3cret", "snowplow:shop", "mautic:*"])
    >>> keys.admit("events", "s3cret"), keys.admit("snowplow", "shop"), keys.admit("mautic", "whatever")
    (0, 1, 2)
    """

    def __init__(self, write_keys: Iterable[str], read_keys: Iterable[str] = ()) -> None:
        self._secrets: list[tuple[int, bytes]] = []
        self._public: list[tuple[int, str, bytes | None]] = []
        for place, text in enumerate(write_keys):
            self._add(place, text.strip())
        if not self._secrets and not self._public:
            raise ConfigError(
                "LEADHEAT_WRITE_KEYS: no write key: expected at least one, such as a long random word"
            )
        self._read = [_digest(key) for key in read_keys]

    def _add(self, place: int, text: str) -> None:
        protocol, colon, public_id = text.partition(":")
        if not text or text == _ANY:
            raise ConfigError(
                f"LEADHEAT_WRITE_KEYS: key {place + 1} is {text!r}: expected a secret key, or protocol:id "
                "(protocol:* for any id of that protocol)"
            )
        if not colon:
            self._secrets.append((place, _digest(text)))
        elif public_id and (protocol in PROTOCOLS or (protocol in KEYED and public_id != _ANY)):
            self._public.append((place, protocol, None if public_id == _ANY else _digest(public_id)))
        else:
            raise ConfigError(
                f"LEADHEAT_WRITE_KEYS: key {place + 1} has a colon but names no protocol and id: expected a "
                f"secret key without a colon, or an id after one of {', '.join(sorted(PROTOCOLS | KEYED))}"
            )

    def admit(self, protocol: str, presented: str | None) -> int:
        """The place of the key in the setting; RefusedError 401: a bad key, 403: one of another kind."""
        if not presented:
            raise RefusedError(401, "no write key: send one as this protocol does")
        given = _digest(presented)
        found = _matches(given, self._secrets)
        found += [
            place
            for place, of, key in self._public
            if of == protocol and (key is None or compare_digest(key, given))
        ]
        if found:
            return min(found)
        if self._of_another_kind(presented, given):
            raise RefusedError(403, "this key is of another kind and does not admit to this path")
        raise RefusedError(401, "the write key is not known here")

    def _of_another_kind(self, presented: str, given: bytes) -> bool:
        _, colon, public_id = presented.partition(":")
        tried = [given, _digest(public_id)] if colon else [given]
        known = [*self._read, *(key for _, _, key in self._public if key is not None)]
        return any([compare_digest(key, one) for key in known for one in tried])  # noqa: C419 (constant time)


def _matches(given: bytes, keys: Iterable[tuple[int, bytes]]) -> list[int]:
    return [place for place, key in keys if compare_digest(key, given)]


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
