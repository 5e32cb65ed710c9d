"""What sync is told at its start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.outward.addresses import Allowed
from scorer.times import Micros


@dataclass(frozen=True)
class SyncConfig:
    """Settings of the CRMs' connectors; `clock` is the one that everything is due by."""

    kafka: str
    topic_prefix: str
    file: Path
    """The sync file."""
    grid: Path
    clock: Callable[[], Micros]
    partitions: int
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What secrets are named in."""
    erasure_key: bytes = field(default=b"", repr=False)
    allowed: Allowed = field(default_factory=Allowed)
    """Where CRMs may stand besides public addresses."""
    metrics_port: int | None = None
    session_timeout_s: float = 6.0
    timeout_s: float = 60.0
    """Of one call: a batch of a hundred updates, with the CRM's own rules run on each, takes its time."""
    settle_s: float = 2.0
    """How long a change waits for further ones: the last one is told."""
