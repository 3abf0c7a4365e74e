"""Send bytes to HOST PORT, given as HEX, and print as HEX all that comes until the other side closes.

With `end` as fourth word the sending side is closed behind the bytes.
"""

import socket
import sys


def main(host: str, port: str, data: str, end: str = "") -> None:
    answer = b""
    with socket.create_connection((host, int(port)), 20) as peer:
        peer.sendall(bytes.fromhex(data))
        if end:
            peer.shutdown(socket.SHUT_WR)
        try:
            while block := peer.recv(65536):
                answer += block
        except ConnectionResetError:
            pass  # it closed before it had read everything
    print(answer.hex())


main(*sys.argv[1:])
