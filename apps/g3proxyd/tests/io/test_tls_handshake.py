"""Handshakes of TLS streams that do not work out, and what is said about them."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from certificates import DAY, Leaf, authority
from g3proxyd.io import tls
from g3proxyd.io.tls import TlsStream
from g3proxyd.io.tls_errors import TlsError, TlsFault
from loopback import run
from tls.peer import NAME, Memory, make


@pytest.fixture(scope="module")
def leaf() -> Leaf:
    return authority().issue(NAME, "127.0.0.1")


@pytest.fixture(scope="module")
def server(leaf: Leaf, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return leaf.server(tmp_path_factory.mktemp("tls"))


async def fault(stream: TlsStream, other: Any = None) -> TlsError:
    """How the handshake fails."""
    task = asyncio.ensure_future(other) if other is not None else None
    with pytest.raises(TlsError) as caught:
        await stream.handshake(5)
    stream.close()
    assert (tls._incoming.pending, tls._outgoing.pending) == (0, 0)  # the memory is that of all connections
    if task is not None:
        await asyncio.gather(task, return_exceptions=True)
    return caught.value


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", TlsFault.PLAIN_HTTP),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", TlsFault.PLAIN_HTTP),
        (b"\x05\x01\x00" + bytes(100), TlsFault.NOT_TLS),
        (b"SSH-2.0-OpenSSH_9.2\r\n", TlsFault.NOT_TLS),
        (b"", TlsFault.TRUNCATED),
        (b"\x16\x03\x01\x02\x00\x01\x00", TlsFault.TRUNCATED),
        (b"\x16\x03\x01\xff\xff" + bytes(100), TlsFault.PROTOCOL),
        (b"\x15\x03\x01\x00\x02\x02\x30", TlsFault.PROTOCOL),
    ],
)
def test_what_is_no_client_hello(server: ssl.SSLContext, said: bytes, word: TlsFault) -> None:
    async def main() -> None:
        stream, sock, _ = make(server)
        sock.send(said)
        sock.shutdown(socket.SHUT_WR)
        assert (await fault(stream)).fault is word
        sock.close()

    run(main())


def test_a_slow_hello_is_over_time(server: ssl.SSLContext) -> None:
    async def main() -> None:
        for said in (b"", b"\x16\x03\x01"):
            stream, sock, wheel = make(server)
            sock.send(said)
            with pytest.raises(TimeoutError):
                await stream.handshake(0.03)
            stream.close()
            assert len(wheel) == 0
            sock.close()

    run(main())


def test_a_handshake_has_an_end(server: ssl.SSLContext) -> None:
    """Warnings are legal forever in TLS 1.2, so only a limit ends them."""

    async def main() -> None:
        stream, sock, _ = make(authority().client(), server_side=False)
        sending = asyncio.ensure_future(
            asyncio.get_running_loop().sock_sendall(sock, b"\x14\x03\x03\x00\x01\x01" * 100_000)
        )
        assert (await fault(stream)).fault in (TlsFault.PROTOCOL, TlsFault.FLOOD)
        sending.cancel()
        sock.close()

    run(main())


def contexts(leaf: Leaf, folder: Path, how: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server and a client that do not fit together."""
    server, client = leaf.server(folder), authority().client()
    if how == "version":
        server.minimum_version, client.maximum_version = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
    elif how == "cipher":
        server.maximum_version = ssl.TLSVersion.TLSv1_2
        server.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    elif how == "client certificate":
        server.verify_mode = ssl.CERT_REQUIRED
    return server, client


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("version", "unsupported_version"),
        ("cipher", "no_shared_cipher"),
        ("client certificate", "no_certificate"),
    ],
)
def test_what_a_server_says_of_a_client_that_does_not_fit(leaf: Leaf, tmp_path: Path, how: str, word: str) -> None:
    async def main() -> None:
        server, client = contexts(leaf, tmp_path, how)
        stream, sock, _ = make(server)
        assert (await fault(stream, Memory(sock, client).handshake())).reason == word
        sock.close()

    run(main())


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("version", "alert:protocol_version"),
        ("cipher", "alert:handshake_failure"),
    ],
)
def test_what_a_client_hears_from_such_a_server(leaf: Leaf, tmp_path: Path, how: str, word: str) -> None:
    async def main() -> None:
        server, client = contexts(leaf, tmp_path, how)
        stream, sock, _ = make(client, server_side=False)
        peer = Memory(sock, server, server_side=True)

        async def serve() -> None:
            try:
                await peer.handshake()
            except ssl.SSLError:
                await peer.flush()

        found = await fault(stream, serve())
        assert (found.reason, found.fault) == (word, TlsFault.ALERT)
        sock.close()

    run(main())


@pytest.mark.parametrize(
    ("made", "word"),
    [
        ({"valid": (-2 * DAY, -DAY)}, "certificate_expired"),
        ({"valid": (DAY, 2 * DAY)}, "certificate_not_yet_valid"),
        ({"names": ("other.test",)}, "certificate_name"),
        ({"client": True}, "certificate_purpose"),
    ],
)
def test_certificates_that_a_client_refuses(tmp_path: Path, made: dict[str, Any], word: str) -> None:
    async def main() -> None:
        server = authority().issue(*made.pop("names", (NAME,)), **made).server(tmp_path)
        stream, sock, _ = make(authority().client(), server_side=False)
        peer = Memory(sock, server, server_side=True)
        found = await fault(stream, peer.handshake())
        assert found.reason == word
        sock.close()

    run(main())


def test_an_issuer_whom_nobody_knows(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, sock, _ = make(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), server_side=False)
        peer = Memory(sock, server, server_side=True)
        serving = asyncio.ensure_future(peer.handshake())
        assert (await fault(stream)).reason == "certificate_issuer"
        with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
            await serving
        sock.close()

    run(main())
