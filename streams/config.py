"""What a worker is told: where Kafka is, what its topics are called, which grid it applies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scorer.times import Micros
from scorer.topics import full_name


@dataclass(frozen=True)
class WorkerConfig:
    """Settings of one worker. Group, table and changelog are named for good: a new name is an empty state."""

    kafka: str
    topic_prefix: str
    grid: Path
    clock: Callable[[], Micros]
    partitions: int = 8
    remembered_ids: int = 64
    forget_after: int | None = None
    """Microseconds without an event, after which ids are forgotten that nobody is known behind."""
    session_timeout_s: float = 10.0
    standbys: int = 1
    """Copies of each partition's states that other workers keep, so that they take it over at once."""
    instance: str | None = None
    """The worker's lasting name: started anew within a session, it gets its partitions back."""
    fetch_wait_ms: int = 20
    metrics_port: int | None = None
    store: Path | None = None
    """The folder where RocksDB keeps the states; None: they are in memory."""
    start_within_s: float = 30.0
    """How long the start waits for a broker before it gives up."""
    write_within_s: float = 45.0
    """How long a write may stay unacknowledged: under the 60 s after which a worker counts as stalled."""

    @property
    def servers(self) -> list[str]:
        """Kafka's addresses, one by one."""
        return [address for part in self.kafka.split(",") if (address := part.strip())]

    @property
    def group(self) -> str:
        """The consumer group of all workers."""
        return group_name(self.topic_prefix)

    @property
    def changelog(self) -> str:
        """The topic that holds the leads' states."""
        return changelog_name(self.topic_prefix)


def group_name(prefix: str) -> str:
    """The consumer group of all workers, which is also Faust's name of the application.

    >>> group_name("leadheat")
    'leadheat.scoring'
    """
    return full_name(prefix, "scoring")


def changelog_name(prefix: str) -> str:
    """The topic that holds the leads' states, named as Faust names it: after application and table.

    >>> changelog_name("leadheat")
    'leadheat.scoring-leads-changelog'
    """
    return f"{group_name(prefix)}-leads-changelog"
