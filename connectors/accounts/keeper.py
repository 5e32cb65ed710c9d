"""Keeps accounts: reads leads' scores, writes rows of `leadheat.accounts`, tells alerts, until told to stop.

The accounts' partitions are shared out among keepers by a consumer group; a keeper's books follow from the
rows of its partitions and from all the score records. A row is written before its alerts are told, and
written again without them afterwards: an alert is told at least once, under one id.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from connectors.accounts.config import AccountsConfig
from connectors.accounts.metrics import ALERTS as TOLD
from connectors.accounts.metrics import RECORDS, ROWS
from connectors.accounts.scores import Scores
from connectors.durable.errors import NotOursError
from connectors.durable.table import Table
from connectors.hang_up import hang_up
from connectors.role import metrics_on, rest, until_told
from connectors.watched_file import WatchedFile
from scorer.account_book import Book
from scorer.account_member import MemberError, MemberReader
from scorer.brokers import connection
from scorer.erasure import ERASED
from scorer.grid import load_grid
from scorer.partitioner import partition_of
from scorer.plan import Plan
from scorer.roll_up import Member
from scorer.silence import is_silent, silent_until
from scorer.times import DAY, SECOND, Micros, parse_time
from scorer.topics import ACCOUNTS, ALERTS, SCORES, full_name

_LOOK_AGAIN_S: Final = 1.0
_STOP_WITHIN_S: Final = 5.0
_METADATA_MS: Final = 5_000
"""How old may be what we know of partitions: a broker that has just come back may tell of none."""
_LATE: Final = SECOND // 4
"""How far time is held back: records on their way were stamped before now."""
_DUE_AT_ONCE: Final = 2_000
_NEWS: Final = DAY
"""What happened longer ago is told to nobody: an outage that nobody mended."""
_KNOWN: Final = 100_000

_log: Final = logging.getLogger(__name__)


async def run(config: AccountsConfig) -> None:
    """Keeps accounts until SIGTERM or SIGINT; GridError where the grid is wrong."""
    await until_told(lambda stop: keep(config, stop))


async def keep(config: AccountsConfig, stop: asyncio.Event) -> None:
    """Keeps accounts until `stop` is set. What it raises is for the process to end with."""
    keeper = Keeper(config, WatchedFile(config.grid, lambda path: Plan(load_grid(path))))
    with metrics_on(config.metrics_port):
        if await _answered(config, stop):
            await keeper.run(stop)


async def _answered(config: AccountsConfig, stop: asyncio.Event) -> bool:
    """True once the topics are there, False where the stop comes first."""
    told = ""
    wanted = [full_name(config.topic_prefix, topic) for topic in (ACCOUNTS, ALERTS, SCORES)]
    while not stop.is_set():
        client = AIOKafkaConsumer(**connection(config.kafka), client_id="leadheat-accounts")
        try:
            await client.start()
            there = await client.topics()
            lacking = ", ".join(topic for topic in wanted if topic not in there)
            if not lacking:
                return True
            lacking = f"topics are missing: {lacking}; `leadheat topics` creates them"
        except KafkaError as error:
            lacking = f"no broker answers yet: {type(error).__name__}"
        finally:
            await hang_up(client.stop(), _STOP_WITHIN_S)
        if lacking != told:
            _log.warning("%s", lacking)
            told = lacking
        await rest(stop, _LOOK_AGAIN_S)
    return False


class Keeper:
    """One member of the group of keepers."""

    def __init__(self, config: AccountsConfig, grid: WatchedFile[Plan]) -> None:
        prefix, session_ms = config.topic_prefix, int(config.session_timeout_s * 1_000)
        self._config = config
        self._grid = grid
        self._plan = grid.read()
        self._looked = time.monotonic()
        self._reader = MemberReader(self._plan)
        self._topic = full_name(prefix, ACCOUNTS)
        self._alerts = full_name(prefix, ALERTS)
        self._table = Table(config.kafka, self._topic, "leadheat-accounts", config.clock)
        self._scores = Scores(config.kafka, full_name(prefix, SCORES))
        self._producer: Any = None
        self._books: dict[int, Book] = {}
        self._loaded = False
        self._shared = False
        """Whether partitions were shared out since the books were opened."""
        self._mine: set[int] = set()
        self._partitions = 0
        self._partition_of: dict[str, int] = {}
        # It only shares the partitions out: nothing is read of them by it.
        self._group = AIOKafkaConsumer(
            **connection(config.kafka),
            client_id="leadheat-accounts",
            group_id=f"{prefix}-accounts",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            metadata_max_age_ms=_METADATA_MS,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        self._producer = AIOKafkaProducer(
            **connection(self._config.kafka), client_id="leadheat-accounts", acks="all", linger_ms=0
        )
        self._group.subscribe([self._topic], listener=_Sharing(self))
        try:
            await self._table.start()
            await self._producer.start()
            await self._scores.start()
            await self._group.start()
            while not stop.is_set():
                try:
                    await self._cycle()
                except NotOursError as error:
                    _log.info("%s", error)
                    self._shared = True
        finally:
            for ending in (self._group.stop(), self._scores.stop(), self._producer.stop()):
                await hang_up(ending, _STOP_WITHIN_S)
            await self._table.stop()

    def gain(self, places: Iterable[TopicPartition]) -> None:
        """These partitions are ours from now on."""
        places = list(places)
        self._mine = {place.partition for place in places}
        self._group.pause(*places)
        self._shared = True

    def lose(self, places: Iterable[TopicPartition]) -> None:
        """These are somebody else's, or may be."""
        numbers = {place.partition for place in places}
        self._mine -= numbers
        self._table.disown(numbers)
        self._shared = True

    async def _cycle(self) -> None:
        await self._group.getmany(timeout_ms=0)  # or the group would think that we stand still
        if self._regridded() or self._shared:
            self._shared = False
            await self._open()
        if not self._books:
            await asyncio.sleep(_LOOK_AGAIN_S / 10)
            return
        for record in await self._scores.read():
            self._take(record)
        if not self._loaded and self._scores.complete:
            self._loaded = True
            for book in self._books.values():
                book.loaded(self._scores.reached)
            _log.info("%d leads are in accounts here", sum(book.leads for book in self._books.values()))
        if self._loaded:
            await self._decide()

    def _regridded(self) -> bool:
        if (now := time.monotonic()) - self._looked < _LOOK_AGAIN_S:
            return False
        self._looked = now
        changed = self._grid.changed()
        if changed is None:
            return False
        self._plan = changed
        self._reader = MemberReader(changed)
        self._books.clear()
        return True

    async def _open(self) -> None:
        """Opens the books of the partitions that are ours now; all anew, unless none but theirs were open."""
        mine = set(self._mine)
        for partition in sorted(mine - self._table.partitions):
            await self._table.own(partition)
        if mine != self._mine:
            return  # shared out once more meanwhile
        rows = {partition: self._table.rows(partition) for partition in mine}
        if rows and all(one in self._books and self._books[one].rows is rows[one] for one in rows):
            self._books = {one: self._books[one] for one in rows}
            return
        self._partitions = len(self._group.partitions_for_topic(self._topic) or ())
        self._books = {one: Book(self._plan, rows[one]) for one in sorted(rows)}
        self._loaded = False
        if self._books:
            starts = [book.start for book in self._books.values()]
            floor = {part: min(start.get(part, 0) for start in starts) for start in starts for part in start}
            await self._scores.begin(floor)

    def _take(self, record: Any) -> None:
        if record.key is None:
            return
        lead = record.key.decode(errors="replace")
        place, moment = (record.partition, record.offset), record.timestamp * 1_000
        silent = silent_until(record.headers) if is_silent(record.headers) else None
        found: tuple[str, Member] | None = None
        partition = -1
        if record.value is not None:
            try:
                read = self._reader.read(lead, record.value)
            except MemberError as error:
                RECORDS.labels("broken").inc()
                _log.warning("scores/%d/%d is no score record: %s", *place, type(error).__name__)
                return
            if read is not None:
                found, moment = read[:2], max(moment, read[2])
                partition = self._home(read[0])
        taken = False
        for number, book in self._books.items():
            if number == partition or book.holds(lead):
                mine = found if number == partition else None
                book.take(place, lead, mine, moment, erased=_erased(record), silent_until=silent)
                taken = True
        RECORDS.labels("taken" if taken else "elsewhere").inc()

    def _home(self, account: str) -> int:
        """The partition of an account."""
        found = self._partition_of.get(account)
        if found is None:
            if len(self._partition_of) >= _KNOWN:
                self._partition_of.clear()
            found = self._partition_of[account] = partition_of(account.encode(), self._partitions)
        return found

    async def _decide(self) -> None:
        """Lets time pass where nothing is left to be read, writes what was decided, then tells it."""
        now = self._config.clock()
        for partition, book in self._books.items():
            book.silent_before = now - _NEWS
            if self._scores.caught_up:
                book.advance(Micros(now - _LATE), _DUE_AT_ONCE)
            if changes := book.changes(self._scores.reached):
                await self._table.put(partition, changes)
                ROWS.inc(len(changes) - 1)
                book.written()
            if untold := book.untold():
                await self._tell([alert for alerts in untold.values() for alert in alerts])
                await self._table.put(partition, book.told(untold))

    async def _tell(self, alerts: list[dict[str, Any]]) -> None:
        sent = [
            await self._producer.send(
                self._alerts,
                msgspec.json.encode(alert),
                key=alert["lead_id"].encode(),
                timestamp_ms=parse_time(alert["at"]) // 1_000,
            )
            for alert in alerts
        ]
        await asyncio.gather(*sent)
        for alert in alerts:
            TOLD.labels(alert["play"]).inc()


def _erased(record: Any) -> bool:
    return any(name == ERASED for name, _ in record.headers)


class _Sharing(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._keeper.lose(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._keeper.gain(assigned)
