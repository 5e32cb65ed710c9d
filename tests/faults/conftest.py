"""What the scenarios share: a real Kafka with doors for proxies, at the size of the run."""

from collections.abc import Iterator

import pytest

from deploy.kafka.cluster import Cluster


@pytest.fixture(scope="session")
def fault_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """One node, with two doors and sessions as short as scenarios like; they leave it running."""
    with Cluster(doors=2, heap_mb=384, settings={"group.min.session.timeout.ms": "1000"}) as cluster:
        yield cluster
