"""What a gateway is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scorer.times import Micros


@dataclass(frozen=True)
class GatewayConfig:
    """Settings of the gateway; `clock` gives the moment of reception, with which records are stamped."""

    kafka: str
    topic_prefix: str
    write_keys: tuple[str, ...]
    clock: Callable[[], Micros]
    read_keys: tuple[str, ...] = ()
    """Known only so that a read key offered here is answered 403 (wrong kind) and not 401."""
    linger_ms: int = 20
    max_body_bytes: int = 1_000_000
    max_event_bytes: int = 32_000
    cors_origins: tuple[str, ...] = ("*",)
    """Origins that browsers may send from; `*` lets any."""
    requests_per_second: float | None = None
    """For each key; a second's worth may come at once."""
    mapping: Path | None = None
    delivery_timeout_s: float = 5.0
    """How long the broker may take to acknowledge; longer than an election of a leader usually takes."""
    arrivals: bool = True
    """Whether samples of what arrives are told, masked, for the board's page of them."""
    max_pending_bytes: int = 64_000_000
    """Of events that the broker has not acknowledged yet; beyond it requests are answered 503."""
