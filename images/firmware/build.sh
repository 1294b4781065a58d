#!/bin/sh
# Takes bios.bin and vgabios-stdvga.bin from Debian 12's package seabios. Usage: build.sh (any user with apt).
set -e
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
(cd "$work" && apt-get download seabios && dpkg-deb -x seabios_*.deb .)
cp "$work/usr/share/seabios/bios.bin" "$work/usr/share/seabios/vgabios-stdvga.bin" "$here/"
cp "$work/usr/share/doc/seabios/copyright" "$here/COPYRIGHT"
chmod 644 "$here"/*.bin "$here/COPYRIGHT"
rm -r "$work"
python3 "$here/../manifest.py" "$here"
