"""Stores of states: what they hold after a crash, what they go on from, when they start over."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from scorer.lead import Lead, encode
from scorer.times import FOREVER
from streams.batching import rocks_store, rocks_table
from streams.batching.rocks_store import RocksStore, claim
from streams.batching.rocks_table import RocksTable, shared_cache
from streams.batching.scheduler import Batch
from streams.batching.sole_writer import SoleWriter
from streams.batching.store import PartitionStore
from streams.errors import StalledError, StartError, StoreError

TOPIC = TP("changelog", 0)
CACHE = shared_cache(1 << 20)


class Changelog:
    """The changelog's ends as a broker tells them."""

    def __init__(self) -> None:
        self.start, self.end = 0, 0
        self.crashes: list[Exception] = []
        self.consumer = self.tables = self.recovery = self
        self.in_recovery, self.signal_recovery_start = False, asyncio.Event()
        self.consumer_generation_id = self._generation_id = 0

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.start)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.end)

    async def crash(self, error: Exception) -> None:
        self.crashes.append(error)


Make = Callable[[], PartitionStore]


@pytest.fixture
def changelog() -> Changelog:
    return Changelog()


@pytest.fixture
def make(changelog: Changelog, tmp_path: Path) -> Iterator[Make]:
    """Makes a store on the same folder again, after the one before was closed."""
    made: list[RocksStore] = []

    def close() -> None:
        for one in made:
            one._keep(set())
        made.clear()

    def again() -> RocksStore:
        close()
        table = SimpleNamespace(name="leads", changelog_topic_name="changelog")
        made.append(RocksStore(rocks_store.URL, changelog, table, options={"folder": str(tmp_path)}))
        return made[0]

    yield again
    close()


def read(
    store: PartitionStore, first: int, *changes: tuple[bytes, bytes | None], written_s: float = 0
) -> None:
    """Has the store read records of the changelog from an offset on."""
    rows = [
        ConsumerRecord("changelog", 0, first + at, int(written_s * 1000), 0, key, value, None, 1, 1, ())
        for at, (key, value) in enumerate(changes)
    ]
    message = SimpleNamespace(value=Batch(TOPIC, rows), partition=0)
    store.apply_changelog_batch([SimpleNamespace(message=message)], None, None)


async def assigned(store: PartitionStore) -> dict[bytes, bytes]:
    """What the store goes on from when it gets the partition."""
    await store.on_rebalance({TOPIC, TP("views", 0)}, set(), {TOPIC})
    store.active = {0}
    return dict(store.partitions[0].items())


def wrote(store: PartitionStore, first: int, records: int) -> None:
    """Records of ours were appended to the changelog."""
    SoleWriter("changelog", store.ends).acknowledged(0, first, records)


def state(revision: int) -> bytes:
    return encode(Lead(), FOREVER, 0, revision)


async def test_goes_on_from_what_it_read(make: Make, changelog: Changelog) -> None:
    store = make()
    assert await assigned(store) == {}
    assert store.persisted_offset(TOPIC) == -1
    read(store, 0, (b"a", b"1"), (b"b", b"1"), (b"a", None), (b"c", b"1"))
    changelog.end = 6
    store = make()
    assert await assigned(store) == {b"b": b"1", b"c": b"1"}
    assert store.persisted_offset(TOPIC) == 3
    read(store, 3, (b"c", b"1"), (b"b", None), (b"d", b"1"))  # Faust reads the last one held again
    assert dict(store.partitions[0].items()) == {b"c": b"1", b"d": b"1"}
    assert store.persisted_offset(TOPIC) == 5


async def test_what_was_not_acknowledged_is_gone_with_the_process(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"), (b"b", b"1"))
    states = store.partitions[0]
    states[b"a"], states[b"c"] = b"2", b"2"
    wrote(store, 2, 2)
    store.persist()
    states[b"a"], states[b"d"] = b"3", b"3"  # put, and the process dies before the changelog has it
    del states[b"b"]
    assert dict(states.items()) == {b"a": b"3", b"c": b"2", b"d": b"3"}
    changelog.end = 4
    store = make()
    assert await assigned(store) == {b"a": b"2", b"b": b"1", b"c": b"2"}
    assert store.persisted_offset(TOPIC) == 3


async def test_what_was_put_and_will_not_be_written_is_discarded(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"))
    store.partitions[0][b"a"] = b"2"
    store.discard([0])
    assert dict(store.partitions[0].items()) == {b"a": b"1"}
    assert store.persisted_offset(TOPIC) == 0
    memory = PartitionStore("leadheat://memory", changelog, store.table)
    await assigned(memory)
    read(memory, 0, (b"a", b"1"))
    memory.partitions[0][b"a"] = b"2"
    memory.discard([0])
    assert (memory.partitions[0], memory.persisted_offset(TOPIC)) == ({}, -1)


async def test_starts_over_where_the_changelog_was_made_anew(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"), (b"b", b"1"))
    changelog.end = 1
    store = make()
    assert await assigned(store) == {}
    assert store.persisted_offset(TOPIC) == -1


async def test_starts_over_where_what_it_lacks_is_gone(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"), (b"b", b"1"))
    changelog.start, changelog.end = 2, 9
    assert await assigned(make()) == {b"a": b"1", b"b": b"1"}  # it lacks what begins at 2
    changelog.start = 3
    assert await assigned(make()) == {}


@pytest.mark.parametrize("hours", [13, -2])  # away for long, or with a clock that can't be believed
async def test_starts_over_where_a_deletion_may_have_gone_unread(
    make: Make, changelog: Changelog, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"))
    changelog.end = 2
    assert await assigned(make()) == {b"a": b"1"}
    now = rocks_store.time.time()
    monkeypatch.setattr(rocks_store.time, "time", lambda: now + hours * 3600)
    assert await assigned(make()) == {}


async def test_reading_the_rest_does_not_make_it_as_of_now(make: Make) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"))
    table = store.partitions[0]
    assert isinstance(table, RocksTable)
    table.as_of = long_ago = 1_000.0
    read(store, 1, (b"b", b"1"))
    assert table.as_of == long_ago  # a process killed now knows from when on deletions may be unread
    store.persist()
    assert table.as_of > long_ago


async def test_partitions_that_stay_are_not_read_again(changelog: Changelog) -> None:
    table = SimpleNamespace(name="leads", changelog_topic_name="changelog")
    store = PartitionStore("leadheat://memory", changelog, table)
    await assigned(store)
    read(store, 0, (b"a", b"1"))
    store.partitions[0][b"b"] = b"1"
    wrote(store, 1, 1)
    changelog.end = 2
    assert await assigned(store) == {b"a": b"1", b"b": b"1"}
    assert store.persisted_offset(TOPIC) == 1
    await store.on_rebalance({TP("views", 1)}, {TOPIC}, set())  # it goes to another, and comes back
    assert await assigned(store) == {}
    assert store.persisted_offset(TOPIC) == -1


async def test_reads_again_from_where_somebody_else_wrote(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"), (b"b", b"1"))
    store.partitions[0][b"a"] = b"2"
    with pytest.raises(StalledError):
        wrote(store, 3, 1)  # another deleted b at offset 2
    store.persist()  # comes before the process ends, at worst
    changelog.end = 4
    store = make()
    assert await assigned(store) == {b"a": b"2", b"b": b"1"}
    assert store.persisted_offset(TOPIC) == 1
    read(store, 1, (b"b", b"1"), (b"b", None), (b"a", b"2"))
    assert dict(store.partitions[0].items()) == {b"a": b"2"}


async def test_what_was_overtaken_is_found_again_until_it_is_written_again(
    make: Make, changelog: Changelog
) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", state(5)), (b"b", state(1)))
    read(store, 2, (b"a", state(4)), (b"b", state(2)))
    assert dict(store.partitions[0].items()) == {b"a": state(5), b"b": state(2)}
    changelog.end = 4
    store = make()  # it was killed before it wrote a again
    assert await assigned(store) == {b"a": state(5), b"b": state(2)}
    assert store.persisted_offset(TOPIC) == 1
    read(store, 1, (b"b", state(1)), (b"a", state(4)), (b"b", state(2)))
    assert store.take_overtaken() == {0: {b"a"}}
    wrote(store, 4, 1)
    store.persist()
    changelog.end = 5
    store = make()
    await assigned(store)
    assert (store.persisted_offset(TOPIC), store.take_overtaken()) == (4, {0: set()})


async def test_what_a_first_read_finds_overtaken_is_read_again_from_the_start(
    make: Make, changelog: Changelog
) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", state(5)), (b"a", state(4)), (b"b", state(1)))
    changelog.end = 3
    store = make()
    assert await assigned(store) == {b"a": state(5), b"b": state(1)}
    assert store.persisted_offset(TOPIC) == -1


async def test_a_copy_is_kept_as_far_as_it_was_read(make: Make, changelog: Changelog) -> None:
    store = make()
    await store.on_rebalance({TOPIC}, set(), {TOPIC})
    await store.on_recovery_completed(set(), {TOPIC})
    read(store, 0, (b"a", state(1)))
    read(store, 1, (b"b", state(1)))
    store.persist()  # another partition's cycle
    changelog.end = 3
    store = make()
    assert await assigned(store) == {b"a": state(1), b"b": state(1)}
    assert store.persisted_offset(TOPIC) == 1


async def test_a_copy_that_was_followed_is_up_to_date(
    make: Make, changelog: Changelog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = rocks_store.time.time()
    store = make()
    await store.on_rebalance({TOPIC}, set(), {TOPIC})
    read(store, 0, (b"a", b"1"), written_s=now)
    monkeypatch.setattr(rocks_store.time, "time", lambda: now + 13 * 3600)
    changelog.end = 1
    assert await assigned(store) == {b"a": b"1"}  # it stayed here: nothing went unread
    table = store.partitions[0]
    assert isinstance(table, RocksTable)
    table._clock = lambda: now + 13 * 3600
    read(store, 1, (b"b", b"1"), written_s=now + 12 * 3600)
    assert table.as_of == pytest.approx(now + 12 * 3600, abs=1)
    read(store, 2, (b"b", b"1"), written_s=now + 99 * 3600)  # by a clock that is wrong
    assert table.as_of == now + 13 * 3600
    changelog.end = 3
    assert await assigned(make()) == {b"a": b"1", b"b": b"1"}


async def test_a_failure_to_read_the_changelog_ends_the_worker(make: Make, changelog: Changelog) -> None:
    store = make()
    await assigned(store)
    with pytest.raises(ValueError, match="raw mode"):
        read(store, 0, (b"a", "no bytes"))  # type: ignore[arg-type]
    await store._crashing
    (error,) = changelog.crashes
    assert isinstance(error, StoreError)
    assert "no bytes" not in str(error)


async def test_a_broken_folder_is_made_anew(make: Make, changelog: Changelog, tmp_path: Path) -> None:
    store = make()
    await assigned(store)
    read(store, 0, (b"a", b"1"))
    store._keep(set())
    for manifest in (tmp_path / "changelog" / "0").glob("MANIFEST-*"):
        manifest.write_bytes(b"broken" * 100)
    changelog.end = 1
    store = make()
    assert await assigned(store) == {}
    assert store.persisted_offset(TOPIC) == -1


def test_states_of_unknown_extent_are_not_believed(make: Make, tmp_path: Path) -> None:
    table = RocksTable(tmp_path / "changelog" / "0", CACHE)
    table[b"a"] = b"1"
    table.persist(7)
    table._db.put(rocks_table._HELD_KEY, b"of a later version, which says it otherwise")
    table.close()
    store = make()
    assert dict(store._open(0).items()) == {}
    assert store.ends == {}


def test_says_as_of_when_it_was_whole(tmp_path: Path) -> None:
    now = 1_000.0
    table = RocksTable(tmp_path / "t", CACHE, lambda: now)
    table[b"a"] = b"1"
    table.persist(1, read=0.0)  # its first records
    assert table.as_of == 1_000
    now = 5_000
    table[b"a"] = b"2"
    table.persist(2, read=0.0)
    assert table.as_of == 1_000
    table.persist(2)  # the worker's first cycle
    assert table.as_of == 5_000
    now = 5_030
    table.persist(2)
    assert table.as_of == 5_000  # not every second
    now = 9_000
    table.persist(2)
    assert table.as_of == 9_000
    now = 9_500
    table[b"a"] = b"3"
    table.persist(2)  # somebody else wrote before it
    now = 20_000
    table.persist(2)
    assert table.as_of == 9_000
    table.close()
    table = RocksTable(tmp_path / "t", CACHE)
    assert (table.as_of, table.end, table[b"a"]) == (9_000, 2, b"3")
    table.close()


def test_a_table_is_a_mapping(tmp_path: Path) -> None:
    table = RocksTable(tmp_path / "t", CACHE)
    rows = {b"k%06d" % number: b"%d" % number for number in range(9_000)}  # of more than two parts
    table.update(rows)
    table.persist(9_000)
    assert dict(table.items()) == rows
    assert (len(table), list(table) == sorted(rows), table.get(b"k000007"), table.get(b"x", b"-")) == (
        9_000,
        True,
        b"7",
        b"-",
    )
    del table[b"k000007"]
    table[b"k000008"] = table[b"new"] = b"8"
    assert b"k000007" not in table
    assert table.get(b"k000007") is None
    with pytest.raises(KeyError):
        del table[b"k000007"]
    with pytest.raises(KeyError):
        table[b"k000007"]
    expected = {**rows, b"k000008": b"8", b"new": b"8"}
    del expected[b"k000007"]
    assert dict(table.items()) == expected
    table.persist(9_003)
    assert dict(table.items()) == expected
    for value in (b"1", b"2"):  # asked for just before it is written
        assert table.get(b"asked") != value
        table[b"asked"] = value
        table.persist(9_003 + int(value))
        assert table[b"asked"] == value
    table.clear()
    assert (len(table), table.end) == (0, None)
    table.close()


_KILLED = """
import os, sys
from pathlib import Path
from streams.batching.rocks_table import RocksTable, shared_cache
table = RocksTable(Path(sys.argv[1]), shared_cache(1 << 20))
for end in range(1, 501):
    table[b"count"] = table[b"k%d" % end] = b"%d" % end
    table.persist(end)
table[b"count"] = b"not acknowledged"
os.kill(os.getpid(), 9)
"""


def test_a_killed_process_leaves_states_and_offset_that_agree(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "t")], cwd=Path(__file__).parents[2])
    table = RocksTable(tmp_path / "t", CACHE)
    assert (table.end, table[b"count"], len(table)) == (500, b"500", 501)
    table.close()


_KILLED_WHILE_IT_RECOVERS = """
import os, sys
from pathlib import Path
from streams.batching.rocks_table import RocksTable, shared_cache
table = RocksTable(Path(sys.argv[1]), shared_cache(1 << 20))
for end in range(1, 30_001):
    table[b"count"] = table[b"k%d" % end] = b"%05d" % end * 100
    table.persist(end, read=None if end > int(sys.argv[2]) else 0.0)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("whole_after", [30_000, 29_000])
def test_one_killed_while_it_recovers_has_less_that_agrees(tmp_path: Path, whole_after: int) -> None:
    command = [sys.executable, "-c", _KILLED_WHILE_IT_RECOVERS, str(tmp_path / "t"), str(whole_after)]
    subprocess.run(command, cwd=Path(__file__).parents[2])
    table = RocksTable(tmp_path / "t", CACHE)
    assert table.end is not None
    assert table[b"count"] == b"%05d" % table.end * 100
    assert len(table) == table.end + 1
    assert table.end == 30_000 if whole_after < 30_000 else 0 < table.end <= 30_000
    table.close()


_CLAIMS = """
import sys
from pathlib import Path
from streams.batching.rocks_store import claim
claim(Path(sys.argv[1]))
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_one_workers_as_long_as_it_lives(tmp_path: Path) -> None:
    folder = tmp_path / "states"
    other = subprocess.Popen(
        [sys.executable, "-c", _CLAIMS, str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"claimed\n"
    with pytest.raises(StartError, match="a folder of its own"):
        claim(folder)
    other.kill()
    other.communicate()
    os.close(claim(folder))
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="can't be used"):
        claim(tmp_path / "file")
