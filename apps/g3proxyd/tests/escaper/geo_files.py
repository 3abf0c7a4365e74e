"""Files in MaxMind's DB format, written for a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # it has no types


def write_database(path: Path, records: Mapping[str, Mapping[str, Any]], version: int = 6) -> None:
    """Write what is known of networks; one of version 4 has no IPv6 addresses."""
    writer = MMDBWriter(version, ipv4_compatible=version == 6, int_type="u32")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), dict(record))
    writer.to_db_file(str(path))
