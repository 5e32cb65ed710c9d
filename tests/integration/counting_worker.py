"""Runs a worker with the counting shard: arguments KAFKA PARTITIONS GRID, `real` for a real Kafka."""

import logging
import sys
import time
from pathlib import Path

from scorer.times import Micros
from streams.config import WorkerConfig
from streams.worker import run
from tests.integration.counting_shard import CountingShard

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("streams").setLevel(logging.INFO)
    kafka, partitions, grid = sys.argv[1:4]
    config = WorkerConfig(
        kafka=kafka,
        topic_prefix="leadheat",
        grid=Path(grid),
        clock=lambda: Micros(time.time_ns() // 1_000),
        partitions=int(partitions),
        session_timeout_s=6.0 if "real" in sys.argv else 2.0,
        start_within_s=5.0,
    )
    sys.exit(run(config, CountingShard))
