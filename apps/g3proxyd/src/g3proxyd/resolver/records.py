"""What a DNS response says about the addresses of a name."""

import os
from ipaddress import IPv4Address, IPv6Address

import pycares
from g3_escape import Family

from .errors import ResolveError, driver_error, local_error, server_error

ADDRESSES_MAX = 32
"""Addresses that are kept of one answer: connections try three, and a hostile server could send thousands."""

ALIASES_MAX = 16
"""CNAME records that are followed: c-ares and BIND stop there as well."""

QUERY_TYPES = {Family.IPV4: pycares.QUERY_TYPE_A, Family.IPV6: pycares.QUERY_TYPE_AAAA}


def addresses(result: pycares.DNSResult, domain: str) -> tuple[tuple[IPv4Address | IPv6Address, ...], int]:
    """The addresses of the name in the answer section, and for how many seconds they hold.

    A record counts when the name, or one that the answer's CNAME records lead to, owns it: whatever else a server
    puts into its answer is none of its business. ``domain`` is in lower case without a dot at the end.
    """
    aliases: dict[str, tuple[str, int]] = {}
    owned: dict[str, list[tuple[IPv4Address | IPv6Address, int]]] = {}
    for record in result.answer:
        if record.record_class != pycares.QUERY_CLASS_IN:
            continue
        owner = record.name.lower()
        match record.data:
            case pycares.CNAMERecordData(cname):
                aliases[owner] = (cname.lower(), record.ttl)
            case pycares.ARecordData(addr):
                owned.setdefault(owner, []).append((IPv4Address(addr), record.ttl))
            case pycares.AAAARecordData(addr):
                owned.setdefault(owner, []).append((IPv6Address(addr), record.ttl))
    ttls: list[int] = []
    for _ in range(ALIASES_MAX):
        if domain in owned or domain not in aliases:
            break
        domain, ttl = aliases[domain]
        ttls.append(ttl)
    found = owned.get(domain, [])[:ADDRESSES_MAX]
    ttls.extend(ttl for _, ttl in found)
    return tuple(address for address, _ in found), min(ttls, default=0)


def error_of(code: int) -> ResolveError | None:
    """What an error number of c-ares stands for; None says that the name exists without such an address."""
    if code == pycares.errno.ARES_ENODATA:
        return None
    text = os.fsdecode(pycares.errno.strerror(code))
    return _ERRORS.get(code) or driver_error("InternalError", f"internal error: {text}")


_ERRORS = {
    pycares.errno.ARES_EFORMERR: server_error("FORMERR", "the server calls the query malformed"),
    pycares.errno.ARES_ESERVFAIL: server_error("SERVFAIL", "the server failed"),
    pycares.errno.ARES_ENOTFOUND: server_error("NOTFOUND", "the server does not know the name"),
    pycares.errno.ARES_ENOTIMP: server_error("NOTIMP", "the server does not implement the query"),
    pycares.errno.ARES_EREFUSED: server_error("REFUSED", "the server refused the query"),
    pycares.errno.ARES_EBADQUERY: driver_error("BadQuery", "malformed query"),
    pycares.errno.ARES_EBADNAME: driver_error("BadName", "malformed name"),
    pycares.errno.ARES_EBADFAMILY: driver_error("BadFamily", "unsupported address family"),
    pycares.errno.ARES_EBADRESP: driver_error("BadResp", "malformed response"),
    pycares.errno.ARES_ECONNREFUSED: driver_error("ConnRefused", "no server can be contacted"),
    pycares.errno.ARES_ETIMEOUT: driver_error("Timeout", "no server answered in time"),
    pycares.errno.ARES_ECANCELLED: local_error("NoResolverRunning", "the resolver was stopped"),
    pycares.errno.ARES_EDESTRUCTION: local_error("NoResolverRunning", "the resolver was stopped"),
}
