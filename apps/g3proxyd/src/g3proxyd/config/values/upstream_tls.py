"""TLS towards an upstream: switched on, or with a map of what it is like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator

from ..nodes import Node
from .numbers import BOOLEAN_FORMS, parse_boolean
from .tls_client import TlsClient

__all__ = ["MaybeTls", "UpstreamTls"]


class UpstreamTls(TlsClient):
    """TLS towards an upstream."""

    short_schema: ClassVar[Mapping[str, object] | None] = {"anyOf": BOOLEAN_FORMS}
    short_forms: ClassVar[str] = "true (with the defaults) or false"

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        parse_boolean(data)  # what is false has been sorted out
        return {}


def _none_if_off(data: object) -> object:
    plain = data.plain() if isinstance(data, Node) else data
    return None if isinstance(plain, int | str) and not parse_boolean(plain) else data


MaybeTls: TypeAlias = Annotated[UpstreamTls | None, BeforeValidator(_none_if_off)]
"""None where there is no TLS."""
