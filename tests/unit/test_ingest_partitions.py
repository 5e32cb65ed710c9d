"""A key goes to the partition where Kafka's own Java client would put it."""

import pytest
from aiokafka.partitioner import DefaultPartitioner


@pytest.mark.parametrize(
    ("key", "murmur2"),  # from UtilsTest.testMurmur2 of Apache Kafka's clients
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_default_partitioner_is_kafka_s(key: bytes, murmur2: int) -> None:
    for partitions in (1, 2, 8, 12):
        everything = list(range(partitions))
        assert DefaultPartitioner()(key, everything, everything) == (murmur2 & 0x7FFFFFFF) % partitions
