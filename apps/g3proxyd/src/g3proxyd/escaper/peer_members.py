"""Peers from texts of JSON, such as a database or a cache file has, and back."""

import logging
from collections.abc import Iterable
from pathlib import Path

from ..config.escaper.proxy_float import cache_text, parse_peers
from ..config.escaper.proxy_peer import PeersRead, ProxyPeer, read_peers
from ..config.json_text import parse_json
from ..config.values.mistake import MistakeError
from .cache_file import read_cache, write_cache
from .sources import MAX_PEER_SIZE

log = logging.getLogger(__name__)


class PeerMembers:
    """The texts that a source has. Each is read once, however often the source has it."""

    def __init__(self, name: str, cache: Path | None) -> None:
        """``name`` is that of the escaper, for the log."""
        self._name = name
        self._cache = cache
        self._read: dict[bytes, PeersRead] = {}

    def read(self, members: frozenset[bytes]) -> list[ProxyPeer]:
        """The peers that these texts describe. Those that describe none are left out, and logged when they come.

        The cache file holds the same afterwards.
        """
        fresh = {member: read_member(member) for member in members - self._read.keys()}
        _log(f"escaper {self._name}", (line for read in fresh.values() for line in (*read.refused, *read.remarks)))
        self._read = {member: read for member, read in self._read.items() if member in members} | fresh
        found = [item for member in sorted(self._read) for item in self._read[member].peers]
        if self._cache is not None:
            self._keep(self._cache, cache_text([raw for _, raw in found]))
        return [peer for peer, _ in found]

    def _keep(self, path: Path, text: str) -> None:
        try:
            if text != read_cache(path):  # another worker may have been quicker
                write_cache(path, text)
        except OSError as error:
            log.error("the cache file %s cannot be written: %s", path, error.strerror or error)


def read_member(member: bytes) -> PeersRead:
    """The peer that one text of JSON describes."""
    shown = ascii(member[:40].decode("latin-1"))
    if len(member) > MAX_PEER_SIZE:
        return PeersRead(refused=(f"{shown}...: {len(member)} bytes; a peer has at most {MAX_PEER_SIZE}",))
    try:
        said = parse_json(member.decode())
    except UnicodeDecodeError:
        return PeersRead(refused=(f"{shown}: not UTF-8",))
    except MistakeError as error:
        return PeersRead(refused=(f"{shown}: {error}",))
    address = said.get("addr") if isinstance(said, dict) else None
    return read_peers([said], lambda number: f"peer {str(address)[:60]!a}")


def cached_peers(path: Path | None) -> list[ProxyPeer]:
    """The peers that a cache file holds. What cannot be used of it is worth a warning."""
    text = "" if path is None else read_cache(path)
    if not text.strip():
        return []
    try:
        read = parse_peers(parse_json(text))
    except MistakeError as error:
        log.warning("the cache file %s is not used: %s", path, error)
        return []
    _log(f"the cache file {path}", read.refused)
    return [peer for peer, _ in read.peers]


MAX_LOGGED = 20
"""Lines about what one look at a source or file brings; the others are counted."""


def _log(what: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    for line in lines[:MAX_LOGGED]:
        log.warning("%s: %s", what, line)
    if len(lines) > MAX_LOGGED:
        log.warning("%s: %d more mistakes of this kind", what, len(lines) - MAX_LOGGED)
