"""What the scenarios share: a real Kafka with doors for proxies, at the size of the run."""

from collections.abc import Iterator
from typing import Final

import pytest

from deploy.kafka.cluster import Cluster
from tests.faults.erased import QUICK

SHORT_SESSIONS: Final = {"group.min.session.timeout.ms": "1000"}
"""Kafka's least is 6 s, which a short scenario would spend waiting."""


@pytest.fixture(scope="session")
def fault_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """One node, with two doors; scenarios leave it running."""
    with Cluster(doors=2, heap_mb=384, settings=SHORT_SESSIONS) as cluster:
        yield cluster


@pytest.fixture
def quick_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """A Kafka that cleans up as soon as it may."""
    with Cluster(settings=QUICK) as cluster:
        yield cluster
