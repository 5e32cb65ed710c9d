"""Notify in lives of one process each, killed as by kill -9 between two of its steps, life after life.

Arguments: broker, prefix of topics, channels file, number of lives. Each life is killed a step later than the
one before, and after twenty steps from the first again; the one after the last goes on until it is stopped.
Steps are what leaves the process, each before it goes and once it has gone: requests to receivers, rows,
parked alerts, offsets.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from connectors.durable.table import Table
from connectors.notify.config import NotifyConfig
from connectors.notify.dispatch import dispatch
from connectors.notify.parking import Parking
from connectors.notify.webhook import WebhookSender
from connectors.outward.addresses import Allowed
from connectors.role import until_told
from scorer.times import Micros
from tests.lives import Death

STEPS = (Table, "put"), (AIOKafkaConsumer, "commit"), (Parking, "_send"), (WebhookSender, "send")
_STEPS_OF_A_LIFE = 20
_FASTER = 200
"""By how much the clock runs: the first retry comes after a fortieth of a second."""


def main(broker: str, prefix: str, channels: str, lives: str) -> None:
    """One life after the other."""
    began = time.monotonic()

    def clock() -> Micros:
        return Micros(1_793_523_600_000_000 + round((time.monotonic() - began) * 1_000_000 * _FASTER))

    def live() -> None:
        config = NotifyConfig(
            broker,
            prefix,
            Path(channels),
            clock,
            allowed=Allowed.parse("127.0.0.1"),
            session_timeout_s=0.5,  # the embedded broker takes any
        )
        asyncio.run(until_told(lambda stop: dispatch(config, stop)))

    for number in range(1, int(lives) + 1):
        if (child := os.fork()) == 0:
            Death(1 + (number - 1) % _STEPS_OF_A_LIFE).among(STEPS)
            live()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(f"life {number}: {os.waitstatus_to_exitcode(status)}", flush=True)
    live()


if __name__ == "__main__":
    main(*sys.argv[1:])
