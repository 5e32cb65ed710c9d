"""Every text that a record holds, however deep, and whether one of them names a person."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from scorer.blocks import Hasher
from scorer.lead import StateError, decode

_TOKEN: Final = re.compile(r"[^\s\0\"'`,;()\[\]{}<>=|\\]+")
_EDGES: Final = ".:!?/"
_NEST: Final = frozenset('{["')


def texts(data: Any) -> Iterator[str]:
    """The texts in a value: keys and values of objects, and what bytes and texts hold themselves."""
    if isinstance(data, bytes | bytearray | memoryview):
        yield from _of_bytes(bytes(data))
    elif isinstance(data, str):
        yield data
        if data[:1] in _NEST and len(data) > 1:
            try:
                inner = msgspec.json.decode(data)
            except (msgspec.DecodeError, RecursionError):
                return
            if inner != data:
                yield from texts(inner)
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from texts(name)
            yield from texts(value)
    elif isinstance(data, list | tuple | set):
        for value in data:
            yield from texts(value)
    elif isinstance(data, int) and not isinstance(data, bool):
        yield str(data)


def _of_bytes(data: bytes) -> Iterator[str]:
    for read in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            found = read(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(found, dict | list | str):
            yield from texts(found)
            return
    yield data.decode(errors="replace")


def texts_of_state(state: bytes) -> Iterator[str]:
    """The texts in a lead's state."""
    try:
        yield from texts(msgspec.to_builtins(decode(state)[0], builtin_types=(bytes,)))
    except StateError:
        yield state.decode(errors="replace")


class Names:
    """A person's ids, and what else names them: an e-mail address, a telephone number."""

    def __init__(self, ids: Iterable[str], others: Iterable[str] = ()) -> None:
        self.ids = frozenset(ids)
        self.others = frozenset(other.casefold() for other in others)
        marks = sorted(map(re.escape, {*self.ids, *self.others}), key=len, reverse=True)
        self._within: Final = re.compile(r"(?<![\w@])(?:" + "|".join(marks) + r")(?![\w@])", re.IGNORECASE)

    def named(self, text: str) -> bool:
        """Whether a text names the person, as a whole or in one of its words."""
        if text in self.ids or text.casefold() in self.others:
            return True
        return any(
            found in self.ids or found.casefold() in self.others for found in self._within.findall(text)
        )


class Hashed:
    """The same by hashes alone, as a receipt has them."""

    def __init__(self, hasher: Hasher, hashes: Iterable[str]) -> None:
        self._hasher = hasher
        self._hashes = frozenset(map(bytes.fromhex, hashes))
        for one in self._hashes:
            hasher.require_own(one)

    def _known(self, text: str) -> bool:
        hashed = self._hasher.hash(text.encode(errors="replace"))
        return hashed in self._hashes or _other(self._hasher, text) in self._hashes

    def named(self, text: str) -> bool:
        """Whether a text, or a word of it, is one of those hashed."""
        if self._known(text):
            return True
        return any(map(self._known, _words(text)))


def _words(text: str) -> Iterator[str]:
    """What may be a name in a text, each once; of a row's key also what follows what kind of row it is.

    >>> list(_words("task:u-42"))
    ['task:u-42', 'u-42']
    """
    for word in _TOKEN.findall(text):
        yield from dict.fromkeys((word, word.strip(_EDGES), word.partition(":")[2]))


Marks = Names | Hashed


def hashes_of(hasher: Hasher, names: Names) -> list[str]:
    """The hashes of all that names a person, for the receipt."""
    ids = (hasher.hash(one) for one in names.ids)
    others = (_other(hasher, one) for one in names.others)
    return sorted(one.hex() for one in (*ids, *others))


def _other(hasher: Hasher, text: str) -> bytes:
    """Apart from ids, whose case counts."""
    return hasher.hash(b"\0" + text.casefold().encode(errors="replace"))
