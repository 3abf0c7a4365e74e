"""A folder for real clients to fetch from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from origin_site import Site, make_certificate, serve


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "origin.pem"
    make_certificate(path)
    return path


@pytest.fixture
def site(tmp_path: Path, certificate: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    with serve(folder, certificate) as running:
        yield running
