"""Fuzzing: what arbitrary bytes may come to at every decoder, by hypothesis and by a coverage-guided fuzzer."""
