"""The figures of the README are those of the code."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import g3_dns
import pytest
from g3_dns import Bounds, Cache, Coalescer, LookupSettings, StreamSettings, UdpSettings
from g3_dns._cookies import MAX_SERVERS
from g3_dns._tcp import MAX_MISMATCHES as MAX_STREAM_MISMATCHES
from g3_dns._udp import MAX_MISMATCHES
from g3_dns.http2._client import MAX_FRAMES
from g3_dns.http3._client import MAX_CONTROL_SIZE, MAX_OVERHEAD_SIZE
from g3_dns.quic._connection import MAX_BYTES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
LIMITS = " ".join(README.split("## Limits\n")[1].split("\n## ")[0].split())


@pytest.mark.parametrize("settings", [UdpSettings, StreamSettings, LookupSettings, Bounds])
def test_defaults(settings: type) -> None:
    shown = ", ".join(f"{field.name} {field.default}" for field in fields(settings))
    assert f"| `{settings.__name__}` | {shown} |" in LIMITS


@pytest.mark.parametrize("name", ["MAX_RECORDS", "MAX_ADDRESSES", "MAX_ALIASES"])
def test_public_limits(name: str) -> None:
    assert f"`{name}` = {getattr(g3_dns, name)}" in LIMITS


def test_other_limits() -> None:
    capacity = inspect.signature(Cache).parameters["capacity"].default
    lookups = inspect.signature(Coalescer).parameters["max_lookups"].default
    assert (
        f"A cache has {capacity:,} results, a coalescer {lookups:,} lookups, a jar {MAX_SERVERS:,} servers." in LIMITS
    )
    assert f"{MAX_MISMATCHES} mismatches end a UDP query" in LIMITS
    assert MAX_STREAM_MISMATCHES == MAX_MISMATCHES
    assert f"Between two answers there are {MAX_FRAMES:,} frames of HTTP/2, {MAX_BYTES >> 20} MiB of QUIC, " in LIMITS
    assert (
        f"{MAX_CONTROL_SIZE >> 10} KiB of control of HTTP/3, whose responses have {MAX_OVERHEAD_SIZE >> 10} KiB"
        in LIMITS
    )
    assert re.search(rf"`PADDING_BLOCK` is {g3_dns.PADDING_BLOCK},", LIMITS)
