"""How clients reach the cluster: address, TLS and SASL from the settings, in each library's words."""

import ssl
from dataclasses import dataclass
from typing import Any

from infra.errors import Unavailable
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.java import WAYS
from infra.settings import Settings

_BOOTSTRAP_TIMEOUT_MS = 5000


@dataclass(frozen=True, slots=True)
class Connection:
    """The cluster's address and how to prove who we are."""

    bootstrap: str
    embedded: bool
    settings: Settings

    def kafka_python(self) -> dict[str, Any]:
        """Return the keyword arguments of kafka-python's clients."""
        arguments = {
            "bootstrap_servers": self.bootstrap,
            "bootstrap_timeout_ms": _BOOTSTRAP_TIMEOUT_MS,
            "security_protocol": self.settings.kafka_security_protocol,
        }
        return arguments | self._tls() | self._sasl()

    def aiokafka(self) -> dict[str, Any]:
        """Return the keyword arguments of aiokafka's clients."""
        arguments = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.settings.kafka_security_protocol,
        }
        return arguments | self._tls() | self._sasl()

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the context that trusts the configured certificates, or None without TLS."""
        if "SSL" not in self.settings.kafka_security_protocol:
            return None
        ca_file = self.settings.kafka_ca_file
        try:
            return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise Unavailable(f"ASM_KAFKA_CA_FILE: {ca_file} holds no certificates ({error}).") from error

    def _tls(self) -> dict[str, Any]:
        context = self.ssl_context()
        return {} if context is None else {"ssl_context": context}

    def _sasl(self) -> dict[str, Any]:
        if "SASL" not in self.settings.kafka_security_protocol:
            return {}
        username, password = self.settings.kafka_username, self.settings.kafka_password
        if username is None or password is None:
            raise Unavailable("SASL needs ASM_KAFKA_USERNAME and ASM_KAFKA_PASSWORD.")
        return {
            "sasl_mechanism": self.settings.kafka_sasl_mechanism,
            "sasl_plain_username": username,
            "sasl_plain_password": password.get_secret_value(),
        }


def unreachable(connection: Connection, error: Exception) -> Unavailable:
    """Say that the cluster does not answer, and what to look at."""
    return Unavailable(
        f"The cluster at {connection.bootstrap} does not answer ({type(error).__name__}: {error}). Check the address, "
        "and with TLS or SASL the certificates and the password: a wrong one shows as a time-out."
    )


def connect(settings: Settings) -> Connection:
    """Return how to reach the configured cluster, or else the embedded broker that runs.

    :raises Unavailable: no cluster is configured and no embedded broker runs.
    """
    if settings.kafka_bootstrap is not None:
        return Connection(settings.kafka_bootstrap, embedded=False, settings=settings)
    running = EmbeddedBroker(settings.kafka_dir).running()
    if running is None:
        raise Unavailable(f"No broker: none runs from {settings.kafka_dir}, and ASM_KAFKA_BOOTSTRAP is not set. {WAYS}")
    return Connection(running.bootstrap, embedded=True, settings=settings)
