"""TLS streams over real sockets, against the ssl module's own streams and against raw bytes."""

import asyncio
import random
import socket
import ssl

import pytest
from certificates import Leaf, authority
from g3proxyd.io import tls
from g3proxyd.io.tls_errors import TlsError, TlsFault
from loopback import arrived, read_to_end, run
from tls.peer import NAME, Memory, connected, make


@pytest.fixture(scope="module")
def leaf() -> Leaf:
    return authority().issue(NAME, "127.0.0.1")


@pytest.fixture(scope="module")
def server(leaf: Leaf, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return leaf.server(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_bytes_pass_both_ways_whatever_the_segments(server: ssl.SSLContext, version: ssl.TLSVersion, step: int) -> None:
    async def main() -> None:
        client = authority().client()
        client.maximum_version = client.minimum_version = version
        stream, sock, wheel = make(server)
        peer = Memory(sock, client)
        await asyncio.gather(stream.handshake(5), peer.handshake(step))
        assert stream.established
        assert stream.tls.version() == ("TLSv1.3" if version is ssl.TLSVersion.TLSv1_3 else "TLSv1.2")
        peer.tls.write(b"question")
        flushing = asyncio.create_task(peer.flush(step))
        await stream.readable(5)
        await flushing
        assert await stream.receive(5) == b"question"
        await stream.send(b"answer", 5)
        assert await peer.read() == b"answer"
        await peer.end()
        assert await stream.receive(5) == b""
        assert await stream.receive(5) == b""
        stream.close()
        assert await peer.read() == b""
        assert (stream.received, stream.sent) == (8, 6)
        assert len(wheel) == 0
        peer.sock.close()

    run(main())


def test_a_client_verifies_the_name_and_hears_what_comes_with_the_handshake(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, sock, _ = make(authority().client(), server_side=False)
        peer = Memory(sock, server, server_side=True)

        async def serve() -> None:
            await peer.handshake()
            await peer.write(b"hello")

        await asyncio.gather(stream.handshake(5), serve())
        assert await stream.receive(5) == b"hello"
        assert stream.tls.getpeercert()
        stream.close()
        sock.close()

    run(main())


def test_bytes_of_before_are_the_first_that_tls_reads(server: ssl.SSLContext) -> None:
    async def main() -> None:
        client, out = authority().client(), ssl.MemoryBIO()
        inc = ssl.MemoryBIO()
        tls = client.wrap_bio(inc, out, server_hostname=NAME)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = out.read()
        stream, sock, _ = make(server, early=hello[:50])
        peer = Memory(sock, client)
        peer.inc, peer.out, peer.tls = inc, out, tls
        await asyncio.get_running_loop().sock_sendall(sock, hello[50:])
        await asyncio.gather(stream.handshake(5), peer.handshake())
        await peer.write(b"x")
        assert await stream.receive(5) == b"x"
        stream.close()
        sock.close()

    run(main())


def test_large_writes_and_reads_are_exact(server: ssl.SSLContext) -> None:
    data = random.Random(1).randbytes(3_000_001)

    async def main() -> None:
        stream, peer = await connected(server)

        async def echo() -> None:
            got = await peer.read_to_end()
            assert got == data
            for start in range(0, len(got), 100_000):
                await peer.write(got[start : start + 100_000])
            await peer.end()

        async def ask() -> bytes:
            for start in range(0, len(data), 1 << 18):
                await stream.send(data[start : start + (1 << 18)], 5)
            stream.send_eof()
            await stream.drain(5)
            got = bytearray()
            for size in [1, 10, 16384, 50_000] + [1 << 18] * 1000:
                piece = await stream.receive(5, size)
                assert len(piece) <= size
                if not piece:
                    break
                got += piece
            return bytes(got)

        got, _ = await asyncio.gather(ask(), echo())
        assert got == data
        assert (stream.received, stream.sent) == (len(data), len(data))
        stream.close()
        peer.sock.close()

    run(main())


def test_an_end_without_its_word_is_an_error_behind_the_bytes(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        await peer.write(b"a part")
        peer.sock.shutdown(socket.SHUT_WR)
        assert await stream.receive(5) == b"a part"
        for _ in range(2):
            with pytest.raises(TlsError) as caught:
                await stream.receive(5)
            assert caught.value.fault is TlsFault.TRUNCATED
            assert str(caught.value) == "truncated (the peer closed without TLS's own end)"
        stream.close()
        peer.sock.close()

    run(main())


def test_a_broken_record_is_an_error_and_the_peer_hears_of_it(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        peer.tls.write(b"right")
        peer.tls.write(b"wrong")
        wire = bytearray(peer.out.read())
        wire[-1] ^= 1
        await asyncio.get_running_loop().sock_sendall(peer.sock, wire)
        assert await stream.receive(5) == b"right"
        with pytest.raises(TlsError) as caught:
            await stream.receive(5)
        assert caught.value.fault is TlsFault.PROTOCOL
        stream.close()
        with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
            await peer.read()
        peer.sock.close()

    run(main())


def test_half_closing_leaves_the_other_half(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        await stream.send(b"all I have", 5)
        stream.send_eof()
        stream.send_eof()
        with pytest.raises(BrokenPipeError):
            stream.write(b"more")
        assert await peer.read_to_end() == b"all I have"
        await peer.write(b"thank you")
        assert await stream.receive(5) == b"thank you"
        await peer.end()
        assert await stream.receive(5) == b""
        stream.close()
        assert await read_to_end(peer.sock) == (b"", None)
        peer.sock.close()

    run(main())


def test_an_abort_is_no_end(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        stream.abort()
        with pytest.raises(ConnectionResetError):
            await peer.read()
        peer.sock.close()

    run(main())


def test_a_peer_that_reads_nothing_holds_no_more_than_one_write(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        total = 0
        while stream.write(bytes(65536)):
            total += 65536
        assert total < 64 << 20, "the kernel took everything"
        pending = len(stream._pending or b"")
        assert 0 < pending < 70_000
        with pytest.raises(TimeoutError):
            await stream.drain(0.02)

        async def read(size: int) -> None:
            while size:
                size -= len(await peer.read())

        await asyncio.gather(read(total + 65536), stream.drain(5))
        assert stream.sent == total + 65536
        stream.close()
        peer.sock.close()

    run(main())


def test_answers_that_the_peer_does_not_read_have_a_limit(server: ssl.SSLContext) -> None:
    """What OpenSSL answers by itself, to key updates for instance, waits behind what was written before."""

    async def main() -> None:
        stream, peer = await connected(server)
        while stream.write(bytes(65536)):
            pass
        tls._outgoing.write(bytes(30_000))
        stream._answer()
        assert stream.read() is None
        tls._outgoing.write(bytes(40_000))
        stream._answer()
        with pytest.raises(TlsError) as caught:
            await stream.receive(5)
        assert caught.value.fault is TlsFault.FLOOD
        stream.close()
        peer.sock.close()

    run(main())


@pytest.mark.parametrize("place", [True, False])
def test_much_at_once_goes_in_order(server: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, *, place: bool) -> None:
    """Ciphertext is sent from where it lies, or as copies where that is impossible."""
    assert tls._in_place is not None
    if not place:
        monkeypatch.setattr(tls, "_in_place", None)

    async def main() -> None:
        stream, peer = await connected(server)
        data = random.Random(1).randbytes(3_000_000)
        sending = asyncio.ensure_future(stream.send(data, 5))
        got = b""
        while len(got) < len(data):
            got += await peer.read()
        assert got == data
        await sending
        assert stream.sent == len(data)
        stream.close()
        peer.sock.close()

    run(main())


def test_who_fails_leaves_nothing_to_others(server: ssl.SSLContext) -> None:
    """All connections share the memory in which the library works."""

    async def main() -> None:
        stream, peer = await connected(server)
        peer.tls.write(b"good")
        good = peer.out.read()
        peer.tls.write(b"bad")
        bad = bytearray(peer.out.read())
        bad[-1] ^= 1
        await asyncio.get_running_loop().sock_sendall(peer.sock, good + bad + bytes(50_000))
        await arrived(stream.sock)
        assert await stream.receive(5) == b"good"
        with pytest.raises(TlsError):
            await stream.receive(5)
        assert (tls._incoming.pending, tls._outgoing.pending) == (0, 0)
        stream.close()
        peer.sock.close()

    run(main())


def test_bytes_are_lent(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        assert stream.borrow() is None
        await peer.write(b"abcdef")
        await stream.readable(5)
        lent = stream.borrow(4)
        assert isinstance(lent, memoryview)
        assert bytes(lent) == b"abcd"
        assert stream.borrow(4) == b"ef"
        assert stream.received == 6
        await peer.end()
        await stream.readable(5)
        assert stream.borrow() == b""
        stream.close()
        peer.sock.close()

    run(main())


def test_a_record_that_comes_slowly_has_one_patience(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        peer.tls.write(b"x" * 1000)
        wire = peer.out.read()

        async def dribble() -> None:
            for byte in wire[:-1]:
                await asyncio.get_running_loop().sock_sendall(peer.sock, bytes((byte,)))
                await asyncio.sleep(0.005)

        dribbling = asyncio.ensure_future(dribble())
        with pytest.raises(TimeoutError):
            await stream.receive(0.1)
        dribbling.cancel()
        stream.close()
        peer.sock.close()

    run(main())


def test_a_cancelled_receive_loses_nothing(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        task = asyncio.ensure_future(stream.receive(5))
        await asyncio.sleep(0)
        await peer.write(b"abc")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await stream.receive(5) == b"abc"
        stream.close()
        peer.sock.close()

    run(main())


def test_tickets_are_no_surprise_but_bytes_and_the_end_are(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, sock, _ = make(authority().client(), server_side=False)
        peer = Memory(sock, server, server_side=True)
        tickets = b""

        async def serve() -> None:
            nonlocal tickets
            try:
                peer.tls.do_handshake()
            except ssl.SSLWantReadError:
                await peer.feed()
            while True:
                try:
                    peer.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await peer.flush()
                    await peer.feed()
            tickets = peer.out.read()

        await asyncio.gather(stream.handshake(5), serve())
        assert tickets
        stream.watch()
        await asyncio.get_running_loop().sock_sendall(sock, tickets)
        while stream.tls.session is None or not stream.tls.session.has_ticket:
            await asyncio.sleep(0)
        assert not stream.surprised
        await peer.write(b"unasked")
        while not stream.surprised:
            await asyncio.sleep(0)
        assert await stream.receive(5) == b"unasked"
        assert not stream.surprised
        stream.watch()
        await peer.end()
        while not stream.surprised:
            await asyncio.sleep(0)
        assert await stream.receive(5) == b""
        stream.close()
        sock.close()

    run(main())


def test_bytes_that_are_left_when_the_watch_begins_are_a_surprise(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        await peer.write(b"response and more")
        assert await stream.receive(5, 8) == b"response"
        assert not stream.surprised
        stream.watch()
        assert stream.surprised
        stream.close()
        peer.sock.close()

    run(main())


def test_sessions_are_handed_over_and_resumed(server: ssl.SSLContext) -> None:
    async def main() -> None:
        client = authority().client()
        sessions: list[ssl.SSLSession] = []
        for reused in (False, True):
            stream, sock, _ = make(
                client,
                server_side=False,
                session=sessions[-1] if sessions else None,
            )
            stream.on_session = sessions.append
            peer = Memory(sock, server, server_side=True)
            await asyncio.gather(stream.handshake(5), peer.handshake())
            assert stream.tls.session_reused is reused
            await peer.write(b"x")
            assert await stream.receive(5) == b"x"
            stream.close()
            sock.close()
        assert len(sessions) == 2

    run(main())


def test_to_close_interrupts_who_waits(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        receiving = asyncio.ensure_future(stream.receive(5))
        await asyncio.sleep(0)
        stream.close()
        stream.close()
        with pytest.raises(ConnectionAbortedError):
            await receiving
        peer.sock.close()

    run(main())


def test_a_last_word_is_not_overtaken_by_a_reset(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, peer = await connected(server)
        await peer.write(bytes(50_000))
        await arrived(stream.sock)
        await stream.send(b"no", 5)
        lingering = asyncio.ensure_future(stream.linger())
        assert await peer.read_to_end() == b"no"
        await peer.end()
        peer.sock.close()
        await lingering
        assert stream.received == 50_000
        stream.close()

    run(main())


def test_there_is_no_socket_to_give_away(server: ssl.SSLContext) -> None:
    async def main() -> None:
        stream, sock, _ = make(server)
        with pytest.raises(TypeError):
            stream.detach()
        stream.close()
        sock.close()

    run(main())
