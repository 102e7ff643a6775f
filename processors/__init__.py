"""The core: what the Ambulatory Specialty Model asks, as pure functions over frozen values.

Standard library only; no IO, clock, chance, environment or log. Time arrives as an event. Files are named after the
section of 42 CFR 512 subpart G that they keep.
"""
