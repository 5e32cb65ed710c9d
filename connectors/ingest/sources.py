"""Knows the sources: whose key a request shows, and what the file says of them now."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import ConfigError
from connectors.ingest.keys import Admitting, Key, WriteKeys, digest_of
from connectors.ingest.source import RIGHTS, Source
from connectors.ingest.source_reader import Surroundings, read_sources, stamp

_log: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 2.0

_SECRET: Final = Source("write keys")
_PUBLIC: Final = Source("write keys", RIGHTS - {"outcome", "retract"}, public=True)
_SIGNED: Final = "webhook"
"""The protocol whose public ids are no more than a wish: what comes by it is signed."""


class Sources:
    """The write keys of the setting and the sources of the file, which may change while the gateway runs."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._surroundings = Surroundings(config.environment, config.address_key)
        self._wrong = ""
        self._read()

    def admit(self, protocol: str, presented: Key | None) -> tuple[int, Source]:
        """The place of a key and its source; RefusedError 401: a bad key, 403: one of another kind."""
        place = self._keys.admit(protocol, presented)
        return place, self._sources[place]

    def named(self, name: str) -> Source | None:
        """The source that the file calls so now."""
        return self._named.get(name)

    def is_secret(self, presented: str | None) -> bool:
        """Whether it is a secret write key."""
        return self._keys.is_secret(presented)

    def allows_origin(self, origin: str, source: Source | None) -> bool:
        """Whether pages of the site may send with the source's keys; None: with anybody's."""
        if origin == "null":  # what any sandboxed page says of itself
            return False
        if source is None:
            return origin in self._origins or (self._any_without_origins and self._by_setting(origin))
        return self._by_setting(origin) if source.origins is None else origin in source.origins

    def _by_setting(self, origin: str) -> bool:
        return "*" in self._config.cors_origins or origin in self._config.cors_origins

    async def watch(self) -> None:
        """Takes over what the file comes to say, until cancelled; while it is wrong, the old sources stay."""
        if self._config.sources is None:
            return
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Reads the file again if it, or a file of a key, has changed."""
        if not self._wrong and all(stamp(path) == seen for path, seen in self._stamps.items()):
            return
        try:
            self._read()
        except ConfigError as error:
            if str(error) != self._wrong:
                self._wrong = str(error)
                for line in self._wrong.splitlines():
                    _log.error("the changed sources are wrong, the old ones stay in force: %s", line)
        else:
            self._wrong = ""
            _log.info("the changed sources are in force")

    def _read(self) -> None:
        path, flat = self._config.sources, self._config.write_keys
        named, stamps = ([], {}) if path is None else read_sources(path, self._surroundings)
        known = [(place, key) for place, one in enumerate(named, len(flat)) for key in _admitting(one)]
        self._keys = WriteKeys(flat, self._config.read_keys, known)
        self._sources = [*map(_flat, flat), *named]
        self._named = {one.name: one for one in named}
        self._origins = frozenset(origin for one in named for origin in one.origins or ())
        self._any_without_origins = any(one.origins is None for one in self._sources)
        self._stamps: Mapping[Path, object] = stamps


def _flat(key: str) -> Source:
    protocol, colon, _ = key.strip().partition(":")
    return _PUBLIC if colon and protocol != _SIGNED else _SECRET


def _admitting(source: Source) -> Iterator[Admitting]:
    for digest in source.keys:
        if source.protocols is None:
            yield Admitting(digest)
        else:
            yield from (Admitting(digest, protocol) for protocol in sorted(source.protocols))
    for protocol, ids in source.ids.items():
        yield from (Admitting(None if one == "*" else digest_of(one), protocol) for one in ids)
