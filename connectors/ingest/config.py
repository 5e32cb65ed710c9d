"""What a gateway is told at its start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.ingest.shape import DEFAULT, Shape
from connectors.ingest.webhooks.fetching import Fetch, SmallFiles
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
    shape: Shape = DEFAULT
    """How deep an event may be, and how long a text in it."""
    cors_origins: tuple[str, ...] = ("*",)
    """Origins that browsers may send from; `*` lets any."""
    link_keys: tuple[str, ...] = ()
    """Sign the links of e-mails, the first new ones; without any, every link is refused."""
    requests_per_second: float | None = None
    """For each key; a second's worth may come at once."""
    requests_per_address: float | None = None
    """A second, for each network address, whatever its keys."""
    sources: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where the sources file finds its `{env: NAME}`."""
    address_key: bytes = field(default=b"", repr=False)
    """What network addresses are hashed with, where a source says so."""
    mapping: Path | None = None
    webhooks: Path | None = None
    """What mail providers sign their webhooks with."""
    fetch: Fetch = field(default_factory=SmallFiles)
    """Gets the certificates that a provider's signature names."""
    robots: Path | None = None
    """What tells robots from people; absent: the standard rules."""
    delivery_timeout_s: float = 5.0
    """How long the broker may take to acknowledge; longer than an election of a leader usually takes."""
    arrivals: bool = True
    """Whether samples of what arrives are told, masked, for the board's page of them."""
    requests_at_once: int = 1_000
    """That wait for the broker; beyond it others are answered 503, so that these are soon answered."""
    max_pending_bytes: int = 64_000_000
    """Of events that the broker has not acknowledged yet; beyond it requests are answered 503."""
