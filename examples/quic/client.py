"""Listens on a TCP port of this machine, and takes each connection along as a stream of one QUIC connection.

Usage: client.py LOCAL-PORT ADDRESS PORT NAME AUTHORITIES
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter

from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration


async def copy(source: StreamReader, sink: StreamWriter) -> None:
    """Pass on what comes, and the end of it."""
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


async def main(local_port: int, address: str, port: int, name: str, authorities: str) -> None:
    """Serve until the QUIC connection ends."""
    configuration = QuicConfiguration(is_client=True, server_name=name, cafile=authorities)
    async with connect(address, port, configuration=configuration) as quic:

        async def serve(reader: StreamReader, writer: StreamWriter) -> None:
            first = await reader.read(65536)
            answers, requests = await quic.create_stream()
            requests.write(first)  # at once: until then the next one would get the same stream
            try:
                await asyncio.gather(copy(reader, requests), copy(answers, writer))
            except OSError:
                quic._quic.reset_stream(requests.get_extra_info("stream_id"), 0)
                quic.transmit()
            finally:
                writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", local_port):
            await quic.wait_closed()


if __name__ == "__main__":
    listen, host, udp_port, server_name, cafile = sys.argv[1:]
    asyncio.run(main(int(listen), host, int(udp_port), server_name, cafile))
