"""The resolvers' benchmark still runs: a few questions, figures of no meaning."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop

from bench import resolvers
from bench.askers import ASKERS
from bench.certificate import certify
from bench.resolvers import Cost, Scale, chosen, main, measure, name_server, page

PAIRS = [(name, transport) for name, (_, transports) in ASKERS.items() for transport in transports]


@pytest.mark.parametrize(("name", "transport"), PAIRS)
def test_each_resolver(name: str, transport: str, tmp_path: Path) -> None:
    if (name, transport) not in chosen([]):
        pytest.skip("the dependency group bench is not installed")
    certificate, key = certify(tmp_path)
    with name_server(certificate, key) as ports:
        asker = ASKERS[name][0](transport, ports[transport], certificate)
        cost = uvloop.run(measure(asker, Scale(1, 3, 10)))
    assert cost.asked > 0
    assert cost.recalled > 0


def test_words_choose() -> None:
    assert chosen(["hickory", "quic"]) == [("hickory", "quic")]
    assert ("c_ares", "udp") in chosen(["udp"])
    assert chosen(["c_ares", "tls"]) == []


def test_a_short_run_prints_a_table_and_writes_no_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resolvers, "PAGE", tmp_path / "page.md")
    assert main(["--quick", "hickory", "tcp"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["over", "resolver"]
    assert row.split()[:2] == ["TCP", "hickory"]
    assert not resolvers.PAGE.exists()


def test_nothing_of_that_name() -> None:
    with pytest.raises(SystemExit):
        main(["hickory", "pigeon"])


def test_page_tells_each_transport_once(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {("hickory", "udp"): Cost(1e-4, 2e-6), ("aiodns", "udp"): Cost(2e-4, 4e-5), ("hickory", "h3"): Cost(1, 1)}
    monkeypatch.setattr(resolvers, "LIBRARIES", ("uvloop", "no-such-library"))
    text = page(costs, datetime(2026, 1, 2, tzinfo=UTC), 0.25)
    assert "uvloop" in text
    assert "no-such-library" not in text
    assert "| UDP | hickory | 10,000 | 100.0 | 500,000 | 2.0 |" in text
    assert "|  | aiodns | 5,000 | 200.0 | 25,000 | 40.0 |" in text
    assert "| HTTP/3 (RFC 8484) | hickory |" in text
    assert "Measured on 2026-01-02" in text
    assert "kept 0.25 of the cores" in text


def test_the_best_of_two_rounds() -> None:
    assert Cost(1, 4).best(Cost(2, 3)) == Cost(1, 3)
