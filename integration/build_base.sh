#!/bin/sh
# Build the base image of the integration suite from a Debian archive, for machines that reach no image registry.
#
#   integration/build_base.sh            prints the name of the image, building it only when its recipe has changed
#
# Needs root, debootstrap and a running Docker engine. The archive is the first one that apt uses on this machine.
set -eu

suite=bookworm
# python3-venv installs the daemon's wheels, python3-socks is a SOCKS client, fcgiwrap serves git over HTTP.
packages="ca-certificates curl dante-server dnsmasq-base fcgiwrap git haproxy iproute2 nftables nginx-light openssl python3 \
python3-dnspython python3-socks python3-venv python3-websockets squid tinyproxy-bin unbound vsftpd wget"

recipe=$(sha256sum "$0" | cut -c1-12)
image="g3-base:$recipe"

if docker image inspect "$image" >/dev/null 2>&1; then
    echo "$image"
    exit 0
fi

fail() {
    echo "build_base.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "debootstrap needs root; run it once as root or set G3_BASE_IMAGE to an image that you have"
command -v debootstrap >/dev/null || fail "debootstrap is not installed (apt-get install debootstrap), and G3_BASE_IMAGE is not set"

# Both forms of source lists: "deb [options] URI suite ..." and the "URIs:" field of deb822 files.
first_archive() {
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$list" ] && sed -n 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\([a-z+]*:[^ ]*\) .*/\2/p' "$list"
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -f "$list" ] && sed -n 's/^URIs:  *\([^ ]*\).*/\1/p' "$list"
    done
    true
}
archive=$(first_archive | head -n 1)
[ -n "$archive" ] || fail "no archive found in /etc/apt/sources.list*"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM

include=$(echo "$packages" | tr ' ' ',')
debootstrap --variant=minbase --include="$include" "$suite" "$root" "$archive" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    fail "debootstrap failed; its whole output is in $root.log"
}
rm -rf "$root.log" "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"

tar -C "$root" -c . | docker import --change 'CMD ["/bin/sh"]' --change 'ENV LANG=C.UTF-8' - "$image" >/dev/null
echo "$image"
