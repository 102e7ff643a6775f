"""Kafka as a machine: the embedded broker, clients, topics on a cluster."""
