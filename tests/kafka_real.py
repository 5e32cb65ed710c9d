"""A real single-node Kafka for tests: one for all that ask, or one of a test's own, which it may kill."""

import os
from collections.abc import Iterator
from typing import Final

import pytest
from filelock import FileLock

from deploy.kafka import jars
from deploy.kafka.cluster import Cluster

SESSION_S: Final = 4.0
"""Of workers there: as long as they are missed for after they were killed."""
_SETTINGS: Final = {"group.min.session.timeout.ms": "3000"}
"""Kafka's least is 6 s, which tests would spend waiting."""


@pytest.fixture(scope="session")
def kafka_tools() -> None:
    """What a real Kafka needs; skips where it is missing, unless LEADHEAT_CI says that nothing may.

    Maven is run by one of the processes that share the tests: two at once would spoil each other's files.
    """
    if (lacking := jars.missing_tools()) and not os.environ.get("LEADHEAT_CI"):
        pytest.skip(f"a real Kafka needs {' and '.join(lacking)}")
    kept_in = jars.in_checkout()
    assert kept_in is not None
    kept_in.mkdir(parents=True, exist_ok=True)
    with FileLock(kept_in / "fetch.lock"):
        jars.fetch(kept_in)


@pytest.fixture(scope="session")
def real_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """A running Kafka that tests share."""
    with Cluster(settings=_SETTINGS) as cluster:
        yield cluster


@pytest.fixture
def own_kafka(kafka_tools: None) -> Iterator[Cluster]:
    """A running Kafka that is the test's own."""
    with Cluster(settings=_SETTINGS) as cluster:
        yield cluster
