"""Requests over QUIC to a port at HOST PORT, each on a stream of its own, all at once; with the daemon's own library.

NAME is that of the client's certificate, or `-` for none; then come the URLs. Prints the SHA-256 of each body.
"""

import asyncio
import hashlib
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration


async def ask(connection: QuicConnectionProtocol, url: str) -> str:
    reader, writer = await connection.create_stream()
    host = url.split("/")[2]
    writer.write(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    writer.write_eof()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return hashlib.sha256(body).hexdigest()


async def main(host: str, port: str, name: str, *urls: str) -> None:
    configuration = QuicConfiguration(server_name="proxy.g3.test")
    configuration.load_verify_locations("/srv/tls/authority.crt")
    if name != "-":
        configuration.load_cert_chain(f"/srv/tls/{name}.crt", f"/srv/tls/{name}.key")
    async with connect(host, int(port), configuration=configuration) as connection:
        print(*await asyncio.gather(*(ask(connection, url) for url in urls)), sep="\n")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 30))
