#!/bin/sh
# Fill the address of this run's name server in, then become the daemon.
set -eu
sed "s/@NET@/$G3_NET/" /etc/g3proxyd/main.yml.in >/tmp/main.yml
exec /opt/g3/bin/g3proxyd -c /tmp/main.yml
