"""One HTTP request over PySocks: VERSION PROXY:PORT HOST PATH; names are left to the proxy where the version can.

Prints the SHA-256 of the body, or PySocks's own words for the failure with exit status 3.
"""

import hashlib
import http.client
import sys

import socks

VERSIONS = {
    "4": (socks.SOCKS4, False),
    "4a": (socks.SOCKS4, True),
    "5": (socks.SOCKS5, False),
    "5h": (socks.SOCKS5, True),
}


def main(version: str, proxy: str, host: str, path: str) -> None:
    kind, remote_names = VERSIONS[version]
    address, _, port = proxy.partition(":")
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.sock = socks.create_connection(
            (connection.host, connection.port), 20, None, kind, address, int(port), remote_names
        )
    except socks.ProxyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    connection.request("GET", path)
    response = connection.getresponse()
    digest = hashlib.sha256()
    while block := response.read(65536):
        digest.update(block)
    print(response.status, digest.hexdigest())


main(*sys.argv[1:])
