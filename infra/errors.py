"""Errors by whose fault they are: this one is the machine's."""


class Unavailable(Exception):
    """A machine that is needed does not answer: stop, restart, resume. The text says what to do."""
