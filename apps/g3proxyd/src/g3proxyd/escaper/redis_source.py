"""Peers that are the members of a set in a redis database."""

import contextlib
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import redis.asyncio
from redis.asyncio.connection import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from ..config.escaper.proxy_peer import MAX_PEERS
from ..tls.contexts import client_context
from .sources import SourceError

if TYPE_CHECKING:
    from ..config.escaper.proxy_float import RedisSource

MAX_SET_SIZE = 64 * 1024 * 1024
"""Bytes that the set may take in the database, by its own account: four times what can be published."""


class RedisMembers:
    """Reads the set."""

    def __init__(self, config: "RedisSource") -> None:
        self._key = config.sets_key
        self._where = f"redis at {config.addr}"
        host = str(config.addr.host)
        keys: dict[str, Any] = {
            "host": host,
            "port": config.addr.port,
            "db": config.db,
            "username": config.username,
            "password": config.password,
            "socket_connect_timeout": config.connect_timeout,
            "socket_timeout": config.response_timeout,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
        }
        if config.tls_client is not None:
            settings = config.tls_client.settings
            name = host if config.tls_name is None else str(config.tls_name)
            keys |= {"connection_class": _TlsConnection, "context": client_context(settings), "tls_name": name}
        self._pool = ConnectionPool(**keys)
        self._client = redis.asyncio.Redis(connection_pool=self._pool)

    async def fetch(self) -> frozenset[bytes]:
        """All members. Raises SourceError."""
        try:
            await self._measure()
            found = await self._client.smembers(self._key)
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            raise SourceError(f"{self._where}: {error or type(error).__name__}") from None
        return frozenset(member for member in found if isinstance(member, bytes))

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()
            await self._pool.aclose()

    async def _measure(self) -> None:
        """Refuse a set that is too large before it is read."""
        count = await self._client.scard(self._key)
        if count > MAX_PEERS:
            raise SourceError(f"{self._where}: the set {self._key!r} has {count} members; at most {MAX_PEERS} are read")
        try:
            size = await self._client.memory_usage(self._key, samples=0)
        except AuthenticationError:
            raise
        except ResponseError:
            return  # a server that does not know the command, or does not let us
        if size is not None and size > MAX_SET_SIZE:
            raise SourceError(f"{self._where}: the set {self._key!r} has {size} bytes; at most {MAX_SET_SIZE} are read")


class _TlsConnection(Connection):
    """The library's own one makes a context of file names; ours has been made of the configuration."""

    def __init__(self, *, context: ssl.SSLContext, tls_name: str, **keys: Any) -> None:
        super().__init__(**keys)
        self._context = context
        self._tls_name = tls_name

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._context, "server_hostname": self._tls_name}
