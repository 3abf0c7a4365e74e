"""The configurations in the documentation work."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import DAY, authority
from g3proxyd.config import Config

DOCS = Path(__file__).parents[4] / "docs"
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
OF_SERVERS = ("dst_port_filter", "dst_host_filter_set")


def test_there_are_some() -> None:
    assert len(BLOCKS) == 5


def test_split_files(config: Callable[..., Config]) -> None:
    (block,) = (block for block in BLOCKS if "server.d" in block)
    found = config(
        block,
        {
            "server.d/extra.yml": "name: extra\ntype: dummy_close\n",
            "escaper.d/a.yml": "name: default\ntype: direct_fixed\nresolver: default\n",
            "resolver.d/a.yml": "name: default\ntype: c_ares\n",
        },
    )
    assert list(found.servers) == ["http", "extra"]


def test_a_port_that_ends_tls(config: Callable[..., Config], tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if "plain_tls_port" in block)
    authority().issue("a.test", valid=(-DAY, 30 * DAY)).write(tmp_path, "proxy")
    escaper = "escaper: [{name: direct, type: dummy_deny}]\n"
    found = config(block.replace("/etc/g3proxyd", str(tmp_path)) + escaper)
    assert list(found.servers) == ["front", "socks"]
    assert found.warnings == ()


def test_certificates_in_the_guide(config: Callable[..., Config], tmp_path: Path) -> None:
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    (block,) = (
        text for text in re.findall(r"^```yaml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE) if "name: https" in text
    )
    for name in ("proxy", "other"):
        authority().issue(f"{name}.test", valid=(-DAY, 30 * DAY)).write(tmp_path, name)
    (tmp_path / "clients.crt").write_bytes(authority().pem)
    found = config(block.replace("/etc/g3proxyd", str(tmp_path)) + "escaper: [{name: direct, type: dummy_deny}]\n")
    assert list(found.servers) == ["https"]
    assert found.warnings == ()


def test_a_port_for_quic(config: Callable[..., Config], tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if "plain_quic_port" in block)
    authority().issue("a.test", valid=(-DAY, 30 * DAY)).write(tmp_path, "proxy")
    escaper = "escaper: [{name: direct, type: dummy_deny}]\n"
    found = config(block.replace("/etc/g3proxyd", str(tmp_path)) + escaper)
    assert list(found.servers) == ["front", "http"]
    assert found.warnings == ()


def test_resolvers(config: Callable[..., Config]) -> None:
    page = (DOCS / "resolvers.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert [resolver.type for resolver in config(block).resolvers.values()] == ["hickory"]


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith("server:")])
def test_keys(block: str, config: Callable[..., Config]) -> None:
    keys = re.split(r"^(?=\w)", block, flags=re.MULTILINE)[1:]
    of_server = "".join(key for key in keys if key.startswith(OF_SERVERS))
    of_escaper = "".join(key for key in keys if not key.startswith(OF_SERVERS))
    found = config(
        "server:\n  - name: a\n    type: socks_proxy\n    escaper: b\n    listen: 80\n"
        + textwrap.indent(of_server, "    ")
        + "escaper:\n  - name: b\n    type: direct_fixed\n    resolver: c\n"
        + textwrap.indent(of_escaper, "    ")
        + "resolver:\n  - {name: c, type: deny_all}\n"
    )
    assert found.warnings == ()


@pytest.mark.parametrize("kind", ["proxy_https", "proxy_socks5s"])
def test_next_proxies(kind: str, config: Callable[..., Config], tmp_path: Path) -> None:
    page = (DOCS / "escapers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (block,) = (text for text in blocks if f"type: {kind}" in text)
    (tmp_path / "proxies.crt").write_bytes(authority().pem)
    found = config(block.replace("/etc/g3proxyd", str(tmp_path)))
    assert [escaper.type for escaper in found.escapers.values()] == [kind]
    assert found.warnings == ()
