"""In which partition a TIN lies: Java's murmur2 of the key, the default of Java's, kafka-python's and aiokafka's."""

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key among so many partitions."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
