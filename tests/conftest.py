"""Fixtures of more than one room."""

from tests.databases import database_url, postgresql

__all__ = ["database_url", "postgresql"]
