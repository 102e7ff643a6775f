"""The doctor: what stands between this system and being well, looked at from outside, writing nothing."""
