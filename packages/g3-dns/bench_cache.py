"""What an answer from the cache costs: ``python packages/g3-dns/bench_cache.py``.

From the name as a client spells it, of which a question is made, to the addresses; the cache is full. The processor's
time counts, and the best of seven rounds: anything else that runs on the machine only adds.
"""

import sys
import time
import timeit
from collections.abc import Callable
from ipaddress import IPv4Address

from dns.rdatatype import A
from g3_dns import Addresses, Cache, pack_query, parse_message, question_for, read_answer

NAMES = 32_768
ROUNDS = 7
CALLS = 100_000


def main() -> None:
    cache = Cache(capacity=NAMES)
    for number in range(NAMES):
        question = question_for(f"host-{number}.some-domain.example", A)
        cache.store(question, Addresses((IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")), 300), 0.0)
    name = f"HOST-{NAMES // 2}.some-domain.example."
    question = question_for(name, A)
    response = bytearray(pack_query(question, 7))
    response[2:4] = b"\x81\x80"
    show("an answer from the cache, by name", lambda: cache.find(question_for(name, A), 1.0), CALLS)
    show("an answer from the cache, by question", lambda: cache.find(question, 1.0), CALLS)
    show("a query", lambda: pack_query(question, 7), CALLS // 50)
    show("a response without records, read", lambda: read_answer(parse_message(bytes(response)), question), CALLS // 50)


def show(what: str, call: Callable[[], object], calls: int) -> None:
    seconds = min(timeit.repeat(call, number=calls, repeat=ROUNDS, timer=time.process_time))
    sys.stdout.write(f"{what}: {seconds / calls * 1e6:.2f} us\n")


if __name__ == "__main__":
    main()
