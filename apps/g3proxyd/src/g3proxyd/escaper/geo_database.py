"""Locations from files in MaxMind's DB format."""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

from g3_escape import Location

from ..config.values.geo_code import country_code

if TYPE_CHECKING:
    from ..config.values.geo_database import GeoDatabase

log = logging.getLogger(__name__)


class GeoReader:
    """What several files know together: of each fact, what the first one says."""

    def __init__(self, name: str, databases: "Iterable[GeoDatabase]") -> None:
        """``name`` is that of the escaper. Raises ValueError for a file that cannot be read any more."""
        # Takes 20 ms to import, and few configurations need it.
        import maxminddb

        self._name = name
        try:
            self._readers = [maxminddb.open_database(database.path) for database in databases]
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise ValueError(f"escaper {name}: {error}") from None
        self._six = [reader.metadata().ip_version == 6 for reader in self._readers]
        self._damaged = maxminddb.InvalidDatabaseError
        self._told = False

    def find(self, address: IPv4Address | IPv6Address) -> Location:
        """The location of an address; what no file knows is None."""
        as_number: int | None = None
        country: str | None = None
        continent: str | None = None
        for reader, six in zip(self._readers, self._six, strict=True):
            if address.version == 6 and not six:
                continue
            try:
                record: Any = reader.get(address)
            except (ValueError, self._damaged) as error:
                if not self._told:
                    self._told = True
                    log.warning("escaper %s: a database is damaged: %s", self._name, error)
                continue
            if isinstance(record, dict):
                as_number = as_number if as_number is not None else _number(record.get("autonomous_system_number"))
                country = country or _code(record.get("country"), "iso_code")
                continent = continent or _code(record.get("continent"), "code")
        return Location(as_number, country and country_code(country), continent)

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers:
            reader.close()


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _code(part: object, key: str) -> str | None:
    code = part.get(key) if isinstance(part, dict) else None
    return code if isinstance(code, str) else None
