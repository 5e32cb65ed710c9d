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

    def __getitem__(self, key: bytes) -> bytes:
        if self.state is None:
            raise KeyError(key)
        return self.state

    def __setitem__(self, key: bytes, state: bytes) -> None:
        self.state = state

    def __delitem__(self, key: bytes) -> None:
        self.state = None

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _OwnAside(MutableMapping[bytes, bytes]):
    """An engine's store, but for what a shard keeps beside leads: a write an event more for the engine."""

    def __init__(self, leads: MutableMapping[bytes, bytes]) -> None:
        self._leads = leads
        self._own: dict[bytes, bytes] = {}

    def _of(self, key: bytes) -> MutableMapping[bytes, bytes]:
        return self._own if key.startswith(b"\xff") else self._leads

    def __getitem__(self, key: bytes) -> bytes:
        return self._of(key)[key]

    def __setitem__(self, key: bytes, state: bytes) -> None:
        self._of(key)[key] = state

    def __delitem__(self, key: bytes) -> None:
        del self._of(key)[key]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._own
        yield from self._leads

    def __len__(self) -> int:
        return len(self._own) + len(self._leads)


class KeyedScorer:
    """A shard that is flushed after each event, since the engine has no other moment for it."""

    def __init__(self, grid: str, store: MutableMapping[bytes, bytes]) -> None:
        self._shard = Shard(
            Plan(load_grid(grid)), _OwnAside(store), 0, 1
        )  # the engine has found the lead's place

    def score(self, record: Record) -> list[Send]:
        """Scores an event; what is to be sent, the new state being in the store."""
        self._shard.receive((record,))
        changes = self._shard.flush()
        self._shard.settle()
        return [*changes.scores, *changes.outbox]
