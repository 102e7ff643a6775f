"""Tests of the machines\x27 room."""
