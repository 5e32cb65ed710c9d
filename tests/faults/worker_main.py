"""Runs a worker of the bench as a program of its own: the product's, with a clock that the bench sets."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorer.messages import Changes
from scorer.shard import Shard
from scorer.times import Micros
from streams.batching.consumer import BatchConsumer
from streams.config import WorkerConfig
from streams.shards import MakeShard
from streams.worker import run
from streams.writing import Writer
from tests.faults.buggy_shard import BuggyShard
from tests.faults.slow_shard import SlowShard
from tests.lives import Lives

_STEPS = (Writer, "_acknowledged"), (BatchConsumer, "_commit")
"""Dead letters, states, scores with alerts and hand-overs, states without those; then the offsets."""


def _tells(writer: Writer, changes: Mapping[int, Changes], *_: object) -> bool:
    """Whether a cycle has alerts or hand-overs to send: before, there is little to be killed at."""
    return any(one.outbox for one in changes.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=json.loads, help="fields of WorkerConfig")
    parser.add_argument("clock", type=Path, help="a file that holds the time, in microseconds")
    parser.add_argument("--slow-s", type=float, help="how long to compute on records marked as slow")
    parser.add_argument("--bug", type=Path, help="while this file is there, scoring fails on some events")
    parser.add_argument("--lives", nargs=3, help="how its lives end: tests/lives.py")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("streams").setLevel(logging.INFO)
    told: dict[str, Any] = given.config
    config = WorkerConfig(
        **told | {"grid": Path(told["grid"]), "clock": lambda: Micros(int(given.clock.read_text()))}
    )
    make_shard: MakeShard = Shard
    if given.slow_s is not None:
        make_shard = SlowShard.made(given.slow_s, given.clock.with_name("stuck"))
    elif given.bug is not None:
        make_shard = BuggyShard.while_there(given.bug)
    if given.lives is not None:
        death = Lives.told(given.lives).next()
        if death is not None:
            death.among(_STEPS)
            death.counted_from((Writer, "write"), _tells)
    sys.exit(run(config, make_shard))
