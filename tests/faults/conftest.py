"""A real Kafka and deployments on it, as in the integration tests."""

from tests.integration.conftest import bootstrap, system

__all__ = ["bootstrap", "system"]
