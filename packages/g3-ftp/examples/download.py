"""Download a file over blocking sockets: ``download.py HOST PORT PATH``, or from a server in a thread."""

import socket
import sys
import threading

from g3_ftp import FtpClient, Login, Reply, parse_extended_passive


def ask(sock: socket.socket, client: FtpClient, verb: bytes | None = None, argument: bytes | None = None) -> Reply:
    """Give a command, or none, and return the next reply; ends the program if the server says no."""
    if verb is not None:
        client.command(verb, argument)
    sock.sendall(client.data_to_send())
    while (reply := client.next_event()) is None:
        if data := sock.recv(4096):
            client.receive_data(data)
        else:
            client.receive_eof()
    return sys.exit(f"{reply.code} {reply.text}") if reply.failed else reply


def download(host: str, port: int, path: bytes) -> bytes:
    """The content of a file, from a server that takes anybody."""
    client, login = FtpClient(), Login()
    with socket.create_connection((host, port), timeout=30) as control:
        command = login.answer(ask(control, client))
        while command is not None:
            command = login.answer(ask(control, client, *command))
        ask(control, client, b"TYPE", b"I")
        data_port = parse_extended_passive(ask(control, client, b"EPSV"))
        with socket.create_connection((control.getpeername()[0], data_port), timeout=30) as data:
            ask(control, client, b"RETR", path)
            content = b"".join(iter(lambda: data.recv(65536), b""))
        ask(control, client)  # whether that was all of it
        return content


def serve(listener: socket.socket, passive: socket.socket) -> None:
    """A server with one file and one guest."""
    control, _ = listener.accept()
    with control, control.makefile("rb") as commands:
        control.sendall(b"220 ready\r\n")
        port = passive.getsockname()[1]
        for reply in (b"230 in", b"200 binary", b"229 Entering Extended Passive Mode (|||%d|)" % port, b"150 comes"):
            commands.readline()
            control.sendall(reply + b"\r\n")
        data, _ = passive.accept()
        with data:
            data.sendall(b"hello\n")
        control.sendall(b"226 done\r\n")


if len(sys.argv) > 1:
    sys.stdout.buffer.write(download(sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()))
else:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as passive:
        threading.Thread(target=serve, args=(listener, passive)).start()
        print(download("127.0.0.1", listener.getsockname()[1], b"greeting"))  # b'hello\n'
