"""What a QUIC server says to clients without a connection: other versions, Retry, and a refusal."""

import os
from typing import TYPE_CHECKING

from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicFrameType,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
)
from aioquic.quic.packet_builder import QuicPacketBuilder

from .addresses import Peer

if TYPE_CHECKING:
    from aioquic.quic.packet import QuicHeader
    from aioquic.quic.retry import QuicRetryTokenHandler

VERSIONS: tuple[int, ...] = (QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2)
"""RFC 9000 and RFC 9369."""

SMALLEST_FIRST = 1200
"""Bytes that a client's first datagram has at least (RFC 9000 section 14.1): what is smaller gets no answer, so that
nobody can make us send more than he sends."""

CLOSE_SIZE = 25
"""Bytes of a CONNECTION_CLOSE frame without a reason at most."""


def versions(header: "QuicHeader") -> bytes:
    """The versions that we speak (RFC 9000 section 6)."""
    return encode_quic_version_negotiation(
        source_cid=header.destination_cid, destination_cid=header.source_cid, supported_versions=list(VERSIONS)
    )


def retry(tokens: "QuicRetryTokenHandler", header: "QuicHeader", peer: Peer, now: float) -> bytes:
    """A packet that asks the client to prove its address (RFC 9000 section 8.1.2)."""
    source_cid = os.urandom(8)
    token = tokens.create_token(
        address=peer,
        original_destination_connection_id=header.destination_cid,
        retry_source_connection_id=source_cid,
        now=now,
    )
    return encode_quic_retry(
        version=header.version or 0,
        source_cid=source_cid,
        destination_cid=header.source_cid,
        original_destination_cid=header.destination_cid,
        retry_token=token,
    )


def refusal(header: "QuicHeader", code: int) -> bytes:
    """A packet that closes the connection which the client wants to begin (RFC 9000 section 10.2)."""
    version = header.version or 0
    crypto = CryptoPair()
    crypto.setup_initial(cid=header.destination_cid, is_client=False, version=version)
    builder = QuicPacketBuilder(
        host_cid=header.destination_cid,
        is_client=False,
        max_datagram_size=SMALLEST_FIRST,
        peer_cid=header.source_cid,
        version=version,
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    frame = builder.start_frame(QuicFrameType.TRANSPORT_CLOSE, capacity=CLOSE_SIZE)
    for value in (code, QuicFrameType.PADDING, 0):
        frame.push_uint_var(value)
    return builder.flush()[0][0]
