"""How the process ends, and how it does not begin."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from daemon import PATIENCE, daemon


def test_sigterm_lets_a_running_download_finish(tmp_path: Path) -> None:
    go_on = threading.Event()

    def origin(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
            go_on.wait(PATIENCE)
            connection.sendall(b"two")

    with socket.create_server(("127.0.0.1", 0)) as server, daemon(tmp_path) as d:
        thread = threading.Thread(target=origin, args=(server,))
        thread.start()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", d.http_port), PATIENCE) as client:
            client.sendall(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % port)
            got = b""
            while not got.endswith(b"one"):
                got += client.recv(100)
            d.process.send_signal(signal.SIGTERM)
            while True:  # the listening socket is closed while the download still runs
                try:
                    socket.create_connection(("127.0.0.1", d.http_port), PATIENCE).close()
                except ConnectionRefusedError:
                    break
                except ConnectionResetError:
                    pass  # it was in the queue of the socket that closed
            assert d.process.poll() is None
            go_on.set()
            assert client.recv(100) == b"two"
            thread.join()
        assert d.process.wait(PATIENCE) == 0
        assert [record["reason"] for record in d.finished()] == ["Finished"]


def test_sigint_ends_at_once_and_says_so_in_the_log(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, daemon(tmp_path) as d:
        with socket.create_connection(("127.0.0.1", d.http_port), PATIENCE) as client:
            client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % server.getsockname()[1])
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
            assert d.stop(signal.SIGINT) == 0
        assert [record["reason"] for record in d.finished()] == ["CanceledAsServerQuit"]


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = tmp_path / "main.yml"
        path.write_text(
            f"server: [{{name: http, type: http_proxy, escaper: e, listen: '127.0.0.1:{port}'}}]\n"
            "escaper: [{name: e, type: dummy_deny}]\n"
        )
        done = subprocess.run(
            [sys.executable, "-m", "g3proxyd", "-c", str(path)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert f"server http cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
