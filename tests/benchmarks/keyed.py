"""The product's scorer for engines that bring one event at a time and keep a lead's state themselves."""

from collections.abc import Iterator, MutableMapping

from scorer.grid import load_grid
from scorer.messages import Record, Send
from scorer.plan import Plan
from scorer.shard import Shard


class OneState(MutableMapping[bytes, bytes]):
    """A store that holds the state of the lead in work; the engine puts it in and takes it out."""

    def __init__(self) -> None:
        self.state: bytes | None = None
        self._own: dict[bytes, bytes] = {}  # what a shard keeps beside leads

    def __getitem__(self, key: bytes) -> bytes:
        found = self._own.get(key) if key.startswith(b"\xff") else self.state
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: bytes, state: bytes) -> None:
        if key.startswith(b"\xff"):
            self._own[key] = state
        else:
            self.state = state

    def __delitem__(self, key: bytes) -> None:
        del self._own[key]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


class KeyedScorer:
    """A shard that is flushed after each event, since the engine has no other moment for it."""

    def __init__(self, grid: str, store: MutableMapping[bytes, bytes]) -> None:
        self._shard = Shard(Plan(load_grid(grid)), store, 0, 1)  # the engine has found the lead's place

    def score(self, record: Record) -> list[Send]:
        """Scores an event; what is to be sent, the new state being in the store."""
        self._shard.receive((record,))
        changes = self._shard.flush()
        self._shard.settle()
        return [*changes.scores, *changes.outbox]
