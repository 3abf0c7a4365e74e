"""Telling an upstream for whom a request is: X-Forwarded-For, or Forwarded (RFC 7239)."""

import socket

from g3_http import Field, RequestHead, field_values, forwarded_field, forwarded_node, parse_forwarded

from ..io.addresses import Peer, server_address


def forwarded_for(kind: str, client: socket.socket, peer: Peer) -> Field | None:
    """The field for all requests of a client: ``kind`` is "none", "classic" or "standard"."""
    address = _bare(peer)
    if kind == "none":
        return None
    if kind == "classic":
        return b"X-Forwarded-For", address.encode("ascii")
    return forwarded_field(for_=forwarded_node(address), by=forwarded_node(_bare(server_address(client, peer))))


def behind_others(head: RequestHead, field: Field) -> Field:
    """The field with the values before its own that earlier proxies have put into fields of its name.

    Those leave the head, for some servers look at the first field alone, which a client could have written. Raises
    RequestError for values that might swallow what is behind them.
    """
    name = field[0].lower()
    if name not in head.end_to_end_block.lower():
        return field
    values = [value for value in field_values(head.end_to_end, name) if value]
    head.remove((name,))
    if name == b"forwarded":
        parse_forwarded(b", ".join(values))
    return field[0], b", ".join((*values, field[1]))


def _bare(address: Peer) -> str:
    return address[0].partition("%")[0]
