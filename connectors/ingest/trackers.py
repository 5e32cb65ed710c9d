"""The protocols that the gateway speaks, in the order in which their paths are tried."""

from typing import Final

from connectors.ingest.browser import Browser
from connectors.ingest.protocol import Tracker
from connectors.ingest.segment import Segment

TRACKERS: Final[tuple[Tracker, ...]] = (Browser(), Segment())
