"""The fault bench: real workers on a real Kafka, a population with a ledger, faults, and a checker.

A scenario is one test. It opens a bench, starts workers, lets the population send, does harm meanwhile, and
asks for the verdict, which fails the test with the whole ledger where anything is lost, doubled or wrong:

    async def test_f1_kill_loop(fault_kafka: Cluster, tmp_path: Path) -> None:
        async with Bench("F1 kill loop", fault_kafka, tmp_path) as bench:
            bench.crew.scale(2)
            await bench.ready()
            async with bench.sending():  # the population sends while the block runs, and to its end
                async for turn in bench.harm(every=(3.0, 6.0)):  # until all is sent, by the seed
                    bench.crew.kill(bench.pick.choice(bench.crew.running))
            await bench.verdict()

- `bench.crew`: the workers (`scale`, `kill`, `freeze`, `thaw`, `running`); one that ends is started anew.
- `bench.pick`: the seeded source of every choice. `bench.note(text)`: a line, with the time, in the verdict.
- `bench.kafka`: the cluster (`kill`, `pause`, `restart`, `leader`); give a door's number as `doors=` and put
  `proxy_before(kafka, door)` in front of it to cut or slow the network of the workers.
- `bench.gauge`: what is committed and how much waits. `bench.gateway`: with `by_gateway=True`, an HTTP
  gateway that the steady leads' events come through (its statuses: `bench.sender.ledger.statuses`).
- `bench.topics.read("scores")`: whole topics, for checks of the scenario's own before or after `verdict`.

Sizes and seeds: `tests/faults/sizes.py`. What is sent, and why its alerts are determined: `population.py`.
What must come of it: `model.py`, by `tests/oracle`. What is compared: `checker.py`.
"""

import asyncio
import contextlib
import json
import random
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from deploy.kafka.cluster import Cluster
from scorer.times import Micros
from scorer.topics import HANDOVER, IN_TOPICS
from streams import topics
from tests.faults.checker import Found, Written, check
from tests.faults.crew import Crew
from tests.faults.histories import history
from tests.faults.logs import Gauge, Standstill, Topics, Transcript
from tests.faults.model import GRID, Expected, expect
from tests.faults.population import DAY_MS, populate
from tests.faults.sender import Sender
from tests.faults.sizes import Size, seed, size
from tests.faults.verdict import Verdict
from tests.gateway_live import KEY, Live, live_gateway

GATEWAY_ANSWERS_WITHIN_S: Final = 4.0
"""Whatever Kafka does."""

_GIVES_UP_AFTER_MS: Final = 120_000
"""The producer: later than any cluster is away for; what is given up leaves a gap that no more can pass."""

_LOOK_EVERY_S: Final = 0.5
_START_DAYS_AGO: Final = 3  # so that no record is stamped with a time to come, which Kafka refuses


class Bench:
    """One scenario: its topics, workers, population and what was done."""

    def __init__(
        self,
        scenario: str,
        kafka: Cluster,
        folder: Path,
        *,
        partitions: int = 6,
        session_s: float = 4.0,
        doors: Mapping[str, int] | int | None = None,
        by_gateway: bool = False,
        worker: dict[str, Any] | None = None,
        options: tuple[str, ...] = (),
        size_of: Size | None = None,
    ) -> None:
        """`doors`: the listener that all workers use, or those named; `worker`: fields of WorkerConfig over
        the bench's; `options`: of `worker_main`."""
        self.scenario = scenario
        self.kafka = kafka
        self.size = size_of or size()
        self.seed = seed()
        self.pick = random.Random(f"{self.seed} {scenario}")
        self.topics = Topics(kafka.bootstrap, f"f-{secrets.token_hex(4)}", partitions)
        start_ms = int(time.time() * 1_000) // DAY_MS * DAY_MS - _START_DAYS_AGO * DAY_MS
        self.population = populate(self.seed, self.size, partitions, start_ms, by_gateway)
        self._folder = folder
        self._clock = folder / "clock"
        self._set_clock(start_ms)
        self._doors = doors
        self._fields = {
            "topic_prefix": self.topics.prefix,
            "grid": str(GRID),
            "partitions": partitions,
            "session_timeout_s": session_s,
            "start_within_s": 60.0,
        }
        self._fields |= worker or {}
        self._options = options
        self._by_gateway = by_gateway
        self._stack = AsyncExitStack()
        self._began = time.monotonic()
        self._actions: list[str] = []
        self.standstill = Standstill()
        self.expected: Expected | None = None
        """What must have come of it, once there is a verdict."""
        self.also_dead: set[str] = set()
        """Dead letters of the scenario's own, besides what is no event, by topic, partition and offset."""
        self.crew = Crew(self._command, folder, self.note)

    async def __aenter__(self) -> "Bench":
        enter = self._stack.enter_async_context
        try:
            await topics.ensure(
                self.kafka.bootstrap, self.topics.prefix, self.topics.partitions, self.kafka.replicas
            )
            self.gauge = await enter(Gauge(self.topics))
            # Idempotent: a batch that it sent twice could hold more events of a busy lead than ids are
            # remembered, and whether those count twice is open. Copies are the population's, and known.
            producer = AIOKafkaProducer(
                bootstrap_servers=self.kafka.bootstrap,
                enable_idempotence=True,
                linger_ms=20,
                request_timeout_ms=_GIVES_UP_AFTER_MS,
            )
            await enter(producer)
            self.gateway: Live | None = None
            if self._by_gateway:
                self.gateway = await enter(
                    live_gateway(
                        self.kafka.bootstrap,
                        topics=False,
                        topic_prefix=self.topics.prefix,
                        delivery_timeout_s=GATEWAY_ANSWERS_WITHIN_S,
                    )
                )
            self.sender = Sender(
                self.population,
                self.topics.prefix,
                self.size.seconds,
                producer,
                self._post if self.gateway else None,
                self._set_gateways_time,
            )
            await enter(self.crew)
            await enter(self._watching())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def note(self, text: str) -> None:
        """Takes down what was done, and when."""
        self._actions.append(f"{time.monotonic() - self._began:7.2f} s  {text}")

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The population sends while the block runs; at its end all is sent, and each record's fate known."""
        self._sending = asyncio.create_task(self.sender.run())
        try:
            yield
            await self._sending
            self.note("all is sent")
        finally:
            self._sending.cancel()

    async def harm(self, every: tuple[float, float]) -> AsyncIterator[int]:
        """A turn now and then, by the seed, for as long as the population sends."""
        turn = 0
        while self.is_sending:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._sending), self.pick.uniform(*every))
                return
            yield turn
            turn += 1

    def send_no_more(self) -> None:
        """For scenarios whose harm takes as long as it takes: the population ends with it."""
        self.sender.stop()

    @property
    def is_sending(self) -> bool:
        """Whether the population has more to send."""
        return not self._sending.done()

    async def next_commit(self, within_s: float) -> bool:
        """Returns right after the group has committed something, as the broker tells it, or in vain."""
        deadline = time.monotonic() + within_s
        before = await self._committed()
        while (now := await self._committed()) == before:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.005)
        return bool(now)

    async def _committed(self) -> dict[TopicPartition, int] | None:
        try:
            return await self.gauge.committed()
        except KafkaError:  # the group has no coordinator just now
            return None

    async def ready(self, within_s: float = 90.0) -> None:
        """Returns once all workers have partitions: what is sent from now on is sent under load."""
        deadline = time.monotonic() + within_s
        while idle := [worker for worker in self.crew.running if not worker.said("scoring partitions")]:
            assert time.monotonic() < deadline, "\n".join(worker.last_said for worker in idle)
            await asyncio.sleep(0.1)

    async def caught_up(self) -> None:
        """Returns once nothing waits any more, for two looks in a row."""
        calm = 0
        async with asyncio.timeout(self.size.heal_within_s):
            while calm < 2:
                with contextlib.suppress(KafkaError, TimeoutError):
                    calm = 0 if any((await self.gauge.lags()).values()) else calm + 1
                await asyncio.sleep(_LOOK_EVERY_S)

    async def verdict(self) -> Verdict:
        """Heals, lets time pass to the end, compares all; AssertionError where something is not right."""
        healing = time.monotonic()
        try:
            await self.caught_up()
        except TimeoutError:
            self.note(f"not caught up with: {await self.gauge.lags()}")
        heal_s = time.monotonic() - healing
        raw = await self.topics.read(*IN_TOPICS)
        self.expected = expected = await asyncio.to_thread(expect, raw, self.population)
        self._set_clock(self.population.end)
        self.note("the clock jumps to the end")
        verdict = await self._compared(expected, len(raw), heal_s)
        print(f"\n{verdict}")
        verdict.require_right()
        return verdict

    async def _compared(self, expected: Expected, records: int, heal_s: float) -> Verdict:
        """Compares until all is right, stops the workers, and compares again: nothing more may come."""
        async with Transcript(self.topics, "scores", "changelog", "alerts", "failed") as transcript:
            deadline = time.monotonic() + self.size.heal_within_s
            found = await self._check(expected, transcript)
            while found.wrong and time.monotonic() < deadline:
                await asyncio.sleep(_LOOK_EVERY_S)
                known = len(transcript.records)
                await transcript.catch_up()
                if len(transcript.records) > known:
                    found = await self._check(expected, transcript)
            statuses = await self.crew.stop()
            self.note(f"workers stopped: {statuses}")
            found = await self._check(expected, transcript)
            if found.wrong:
                await self._keep_evidence(found, transcript)
        ledger = self.sender.ledger
        told = {
            "records sent": self.sender.sent,
            "events acknowledged": len(ledger.of("ok")),
            "events unknown": len(ledger.of("unknown")),
            "events refused": len(ledger.of("fail")),
            "records on the topics": records,
            "copies among them": expected.copies,
            "leads": len(expected.scores),
            "alerts": len(expected.alerts),
            "dead letters": len(expected.poison),
        }
        return Verdict(
            self.scenario,
            self.size.name,
            self.seed,
            told | {f"gateway answered {status}": n for status, n in sorted(ledger.statuses.items())},
            found,
            self._actions,
            heal_s,
            f"{self.standstill.longest_s:.1f} s (partition {self.standstill.partition})",
            self.crew.peak_mib,
            self.crew.own_ends,
        )

    async def _check(self, expected: Expected, transcript: Transcript) -> Found:
        await transcript.catch_up()
        topics = {name: self.topics.full(name) for name in ("scores", "changelog", "alerts", "failed")}
        written = Written(*(transcript.of(topics[name]) for name in topics))
        acknowledged = self.sender.ledger.of("ok")
        found = await asyncio.to_thread(check, expected, written, acknowledged, self.population.chatty)
        found.letters_extra = [one for one in found.letters_extra if one not in self.also_dead]
        return found

    async def _keep_evidence(self, found: Found, transcript: Transcript) -> None:
        """Writes down how the states of leads that are not right came about."""
        leads = {line.partition(":")[0] for line in (*found.states_wrong, *found.scores_wrong)}
        sources = await self.topics.read(*IN_TOPICS, HANDOVER)
        states = transcript.of(self.topics.full("changelog"))
        file = self._folder / "histories.txt"
        file.write_text("\n".join(line for lead in sorted(leads) for line in history(lead, sources, states)))
        self.note(f"how wrong states came about: {file}")

    def _command(self, name: str) -> list[str]:
        door = self._doors if isinstance(self._doors, int | None) else self._doors.get(name)
        fields = self._fields | {"kafka": self.kafka.bootstrap if door is None else self.kafka.through(door)}
        command = [sys.executable, "-m", "tests.faults.worker_main", json.dumps(fields), str(self._clock)]
        return [*command, *self._options]

    def _set_clock(self, ms: int) -> None:
        partial = self._clock.with_suffix(".new")
        partial.write_text(str(ms * 1_000))
        partial.rename(self._clock)  # a worker reads the old or the new, never half

    def _set_gateways_time(self, ms: int) -> None:
        if self.gateway is not None:
            self.gateway.clock.now = Micros(ms * 1_000)

    async def _post(self, events: list[bytes]) -> int:
        assert self.gateway is not None
        answer = await self.gateway.client.post(
            "/v1/events",
            content=b"[" + b",".join(events) + b"]",
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
            timeout=10.0,
        )
        return answer.status_code

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Looks for partitions that stand still, from outside, as long as the bench is open."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            with contextlib.suppress(KafkaError, OSError):  # the cluster is away: so is the answer
                self.standstill.look(await self.gauge.committed(), await self.gauge.lags())
