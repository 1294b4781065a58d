#!/bin/sh
# Makes the empty file system that a host writes to a blank disk: usage: system-disk.sh OUTPUT.img.gz
set -e
image=$(mktemp)
truncate -s 9M "$image"
# Same bytes each time; 4096 inodes a group of 128 MiB; room to grow on line; features that e2fsprogs of any age reads.
export E2FSPROGS_FAKE_TIME=1767225600
mke2fs -q -F -t ext4 -b 4096 -N 4096 -m 0 -L ringside-root -J size=4 -U 52494e47-5349-4445-8000-000000000001 \
  -O has_journal,extent,resize_inode,flex_bg,uninit_bg,^metadata_csum,^64bit \
  -E resize=4194304,lazy_itable_init=0,lazy_journal_init=0,hash_seed=52494e47-5349-4445-8000-000000000002 "$image"
gzip -9n < "$image" > "$1"
rm "$image"
