"""Requests through the HTTP proxy at HOST PORT, by several clients at once, until a line comes on the input.

usage: load_client.py HOST PORT URL CLIENTS

"{}" in the URL becomes the number of the request; each has a connection of its own. Prints a list in JSON: for every
request its number, when it began and ended by the clock that all processes of the machine share, and the status, 0 for
none.
"""

import http.client
import itertools
import json
import sys
import threading
import time


def main(host: str, port: str, url: str, clients: str) -> None:
    numbers, results, enough = itertools.count(), [], threading.Event()

    def client() -> None:
        while not enough.is_set():
            number, begin = next(numbers), time.monotonic()
            status = ask(host, int(port), url.format(number))
            results.append((number, begin, time.monotonic(), status))

    threads = [threading.Thread(target=client) for _ in range(int(clients))]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    enough.set()
    for thread in threads:
        thread.join()
    print(json.dumps(results), flush=True)


def ask(host: str, port: int, url: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", url, headers={"Connection": "close"})
        response = connection.getresponse()
        whole = response.read() == b"hello from the origin\n"
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return response.status if whole or response.status != 200 else 0


main(*sys.argv[1:])
