"""OpenSSL's own client against a TLS stream: what the ssl module never does, such as new keys and renegotiation."""

import array
import asyncio
import fcntl
import os
import shutil
import termios
from pathlib import Path

import pytest
from certificates import authority
from g3proxyd.io.poller import Poller
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from g3proxyd.io.tls_errors import TlsError
from g3proxyd.tls.server import ServerTls
from g3proxyd.tls.settings import ServerSettings
from loopback import run
from proxy import listening
from tls.memory import pair_of

OPENSSL = shutil.which("openssl")


async def taken(pipe: int) -> None:
    """Wait until somebody has read all that was written to a pipe."""
    held = array.array("i", [1])
    while held[0]:
        await asyncio.sleep(0)
        fcntl.ioctl(pipe, termios.FIONREAD, held)


async def talk(folder: Path, options: list[str], lines: list[bytes]) -> tuple[list[bytes], str]:
    """Say these lines, each once the line before has come if it is no command; return what came, and how it ended."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    loop = asyncio.get_running_loop()
    poller, wheel = Poller(loop), Wheel(loop)
    (folder / "ca.crt").write_bytes(authority().pem)
    listener = listening()
    theirs, ours = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(OPENSSL, "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-servername", "a.test"),
        *("-CAfile", str(folder / "ca.crt"), "-verify_return_error", "-verify_hostname", "a.test", *options),
        stdin=theirs,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(theirs)
    sock, _ = await loop.sock_accept(listener)
    listener.close()
    sock.setblocking(False)
    stream = ServerTls(ServerSettings((pair_of(authority().issue("a.test")),))).wrap(Stream(poller, sock, wheel))
    got: list[bytes] = []
    try:
        await stream.handshake(10)
        for line in lines:
            os.write(ours, line + b"\n")
            if line in (b"K", b"k", b"R"):
                await taken(ours)  # what comes in one read with a command is dropped
            else:
                data = b""
                while not data.endswith(b"\n"):
                    piece = await stream.receive(10)
                    if not piece:
                        return got, "end"
                    data += piece
                got.append(data[:-1])
                await stream.send(b"heard\n", 10)
        os.write(ours, b"Q\n")
        return got, "" if await stream.receive(10) else "end"
    except TlsError as error:
        return got, error.reason
    finally:
        stream.close()
        os.close(ours)
        await process.wait()
        poller.close()


def test_new_keys_in_the_middle(tmp_path: Path) -> None:
    async def main() -> None:
        got, ended = await talk(tmp_path, ["-tls1_3"], [b"one", b"K", b"two", b"k", b"three"])
        assert got == [b"one", b"two", b"three"]
        assert ended == "end"

    run(main())


def test_renegotiation_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        got, ended = await talk(tmp_path, ["-tls1_2"], [b"one", b"R", b"two"])
        assert got == [b"one"]
        assert ended

    run(main())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "unsupported_version"),
        (["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], "no_shared_cipher"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, options: list[str], reason: str) -> None:
    async def main() -> None:
        assert await talk(tmp_path, options, []) == ([], reason)

    run(main())
