"""Name servers over TLS, in virtual time: who may answer, and what happens when somebody else tries."""

import asyncio
import datetime
import os
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest
from certificates import DAY, Authority, authority
from escaper.network import Records, elapsed, run_virtually
from g3_escape import Family
from g3proxyd.config.resolver import HickoryConfig
from g3proxyd.io.tls import TlsStream
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.errors import ErrorType, ResolveError
from g3proxyd.resolver.hickory.resolver import HickoryResolver
from resolver.dns_server import record
from resolver.hickory.servers import Converse, Parts, conversing, frame, read_query

NAME = "dns.test"


def make(parts: Parts, port: int, sink: Records | None = None, **encryption: Any) -> HickoryResolver:
    trust = {"ca_certificate": authority().pem.decode(), "no_default_ca_certificate": True}
    tls_client = trust | encryption.pop("tls_client", {})
    keys = {
        "name": "dns",
        "server": "127.0.0.1",
        "server_port": port,
        "encryption": {"tls_name": NAME, "tls_client": tls_client, **encryption},
        "graceful_stop_wait": 0,
        "each_tries": 1,
    }
    config = HickoryConfig.model_validate(keys)
    return HickoryResolver(config, Logger("Resolve", sink or Records()), parts.poller, parts.wheel)


def context(folder: Path, *names: str, issuer: Authority | None = None, **options: Any) -> ssl.SSLContext:
    return (issuer or authority()).issue(*(names or (NAME,)), **options).server(folder)


def play(
    tls: ssl.SSLContext | None, converse: Converse, test: Any, sink: Records | None = None, **options: Any
) -> None:
    async def main() -> None:
        async with conversing(converse, tls=tls) as server:
            with Parts() as parts:
                resolver = make(parts, server.port, sink, **options)
                await test(resolver)
                await resolver.close()

    run_virtually(main)


async def ask(resolver: HickoryResolver, domain: str = "a.test") -> list[str]:
    return [str(address) for address in (await resolver.resolve(domain, Family.IPV4)).addresses]


async def fail(resolver: HickoryResolver) -> str:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve("a.test", Family.IPV4)
    assert caught.value.error_type is ErrorType.DRIVER
    return f"{caught.value.subtype} {caught.value}"


def answer(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    name = query[13 : 13 + query[12]].decode()
    header = query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    return frame(header + query[12:end] + record(f"{name}.test", "192.0.2.1"))


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(answer(await read_query(reader)))


def test_questions_are_padded_and_share_a_connection(tmp_path: Path) -> None:
    sizes: list[int] = []
    connections = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("ssl_object"))
        for _ in range(3):
            query = await read_query(reader)
            sizes.append(len(query))
            writer.write(answer(query))
        await reader.read()

    async def test(resolver: HickoryResolver) -> None:
        assert await asyncio.gather(*(ask(resolver, f"{name}.test") for name in "ab")) == [["192.0.2.1"]] * 2
        assert await ask(resolver, "c.test") == ["192.0.2.1"]

    play(context(tmp_path), converse, test)
    assert sizes == [128, 128, 128]
    assert len(connections) == 1


def test_the_server_is_told_its_name_and_sessions_are_resumed(tmp_path: Path) -> None:
    names: list[str | None] = []
    resumed: list[bool] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        resumed.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(answer(await read_query(reader)))

    async def test(resolver: HickoryResolver) -> None:
        assert await ask(resolver) == await ask(resolver, "b.test") == ["192.0.2.1"]

    tls = context(tmp_path)
    tls.sni_callback = lambda connection, name, _: names.append(name)
    play(tls, converse, test)
    assert names[0] == NAME
    assert resumed == [False, True]


def test_a_server_that_is_known_by_its_address(tmp_path: Path) -> None:
    async def test(resolver: HickoryResolver) -> None:
        assert await ask(resolver) == ["192.0.2.1"]

    play(context(tmp_path, "127.0.0.1"), answers, test, tls_name="127.0.0.1")


def test_no_name_is_sent_and_it_is_verified_all_the_same(tmp_path: Path) -> None:
    names: list[str | None] = []
    tls = context(tmp_path)
    tls.sni_callback = lambda connection, name, _: names.append(name)

    async def test(resolver: HickoryResolver) -> None:
        assert await ask(resolver) == ["192.0.2.1"]

    play(tls, answers, test, tls_client={"disable_sni": True})
    assert names == [None]

    async def wrong(resolver: HickoryResolver) -> None:
        assert "certificate_name" in await fail(resolver)

    play(context(tmp_path, "other.test"), answers, wrong, tls_client={"disable_sni": True})


@pytest.mark.parametrize(
    ("names", "options", "fault"),
    [
        (("other.test",), {}, "certificate_name"),
        ((NAME,), {"valid": (-2 * DAY, -DAY)}, "certificate_expired"),
        ((NAME,), {"valid": (DAY, datetime.timedelta(days=3))}, "certificate_not_yet_valid"),
        ((NAME,), {"issuer": Authority("Somebody else")}, "certificate_issuer"),
    ],
)
def test_who_is_not_the_server(tmp_path: Path, names: tuple[str, ...], options: dict[str, Any], fault: str) -> None:
    sink = Records()

    async def test(resolver: HickoryResolver) -> None:
        said = await fail(resolver)
        assert said.startswith("ConnRefused driver error: no server can be contacted: ")
        assert fault in said
        assert elapsed() == 0.0
        (written,) = sink.written
        assert (written["encryption"], written["error_subtype"]) == ("dns_over_tls", "ConnRefused")
        assert fault in written["msg"]

    play(context(tmp_path, *names, **options), answers, test, sink)


async def speaks_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.test ESMTP\r\n")
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("converse", "said"),
    [
        (speaks_plainly, "ConnRefused driver error: no server can be contacted: not_tls"),
        (closes, "ConnRefused driver error: no server can be contacted: "),
    ],
)
def test_who_speaks_no_tls(converse: Converse, said: str) -> None:
    async def test(resolver: HickoryResolver) -> None:
        assert (await fail(resolver)).startswith(said)
        assert elapsed() == 0.0

    play(None, converse, test)


def test_a_handshake_without_end() -> None:
    """The question is over first; the connection goes on for the next one, until its own time is over."""

    async def test(resolver: HickoryResolver) -> None:
        assert await fail(resolver) == "Timeout driver error: no server answered in time"
        assert elapsed() == 5.0
        await asyncio.sleep(4)
        with pytest.raises(ResolveError) as caught:
            await resolver.resolve("b.test", Family.IPV4)
        assert str(caught.value) == "driver error: no server answered in time: no connection in time"
        assert 10.0 <= elapsed() <= 10.25

    play(None, says_nothing, test)


def test_an_end_without_the_end_of_tls(tmp_path: Path) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_query(reader)
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as raw:
            raw.shutdown(socket.SHUT_RDWR)

    async def test(resolver: HickoryResolver) -> None:
        assert "ConnRefused" in await fail(resolver)

    play(context(tmp_path), converse, test)


def test_a_message_that_ends_in_the_middle(tmp_path: Path) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await read_query(reader))[:-1])

    async def test(resolver: HickoryResolver) -> None:
        assert (await fail(resolver)).startswith("BadResp driver error: malformed response: the server closed in the")

    play(context(tmp_path), converse, test)


def test_every_question_is_a_record_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are servers that see no more than the first message of a record, until something else comes."""
    written: list[bytes] = []
    write = TlsStream.write

    def note(stream: TlsStream, data: bytes | bytearray | memoryview) -> bool:
        written.append(bytes(data))
        return write(stream, data)

    monkeypatch.setattr(TlsStream, "write", note)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(answer(await read_query(reader)))

    async def test(resolver: HickoryResolver) -> None:
        names = [f"{letter}.test" for letter in "abcde"]
        assert await asyncio.gather(*(ask(resolver, name) for name in names)) == [["192.0.2.1"]] * 5
        assert [int.from_bytes(data[:2], "big") for data in written] == [len(data) - 2 for data in written]
        assert len(written) == 5

    play(context(tmp_path), converse, test)
