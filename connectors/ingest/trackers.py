"""The protocols that the gateway speaks, in the order in which their paths are tried."""

from typing import Final

from connectors.ingest.browser import Browser
from connectors.ingest.ga4 import GA4
from connectors.ingest.matomo import Matomo
from connectors.ingest.mautic import Mautic
from connectors.ingest.posthog import PostHog
from connectors.ingest.protocol import Tracker
from connectors.ingest.segment import Segment
from connectors.ingest.snowplow import Snowplow

TRACKERS: Final[tuple[Tracker, ...]] = (
    Browser(),
    Segment(),
    Matomo(),
    GA4(),
    Mautic(),
    PostHog(),
    Snowplow(),  # the last: it has a path of which both segments are anybody's
)
