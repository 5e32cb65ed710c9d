"""Every setting, declared once: its name, its default, its meaning. The environment is read nowhere else."""

import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.outward.addresses import Allowed
from deploy.errors import SettingsError
from scorer.brokers import Access, Brokers
from scorer.durations import parse_duration
from scorer.times import Micros, micros
from scorer.timescale import Timescale
from scorer.topics import ALERTS, FAILED, HANDOVER, IN_TOPICS

PREFIX: Final = "LEADHEAT_"
DEFAULT_GRID: Final = Path(__file__).parent / "grids" / "b2b-fr.yml"

_LEAST_IDLE_S: Final = 86_400.0

Port = Annotated[int, Field(ge=1, le=65535)]
KEPT_BY_AGE: Final = (*IN_TOPICS, ALERTS, HANDOVER, FAILED, "parked")
"""Topics that may have a retention of their own, by their short names."""
_MOST_DAYS: Final = 36_500


class Settings(BaseSettings):
    """What the environment says; an argument given by name comes before it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    kafka: str | None = Field(None, description="Kafka's bootstrap addresses, `host:port`, comma-separated.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How every role speaks to Kafka; `SSL` is TLS."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How a password is shown to Kafka, with `SASL_PLAINTEXT` and `SASL_SSL`."
    )
    kafka_username: str | None = Field(None, description="The user that Kafka knows this role by.")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_password_file: Path | None = Field(None, description="A file that holds the password instead.")
    kafka_ca: Path | None = Field(
        None, description="Certificates (PEM) of whom to trust that a broker is one; absent: the system's."
    )
    kafka_cert: Path | None = Field(
        None, description="The certificate (PEM) that this role shows to Kafka, where brokers ask for one."
    )
    kafka_key: Path | None = Field(None, description="Its key (PEM, without a passphrase).")
    redis: SecretStr | None = Field(None, description="Redis or Valkey URL of the read cache.")
    data: Path | None = Field(
        None,
        description="The folder in which `leadheat up` keeps everything, on a real Kafka of its own; absent: "
        "all in memory.",
    )
    kafka_home: Path | None = Field(
        None,
        description="An unpacked Apache Kafka that `leadheat up --data` runs; absent: Maven fetches one.",
    )
    grid: Path = Field(DEFAULT_GRID, description="The scoring grid, a YAML file.")
    channels: Path | None = Field(
        None, description="Where alerts go, a YAML file; without it every channel is the console."
    )
    team: Path | None = Field(
        None, description="Who sells: people, teams, territories, a YAML file (docs/team.md)."
    )
    sync: Path | None = Field(
        None, description="The CRMs that `leadheat sync` keeps in step, a YAML file (docs/sync.md)."
    )
    topic_prefix: str = Field(
        "leadheat", pattern=r"^[A-Za-z0-9_-]{1,100}$", description="What the name of every topic begins with."
    )
    write_keys: SecretStr | None = Field(
        None, description="Keys that may send events, comma-separated: secret keys, or `protocol:id`."
    )
    read_keys: SecretStr | None = Field(
        None, description="Keys that may read scores and open the board, comma-separated."
    )
    link_key: SecretStr | None = Field(
        None,
        description="Secrets that sign the links of e-mails, comma-separated: the first signs new ones, "
        "links of the others stay good. Absent: no link is.",
    )
    sources: Path | None = Field(
        None,
        description="Sources of events by name, a YAML file: their keys, what they may, their limits, whom "
        "they leave out (docs/sources.md). Beside `LEADHEAT_WRITE_KEYS`, or instead.",
    )
    address_key: SecretStr | None = Field(
        None, description="Secret that network addresses are hashed with, for sources with `ip: hash`."
    )
    mapping: Path | None = Field(
        None, description="What a source's own names of events and fields mean, a YAML file."
    )
    webhooks: Path | None = Field(
        None, description="What mail providers sign their webhooks with, a YAML file (docs/webhooks.md)."
    )
    robots: Path | None = Field(
        None, description="What tells robots from people, a YAML file; absent: the standard rules."
    )
    host: str = Field("127.0.0.1", description="The address that HTTP listens on.")
    port: Port = Field(8000, description="The port that HTTP listens on.")
    metrics_port: Port | None = Field(
        None,
        description="The port of `/metrics` of `worker`, `notify`, `accounts`, `nurture`, `sync`, on all "
        "addresses; absent: none.",
    )
    language: Literal["fr", "en"] = Field("fr", description="The language of alert messages.")
    events_kept: int = Field(
        5_000, ge=10, description="Newest events of each identity that the read cache keeps for timelines."
    )
    sequences: Path | None = Field(
        None,
        description="Sequences of mails and surveys, a YAML file (docs/nurture.md); without it "
        "`leadheat nurture` does not start, and `leadheat up` starts none.",
    )
    smtp: SecretStr | None = Field(
        None,
        description="The mail server of sequences, surveys and alerts: `smtp://USER@HOST:587` (STARTTLS), "
        "`smtps://USER@HOST:465` (TLS), `smtp+plain://HOST:25` (neither).",
    )
    smtp_password: SecretStr | None = Field(None, description="The password for `LEADHEAT_SMTP`'s user.")
    smtp_password_file: Path | None = Field(None, description="A file that holds it instead.")
    smtp_ca: Path | None = Field(
        None, description="Certificates (PEM) of whom to trust as that server; absent: the system's."
    )
    mail_from: str | None = Field(
        None, description="The address that alerts by mail come from, for channels with `mail`."
    )
    mail_provider: Literal["postmark", "brevo"] | None = Field(
        None, description="A provider whose HTTP API takes the mails instead of `LEADHEAT_SMTP`."
    )
    mail_token: SecretStr | None = Field(None, description="The provider's key.")
    mail_token_file: Path | None = Field(None, description="A file that holds it instead.")
    gateway_url: str | None = Field(
        None, description="Where people's mail programs reach the gateway; links in mails begin with it."
    )
    board_url: str | None = Field(None, description="Where people reach the board; alerts link to it.")
    allow_private: str = Field(
        "",
        description="Private networks, addresses and hosts that alerts, calls of CRMs and the fetch of an "
        "SNS certificate may go to, comma-separated (`10.1.0.0/16, crm.lan`); without it public ones only.",
    )
    cors_origins: str = Field(
        "*", description="Sites whose browsers may send events, comma-separated origins, or `*` for any."
    )
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest request, after decompression.")
    max_event_bytes: int = Field(
        32_000, ge=1_000, le=900_000, description="Largest event; Kafka itself refuses records over 1 MB."
    )
    event_levels: int = Field(
        32,
        ge=4,
        le=200,
        description="Levels of objects and lists in an event's properties, context or traits.",
    )
    max_text_bytes: int = Field(8_192, ge=500, description="Longest text in an event.")
    delivery_timeout_s: float = Field(
        5.0,
        gt=0,
        description="How long Kafka may take to acknowledge events before a sender is answered 503.",
    )
    max_pending_bytes: int = Field(
        64_000_000,
        ge=1_000_000,
        description="Unacknowledged events in memory; beyond it senders are answered 503.",
    )
    arrivals: bool = Field(
        True,
        description="Whether the gateway shows some of what arrives, masked, on the board's page for whoever "
        "installs a tracker; kept for an hour.",
    )
    requests_at_once: int = Field(
        1_000,
        ge=1,
        description="Requests that wait for Kafka at once, of a gateway; beyond it senders are answered 503.",
    )
    requests_per_second: float | None = Field(
        None, gt=0, description="Requests a write key may send each second; absent: any number."
    )
    requests_per_address: float | None = Field(
        None,
        gt=0,
        description="Requests that one network address may send each second, whatever its keys (of IPv6 a "
        "/64); absent: any number.",
    )
    linger_ms: int = Field(
        20, ge=0, le=1_000, description="How long the gateway waits for more events before it sends a batch."
    )
    keep_alive_s: int = Field(
        75,
        ge=1,
        description="How long an idle HTTP connection is kept; longer than a proxy before it keeps it.",
    )
    stop_timeout_s: int = Field(
        20, ge=1, description="How long open HTTP requests may still run once the process is told to stop."
    )
    partitions: int = Field(
        8,
        ge=1,
        le=1_000,
        description="Partitions of every topic, for new topics; the same for all, for good.",
    )
    replication: int = Field(
        1, ge=1, le=9, description="Copies of every partition, for new topics; 3 in production."
    )
    raw_retention_days: int = Field(
        400,
        ge=0,
        le=_MOST_DAYS,
        description="Days that Kafka keeps events and alerts, by which `leadheat topics` sets the topics; "
        "0: for good. Timelines reach back as far once the cache was rebuilt; an erased person's events "
        "go then at the latest.",
    )
    retention_days: str | None = Field(
        None,
        description="Days for single topics instead, such as `page-views=30,failed=14`; 0: for good. Events, "
        "`alerts`, `handover`, `failed` and `parked` (these two else 90).",
    )
    erasure_key: SecretStr | None = Field(
        None,
        description="Secret that erased ids are hashed with; the same for every role and for good, set "
        "before the first erasure. Absent: the hashes are anybody's to guess at who can read the topics.",
    )
    store: str = Field(
        "memory",
        pattern=r"^(memory|rocksdb:.+)$",
        description="Where a worker keeps the leads' states: `memory`, or `rocksdb:FOLDER`, a folder of each "
        "worker's own, for more than memory holds.",
    )
    remembered_ids: int = Field(
        64, ge=1, le=10_000, description="Ids remembered for each lead, by which copies are dropped."
    )
    forget_after: str = Field(
        "400d",
        description="After how long without an event an id is forgotten that nobody is known behind and no "
        "point is left of, such as `400d`; `never`.",
    )
    standbys: int = Field(
        1,
        ge=0,
        le=5,
        description="Workers that keep a copy of each partition's states, to take over at once.",
    )
    instance: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="A worker's lasting name, no other's: started anew within a session, it gets its "
        "partitions back and the others go on.",
    )
    session_timeout_s: float = Field(
        10.0, ge=2, description="How long a silent worker keeps its partitions; Kafka's own minimum is 6."
    )
    fetch_wait_ms: int = Field(20, ge=1, le=5_000, description="How long the broker may hold an empty fetch.")
    demo_lasts_s: float = Field(
        90.0,
        ge=1,
        le=86_400,
        description="How long `leadheat up --demo` plays the six weeks of its sample leads.",
    )
    timescale: str | None = Field(
        None,
        description="The clock of a demonstration, as `leadheat up --demo` sets it; absent: the wall clock.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least serious log lines that are written, to stderr."
    )

    @field_validator("timescale")
    @classmethod
    def _timescale_loads(cls, text: str | None) -> str | None:
        if text is not None:
            Timescale.load(text)
        return text

    @field_validator("retention_days")
    @classmethod
    def _retention_names_topics(cls, text: str | None) -> str | None:
        _days_by_topic(text)
        return text

    @field_validator("forget_after")
    @classmethod
    def _forget_after_is_a_time(cls, text: str) -> str:
        if text != "never" and parse_duration(text) < _LEAST_IDLE_S:
            raise ValueError("expected at least 1d, or never")
        return text

    def forget_after_us(self) -> int | None:
        """The same in microseconds; None: never."""
        return None if self.forget_after == "never" else micros(parse_duration(self.forget_after))

    def scale(self) -> Timescale | None:
        """The clock of a demonstration, if this is one."""
        return None if self.timescale is None else Timescale.load(self.timescale)

    def clock(self) -> Callable[[], Micros]:
        """The clock that a role runs on."""
        if (scale := self.scale()) is None:
            return wall_clock
        return lambda: scale.at(wall_clock())

    def java_home(self) -> Path | None:
        """The folder of the Java to be used (everybody's own variable), if one is named."""
        home = os.environ.get("JAVA_HOME")
        return Path(home) if home else None

    def retention(self) -> dict[str, int]:
        """Days by the short name of a topic, of those that have their own."""
        return _days_by_topic(self.retention_days)

    def store_folder(self) -> Path | None:
        """The folder of the states; None where they are kept in memory."""
        kind, _, folder = self.store.partition(":")
        return Path(folder) if kind == "rocksdb" else None

    def require_kafka(self) -> str:
        """Kafka's addresses, with how to be let in there, or SettingsError."""
        named = _required(self.kafka, "kafka", "name Kafka's addresses, such as kafka-1:9092,kafka-2:9092")
        return Brokers(named, kafka_access(self))

    def require_sync(self) -> Path:
        """The sync file, or SettingsError: without one there is nothing to keep in step."""
        if self.sync is None:
            raise SettingsError(f"{PREFIX}SYNC is not set: name the file that says which CRMs there are")
        return self.sync

    def require_redis(self) -> str:
        """The cache's URL, or SettingsError, which leaves out what the URL says: it may be a password."""
        from redis.connection import parse_url  # late: most commands have no use for it

        url = _required(_revealed(self.redis), "redis", "name the cache, such as redis://localhost:6379/0")
        try:
            parse_url(url)  # type: ignore[no-untyped-call]
        except ValueError:
            raise SettingsError(
                f"{PREFIX}REDIS (--redis) is no Redis URL: expected one such as redis://:PASSWORD@HOST:6379/0"
            ) from None
        return url

    def require_write_keys(self) -> tuple[str, ...]:
        """The write keys, or SettingsError: without any, and without sources, nobody could send an event."""
        keys = _revealed(self.write_keys)
        if self.sources is not None:
            return split(keys or "")
        return split(_required(keys, "write_keys", "name at least one key that may send events"))

    def known_write_keys(self) -> tuple[str, ...]:
        """The write keys, if any are set."""
        return split(_revealed(self.write_keys) or "")

    def known_read_keys(self) -> tuple[str, ...]:
        """The read keys, if any are set."""
        return split(_revealed(self.read_keys) or "")

    def require_read_keys(self) -> tuple[str, ...]:
        """The read keys, or SettingsError: without any, nobody could read a score."""
        return split(_required(_revealed(self.read_keys), "read_keys", "name at least one key that may read"))

    def erasure_secret(self) -> bytes:
        """What erased ids are hashed with."""
        return (_revealed(self.erasure_key) or "").encode()

    def link_keys(self) -> tuple[str, ...]:
        """What links are signed with, newest first, if any are set."""
        return split(_revealed(self.link_key) or "")

    def mail_password(self) -> str | None:
        """The password for the mail server, if one is set."""
        return _secret(self.smtp_password, self.smtp_password_file, "smtp_password")

    def provider_token(self) -> str | None:
        """The mail provider's key, if one is set."""
        return _secret(self.mail_token, self.mail_token_file, "mail_token")

    def mail_server(self) -> str | None:
        """The mail server's URL, if one is set."""
        return _revealed(self.smtp)

    def address_secret(self) -> bytes:
        """What network addresses are hashed with."""
        return (_revealed(self.address_key) or "").encode()

    def allowed(self) -> Allowed:
        """Where requests to others may go besides public addresses; SettingsError where it names nothing."""
        try:
            return Allowed.parse(self.allow_private)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}ALLOW_PRIVATE: {error}") from None

    def origins(self) -> tuple[str, ...]:
        """Sites whose browsers may send events."""
        return split(self.cors_origins)


def load(**given: object) -> Settings:
    """The settings of the environment, under those given by name; None means not given."""
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**arguments)
    except ValidationError as error:
        problems = [
            f"{PREFIX}{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        ]
        raise SettingsError("settings are wrong:\n" + "\n".join(problems)) from None


def child_environment(**given: object) -> Mapping[str, str]:
    """The environment for a child process: this one's, with the settings given by name set.

    Settings that only the parent uses (its HTTP port, say) must be given too where the child's differ.
    """
    settings = {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items() if value is not None}
    return {**os.environ, **settings}


def kafka_access(settings: Settings) -> Access:
    """How Kafka lets us in; SettingsError where what it takes for that is missing or can't be read."""
    protocol = settings.kafka_security_protocol
    tls = _tls(settings) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return Access(tls)
    username = _required(settings.kafka_username, "kafka_username", f"{protocol} needs a user")
    password = _revealed(settings.kafka_password)
    if settings.kafka_password_file is not None:
        password = _read(settings.kafka_password_file, "kafka_password_file").strip()
    if not password:
        raise SettingsError(
            f"{PREFIX}KAFKA_PASSWORD is not set: {protocol} needs one, here or in {PREFIX}KAFKA_PASSWORD_FILE"
        )
    return Access(tls, settings.kafka_sasl_mechanism, username, password)


def _tls(settings: Settings) -> ssl.SSLContext:
    for name in ("kafka_ca", "kafka_cert", "kafka_key"):
        if (path := getattr(settings, name)) is not None:
            _read(path, name)
    if (settings.kafka_cert is None) != (settings.kafka_key is None):
        raise SettingsError(f"{PREFIX}KAFKA_CERT and {PREFIX}KAFKA_KEY go together: set both or none")
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca)
        if settings.kafka_cert is not None:
            context.load_cert_chain(settings.kafka_cert, settings.kafka_key, lambda: "")
    except (ssl.SSLError, ValueError) as error:
        named = f"{PREFIX}KAFKA_CA, {PREFIX}KAFKA_CERT or {PREFIX}KAFKA_KEY"
        raise SettingsError(f"{named} holds no certificate, or another key's: {error}") from None
    return context


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise SettingsError(f"{PREFIX}{name.upper()}: {path} cannot be read: {why}") from None


def _days_by_topic(text: str | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in split(text or ""):
        name, _, days = (part.strip() for part in one.partition("="))
        if name not in KEPT_BY_AGE:
            raise ValueError(f"{name!r} is no topic of these: expected {', '.join(KEPT_BY_AGE)}")
        if not (days.isascii() and days.isdecimal() and len(days) <= 5) or int(days) > _MOST_DAYS:
            raise ValueError(f"{name}: expected days from 0 to {_MOST_DAYS}, as {name}=30")
        if name in found:
            raise ValueError(f"{name}: named twice")
        found[name] = int(days)
    return found


def environment() -> Mapping[str, str]:
    """Everything that the environment says: a sources file may name its keys in it."""
    return os.environ


def metrics_folder() -> Path | None:
    """Where several processes share their metrics (prometheus_client's own variable), if they do."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def wall_clock() -> Micros:
    """Now, by the machine's clock."""
    return Micros(time.time_ns() // 1_000)


def split(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, without blanks.

    >>> split(" a, b,,")
    ('a', 'b')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _secret(value: SecretStr | None, file: Path | None, name: str) -> str | None:
    """A secret that is set, or held by a file."""
    if file is None:
        return _revealed(value)
    if value is not None:
        raise SettingsError(
            f"{PREFIX}{name.upper()} is set, and {PREFIX}{name.upper()}_FILE too: leave one out"
        )
    return _read(file, f"{name}_file").strip()


def _required(value: str | None, name: str, advice: str) -> str:
    if value is None or not split(value):
        raise SettingsError(f"{PREFIX}{name.upper()} is not set: {advice}")
    return value
