"""An asyncio client that logs in, and a server that checks the password without telling by its duration."""

import asyncio
import hmac
from contextlib import closing

from g3_machine.drivers import handshake_async
from g3_socks import AuthenticationError, Connect, Credentials, Method, ServerEvent, Socks5Client, SocksServer


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Check the credentials, grant anything, and say who was asked for."""
    machine = SocksServer(methods=[Method.USERNAME_PASSWORD])

    async def answer(event: ServerEvent) -> str | None:
        if isinstance(event, Credentials):
            right = event.username == b"ada" and hmac.compare_digest(event.password, b"engine")
            machine.authenticate(right)
            return None if right else "nobody to talk to"
        machine.grant("192.0.2.1", 1080)
        return f"this is {event.host}"

    with closing(writer):
        words, _ = await handshake_async(machine, reader, writer, answer)
        writer.write(words.encode())


async def fetch(address: tuple[str, int], password: bytes) -> bytes:
    """Ask for a.example and return all that it says."""
    reader, writer = await asyncio.open_connection(*address)

    async def answer(_: object) -> bool:
        return True

    machine = Socks5Client(Connect("a.example", 80), Credentials(b"ada", password))
    with closing(writer):
        _, early = await handshake_async(machine, reader, writer, answer)
        return early + await reader.read()


async def main() -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, asyncio.timeout(10):
        address = server.sockets[0].getsockname()
        print(await fetch(address, b"engine"))
        try:
            await fetch(address, b"motor")
        except AuthenticationError as error:
            print("refused:", error)


if __name__ == "__main__":
    asyncio.run(main())
