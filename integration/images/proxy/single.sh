#!/bin/sh
# Fill this run's network into a configuration of its own, NAME.yml with what it includes, then become the daemon.
set -eu
mkdir -p /tmp/conf/escaper.d /tmp/conf/resolver.d
cd /etc/g3proxyd
for file in "$1.yml" escaper.d/*.yml resolver.d/*.yml; do
    sed "s/@NET@/$G3_NET/" "$file" >"/tmp/conf/$file"
done
exec /opt/g3/bin/g3proxyd -c "/tmp/conf/$1.yml"
