"""Shared by all tests: Hypothesis profiles and the default policy."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from privacy.policy import Policy, read_policy

_QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("default", derandomize=True, max_examples=40, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("deep", derandomize=False, max_examples=1000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("JAUGE_HYPOTHESIS", "default"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    return read_policy()
