"""Runs notify as a program of its own, in lives that end between two of its steps."""

import argparse
import asyncio
import logging
import time
from pathlib import Path

from connectors.notify.config import NotifyConfig
from connectors.notify.desk import Desk
from connectors.notify.dispatch import dispatch
from connectors.outward.addresses import Allowed
from connectors.role import until_told
from scorer.times import Micros
from tests.lives import Lives
from tests.notify_lives import STEPS

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kafka")
    parser.add_argument("prefix")
    parser.add_argument("channels", type=Path)
    parser.add_argument("session", type=float)
    parser.add_argument("lives", nargs=3, help="how they end: tests/lives.py")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = NotifyConfig(
        given.kafka,
        given.prefix,
        given.channels,
        lambda: Micros(time.time_ns() // 1_000),
        allowed=Allowed.parse("127.0.0.1"),
        session_timeout_s=given.session,
    )
    death = Lives.told(given.lives).next()
    if death is not None:
        death.among(STEPS)
        death.counted_from((Desk, "take"), lambda *_: True)
    asyncio.run(until_told(lambda stop: dispatch(config, stop)))
