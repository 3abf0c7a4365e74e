"""How long rules of 100,000 records take to build and to answer, in processor time; run it with the workspace's python.

Each line is one rule: building it from plain data, then one check, the best of five rounds over 1,000 different values.
"""

import sys
import timeit
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from time import process_time
from typing import Any

from g3_acl import (
    parse_child_domain_rule,
    parse_host,
    parse_host_rule,
    parse_network_rule,
    parse_port_rule,
    parse_regex_set_rule,
    parse_user_agent_rule,
)

RECORDS = 100_000
ODD = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835  # numbers far from each other, the same each time


def spread(count: int, bits: int) -> list[int]:
    return [(at * ODD & (1 << 128) - 1) >> 128 - bits for at in range(1, count + 1)]


def networks(bits: int, shortest: int) -> dict[str, list[str]]:
    """Networks of all lengths, half of them permitted."""
    kind = IPv4Address if bits == 32 else IPv6Address
    texts = []
    for at, number in enumerate(spread(RECORDS, bits)):
        length = shortest + at % (bits - shortest + 1)
        texts.append(f"{kind(number >> bits - length << bits - length)}/{length}")
    return {"permit": texts[::2], "forbid": texts[1::2]}


def measure(title: str, check: Callable[[Any], object], values: Sequence[object], built: float | None = None) -> None:
    rounds = timeit.repeat(lambda: [check(value) for value in values], number=1, repeat=5, timer=process_time)
    build = f"{built:6.2f} s" if built is not None else " " * 8
    sys.stdout.write(f"{title:42} {build} {min(rounds) / len(values) * 1e6:8.2f} us\n")


def measure_rule(title: str, parse: Callable[[object], Any], data: object, values: Sequence[object]) -> None:
    began = process_time()
    rule = parse(data)
    measure(title, rule.check, values, process_time() - began)


def main() -> None:
    ipv4 = [IPv4Address(number) for number in spread(1000, 32)]
    ipv6 = [IPv6Address(number) for number in spread(1000, 128)]
    names = [f"h{at}.d{at % 977}.example.net" for at in range(RECORDS)]
    browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
    sys.stdout.write(f"{f'{RECORDS:,} records':42} {'build':>8} {'check':>11}\n")
    measure_rule("networks, IPv4", parse_network_rule, networks(32, 14), ipv4)
    measure_rule("networks, IPv6", parse_network_rule, networks(128, 16), ipv6)
    nat64 = [IPv6Address(0x64FF9B << 96 | int(address)) for address in ipv4]
    measure_rule("networks, IPv4 behind NAT64", parse_network_rule, networks(32, 14), nat64)
    measure_rule("exact hosts, names", parse_host_rule, names, names[::100])
    measure_rule("child domains, found", parse_child_domain_rule, names, [f"www.{name}" for name in names[::100]])
    measure_rule("child domains, missed", parse_child_domain_rule, names, [f"www.{name}x" for name in names[::100]])
    measure_rule("child domains, names of 127 labels", parse_child_domain_rule, names, ["a." * 126 + "net"] * 1000)
    measure_rule("ports, every second one", parse_port_rule, list(range(0, 65_536, 2)), range(1000))
    measure_rule("products, missed", parse_user_agent_rule, [f"product{at}" for at in range(RECORDS)], [browser] * 1000)
    patterns = [rf"^(?:.*[.])?ad{at}[.]example[.](?:net|org)$" for at in range(RECORDS)]
    measure_rule("expressions, 1,000 of them", parse_regex_set_rule, patterns[:1000], names[::100])
    measure_rule("expressions", parse_regex_set_rule, patterns, names[::100])
    for title, text in (
        ("a name", "www.example.com"),
        ("a name in capitals", "WWW.Example.COM"),
        ("an IPv4 address", "192.168.100.3"),
        ("an IPv6 address", "2001:db8::1"),
        ("a name outside ASCII", "bücher.example"),
    ):
        measure(f"parse_host, {title}", parse_host, [text] * 1000)


if __name__ == "__main__":
    main()
