#!/bin/sh
# Every kind of next proxy that is not ours: squid, tinyproxy, dante, and haproxy in front of the first two.
set -eu
echo "nameserver $G3_NET.53" >/etc/resolv.conf
cat /srv/tls/relay.crt /srv/tls/relay.key >/tmp/relay.pem
squid -N -f /srv/squid.conf &
tinyproxy -d -c /srv/tinyproxy.conf >/dev/null &
danted -f /srv/danted.conf &
exec haproxy -db -f /srv/hops-haproxy.cfg
