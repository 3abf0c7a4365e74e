"""Connect to a name of three addresses over plain sockets; the first two are dead."""

import selectors
import socket
import time

from g3_escape import Cancel, Dial, Done, Failed, Family, HappyEyeballs, Pace

Address = tuple[str, int]


def connect(addresses: list[Address], pace: Pace) -> socket.socket:
    """Return a socket that is connected to one of the IPv4 addresses; raise OSError when none answers."""
    eyeballs: HappyEyeballs[Address] = HappyEyeballs([Family.IPV4], pace)
    attempts: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        eyeballs.add_addresses(Family.IPV4, addresses, time.monotonic())
        while True:
            while (action := eyeballs.next_action()) is not None:
                print(action)
                match action:
                    case Dial(address, attempt):
                        attempts[attempt] = sock = socket.socket(socket.AF_INET)
                        sock.setblocking(False)
                        sock.connect_ex(address)
                        selector.register(sock, selectors.EVENT_WRITE, attempt)
                    case Cancel(attempt):
                        selector.unregister(attempts[attempt])
                        attempts.pop(attempt).close()
                    case Done(attempt):
                        return attempts[attempt]
                    case Failed(failure):
                        raise OSError(failure.value)
            timeout = eyeballs.next_timeout()
            for key, _ in selector.select(None if timeout is None else max(0.0, timeout - time.monotonic())):
                sock = attempts[key.data]
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    eyeballs.attempt_succeeded(key.data)
                else:
                    selector.unregister(sock)
                    attempts.pop(key.data).close()
                    eyeballs.attempt_failed(key.data, time.monotonic())
            eyeballs.handle_timeout(time.monotonic())


def main() -> None:
    """The living address comes last."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        with connect([("127.0.0.1", dead), ("127.0.0.2", dead), ("127.0.0.1", port)], Pace()) as sock:
            print("connected to", sock.getpeername()[0])


if __name__ == "__main__":
    main()
