"""What tests of erasing share: the roles as processes, a Kafka that cleans up at once, a look at its disk."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy import leash
from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from streams import topics
from tests.environment import with_settings
from tests.serve_live import Store
from tests.streaming import Rig

QUICK: Final = {
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.segment.delete.delay.ms": "100",
}
_COMPACTING: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.0001",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "0",
}
_KEEPING: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "segment.ms": "1000"}


class Commands:
    """`leadheat`, with settings that name the test's Kafka and cache."""

    def __init__(self, rig: Rig, store: Store) -> None:
        self.environment = with_settings(
            {
                "LEADHEAT_KAFKA": rig.bootstrap,
                "LEADHEAT_REDIS": store.url,
                "LEADHEAT_TOPIC_PREFIX": rig.prefix,
                "LEADHEAT_PARTITIONS": str(rig.partitions),
                "LEADHEAT_READ_KEYS": "rk_test",
                "LEADHEAT_PORT": str(free_ports(1)[0]),
                "LEADHEAT_ERASURE_KEY": "a secret of the test",
            }
        )

    def process(self, log: Path, *arguments: str, **more: str) -> "subprocess.Popen[bytes]":
        """A role in a process of its own."""
        with log.open("ab") as out:
            return subprocess.Popen(
                leash.command([sys.executable, "-m", "deploy.cli", *arguments]),
                env={**self.environment, **more},
                stdout=out,
                stderr=out,
            )

    async def run(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Runs a command: status, what it printed, and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.cli",
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        return process.returncode or 0, json.loads(out or b"{}"), said.decode()


async def clean_up_at_once(rig: Rig) -> None:
    async with topics.admin_of(rig.bootstrap) as admin:
        await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    one.name,
                    _KEEPING if one.policy == "delete" else _COMPACTING | {"cleanup.policy": one.policy},
                )
                for one in topics.required(rig.prefix)
            ]
        )


async def grow_old(rig: Rig) -> None:
    """Lets Kafka's files go whose records are a second old, as it would once their retention is over."""
    async with topics.admin_of(rig.bootstrap) as admin:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, one.name, _KEEPING | {"retention.ms": "1000"})
                for one in topics.required(rig.prefix)
                if one.policy == "delete"
            ]
        )


def on_disk(cluster: Cluster, marks: list[bytes], names: list[str]) -> list[str]:
    """The files of some of Kafka's topics that hold any of some texts."""
    found = []
    for file in sorted((cluster.nodes[0].folder / "data").rglob("*.log")):
        if file.parent.name.rpartition("-")[0] not in names:
            continue
        try:
            held = file.read_bytes()
        except FileNotFoundError:
            continue
        found += [f"{file.parent.name}/{file.name}" for mark in marks if mark in held][:1]
    return found


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


async def eventually(holds: Any, log: Path, within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while wrong := await holds():
        assert time.monotonic() < deadline, (wrong, log.read_text()[-4000:])
        await asyncio.sleep(0.5)
