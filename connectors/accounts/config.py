"""What the keeping of accounts is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scorer.times import Micros


@dataclass(frozen=True)
class AccountsConfig:
    """Settings of the accounts' role."""

    kafka: str
    topic_prefix: str
    grid: Path
    clock: Callable[[], Micros]
    metrics_port: int | None = None
    session_timeout_s: float = 6.0
    """Kafka's own minimum: the embedded broker makes a joining consumer wait for half of it."""
