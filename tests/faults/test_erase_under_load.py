"""Twenty people erased under load, a worker killed in the middle, all rebuilt: nothing of them is found."""

import asyncio
import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.cluster import Cluster
from scorer.files import score_lines
from scorer.grid import load_grid
from scorer.plan import Plan
from scorer.reading import Reader
from scorer.times import SECOND, Micros, format_time
from scorer.topics import PROFILES, SCORES, full_name, topic_of
from streams import topics
from tests.faults.erased import Commands, clean_up_at_once, eventually, grow_old, kill, on_disk
from tests.faults.test_scores_survive import scores
from tests.serve_live import running_store
from tests.streaming import GRID, Rig, TopicReader, producer_to

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

PEOPLE = 60
ERASED = 20
EVERY_S = 0.004


@dataclass
class Load:
    """Events of everybody, a few milliseconds apart, and what of it others were told of."""

    rig: Rig
    producer: Any
    told: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0
    of_the_erased: bool = True
    stopped: bool = False
    pick: random.Random = field(default_factory=lambda: random.Random(7))

    async def run(self) -> None:
        """Until `stopped`."""
        while not self.stopped:
            person = (
                self.pick.randrange(PEOPLE) if self.of_the_erased else self.pick.randrange(ERASED, PEOPLE)
            )
            await self.send(self._event(person))
            if self.number % 50 == 0:  # Kafka begins another file only where something is written
                await self.send(
                    {"type": "identify", "lead_id": f"u-person{PEOPLE - 1}", "traits": {"city": "Lyon"}}
                )
                await self._broken(b"form-%d" % self.number, b"{broken")
            await asyncio.sleep(EVERY_S)

    async def _broken(self, key: bytes, value: bytes) -> None:
        await self.producer.send(full_name(self.rig.prefix, PROFILES), value, key=key)

    def _event(self, person: int) -> dict[str, Any]:
        kind = self.pick.choice(["page_view", "page_view", "page_time", "email_open", "download"])
        known = self.pick.random() < 0.5
        who = {"lead_id": f"u-person{person:02}"} if known else {"anonymous_id": f"a-person{person:02}"}
        url = self.pick.choice(["https://acme.example/tarifs", "https://acme.example/blog"])
        return {"type": kind, **who, "properties": {"url": url, "duration_s": 30}}

    async def send(self, event: dict[str, Any]) -> None:
        """One event, happening now."""
        self.number += 1
        now = time.time_ns() // 1_000_000
        told = {"id": f"e-{self.number}", "time": format_time(now * 1_000), **event}
        key = (event.get("lead_id") or event["anonymous_id"]).encode()
        topic = full_name(self.rig.prefix, topic_of(event["type"]))
        self.told.append(told)
        await self.producer.send(topic, json.dumps(told).encode(), key=key, timestamp_ms=now)

    async def meet(self) -> None:
        """All are known by a former id, seen by a browser, become who they are, and send what is broken."""
        for person in range(PEOPLE):
            name = f"person{person:02}"
            traits = {"email": f"{name}@acme.example", "title": "CEO", "phone": f"+33 6 {name}"}
            await self.send({"type": "page_view", "lead_id": f"v-{name}"})
            await self.send({"type": "download", "anonymous_id": f"a-{name}"})
            await self.send(
                {"type": "identify", "lead_id": f"u-{name}", "anonymous_id": f"a-{name}", "traits": traits}
            )
            await self.send(
                {"type": "alias", "lead_id": f"u-{name}", "properties": {"previous_id": f"v-{name}"}}
            )
            broken = f'{{"lead": "u-{name}", "email": "{name}@acme.example"'.encode()
            await self._broken(f"u-{name}".encode(), broken)
            await self._broken(b"a-form", broken)


async def test_nothing_is_found_of_who_was_erased(quick_kafka: Cluster, tmp_path: Path) -> None:
    rig = Rig(quick_kafka.bootstrap, session_s=6.0, folder=tmp_path)
    await rig.make_topics()
    await clean_up_at_once(rig)
    store_folder = tmp_path / "store"
    store_folder.mkdir()
    every = topics.required(rig.prefix)
    gone = [f"u-person{person:02}" for person in range(ERASED)]
    names = [f"person{person:02}".encode() for person in range(ERASED)]
    with ExitStack() as ends:
        store = ends.enter_context(running_store(store_folder))
        leadheat = Commands(rig, store)
        worker_log, serve_log = tmp_path / "worker.txt", tmp_path / "serve.txt"
        worker = leadheat.process(worker_log, "worker", LEADHEAT_SESSION_TIMEOUT_S="6")
        ends.callback(lambda: kill(worker))
        serve = leadheat.process(serve_log, "serve")
        ends.callback(kill, serve)
        async with producer_to(rig.bootstrap) as producer:
            load = Load(rig, producer)
            await load.meet()
            running = asyncio.create_task(load.run())
            async with rig.read(SCORES) as read:
                await read.read_until(
                    lambda now: scores(now).keys() >= {f"u-person{n:02}" for n in range(PEOPLE)}
                )

            erasing = asyncio.create_task(leadheat.run("erase", *gone, "--raw", "now", "--yes"))
            await asyncio.sleep(random.Random(1).uniform(1, 3))
            kill(worker)
            worker = leadheat.process(worker_log, "worker", LEADHEAT_SESSION_TIMEOUT_S="6")
            status, receipt, said = await erasing
            assert receipt, said
            assert (status, receipt["complete"]) == (0, True), (receipt["places"], said)
            assert receipt["ids"] == 3 * ERASED
            (tmp_path / "receipt.json").write_text(json.dumps(receipt))
            await asyncio.sleep(2)  # what still comes of them is refused, and lies in the topics of events
            load.of_the_erased = False
            await asyncio.sleep(1)
            known = [f"{kind}-{name.decode()}" for name in names for kind in ("u", "v", "a")]
            status, again, said = await leadheat.run("erase", *known, "--raw", "now", "--yes")
            assert status == 0, (again, said)

            kill(worker)  # table and cache are built anew
            worker = leadheat.process(worker_log, "worker", LEADHEAT_SESSION_TIMEOUT_S="6")
            store.client().flushall()

            async def in_compacted() -> list[str]:
                return on_disk(quick_kafka, names, [one.name for one in every if one.policy == "compact"])

            async def found() -> Any:
                files = on_disk(quick_kafka, names, [one.name for one in every])
                if files:
                    return files
                logs = ["--log", str(worker_log), "--log", str(serve_log)]
                status, searched, said = await leadheat.run(
                    "erase", "--verify", str(tmp_path / "receipt.json"), *logs
                )
                return status and (searched, said)

            await eventually(in_compacted, worker_log)  # while they are written to
            load.stopped = True
            await running
            await producer.flush()

            others = [told for told in load.told if not any(name.decode() in str(told) for name in names)]
            at = Micros(time.time_ns() // 1_000 + 3_600 * SECOND)
            lines = [("log", number, json.dumps(told).encode()) for number, told in enumerate(others, 1)]
            plan = Plan(load_grid(GRID))
            expected = {one["lead_id"]: one["score"] for one in score_lines(lines, plan, at)}
            reader = Reader(plan)

            def right(read: TopicReader) -> bool:
                seen = {lead: reader.at(record, at)["score"] for lead, record in scores(read).items()}
                return seen.keys() == expected.keys() and all(
                    seen[lead] == pytest.approx(score, abs=1e-6) for lead, score in expected.items()
                )

            async with rig.read(SCORES) as read:
                await read.read_until(right, within_s=60)
            await grow_old(rig)  # no worker waits for any of it
            await eventually(found, worker_log)
        assert [name for name in names if name in worker_log.read_bytes() + serve_log.read_bytes()] == []
