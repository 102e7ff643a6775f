"""Benchmarks: how long, and how much memory; run by hand with ``make bench``, never timed in a test."""
