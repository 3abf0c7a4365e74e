"""The PROXY protocol, versions 1 and 2, without I/O: a reader, packers, TLVs (haproxy's proxy-protocol.txt)."""

from ._errors import HeaderError
from ._g3 import G3Type, G3Values, pack_g3, parse_g3
from ._header import Address, Command, Header, Inet, Transport, Unix
from ._line import MAX_LINE_SIZE
from ._pack import pack_v1, pack_v2
from ._reader import DEFAULT_MAX_BODY_SIZE, HeaderReader
from ._ssl import CLIENT_CERT_CONN, CLIENT_CERT_SESS, CLIENT_SSL, Ssl, pack_ssl, parse_ssl
from ._tlv import MAX_UNIQUE_ID_SIZE, SslType, Tlv, TlvType, pack_tlvs, parse_tlvs

__all__ = [
    "CLIENT_CERT_CONN",
    "CLIENT_CERT_SESS",
    "CLIENT_SSL",
    "DEFAULT_MAX_BODY_SIZE",
    "MAX_LINE_SIZE",
    "MAX_UNIQUE_ID_SIZE",
    "Address",
    "Command",
    "G3Type",
    "G3Values",
    "Header",
    "HeaderError",
    "HeaderReader",
    "Inet",
    "Ssl",
    "SslType",
    "Tlv",
    "TlvType",
    "Transport",
    "Unix",
    "pack_g3",
    "pack_ssl",
    "pack_tlvs",
    "pack_v1",
    "pack_v2",
    "parse_g3",
    "parse_ssl",
    "parse_tlvs",
]
