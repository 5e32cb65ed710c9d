"""Kafka's addresses together with how to be let in there: what every role hands to Kafka's client."""

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Access:
    """How brokers know us, and we them."""

    tls: ssl.SSLContext | None = None
    mechanism: str | None = None
    """Of SASL; None: they ask for no password."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def protocol(self) -> str:
        """Kafka's word for it."""
        if self.mechanism is not None:
            return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"
        return "PLAINTEXT" if self.tls is None else "SSL"


class Brokers(str):
    """`host:port`, comma-separated, as Kafka's clients want them; a plain text is one without `access`."""

    access = Access()

    def __new__(cls, addresses: str, access: Access) -> "Brokers":
        """The same addresses, with the way in."""
        made = super().__new__(cls, addresses)
        made.access = access
        return made


def access_to(kafka: str) -> Access:
    """How to be let in there."""
    return kafka.access if isinstance(kafka, Brokers) else Access()


def connection(kafka: str) -> dict[str, Any]:
    """The arguments of an aiokafka client that say where Kafka is and how to be let in.

    >>> connection("kafka-1:9092")
    {'bootstrap_servers': 'kafka-1:9092'}
    >>> connection(Brokers("kafka-1:9093", Access(mechanism="PLAIN", username="gateway", password="-")))[
    ...     "security_protocol"
    ... ]
    'SASL_PLAINTEXT'
    """
    access = access_to(kafka)
    found: dict[str, Any] = {"bootstrap_servers": str(kafka)}
    if access.protocol != "PLAINTEXT":
        found["security_protocol"] = access.protocol
    if access.tls is not None:
        found["ssl_context"] = access.tls
    if access.mechanism is not None:
        found |= {
            "sasl_mechanism": access.mechanism,
            "sasl_plain_username": access.username,
            "sasl_plain_password": access.password,
        }
    return found
