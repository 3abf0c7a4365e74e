"""The resolvers' benchmark still runs: a few questions, figures of no meaning."""

from pathlib import Path

import pytest
import uvloop

from bench import resolvers
from bench.certificate import certify
from bench.resolvers import SUBJECTS, measure, name_server

PAIRS = [(name, transport) for name, (_, transports) in SUBJECTS.items() for transport in transports]


@pytest.mark.parametrize(("name", "transport"), PAIRS)
def test_each_resolver(name: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "aiodns":
        pytest.importorskip(name)
    monkeypatch.setattr(resolvers, "CACHED", 10)
    certificate, key = certify(tmp_path)
    with name_server(certificate, key) as ports:
        subject = SUBJECTS[name][0](transport, ports[transport], certificate)
        subject.names = 3
        asked, cached = uvloop.run(measure(subject))
    assert asked > 0
    assert cached is None or cached > 0
