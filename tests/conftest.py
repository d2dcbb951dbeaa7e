"""Shared by all tests: Hypothesis profiles and the default policy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Before they are loaded: workers with a thread for each core hinder one another, and a third of the time is lost.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
for threads in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, str(max((os.cpu_count() or 1) // workers, 1)))

from privacy.policy import Policy, read_policy  # noqa: E402
from tests.servers import ENVIRONMENT, Backend, object_store, postgresql  # noqa: E402

_QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("default", derandomize=True, max_examples=40, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("deep", derandomize=False, max_examples=1000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("JAUGE_HYPOTHESIS", "default"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    return read_policy()


@pytest.fixture(scope="session")
def shared() -> Iterator[Backend]:
    """PostgreSQL and an S3 server, started once, their secrets in the environment."""
    with postgresql("hub") as catalogue, object_store() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield Backend(catalogue, store)


@pytest.fixture(scope="module", params=["embedded", pytest.param("shared", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both ways to keep a lake: what a test asks of one it asks of the other."""
    return request.getfixturevalue("shared") if request.param == "shared" else Backend()
