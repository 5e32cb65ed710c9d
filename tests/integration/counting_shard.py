"""A tiny deterministic shard: counts each lead's events and hands every tenth over and out.

Its rules are few enough to compute by hand what must come out of the delivery path, crash or no crash.
"""

import json
import time
from collections.abc import Iterable, MutableMapping

from scorer.cycle import KEY, Markers
from scorer.messages import Changes, DeadLetter, Record, Send
from scorer.plan import Plan
from scorer.topics import ALERTS, HANDOVER, SCORES

ALERT_EVERY = 10
NOW = time.time_ns() // 1_000  # Kafka deletes what is stamped too long ago


class CountingShard:
    """The state of a lead: events counted, hand-overs counted, offsets absorbed by topic, an outbox."""

    def __init__(
        self,
        plan: Plan,
        store: MutableMapping[bytes, bytes],
        partition: int,
        partitions: int,
        remembered_ids: int = 64,
        forget_after: int | None = None,
    ) -> None:
        self._store = store
        self._markers = Markers(store)
        self._changes = Changes()
        self._touched: dict[bytes, dict] = {}
        self._unsettled: list[bytes] = []

    full = False

    @property
    def leads(self) -> int:
        return len(self._store)

    def recover(self, again: Iterable[bytes] = (), generation: int = 0) -> Changes:
        for key in self._store:
            if key.startswith(KEY):
                self._markers.found(key)
        for key in self._markers.leads():
            if key in self._store:
                self._changes.scores.append(self._score(key, json.loads(self._store[key])))
        for key, value in self._store.items():
            if not key.startswith(KEY) and (state := json.loads(value))["outbox"]:
                self._touched[key] = state
        return self.flush()

    def receive(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.value is None or record.key is None:
                self._changes.dead.append(DeadLetter(record, "EventError", "no value"))
                continue
            state = self._state(record.key)
            if record.offset <= state["absorbed"].get(record.topic, -1):
                continue
            state["absorbed"][record.topic] = record.offset
            if record.topic == HANDOVER:
                name = record.value.decode()  # one sent again after a crash has the same name
                state["handed"] = sorted({*state["handed"], name})
            else:
                state["events"] += 1
                if state["events"] % ALERT_EVERY == 0:
                    name = f"{record.key.decode()}-{state['events']}"
                    state["outbox"] += [[ALERTS, name], [HANDOVER, name]]
            self._count(record.topic, "scored")

    def advance(self, now: int) -> None:
        """Nothing here changes by time alone."""

    def next_wake(self) -> int | None:
        return None

    def forget(self, committed: dict[str, int]) -> None:
        """Every lead is kept."""

    def regrid(self, plan: Plan) -> Changes:
        return self.flush()

    def flush(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        states: list[tuple[bytes, bytes | None]] = []
        for key, state in self._touched.items():
            self._store[key] = json.dumps(state).encode()
            changes.scores.append(self._score(key, state))
            states.append((key, self._store[key]))
            changes.outbox += [Send(topic, key, name.encode(), NOW) for topic, name in state["outbox"]]
            if state["outbox"]:
                self._unsettled.append(key)
        marker, emptied = self._markers.mark(changes.scores, 0)
        changes.states += [*marker, *states, *emptied]
        return changes

    def settle(self) -> list[tuple[bytes, bytes]]:
        settled = []
        for key in self._unsettled:
            state = self._touched[key] | {"outbox": []}
            self._store[key] = json.dumps(state).encode()
            settled.append((key, self._store[key]))
        self._unsettled = []
        self._touched = {}
        return settled

    def _score(self, key: bytes, state: dict) -> Send:
        return Send(SCORES, key, b"%d" % state["events"], NOW)

    def _state(self, key: bytes) -> dict:
        state = self._touched.get(key)
        if state is None:
            stored = self._store.get(key)
            fresh = {"events": 0, "handed": [], "absorbed": {}, "outbox": []}
            state = self._touched[key] = json.loads(stored) if stored else fresh
        return state

    def _count(self, topic: str, result: str) -> None:
        self._changes.counts[topic, result] = self._changes.counts.get((topic, result), 0) + 1
