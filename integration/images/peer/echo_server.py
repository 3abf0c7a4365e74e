"""Sends back what comes: WebSocket messages on port 8765, datagrams on port 7."""

import asyncio
import socket

from websockets.server import WebSocketServerProtocol, serve


async def echo_messages(connection: WebSocketServerProtocol, path: str) -> None:
    async for message in connection:
        await connection.send(message)


def echo_datagram(sock: socket.socket) -> None:
    sock.sendto(*sock.recvfrom(65536))


async def main() -> None:
    # A socket of ours, as asyncio's own transport sends no empty datagrams.
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 7))
    asyncio.get_running_loop().add_reader(sock, echo_datagram, sock)
    async with serve(echo_messages, "0.0.0.0", 8765, max_size=None):
        await asyncio.Future()


asyncio.run(main())
