"""Keeps the cache filled from the topics, and builds it anew when redis was emptied."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from connectors.observe import place_of
from connectors.serve.batch import BatchWriter
from connectors.serve.cache import Cache
from connectors.serve.config import ServeConfig
from connectors.serve.erasures import Erasures
from connectors.serve.errors import DisplacedError, LogResetError
from connectors.serve.facts import ErasureFact, Incoming, fact_of
from connectors.serve.forgetting import forget, forget_told, sweep
from connectors.serve.lead_index import order_key
from connectors.serve.metrics import CACHED, REBUILDS
from connectors.serve.position import LETTERS
from connectors.serve.scoring import GridFile, Scoring
from connectors.serve.scoring_lag import ScoringLag
from connectors.serve.topics_reader import REQUIRED, TopicsReader, partitions, reading
from scorer.blocks import BlocksError
from scorer.times import Micros, format_time
from scorer.topics import ERASURES, IN_TOPICS, SCORES

_log: Final = logging.getLogger(__name__)
_PAUSE_S: Final = 0.5
_LOOK_EVERY_S: Final = 1.0
"""How often the grid's file is looked at, and the cache while nothing happens."""
_TOPICS_EVERY_S: Final = 30.0
_SCAN: Final = 500
_FIRST: Final = 600
"""Leads of a tier whose bounds are kept tight: somewhat more than the largest page."""
_TIGHTENED: Final = 3_000
"""Bounds looked at each time, a fraction of a second's work; what is left then, is done the next time."""
_TOLD_S: Final = 3.0
"""How long the stream of facts still tells its followers which lead was erased."""
_KEPT_PART: Final = 10
"""Of the facts that the event stream keeps, a rebuild takes one in so many of a partition: there are many."""


class Feeder:
    """The one task that writes to the cache; other processes' feeders wait for it to fail."""

    def __init__(
        self,
        config: ServeConfig,
        cache: Cache,
        grid: GridFile,
        scoring: Scoring,
        adopt: Callable[[Scoring], None],
    ) -> None:
        self._config = config
        self._cache = cache
        self._grid = grid
        self._scoring = scoring
        self._adopt = adopt
        self._writer = BatchWriter(cache, config.events_kept, config.stream_kept)
        self._erasures = Erasures(config.erasure_key)
        self._erased: dict[str, float] = {}  # and until when the stream tells of it
        self._floors: dict[str, int] = {}
        self._rebuilding = False
        self._lag = ScoringLag(config.kafka, config.scoring_group)
        self._scoring_behind = False
        self._read_to: Micros | None = None
        self._decided_to: Micros | None = None
        self.trouble: str | None = "the cache has not been looked at yet"
        """What keeps the cache from being filled now."""

    async def run(self) -> None:
        """Fills the cache until cancelled."""
        while True:
            try:
                if not await self._cache.acquire():
                    await self._follow()
                    continue
                await self._feed()
            except DisplacedError as error:
                _log.warning("%s", error)
            except (RedisError, KafkaError, OSError, TimeoutError, LogResetError, BlocksError) as error:
                self._say(f"{type(error).__name__}: {error}")
                await asyncio.sleep(_PAUSE_S)
            except (
                Exception
            ) as error:  # the boundary: whatever it is must be seen, and must not end the feeding
                _log.error("the cache could not be filled: %s at %s", type(error).__name__, place_of(error))
                self._say(type(error).__name__)
                await asyncio.sleep(_PAUSE_S)

    async def close(self) -> None:
        """Lets another process take over at once."""
        await self._lag.close()
        await self._cache.release()

    def _say(self, trouble: str | None) -> None:
        if trouble != self.trouble and trouble:
            _log.warning("the cache is not being filled: %s", trouble)
        elif trouble != self.trouble:
            _log.info("the cache is being filled")
        self.trouble = trouble

    async def _follow(self) -> None:
        """Another process fills the cache: takes over its grid once everything is ranked by it."""
        self._say(None)
        changed = self._grid.changed()
        self._scoring = changed or self._scoring
        if await self._cache.redis.get(self._cache.key("ranked")) == self._scoring.digest:
            self._adopt(self._scoring)
        await asyncio.sleep(_PAUSE_S)

    async def _feed(self) -> None:
        known = await partitions(self._config.kafka, self._config.topic_prefix)
        if missing := [topic for topic in REQUIRED if topic not in known]:
            self._say(f"topics are missing: {', '.join(missing)}; `leadheat topics` creates them")
            await asyncio.sleep(_PAUSE_S)
            return
        await self._read_erasures(known)
        offsets = await self._start()
        async with reading(self._config.kafka, self._config.topic_prefix, known, offsets) as topics:
            self._say(None)
            try:
                await self._pump(topics, known)
            except LogResetError:
                await self._writer.forget()
                raise

    async def _read_erasures(self, known: dict[str, set[int]]) -> None:
        """All of the block list, before anything else is read."""
        self._erasures = Erasures(self._config.erasure_key)
        if only := {topic: parts for topic, parts in known.items() if topic == ERASURES}:
            async with reading(self._config.kafka, self._config.topic_prefix, only, {}) as topic:
                while not topic.complete:
                    for record in await topic.batch():
                        if isinstance(fact := fact_of(record), ErasureFact):
                            self._erasures.note(fact)

    async def _forget(self, records: list[Incoming]) -> None:
        """Erases whom these records say, before anything that they say is taken in."""
        for record in records:
            if record.topic == ERASURES and isinstance(fact := fact_of(record), ErasureFact):
                self._erasures.note(fact)
        gone = {
            record.key.decode(): self._erasures.erase(record.erased, record.timestamp)
            for record in records
            if record.erased and record.key
        }
        if gone:
            await forget(self._cache, self._writer.head, gone)
            until = asyncio.get_running_loop().time() + _TOLD_S
            self._erased |= dict.fromkeys(gone, until)

    async def _stop_telling(self) -> None:
        now = asyncio.get_running_loop().time()
        if told := {lead for lead, until in self._erased.items() if until < now}:
            await forget_told(self._cache, self._writer.head, told)
            for lead in told:
                del self._erased[lead]

    async def _start(self) -> dict[str, int]:
        """Where to go on; opens a new build where there is nothing to go on from."""
        self._floors = {}
        found = await self._cache.resume()
        if found is None:
            REBUILDS.inc()
            _log.info("building the cache from the topics")
            self._rebuilding = True
            self._writer.head = await self._cache.begin(self._scoring.digest)
            offsets: dict[str, int] = {}
        else:
            self._rebuilding = await self._cache.redis.get(self._cache.key("built")) is None
            self._writer.head, offsets = found
            if count := await sweep(self._cache, self._writer.head, self._erasures):
                _log.info("%d ids were erased meanwhile", count)
            await self._rank()
        self._adopt(self._scoring)
        return offsets

    async def _pump(self, topics: TopicsReader, known: dict[str, set[int]]) -> None:
        clock = asyncio.get_running_loop().time
        looked = listed = clock()
        while True:
            records = await topics.batch()
            if records or clock() - looked > _LOOK_EVERY_S:
                await self._write(topics, records)
            if self._rebuilding and topics.complete:
                await self._writer.complete()
                self._rebuilding, self._floors = False, {}
                _log.info("the cache is complete")
            if clock() - looked > _LOOK_EVERY_S:
                looked = clock()
                self._scoring_behind = await self._lag.behind(topics.ends(IN_TOPICS))
                await self._regrid()
                await self._stop_telling()
                if not self._rebuilding:
                    await self._tighten()
            if clock() - listed > _TOPICS_EVERY_S:
                listed = clock()
                if await partitions(self._config.kafka, self._config.topic_prefix) != known:
                    return

    async def _write(self, topics: TopicsReader, records: list[Incoming]) -> None:
        await self._forget(records)
        taken = [(record, self._erasures.let(record, fact_of(record))) for record in records]
        for record, fact in taken:
            CACHED.labels(record.topic, "skipped" if fact is None else "taken").inc()
            place = f"{record.topic}:{record.partition}"
            if self._rebuilding and record.topic in LETTERS:
                floor = topics.end(record.topic, record.partition) - self._config.stream_kept // _KEPT_PART
                self._floors.setdefault(place, max(floor, 0))
        if records:
            self._read_to = records[-1].timestamp
        if decided := [one.timestamp for one in records if one.topic == SCORES]:
            self._decided_to = max(*decided, self._decided_to or decided[0])
        await self._writer.write(taken, self._scoring, self._progress(topics), self._floors)

    def _progress(self, topics: TopicsReader) -> dict[str, Any]:
        counted_to = self._decided_to if self._scoring_behind else self._read_to
        return {
            "behind": self._scoring_behind or topics.behind,
            "counted_to": None if counted_to is None else format_time(counted_to),
        }

    async def _regrid(self) -> None:
        if changed := self._grid.changed():
            self._scoring = changed
            await self._rank()
            self._adopt(changed)

    async def _tighten(self) -> None:
        """Keeps the bounds of the first leads of each tier near their scores, so that readers stop early."""
        left = _TIGHTENED
        for tier in self._scoring.tiers:
            key, lowered = self._cache.key(order_key("score", self._scoring, tier)), 1
            while lowered and left > 0:
                first = await self._cache.redis.zrevrange(key, 0, _FIRST - 1)
                if not first:
                    break
                lowered = await self._writer.tighten(first, key, self._scoring, self._config.clock())
                left -= len(first)

    async def _rank(self) -> None:
        """Places every lead by the grid, unless that is done."""
        if await self._cache.redis.get(self._cache.key("ranked")) == self._scoring.digest:
            return
        _log.info(
            "ranking the leads by grid %s, version %s", self._scoring.grid.name, self._scoring.grid.version
        )
        leads: list[str] = []
        async for lead, _ in self._cache.redis.hscan_iter(self._cache.key("records"), count=_SCAN):
            leads.append(lead)
            if len(leads) >= _SCAN:
                await self._writer.rank(leads, self._scoring)
                leads.clear()
        await self._writer.rank(leads, self._scoring)
        await self._writer.ranked(self._scoring)
