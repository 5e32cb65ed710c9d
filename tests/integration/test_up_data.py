"""`leadheat up --data`: stopped, killed or robbed of its Kafka, it loses nothing that it acknowledged."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.topics import admin_of, required
from tests.integration.processes import runs, until
from tests.integration.up_running import Up, refused, running

pytestmark = [pytest.mark.kafka, pytest.mark.embedded, pytest.mark.slow]

_LONGER_THAN_A_SESSION_S: Final = 12.0


@pytest.fixture
def folder(kafka_tools: None, tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "données"  # Kafka's settings are Latin-1: other letters need care


def _buyer(lead: str) -> list[dict[str, object]]:
    """Events that make a lead hot at once."""
    traits = {"title": "CEO", "employees": 250, "email": f"{lead}@acme-industries.com"}
    return [
        {"type": "identify", "lead_id": lead, "traits": traits},
        {"type": "page_view", "lead_id": lead, "properties": {"url": "https://example.com/tarifs"}},
        {"type": "demo_requested", "lead_id": lead},
    ]


def _get(up: Up, path: str) -> Any:
    """What the read API answers; None where it does not, or cannot yet."""
    with up.client() as client:
        try:
            answer = client.get(path)
        except httpx.TransportError:
            return None
    return answer.json() if answer.status_code == 200 else None


def _keys(up: Up) -> tuple[str, str]:
    return up.said("write key"), up.said("read key")


def _shown(up: Up, lead: str) -> Any:
    """What the board shows of a lead, but for what fades by the second: the points that it fades from."""
    record, timeline, alerts = (
        _get(up, path) for path in (f"/v1/leads/{lead}", f"/v1/leads/{lead}/timeline", "/v1/alerts")
    )
    if not (record and timeline and alerts):
        return None
    lasting = ("lead_id", "tier", "since", "next_tier", "fading", "pending", "traits", "identities")
    return (
        [record[name] for name in lasting],
        [(one["id"], one["type"], one["received"], one["properties"]) for one in timeline["events"]],
        timeline["changes"],
        [{name: value for name, value in one.items() if name != "lead"} for one in alerts["alerts"]],
    )


def _kill_all(up: Up) -> None:
    """As a machine ends that loses its memory, but for what the system has not yet written."""
    pids = [up.process.pid, *up.children()]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the kernel was faster: its parent is gone
            os.kill(pid, signal.SIGKILL)
    up.process.wait()


def _send_until(stop: threading.Event, up: Up, name: str, acknowledged: list[str]) -> None:
    """Sends one lead after another, and notes those that were answered 200."""
    number = 0
    while not stop.is_set():
        lead = f"{name}-{number}"
        number += 1
        try:
            if up.send({"type": "demo_requested", "lead_id": lead, "id": lead}).status_code == 200:
                acknowledged.append(lead)
        except httpx.TransportError:
            continue


def _under_load(up: Up, name: str, do: Callable[[], None]) -> list[str]:
    """Does something while leads are sent, some before it; those that were acknowledged."""
    stop, acknowledged = threading.Event(), list[str]()
    sending = threading.Thread(target=_send_until, args=(stop, up, name, acknowledged))
    sending.start()
    try:
        until(lambda: len(acknowledged) > 20)
        do()
    finally:
        stop.set()
        sending.join()
    return acknowledged


def _scored(up: Up, leads: list[str]) -> None:
    """Waits until all these leads have a score."""
    for lead in leads:
        until(lambda lead=lead: (_get(up, f"/v1/leads/{lead}") or {"score": 0})["score"] > 0)  # type: ignore[misc]


def test_what_was_acknowledged_outlives_stops_and_kills(folder: Path) -> None:
    with running("--data", str(folder)) as up:
        assert up.said("data") == str(folder)
        assert not any("gone" in line for line in up.out)
        keys = _keys(up)
        assert up.send(*_buyer("u-kept")).status_code == 200
        until(lambda: any("u-kept" in line for line in up.out))
        until(lambda: _shown(up, "u-kept"))
        shown = _shown(up, "u-kept")
        children = up.children()
        up.process.send_signal(signal.SIGTERM)
        assert up.ended() == 0
        assert not any(runs(pid) for pid in children)
        until(lambda: any(f"is kept in {folder}" in line for line in up.err))
        assert not any("Traceback" in line for line in up.err)
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700

    with running("--data", str(folder)) as up:
        assert _keys(up) == keys
        until(lambda: _shown(up, "u-kept") == shown)
        status, out, err = refused("--data", str(folder))
        assert (status, out) == (1, "")
        assert f"is in use by another `leadheat up` (process {up.process.pid})" in err
        acknowledged = _under_load(up, "u-kill", lambda: _kill_all(up))

    with running("--data", str(folder)) as up:  # at once, while the last of the killed may still be ending
        assert _keys(up) == keys
        until(lambda: _shown(up, "u-kept") == shown)
        _scored(up, acknowledged)
        assert up.send(*_buyer("u-new")).status_code == 200
        until(lambda: any("u-new" in line for line in up.out))
        assert not any("u-kept" in line for line in up.out)  # nobody is told again


async def _flush_after(kafka: str) -> dict[str, str]:
    """After how many records each topic's log is flushed to the disk, as Kafka tells it."""
    async with admin_of(kafka) as admin:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in await admin.list_topics()]
        answers = await admin.describe_configs(asked)
    return {
        name: next(value for entry, value, *_ in entries if entry == "flush.messages")
        for answer in answers
        for _code, _message, _kind, name, entries in answer.resources
    }


def test_what_is_acknowledged_is_on_the_disk(folder: Path) -> None:
    """A power cut itself is tried by `tests/faults/power_cut.py`, which needs root and a disk of its own."""
    with running("--data", str(folder)) as up:
        found = asyncio.run(_flush_after(up.said("kafka")))
    expected = {topic.name for topic in required("leadheat")} | {"__consumer_offsets"}
    assert found == dict.fromkeys(expected, "1")


def test_a_kafka_that_dies_alone_comes_back_with_everything(folder: Path) -> None:
    with running("--data", str(folder)) as up:
        old = up.child("kafka.Kafka")

        def kill() -> None:
            os.kill(old, signal.SIGKILL)
            until(lambda: not runs(old) and bool(up.found("kafka.Kafka")))
            new = up.child("kafka.Kafka")
            os.kill(new, signal.SIGSTOP)
            time.sleep(_LONGER_THAN_A_SESSION_S)
            os.kill(new, signal.SIGCONT)
            until(lambda: "kafka: running again" in up.err)

        acknowledged = _under_load(up, "u-alone", kill)
        _scored(up, acknowledged)
        assert not runs(old)
        assert any("kafka ended with SIGKILL; it starts again in" in line for line in up.err)
        assert any(str(folder / "kafka" / "server.log") in line for line in up.err)
