#!/bin/sh
# Fill this run's network in, lay the certificate that a test renews where it can, then become the daemon.
set -eu
mkdir -p /tmp/conf/server.d /tmp/tls
cp /srv/tls/proxy.crt /srv/tls/proxy.key /tmp/tls
cd /etc/g3proxyd
for file in main.yml server.d/*.yml; do
    sed "s/@NET@/$G3_NET/" "$file" >"/tmp/conf/$file"
done
exec /opt/g3/bin/g3proxyd -G main -c /tmp/conf/main.yml
