"""A real Apache Kafka for tests: its jars by Maven, started without any container."""
