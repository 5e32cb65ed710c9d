"""Decides whether a write key admits a request: a secret key anywhere, `protocol:id` at its own protocol."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from connectors.ingest.errors import ConfigError, RefusedError

PROTOCOLS: Final = frozenset({"ga4", "matomo", "mautic", "snowplow", "webhook"})
"""Protocols that carry only a public id."""

KEYED: Final = frozenset({"browser", "posthog", "segment"})
"""Protocols that carry a key. `segment:KEY` is one that a page may show: it opens Segment's paths alone."""

EVERY_PROTOCOL: Final = PROTOCOLS | KEYED | {"events"}

_ANY: Final = "*"

Key = str | tuple[str, ...]
"""What a request shows: a key, or several (a public id and a secret) of which one must admit."""


@dataclass(frozen=True)
class Admitting:
    """A key that is known by its digest: the protocol that it opens, None: all; the digest None: any key."""

    digest: bytes | None
    protocol: str | None = None


class WriteKeys:
    """The keys that a gateway takes, kept as digests only.

    >>> keys = WriteKeys(["s3cret", "snowplow:shop", "mautic:*"])
    >>> keys.admit("events", "s3cret"), keys.admit("snowplow", "shop"), keys.admit("mautic", "whatever")
    (0, 1, 2)
    """

    def __init__(
        self,
        write_keys: Iterable[str],
        read_keys: Iterable[str] = (),
        known: Iterable[tuple[int, Admitting]] = (),
    ) -> None:
        self._secrets: list[tuple[int, bytes]] = []
        self._public: list[tuple[int, str, bytes | None]] = []
        self._flat = 0
        for place, text in enumerate(write_keys):
            self._flat += 1
            self._add(place, text.strip())
        for place, key in known:
            if key.protocol is not None:
                self._public.append((place, key.protocol, key.digest))
            elif key.digest is not None:
                self._secrets.append((place, key.digest))
        if not self._secrets and not self._public:
            raise ConfigError(
                "LEADHEAT_WRITE_KEYS: no write key: expected at least one, such as a long random word"
            )
        self._read = [digest_of(key) for key in read_keys]

    def _add(self, place: int, text: str) -> None:
        protocol, colon, public_id = text.partition(":")
        if not text or text == _ANY:
            raise ConfigError(
                f"LEADHEAT_WRITE_KEYS: key {place + 1} is {text!r}: expected a secret key, or protocol:id "
                "(protocol:* for any id of that protocol)"
            )
        if not colon:
            self._secrets.append((place, digest_of(text)))
        elif public_id and (protocol in PROTOCOLS or (protocol in KEYED and public_id != _ANY)):
            self._public.append((place, protocol, None if public_id == _ANY else digest_of(public_id)))
        else:
            raise ConfigError(
                f"LEADHEAT_WRITE_KEYS: key {place + 1} has a colon but names no protocol and id: expected a "
                f"secret key without a colon, or an id after one of {', '.join(sorted(PROTOCOLS | KEYED))}"
            )

    def admit(self, protocol: str, presented: Key | None) -> int:
        """The place of the key; RefusedError 401: a bad key, 403: one of another kind.

        Keys of the setting have the places they stand at, others, which go before them, those that they were
        given with. A key by its name goes before any key.
        """
        shown = [key for key in ((presented,) if isinstance(presented, str) else presented or ()) if key]
        if not shown:
            raise RefusedError(401, "no write key: send one as this protocol does", reason="no_key")
        found = [one for key in shown for one in self._places(protocol, digest_of(key))]
        if found:
            return min(found, key=lambda one: (one[1] < self._flat, *one))[1]
        if any([self._of_another_kind(key, digest_of(key)) for key in shown]):  # noqa: C419 (constant time)
            raise RefusedError(403, "this key is of another kind and does not admit to this path")
        raise RefusedError(401, "the write key is not known here")

    def is_secret(self, presented: str | None) -> bool:
        """Whether it is a secret write key."""
        given = digest_of(presented or "")
        return bool(presented) and any([compare_digest(key, given) for _, key in self._secrets])  # noqa: C419

    def _places(self, protocol: str, given: bytes) -> list[tuple[bool, int]]:
        """Where keys stand that admit, each with whether any id would do there."""
        return [(False, place) for place, key in self._secrets if compare_digest(key, given)] + [
            (key is None, place)
            for place, of, key in self._public
            if of == protocol and (key is None or compare_digest(key, given))
        ]

    def _of_another_kind(self, presented: str, given: bytes) -> bool:
        _, colon, public_id = presented.partition(":")
        tried = [given, digest_of(public_id)] if colon else [given]
        known = [*self._read, *(key for _, _, key in self._public if key is not None)]
        return any([compare_digest(key, one) for key in known for one in tried])  # noqa: C419 (constant time)


def each_of(shown: Iterable[Key | None]) -> list[str]:
    """Every single key of what requests show."""
    return [one for key in shown for one in ((key,) if isinstance(key, str) else key or ())]


def digest_of(text: str) -> bytes:
    """What is kept of a key or a public id."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
