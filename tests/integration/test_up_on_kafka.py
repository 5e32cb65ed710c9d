"""`leadheat up` on a real Kafka: what is scored is still there after a stop and a start."""

import httpx
import pytest

from deploy.greeting import SEEN_BEFORE
from deploy.kafka.cluster import Cluster
from tests.integration.processes import until
from tests.integration.up_running import Up, running

pytestmark = [pytest.mark.kafka, pytest.mark.embedded, pytest.mark.slow]


def _known(up: Up, lead: str) -> bool:
    with up.client() as client:
        try:
            return client.get(f"/v1/leads/{lead}").status_code == 200
        except httpx.TransportError:
            return False


def test_scores_outlive_the_machine_that_made_them(real_kafka: Cluster) -> None:
    with running("--kafka", real_kafka.bootstrap) as up:
        assert up.said("kafka") == real_kafka.bootstrap
        assert not any("gone" in line for line in up.out)
        assert up.send({"type": "demo_requested", "lead_id": "u-kept"}).status_code == 200
        until(lambda: _known(up, "u-kept"))
    assert not any("gone" in line for line in up.err)
    with running("--kafka", real_kafka.bootstrap) as again:
        until(lambda: _known(again, "u-kept"))
        assert not any("Traceback" in line for line in again.err)


def test_a_demonstration_on_topics_that_were_there_says_why_nothing_may_happen(real_kafka: Cluster) -> None:
    with running("--kafka", real_kafka.bootstrap):
        pass
    with running("--kafka", real_kafka.bootstrap, "--demo") as again:
        assert SEEN_BEFORE in again.err
