"""Errors by whose fault they are: these are the machine's."""


class Unavailable(Exception):
    """A machine that is needed does not answer: stop, restart, resume. The text says what to do."""


class LogLost(Exception):
    """What is to be read next is not in the log: no restart helps, a person must decide. The text says what to do."""
