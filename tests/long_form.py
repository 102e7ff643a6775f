"""Tests that take too long for every run: ``make outages`` sets what lets them run."""

import os

import pytest

long_form = pytest.mark.skipif("ASM_TEST_LONG" not in os.environ, reason="it is of the long form: make outages")
