"""Counts what the read API answers, caches and streams."""

from typing import Final

from prometheus_client import Counter, Gauge

CACHED: Final = Counter(
    "leadheat_cache_records_total", "Records taken into the cache, by topic and result.", ["topic", "result"]
)
REBUILDS: Final = Counter("leadheat_cache_rebuilds_total", "Times the cache was built anew from the topics.")
STREAMS: Final = Gauge("leadheat_stream_clients", "Clients of the event stream.", multiprocess_mode="livesum")
DROPPED: Final = Counter("leadheat_stream_dropped_total", "Clients of the event stream dropped as too slow.")
