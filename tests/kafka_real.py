"""A real single-node Kafka for tests: one a session, its address given to every test that asks."""

import os
from collections.abc import Iterator

import pytest

from deploy.kafka import jars
from deploy.kafka.cluster import Cluster


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[Cluster]:
    """A running Kafka; skips where Java or Maven is missing, unless LEADHEAT_CI says that nothing may."""
    if (lacking := jars.missing_tools()) and not os.environ.get("LEADHEAT_CI"):
        pytest.skip(f"a real Kafka needs {' and '.join(lacking)}")
    with Cluster() as cluster:
        yield cluster
