"""A real Apache Kafka without any container: its jars, a node that keeps its data, clusters for tests."""
