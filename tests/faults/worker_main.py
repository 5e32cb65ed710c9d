"""Runs a worker of the bench as a program of its own: the product's, with a clock that the bench sets."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from scorer.shard import Shard
from scorer.times import Micros
from streams.config import WorkerConfig
from streams.shards import MakeShard
from streams.worker import run
from tests.faults.buggy_shard import BuggyShard
from tests.faults.slow_shard import SlowShard

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=json.loads, help="fields of WorkerConfig")
    parser.add_argument("clock", type=Path, help="a file that holds the time, in microseconds")
    parser.add_argument("--slow-s", type=float, help="how long to compute on records marked as slow")
    parser.add_argument("--bug", type=Path, help="while this file is there, scoring fails on some events")
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
    sys.exit(run(config, make_shard))
