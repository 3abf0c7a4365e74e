"""What the configuration language has and this program does not have yet, with the reason that operators are told."""

from __future__ import annotations

__all__ = [
    "AUDIT",
    "LATER_SECTIONS",
    "LOG_DRIVERS",
    "METRICS",
    "NO_NAMES",
    "SHARED_LOGGER",
    "TICKET_SOURCE",
    "TLCP",
    "USERS",
]

AUDIT = "inspection of traffic arrives with the auditors"
LOG_DRIVERS = "the log drivers so far are discard and stdout"
METRICS = "metrics arrive with the statistics"
NO_NAMES = "clients have no names before the user groups arrive"
SHARED_LOGGER = "shared loggers arrive with the other log drivers"
TICKET_SOURCE = "the keys of session tickets are made here so far, and read from nowhere"
TLCP = "TLCP arrives with its own record layer; the TLS library does not know it"
USERS = "users and their authentication arrive with the user groups"

LATER_SECTIONS = {
    "stat": METRICS,
    "user_group": USERS,
    "auditor": AUDIT,
}
"""Top-level sections that have to be empty for now."""
