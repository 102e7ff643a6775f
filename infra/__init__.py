"""Machines: settings, log, Kafka, database. Knows nothing of medicine or law."""
