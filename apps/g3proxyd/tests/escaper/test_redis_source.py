"""The members of a set in a real redis, and what becomes of a redis that does not answer as it should."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from daemon import free_port
from g3proxyd.config.escaper.proxy_float import RedisSource
from g3proxyd.escaper import redis_source
from g3proxyd.escaper.redis_source import RedisMembers
from g3proxyd.escaper.sources import SourceError
from hops import connect
from loopback import run
from peer_program import listening_program, program
from proxy import Handler, Proxy, origin, talk
from serving import serving

USERS = "user default off\nuser joe on >secret ~peers +smembers +scard +select\n"


@contextlib.contextmanager
def redis(folder: Path, *options: str, tls: bool = False) -> Iterator[int]:
    """A redis server at a port of 127.0.0.1."""
    port = free_port()
    listen = ("--tls-port", str(port), "--port", "0") if tls else ("--port", str(port))
    where = (*listen, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with listening_program(program("redis-server"), *where, *options, port=port):
        yield port


def command(port: int, *words: str, options: tuple[str, ...] = ()) -> None:
    line = [program("redis-cli"), "-p", str(port), *options, *words]
    subprocess.run(line, check=True, capture_output=True, timeout=20)


def source(port: int, **keys: Any) -> RedisSource:
    return RedisSource.model_validate({"addr": f"127.0.0.1:{port}", "sets_key": "peers", **keys})


async def fetched(config: RedisSource) -> frozenset[bytes]:
    members = RedisMembers(config)
    try:
        return await members.fetch()
    finally:
        await members.close()


def failure(config: RedisSource) -> str:
    with pytest.raises(SourceError) as caught:
        run(fetched(config))
    return str(caught.value)


def test_all_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis(tmp_path) as port:
        assert run(fetched(source(port))) == frozenset()
        command(port, "-n", "3", "SADD", "peers", "a", "b", "c")
        command(port, "SADD", "others", "d")
        assert run(fetched(source(port, db=3))) == {b"a", b"b", b"c"}
        assert run(fetched(source(port, sets_key="others"))) == {b"d"}
        command(port, "SET", "text", "x")
        assert "WRONGTYPE" in failure(source(port, sets_key="text"))
        monkeypatch.setattr(redis_source, "MAX_PEERS", 2)
        assert "'peers' has 3 members; at most 2 are read" in failure(source(port, db=3))
        monkeypatch.setattr(redis_source, "MAX_SET_SIZE", 10)
        assert "bytes; at most 10 are read" in failure(source(port, sets_key="others"))


def test_a_user_who_may_do_no_more_than_that(tmp_path: Path) -> None:
    (tmp_path / "users.acl").write_text(USERS)
    with redis(tmp_path, "--aclfile", str(tmp_path / "users.acl")) as port:
        assert run(fetched(source(port, username="joe", password="secret"))) == frozenset()
        assert f"redis at 127.0.0.1:{port}: " in failure(source(port, username="joe", password="wrong"))
        assert "uthentication" in failure(source(port))
        assert "secret" not in failure(source(port, username="joe", password="secret", sets_key="others"))


def test_tls(tmp_path: Path) -> None:
    certificate, key = (tmp_path / name for name in ("redis.crt", "redis.key"))
    leaf = authority().issue("redis.test")
    certificate.write_bytes(leaf.certificate)
    key.write_bytes(leaf.key)
    (tmp_path / "ca.crt").write_bytes(authority().pem)
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    trusting = {"ca_certificate": authority().pem.decode(), "no_default_ca_certificate": True}
    with redis(tmp_path, *files, "--tls-ca-cert-file", str(tmp_path / "ca.crt"), tls=True) as port:
        assert run(fetched(source(port, tls_client=trusting, tls_name="redis.test"))) == frozenset()
        assert "certificate verify failed" in failure(source(port, tls_client=trusting))
        assert f"redis at 127.0.0.1:{port}: " in failure(source(port))


def test_nobody_is_there() -> None:
    port = free_port()
    assert failure(source(port)).startswith(f"redis at 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*1\r\n$-7\r\n",
        b":x\r\n",
        b"$5\r\nabc\r\n",
        b"\0" * 100,
        b"*99999999999\r\n",
    ],
)
def test_words_that_are_none(said: bytes) -> None:
    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)

    async def main() -> None:
        async with origin(talkative) as (_, port):
            with pytest.raises(SourceError):
                await fetched(source(port, response_timeout=0.2))

    run(main())


def test_silence() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> None:
        async with origin(silent) as (_, port):
            with pytest.raises(SourceError, match=r"[Tt]imeout"):
                await fetched(source(port, response_timeout=0.1))

    run(main())


def test_an_escaper_follows_the_set(tmp_path: Path) -> None:
    def answering(word: bytes) -> Handler:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + word)

        return handler

    async def until(p: Proxy, word: bytes) -> None:
        while not (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).endswith(word):
            await asyncio.sleep(0.01)

    async def main(port: int) -> None:
        cache = tmp_path / "peers.json"
        keys = {"source": f"redis://127.0.0.1:{port}?sets_key=peers", "refresh_interval": "20ms", "cache": str(cache)}
        http = {"name": "http", "type": "http_proxy", "escaper": "direct"}
        async with origin(answering(b"one")) as (_, first), origin(answering(b"two")) as (_, second):
            texts = [json.dumps({"type": "http", "addr": f"127.0.0.1:{to}"}) for to in (first, second)]
            async with serving(http, escaper={"type": "proxy_float", **keys}) as p:
                await until(p, b"</html>\n")
                command(port, "SADD", "peers", texts[0], "no peer")
                await until(p, b"one")
                command(port, "SREM", "peers", texts[0])
                command(port, "SADD", "peers", texts[1])
                await until(p, b"two")
                assert json.loads(cache.read_text()) == [json.loads(texts[1])]
            command(port, "SHUTDOWN", "NOSAVE")
            async with serving(http, escaper={"type": "proxy_float", **keys}) as p:
                await until(p, b"two")

    with redis(tmp_path) as port:
        run(main(port))
