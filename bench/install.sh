#!/bin/sh
# Install from Debian what the benchmark measures and measures with; services are kept from starting. Needs root.
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    curl dante-server haproxy libnginx-mod-stream nginx-light squid tinyproxy-bin util-linux wrk
