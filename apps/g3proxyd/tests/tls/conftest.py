"""Certificates for contexts."""

import pytest
from certificates import authority
from g3proxyd.tls.pem import Certificates
from g3proxyd.tls.settings import Pair
from tls.memory import pair_of


@pytest.fixture(scope="session")
def pair() -> Pair:
    """A certificate for origin.test."""
    return pair_of(authority().issue("origin.test"))


@pytest.fixture(scope="session")
def ca() -> Certificates:
    return Certificates(authority().pem)
