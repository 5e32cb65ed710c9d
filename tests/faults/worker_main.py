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
from streams.worker import run
from tests.faults.slow_shard import SlowShard

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=json.loads, help="fields of WorkerConfig")
    parser.add_argument("clock", type=Path, help="a file that holds the time, in microseconds")
    parser.add_argument("--slow-s", type=float, help="how long to compute on records marked as slow")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("streams").setLevel(logging.INFO)
    told: dict[str, Any] = given.config
    config = WorkerConfig(
        **told | {"grid": Path(told["grid"]), "clock": lambda: Micros(int(given.clock.read_text()))}
    )
    slow = None if given.slow_s is None else SlowShard.made(given.slow_s, given.clock.with_name("stuck"))
    sys.exit(run(config, slow or Shard))
