"""The protocols that the gateway speaks, in the order in which their paths are tried."""

from typing import Final

from connectors.ingest.posthog import PostHog
from connectors.ingest.protocol import Tracker
from connectors.ingest.segment import Segment
from connectors.ingest.snowplow import Snowplow

TRACKERS: Final[tuple[Tracker, ...]] = (
    Segment(),
    PostHog(),
    Snowplow(),  # the last: it has a path of which both segments are anybody's
)
