"""What `route_query` and its service say to each other: MessagePack in datagrams."""

import math
import uuid
from dataclasses import dataclass

import msgspec
from g3_escape import MAX_NODES, Node

QUERY_ID = 16
"""Bytes of an id."""


@dataclass(frozen=True, slots=True)
class QueryKey:
    """What the service is asked."""

    user: str
    """The name that the client has logged in with, empty without."""
    host: str
    """The target's host."""
    client_ip: str | None = None
    """The client's address, if the service is told."""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What the service says."""

    query_id: bytes
    nodes: tuple[Node[str], ...]
    """Names of escapers, perhaps none."""
    ttl: int
    """Seconds, 0 if it does not say."""


def pack_query(query_id: bytes, key: QueryKey) -> bytes:
    """Return the datagram for one question."""
    question = {"id": query_id, "user": key.user, "host": key.host}
    if key.client_ip is not None:
        question["client_ip"] = key.client_ip
    return msgspec.msgpack.encode(question)


def parse_answer(data: bytes) -> QueryAnswer | None:
    """Return what a datagram says, None if it is not to be understood. Keys that are not known are ignored."""
    fields = parse_fields(data)
    if fields is None:
        return None
    query_id, nodes, ttl = _query_id(fields.get("id")), _nodes(fields.get("nodes", ())), fields.get("ttl", 0)
    if query_id is None or nodes is None or type(ttl) is not int or not 0 <= ttl < 1 << 32:
        return None
    return QueryAnswer(query_id, nodes, ttl)


def parse_fields(data: bytes) -> dict[str | int, object] | None:
    """Return the map in a datagram, its textual keys in lower case and with ``_`` for ``-``; None for anything else."""
    try:
        decoded = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError):
        return None
    if not isinstance(decoded, dict):
        return None
    fields: dict[str | int, object] = {}
    for key, value in decoded.items():
        name = key.lower().replace("-", "_") if isinstance(key, str) else key
        if type(name) not in (str, int) or name in fields:
            return None
        fields[name] = value
    return fields


def _query_id(value: object) -> bytes | None:
    if isinstance(value, str):
        try:
            return uuid.UUID(value).bytes
        except ValueError:
            return None
    return value if isinstance(value, bytes) and len(value) == QUERY_ID else None


def _nodes(value: object) -> tuple[Node[str], ...] | None:
    """A name, or a list of names and of maps with a name and a weight."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or len(items) > MAX_NODES:
        return None
    nodes: list[Node[str]] = []
    for item in items:
        name, weight = (item.get("name"), item.get("weight", 1.0)) if isinstance(item, dict) else (item, 1.0)
        if not isinstance(name, str) or type(weight) not in (int, float) or not math.isfinite(weight):
            return None
        try:
            nodes.append(Node(name, name.encode(), float(weight)))
        except ValueError:
            return None
    return tuple(nodes)
