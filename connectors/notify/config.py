"""What notify is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scorer.times import Micros

Language = Literal["fr", "en"]


@dataclass(frozen=True)
class NotifyConfig:
    """Settings of the alerts' delivery; `clock` stamps what it parks."""

    kafka: str
    topic_prefix: str
    channels: Path | None
    """None: every channel is the console."""
    clock: Callable[[], Micros]
    board_url: str | None = None
    """Messages link to the lead's page there."""
    metrics_port: int | None = None
    language: Language = "fr"
    session_timeout_s: float = 6.0
    """Kafka's own minimum: the embedded broker makes a joining consumer wait for half of it."""
    attempts: int = 6
    """How often one delivery is tried; with the delays below for about half a minute."""
    first_delay_s: float = 1.0
    """Doubled after every attempt; a random part of it is waited."""
    longest_delay_s: float = 60.0
    longest_retry_after_s: float = 300.0
    """What a receiver's Retry-After may ask for at most."""
    timeout_s: float = 15.0
    """How long one attempt may take."""
    lanes: int = 8
    """Deliveries to one destination at a time; a lead's alerts share a lane and keep their order."""
    max_waiting: int = 10_000
    """Alerts in memory that are not delivered everywhere; beyond it no more are fetched."""
    remembered_ids: int = 50_000
    """Alerts remembered as sent, so that another copy of their records is dropped."""
    stop_within_s: float = 5.0
    """How long deliveries under way may still take once the process is told to stop."""
