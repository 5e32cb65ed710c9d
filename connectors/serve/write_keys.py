"""Knows the keys that send events, so that who offers one to read hears that it is of another kind."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Final

from connectors.ingest.errors import ConfigError
from connectors.ingest.keys import digest_of
from connectors.ingest.source import Source
from connectors.ingest.source_reader import Stamps, Surroundings, read_sources, stamp

_log: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 2.0
_ANY: Final = "*"
_UNUSED: Final = b"no address is hashed here"


class WriteKeys:
    """The write keys of the setting and those of the sources file, as it is now; kept as digests.

    Nobody is let in by them: a file that cannot be read costs no more than the better answer.
    """

    def __init__(
        self,
        write_keys: Sequence[str] = (),
        sources: Path | None = None,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        ids = (key.partition(":")[2] for key in write_keys)
        self._flat = [digest_of(key) for key in (*write_keys, *ids) if key not in ("", _ANY)]
        self._sources = sources
        self._surroundings = Surroundings(environment or {}, _UNUSED)
        self._clock = clock
        self._looked: float | None = None
        self._stamps: Stamps = {}
        self._named: list[bytes] = []

    def knows(self, key: str) -> bool:
        """Whether a key sends events."""
        self._look()
        given = digest_of(key)
        return any([compare_digest(one, given) for one in (*self._flat, *self._named)])  # noqa: C419

    def _look(self) -> None:
        now = self._clock()
        if self._sources is None or (self._looked is not None and now < self._looked + _LOOK_EVERY_S):
            return
        self._looked = now
        if self._stamps and all(stamp(path) == seen for path, seen in self._stamps.items()):
            return
        try:
            found, self._stamps = read_sources(self._sources, self._surroundings)
        except ConfigError as error:
            self._stamps = {self._sources: stamp(self._sources)}
            _log.warning(
                "write keys of the sources are answered 401 here, not 403: %s",
                "; ".join(str(error).splitlines()),
            )
        else:
            self._named = [digest for one in found for digest in _digests(one)]


def _digests(source: Source) -> Iterator[bytes]:
    yield from source.keys
    for protocol, ids in source.ids.items():
        for one in ids:
            if one != _ANY:
                yield digest_of(one)
                yield digest_of(f"{protocol}:{one}")
