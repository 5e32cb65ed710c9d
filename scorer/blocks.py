"""The block list: ids of people who were erased, as keyed hashes, so that nothing brings them back."""

from hashlib import blake2b
from typing import Final

import msgspec

_CHECK_SIZE: Final = 4
_HASH_SIZE: Final = 16


class BlocksError(Exception):
    """A block list that was made with another key."""


class Block(msgspec.Struct, array_like=True):
    """What is kept of an erased id: nothing that says who it was."""

    erased: int
    """Arrival of the order, in microseconds."""
    offset: int
    """Of the last order on the id's partition of hand-overs: a repeat of it changes nothing."""
    sent: int = 0
    """The number of the id's last hand-over: those of a later life must not be taken for copies."""
    allowed: int | None = None
    """From when on the id may come again; None: never."""

    def holds(self, arrival: int) -> bool:
        """Whether what arrives at a moment is refused."""
        return self.allowed is None or arrival < self.allowed


class Hasher:
    """Hashes ids with an installation's key.

    >>> Hasher(b"k").hash("u-1") == Hasher(b"k").hash("u-1")
    True
    >>> Hasher(b"k").hash("u-1") == Hasher(b"").hash("u-1")
    False
    """

    def __init__(self, key: bytes = b"") -> None:
        self._key = blake2b(key, digest_size=32, person=b"leadheat.erasure").digest()
        self.check: Final = blake2b(b"\xff", key=self._key, digest_size=_CHECK_SIZE).digest()

    def hash(self, identity: str | bytes) -> bytes:
        """The hash of an id, after bytes that tell which key it was made with."""
        data = identity.encode() if isinstance(identity, str) else identity
        return self.check + blake2b(data, key=self._key, digest_size=_HASH_SIZE).digest()

    def require_own(self, hashed: bytes) -> None:
        """Raises BlocksError where a hash was made with another key: no id would be found in the list."""
        if hashed[:_CHECK_SIZE] != self.check:
            raise BlocksError(
                "ids were erased under another LEADHEAT_ERASURE_KEY: set the one that they were erased under"
            )


class Blocks:
    """The blocked ids of a partition."""

    def __init__(self, key: bytes = b"") -> None:
        self.hasher = Hasher(key)
        self._blocks: dict[bytes, Block] = {}
        self.lifted = 0
        """Of how many ids the block ended: these may have a state, and still refuse what is older."""

    def __len__(self) -> int:
        return len(self._blocks)

    def load(self, hashed: bytes, value: bytes) -> None:
        """Takes up a block that was kept; raises BlocksError where it was made with another key."""
        self.hasher.require_own(hashed)
        self._put(hashed, msgspec.msgpack.decode(value, type=Block))

    def put(self, key: bytes, block: Block) -> tuple[bytes, bytes]:
        """Blocks an id; gives the hash and what is to be kept under it."""
        hashed = self.hasher.hash(key)
        self._put(hashed, block)
        return hashed, msgspec.msgpack.encode(block)

    def _put(self, hashed: bytes, block: Block) -> None:
        held = self._blocks.get(hashed)
        self.lifted += (block.allowed is not None) - (held is not None and held.allowed is not None)
        self._blocks[hashed] = block

    def of(self, key: bytes) -> Block | None:
        """The block of an id, be it lifted."""
        return self._blocks.get(self.hasher.hash(key)) if self._blocks else None

    def holds(self, key: bytes, arrival: int) -> bool:
        """Whether what arrives of an id at a moment is refused."""
        block = self.of(key)
        return block is not None and block.holds(arrival)
