"""Kafka's own partitioner: which partition a key belongs to."""

from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of a key (A. Appleby's MurmurHash2 with Kafka's seed).

    >>> murmur2(b"21") - 2**32, murmur2(b"foobar") - 2**32
    (-973932308, -790332482)
    """
    size = len(data)
    state = _SEED ^ size
    for at in range(0, size - 3, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        state = state * _M & _MASK ^ k
    rest = data[size & ~3 :]
    if rest:
        state = (state ^ int.from_bytes(rest, "little")) * _M & _MASK
    state = (state ^ state >> 13) * _M & _MASK
    return state ^ state >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among so many, as every default Kafka producer has it.

    >>> partition_of(b"foobar", 8)
    6
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions
