#!/bin/bash
# Makes a small GRUB 2 rescue CD from Debian 12's packages. Run as root: build.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export SOURCE_DATE_EPOCH=1767225600
apt-get install -y --no-install-recommends grub-common grub-pc-bin xorriso mtools
mkdir -p "$work/boot/grub"
cp "$here/grub.cfg" "$work/boot/grub/grub.cfg"
modules="normal configfile iso9660 biosdisk part_msdos part_gpt ext2 fat ls cat echo read sleep lsmmap lspci linux multiboot \
  chain reboot halt serial terminal minicmd search search_label test hexdump memrw boot help"
grub-mkimage -O i386-pc-eltorito -p /boot/grub -o "$work/boot/grub/eltorito.img" $modules
find "$work" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
xorriso -as mkisofs -quiet -R -V RINGSIDE_RESCUE --modification-date=2026010100000000 -b boot/grub/eltorito.img -no-emul-boot \
  -boot-load-size 4 -boot-info-table -o "$here/rescue.iso" "$work"
rm -r "$work"
cp /usr/share/doc/grub-pc-bin/copyright "$here/COPYRIGHT"
chmod 644 "$here/rescue.iso" "$here/COPYRIGHT"
python3 "$here/../manifest.py" "$here"
