"""Requests through the HTTP proxy at HOST PORT, by several clients at once, until a line comes on the input.

usage: load_client.py HOST PORT URL CLIENTS [keep]

"{0}" in the URL becomes the number of the request. Each has a connection of its own; with `keep` each client has one as
long as it lasts. Prints a list in JSON: for every request its number, when it began and ended by the clock that all
processes of the machine share, and the status, 0 for none.
"""

import http.client
import itertools
import json
import sys
import threading
import time

PAUSE = 0.02  # seconds: that much load is enough, and logs stay short


def main(host: str, port: str, url: str, clients: str, keep: str = "") -> None:
    numbers, results, enough = itertools.count(), [], threading.Event()

    def client() -> None:
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        while not enough.wait(PAUSE):
            number, begin = next(numbers), time.monotonic()
            status = ask(connection, url.format(number))
            results.append((number, begin, time.monotonic(), status))
            if not keep:
                connection.close()

    threads = [threading.Thread(target=client) for _ in range(int(clients))]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    enough.set()
    for thread in threads:
        thread.join()
    print(json.dumps(results), flush=True)


def ask(connection: http.client.HTTPConnection, url: str) -> int:
    """The status of the answer; a connection that the proxy has closed is made anew with the next request."""
    try:
        connection.request("GET", url)
        response = connection.getresponse()
        whole = response.read() == b"hello from the origin\n"
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    return response.status if whole or response.status != 200 else 0


main(*sys.argv[1:])
