"""HTTP/1.0 and HTTP/1.1 for proxies, without I/O: RFC 9110, RFC 9112, and what proxies need beside them."""

from ._body import BodyReader
from ._chunked import FORBIDDEN_TRAILERS
from ._connect import CONNECT_LIMITS, ConnectClient
from ._credentials import (
    MAX_CREDENTIAL_LENGTH,
    MAX_TOKEN_LENGTH,
    Basic,
    Bearer,
    pack_basic,
    pack_challenge,
    parse_basic,
    parse_credentials,
    parse_userinfo,
)
from ._errors import HttpError, RequestError, ResponseError
from ._fields import FORWARDED_FIELDS, HOP_BY_HOP, field_value, field_values
from ._forwarded import forwarded_field, forwarded_node, parse_forwarded
from ._forwarding import client_framing, forward_request, forward_response
from ._framing import Framing
from ._limits import (
    MAX_CONTENT_LENGTH,
    MAX_EMPTY_LINES,
    MAX_INTERIM_RESPONSES,
    MAX_METHOD_LENGTH,
    Leniency,
    Limits,
)
from ._pack import (
    LAST_CHUNK,
    Field,
    error_response,
    pack_chunk,
    pack_fields,
    pack_last_chunk,
    pack_request_head,
    pack_response_head,
)
from ._request import RequestHead, RequestReader
from ._response import ResponseHead, ResponseReader
from ._status import REASON_PHRASES, reason_phrase
from ._target import DEFAULT_PORTS, MAX_HOST_LENGTH, Form, Target, parse_authority, parse_target
from ._via import ViaMember, parse_via, passed_by, via_field
from ._well_known import (
    EasyProxy,
    MasqueHttp,
    MasqueIp,
    MasqueUdp,
    UnknownWellKnown,
    WellKnown,
    parse_well_known,
)

__all__ = [
    "CONNECT_LIMITS",
    "DEFAULT_PORTS",
    "FORBIDDEN_TRAILERS",
    "FORWARDED_FIELDS",
    "HOP_BY_HOP",
    "LAST_CHUNK",
    "MAX_CONTENT_LENGTH",
    "MAX_CREDENTIAL_LENGTH",
    "MAX_EMPTY_LINES",
    "MAX_HOST_LENGTH",
    "MAX_INTERIM_RESPONSES",
    "MAX_METHOD_LENGTH",
    "MAX_TOKEN_LENGTH",
    "REASON_PHRASES",
    "Basic",
    "Bearer",
    "BodyReader",
    "ConnectClient",
    "EasyProxy",
    "Field",
    "Form",
    "Framing",
    "HttpError",
    "Leniency",
    "Limits",
    "MasqueHttp",
    "MasqueIp",
    "MasqueUdp",
    "RequestError",
    "RequestHead",
    "RequestReader",
    "ResponseError",
    "ResponseHead",
    "ResponseReader",
    "Target",
    "UnknownWellKnown",
    "ViaMember",
    "WellKnown",
    "client_framing",
    "error_response",
    "field_value",
    "field_values",
    "forward_request",
    "forward_response",
    "forwarded_field",
    "forwarded_node",
    "pack_basic",
    "pack_challenge",
    "pack_chunk",
    "pack_fields",
    "pack_last_chunk",
    "pack_request_head",
    "pack_response_head",
    "parse_authority",
    "parse_basic",
    "parse_credentials",
    "parse_forwarded",
    "parse_target",
    "parse_userinfo",
    "parse_via",
    "parse_well_known",
    "passed_by",
    "reason_phrase",
    "via_field",
]
