"""The names of the consumer groups, which are the names of the Faust apps."""

from infra.settings import Settings


def admission_group(settings: Settings) -> str:
    """Return the group that reads the inbound topics."""
    return f"{settings.namespace}asm-admission"


def assessment_group(settings: Settings) -> str:
    """Return the group of a generation, which reads the journal."""
    return f"{settings.namespace}asm-assessment-{settings.generation}"
