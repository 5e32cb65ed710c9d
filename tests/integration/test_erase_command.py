"""`leadheat erase` and `export` beside a running worker, on the embedded broker and on a real Kafka."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scorer.times import format_time
from scorer.topics import FAILED, PROFILES, SCORES, full_name, topic_of
from tests.environment import with_settings
from tests.faults.test_scores_survive import scores
from tests.streaming import Rig, producer_to

pytestmark = pytest.mark.slow


async def leadheat(rig: Rig, *arguments: str, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Runs a command: status, what it printed, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.cli",
        *arguments,
        env=with_settings({"LEADHEAT_KAFKA": rig.bootstrap, "LEADHEAT_TOPIC_PREFIX": rig.prefix, **settings}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    return process.returncode or 0, json.loads(out or b"{}"), said.decode()


async def send(rig: Rig, producer: Any, *events: dict[str, Any]) -> None:
    for event in events:
        now = time.time_ns() // 1_000_000
        told = {"time": format_time(now * 1_000), **event}
        key = (event.get("lead_id") or event["anonymous_id"]).encode()
        topic = full_name(rig.prefix, topic_of(event["type"]))
        await producer.send_and_wait(topic, json.dumps(told).encode(), key=key, timestamp_ms=now)


STORY: list[dict[str, Any]] = [
    {"id": "1", "type": "page_view", "anonymous_id": "a-1", "properties": {"url": "https://x.example/tarifs"}},
    {"id": "2", "type": "identify", "lead_id": "u-1", "anonymous_id": "a-1",
     "traits": {"email": "anne@acme.example", "title": "CEO"}},
    {"id": "3", "type": "demo_requested", "lead_id": "u-1"},
    {"id": "4", "type": "identify", "lead_id": "u-2", "anonymous_id": "shared", "traits": {"title": "CEO"}},
    {"id": "5", "type": "page_view", "anonymous_id": "shared"},
    {"id": "6", "type": "identify", "lead_id": "u-1", "anonymous_id": "shared"},
]  # fmt: skip


async def test_export_then_erase_then_nothing(rig: Rig, tmp_path: Path) -> None:
    await rig.make_topics()
    worker = rig.worker("--score")
    worker.start()
    try:
        async with (
            producer_to(rig.bootstrap) as producer,
            rig.read(SCORES) as read,
            rig.read(FAILED) as failed,
        ):
            await send(rig, producer, *STORY)
            broken = b'{"email": "anne@acme.example"'
            await producer.send_and_wait(full_name(rig.prefix, PROFILES), broken, key=b"form")
            await failed.read_until(lambda now: len(now.records) == 1)
            await read.read_until(
                lambda now: (
                    "a-1" in scores(now).get("u-1", {}).get("identities", [])
                    and "shared" in scores(now).get("u-1", {}).get("identities", [])
                )
            )
            status, told, said = await leadheat(rig, "export", "a-1")
            assert status == 0, said
            assert (told["identities"], told["shared_identities"]) == (["a-1", "u-1"], ["shared"])
            assert [event["event"]["id"] for event in told["events"]] == ["3", "1", "2", "6"] or {
                event["event"]["id"] for event in told["events"]
            } == {"1", "2", "3", "6"}
            assert told["score"]["lead_id"] == "u-1"
            assert told["score"]["reasons"][0]["points"] > 0
            state = next(one for one in told["states"] if one["id"] == "u-1")
            assert state["traits"]["email"]["value"] == "anne@acme.example"
            assert [letter["value"] for letter in told["dead_letters"]] == [broken.decode()]
            assert (await leadheat(rig, "export", "nobody"))[0] == 1
            status, _, said = await leadheat(rig, "erase", "shared")
            assert status == 1
            assert "an id that several people used (u-1, u-2)" in said

            status, receipt, said = await leadheat(rig, "erase", "a-1", "--asked-by", "the person")
            real = "embedded" not in json.dumps(receipt)
            # The rig keeps events for good: where a broker could delete them, that is left undone.
            assert (status, receipt["complete"]) == ((1, False) if real else (0, True)), said
            assert (receipt["ids"], receipt["shared_ids"], receipt["asked_by"]) == (2, 1, "the person")
            assert "u-1" not in json.dumps(receipt)
            await read.read_until(lambda now: set(scores(now)) == {"u-2"})
            (tmp_path / "receipt.json").write_text(json.dumps(receipt))
            status, searched, _ = await leadheat(rig, "erase", "--verify", str(tmp_path / "receipt.json"))
            assert status == 1  # the events themselves, which are kept
            places = {place["place"]: place["found"] for place in searched["places"]}
            if real:
                assert places[full_name(rig.prefix, FAILED)] == 0
                status, receipt, said = await leadheat(rig, "erase", "u-1", "--raw", "now", "--yes")
                assert status == 0, (receipt, said)
                searched = (await leadheat(rig, "erase", "--verify", str(tmp_path / "receipt.json")))[1]
                left = {place["place"] for place in searched["places"] if place["found"]}
                assert left <= {full_name(rig.prefix, SCORES), f"{rig.prefix}.scoring-leads-changelog"}

            late = {"id": "7", "type": "demo_requested", "lead_id": "u-1"}
            await send(rig, producer, late, {"id": "8", "type": "demo_requested", "lead_id": "u-3"})
            await read.read_until(lambda now: "u-3" in scores(now))
            assert (await leadheat(rig, "erase", "u-1", "--allow"))[0] == 0
            await send(rig, producer, {"id": "9", "type": "page_view", "lead_id": "u-1"})
            await read.read_until(lambda now: "u-1" in scores(now))
            assert scores(read)["u-1"]["identities"] == ["u-1"]
            assert "demo" not in json.dumps(scores(read)["u-1"]["contributions"])
            assert worker.stop() == 0
            assert worker.said("u-1") == worker.said("anne") == 0
    finally:
        worker.end()


async def test_without_a_worker_it_says_that_it_waits(rig: Rig) -> None:
    await rig.make_topics()
    status, receipt, said = await leadheat(rig, "erase", "u-1", "--within", "2")
    assert (status, receipt["complete"]) == (1, False)
    assert "no worker carried it out in time" in receipt["places"][0]["did"]
    assert "not everything was done" in said


@pytest.mark.embedded
async def test_a_worker_with_another_key_says_so_and_ends(embedded_rig: Rig) -> None:
    rig = embedded_rig
    await rig.make_topics()
    worker = rig.worker("--score")
    worker.start()
    try:
        assert (await leadheat(rig, "erase", "u-1"))[0] == 0
        assert worker.stop() == 0
    finally:
        worker.end()
    settings = {"LEADHEAT_PARTITIONS": str(rig.partitions), "LEADHEAT_SESSION_TIMEOUT_S": "2"}
    status, _, said = await leadheat(rig, "worker", LEADHEAT_ERASURE_KEY="another", **settings)
    assert status == 1
    assert "ids were erased under another LEADHEAT_ERASURE_KEY" in said


@pytest.mark.embedded
async def test_a_broker_without_topics_is_told(embedded_rig: Rig) -> None:
    status, _, said = await leadheat(embedded_rig, "erase", "u-1")
    assert status == 1
    assert f"there is no topic {embedded_rig.prefix}.handover" in said
