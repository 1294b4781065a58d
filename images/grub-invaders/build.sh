#!/bin/sh
# Takes the multiboot program from Debian 12's package grub-invaders, padded to a multiple of 4 bytes as v86's loader
# wants it. Usage: build.sh (any user with apt).
set -e
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
(cd "$work" && apt-get download grub-invaders && dpkg-deb -x grub-invaders_*.deb .)
cp "$work/boot/invaders.exec" "$here/invaders.exec"
truncate -s %4 "$here/invaders.exec"
cp "$work/usr/share/doc/grub-invaders/copyright" "$here/COPYRIGHT"
chmod 644 "$here/invaders.exec" "$here/COPYRIGHT"
rm -r "$work"
python3 "$here/../manifest.py" "$here"
