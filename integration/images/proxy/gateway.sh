#!/bin/sh
# Lead the guest's connections to the daemon, then become it: nobody, with the one capability that this needs.
set -eu
nft -f - <<RULES
table ip g3 {
    chain prerouting {
        type filter hook prerouting priority mangle
        ip saddr $G3_NET.21 ip daddr != $G3_NET.11 tcp dport != 443 meta mark set 1 tproxy to :9000 accept
        ip saddr $G3_NET.21 ip daddr != $G3_NET.11 tcp dport 443 meta mark set 1 tproxy to :9001 accept
    }
}
RULES
ip rule add fwmark 1 lookup 100
ip route add local default dev lo table 100
sed "s/@NET@/$G3_NET/" /etc/g3proxyd/gateway.yml >/tmp/gateway.yml
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin \
    /opt/g3/bin/g3proxyd -c /tmp/gateway.yml
