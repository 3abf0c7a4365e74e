#!/bin/sh
# Make the origin's content, then serve it.
set -eu
mkdir -p /srv/www/upload /srv/git
printf 'hello from the origin\n' >/srv/www/hello.txt
seq 200000 >/srv/www/lines.txt
[ -e /srv/www/medium.bin ] || head -c 4194305 /dev/urandom >/srv/www/medium.bin
[ -e /srv/www/big.bin ] || head -c 67108864 /dev/urandom >/srv/www/big.bin

export HOME=/srv GIT_AUTHOR_NAME=origin GIT_AUTHOR_EMAIL=origin@g3.test GIT_COMMITTER_NAME=origin GIT_COMMITTER_EMAIL=origin@g3.test
if [ ! -d /srv/git/project.git ]; then
    git init -q -b main /srv/project
    head -c 3000000 /dev/urandom >/srv/project/blob
    git -C /srv/project add blob
    git -C /srv/project commit -q -m 'A file that does not compress'
    git clone -q --bare /srv/project /srv/git/project.git
    git -C /srv/git/project.git config http.receivepack true
fi

rm -f /run/fcgiwrap.sock
mkdir -p /var/run/vsftpd/empty
vsftpd /srv/vsftpd.conf &
/usr/bin/python3 /srv/echo_server.py &
fcgiwrap -c 4 -s unix:/run/fcgiwrap.sock &
exec nginx -c /srv/nginx.conf
