"""Runs a worker as a program of its own that tests can kill, with the counting shard or the real one."""

import argparse
import logging
import sys
import time
from pathlib import Path

from scorer.shard import Shard
from scorer.times import DAY, Micros
from streams.config import WorkerConfig
from streams.worker import run
from tests.integration.counting_shard import CountingShard

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kafka")
    parser.add_argument("prefix")
    parser.add_argument("partitions", type=int)
    parser.add_argument("grid", type=Path)
    parser.add_argument("session", type=float)
    parser.add_argument("--write-within", type=float, default=45.0)
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--instance")
    parser.add_argument("--score", action="store_true", help="with the real shard")
    parser.add_argument("--store", type=Path, help="the folder of the states; without it they are in memory")
    parser.add_argument("--forget-after-days", type=int)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("streams").setLevel(logging.INFO)
    config = WorkerConfig(
        kafka=given.kafka,
        topic_prefix=given.prefix,
        grid=given.grid,
        clock=lambda: Micros(time.time_ns() // 1_000),
        partitions=given.partitions,
        session_timeout_s=given.session,
        standbys=given.standbys,
        instance=given.instance,
        start_within_s=5.0,
        write_within_s=given.write_within,
        store=given.store,
        forget_after=None if given.forget_after_days is None else given.forget_after_days * DAY,
    )
    sys.exit(run(config, Shard if given.score else CountingShard))
