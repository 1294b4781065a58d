#!/bin/bash
# Makes vmlinuz, System.map.gz, system-disk.img.gz and manifest.json of this folder from Debian 12's source packages.
# Run as root on Debian 12 (amd64). Usage: build.sh [WORK FOLDER [STEP…]]   (the folder is kept between runs; about 2 GB)
# Without steps all are done, in the order of the last lines. The same sources and compiler give the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(realpath -m "${1:-$(mktemp -d)}")
jobs=${JOBS:-$(nproc)}
mkdir -p "$work/tools" "$work/modules" "$work/sources" "$work/apt/parts" "$work/apt/lists/partial"
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=ringside KBUILD_BUILD_HOST=ringside
export KBUILD_BUILD_VERSION=1 SOURCE_DATE_EPOCH=1767225600 LC_ALL=C

install_tools() {
  apt-get install -y --no-install-recommends linux-source-6.1 build-essential gcc-multilib bc bison flex libelf-dev \
    libssl-dev lz4 xz-utils kmod rsync patch dpkg-dev e2fsprogs python3 pkg-config
}

# The source packages, through a list of sources made from the machine's own, which stays as it is.
get_sources() {
  local file options
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    [ -f "$file" ] || continue
    sed 's/^Types: deb$/Types: deb-src/; s/^deb /deb-src /' "$file" > "$work/apt/parts/${file##*/}"
  done
  [ -f "$work/apt/parts/sources.list" ] && mv "$work/apt/parts/sources.list" "$work/apt/parts/main.list"
  options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/apt/parts" -o "Dir::State::Lists=$work/apt/lists")
  apt-get "${options[@]}" update
  cd "$work/sources"
  for package in musl busybox iproute2 iptables util-linux e2fsprogs libpcap tcpdump; do
    [ -d "$package" ] && continue
    apt-get "${options[@]}" source --download-only "$package"
    dpkg-source --no-check -x "$package"_*.dsc "$package"
    if [ "$package" = busybox ]; then patch -d busybox -p1 < "$here/busybox-vi.patch"; fi
  done
  [ -d "$work/linux-source-6.1" ] && return
  tar -C "$work" -xf /usr/src/linux-source-6.1.tar.xz
  patch -d "$work/linux-source-6.1" -p1 < "$here/linux-pit.patch"
}

# A C library of our own for the guest: musl for an i686, static, with the kernel's headers beside it.
build_musl() {
  cd "$work/sources/musl"
  CROSS_COMPILE= AR=ar RANLIB=ranlib CC="gcc -m32 -march=i686 -mtune=generic" CFLAGS="-Os -pipe" ./configure \
    --target=i386 --prefix="$work/sysroot" --syslibdir="$work/sysroot/lib" --disable-shared --enable-wrapper=gcc
  make CROSS_COMPILE= -j"$jobs"
  make CROSS_COMPILE= install
  printf '#!/bin/sh\nexec gcc -m32 -march=i686 -mtune=generic "$@" -specs "%s"\n' "$work/sysroot/lib/musl-gcc.specs" > "$work/sysroot/bin/i686-cc"
  chmod +x "$work/sysroot/bin/i686-cc"
  sed -i 's/^-dynamic-linker/-m elf_i386 -dynamic-linker/' "$work/sysroot/lib/musl-gcc.specs"
  make -C "$work/linux-source-6.1" O="$work/headers" ARCH=i386 INSTALL_HDR_PATH="$work/sysroot" headers_install
}

merge_options() { # CONFIG FRAGMENT: options of the fragment replace those of the same name or are added
  awk -F'[ =]' 'function name() { return $1 == "#" ? $2 : $1 }
    /CONFIG_/ && NR == FNR { option[name()] = $0; next }
    { n = name(); if ($0 ~ /CONFIG_/ && n in option) { print option[n]; delete option[n] } else print }
    END { for (n in option) print option[n] }' "$2" "$1" > "$1.new"
  mv "$1.new" "$1"
}

build_programs() {
  local flags="-Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pie"
  local link="-static -no-pie -Wl,--gc-sections" host="--host=i686-linux-musl --build=x86_64-linux-gnu" p
  export CC="$work/sysroot/bin/i686-cc" AR=ar RANLIB=ranlib

  cd "$work/sources/busybox"
  make CC=gcc defconfig
  merge_options .config "$here/busybox.config"
  (yes "" || true) | make CC=gcc oldconfig > /dev/null
  make -j"$jobs" CC="$CC" HOSTCC=gcc LD="ld -m elf_i386" EXTRA_CFLAGS=-Os
  cp busybox "$work/tools/"

  mkdir -p "$work/sources/e2fsprogs/build" && cd "$work/sources/e2fsprogs/build"
  CFLAGS="$flags" LDFLAGS="$link" ../configure $host --disable-nls --disable-uuidd --disable-fuse2fs --disable-debugfs \
    --disable-imager --disable-tls --disable-defrag --disable-mmp --without-crond-dir --without-systemd-unit-dir \
    --enable-libuuid --enable-libblkid
  make -j"$jobs" libs
  make -C misc mke2fs tune2fs && make -C e2fsck e2fsck && make -C resize resize2fs
  for p in misc/mke2fs misc/tune2fs e2fsck/e2fsck resize/resize2fs; do strip -o "$work/tools/${p##*/}" "$p"; done

  cd "$work/sources/iptables"
  CFLAGS="$flags -D__UAPI_DEF_ETHHDR=0" LDFLAGS="$link" ./configure $host --prefix=/usr --enable-static --disable-shared \
    --disable-nftables --disable-connlabel --disable-devel
  make -j"$jobs"
  strip -o "$work/tools/xtables-legacy-multi" iptables/xtables-legacy-multi

  cd "$work/sources/util-linux"
  CFLAGS="$flags" LDFLAGS="$link" ./configure $host --disable-all-programs --enable-lscpu --enable-lsns \
    --enable-libsmartcols --enable-libmount --enable-libblkid --disable-nls --disable-shared --enable-static \
    --without-ncurses --without-ncursesw --without-tinfo --without-readline --without-python --without-systemd \
    --without-udev --disable-bash-completion --disable-asciidoc
  make -j"$jobs" AUTOMAKE=: ACLOCAL=: AUTOCONF=: AUTOHEADER=: lscpu lsns
  for p in lscpu lsns; do strip -o "$work/tools/$p" $p; done

  cd "$work/sources/libpcap"
  CFLAGS="$flags" ./configure $host --disable-shared --disable-usb --disable-netmap --disable-bluetooth --disable-dbus \
    --disable-rdma --without-libnl --with-pcap=linux
  make -j"$jobs" libpcap.a
  ln -sfn libpcap "$work/sources/libpcap-1.10.3"
  cd "$work/sources/tcpdump"
  CFLAGS="$flags" LDFLAGS="-static -no-pie" ./configure $host --without-crypto --disable-smb --without-cap-ng
  make -j"$jobs" tcpdump
  strip -o "$work/tools/tcpdump" tcpdump

  cd "$work/sources/iproute2"
  cat > config.mk <<MK
PKG_CONFIG:=false
TC_CONFIG_NO_XT:=y
CC:=$CC
CFLAGS += -DHAVE_SETNS -DHAVE_HANDLE_AT -DNEED_STRLCPY
%.o: %.c
	\$(CC) \$(CFLAGS) \$(EXTRA_CFLAGS) -c -o \$@ \$<
MK
  make -j"$jobs" CC="$CC" HOSTCC=gcc CCOPTS="$flags -D_GNU_SOURCE" LDFLAGS="$link" SHARED_LIBS=n SUBDIRS="lib ip tc bridge"
  for p in ip/ip tc/tc bridge/bridge; do strip -o "$work/tools/${p##*/}" $p; done
  unset CC AR RANLIB
}

build_init() {
  cd "$here/init"
  "$work/sysroot/bin/i686-cc" -std=gnu11 -Os -Wall -Wextra -ffunction-sections -fno-pie -static -no-pie -Wl,--gc-sections -s \
    -o "$work/tools/ringside-init" ./*.c
}

build_kernel() {
  cd "$work/linux-source-6.1"
  make O="$work/kernel" ARCH=i386 tinyconfig
  scripts/kconfig/merge_config.sh -m -O "$work/kernel" "$work/kernel/.config" "$here/kernel.config"
  make O="$work/kernel" ARCH=i386 olddefconfig
  gcc -O2 -o "$work/gen_init_cpio" usr/gen_init_cpio.c
  [ -f "$work/kernel/initramfs.cpio" ] || : > "$work/kernel/initramfs.cpio"
  make O="$work/kernel" ARCH=i386 -j"$jobs" modules
  local module release
  for module in virt/lib/irqbypass arch/x86/kvm/kvm arch/x86/kvm/kvm-amd drivers/block/floppy drivers/net/dummy; do
    strip --strip-debug -o "$work/modules/${module##*/}.ko" "$work/kernel/$module.ko"
  done
  printf 'kernel/irqbypass.ko:\nkernel/kvm.ko: kernel/irqbypass.ko\nkernel/kvm-amd.ko: kernel/kvm.ko kernel/irqbypass.ko\nkernel/floppy.ko:\nkernel/dummy.ko:\n' > "$work/modules/modules.dep"
  echo 'alias rtnl-link-dummy dummy' > "$work/modules/modules.alias"
  release=$(cat "$work/kernel/include/config/kernel.release")
  rm -rf "$work/root" && cp -r "$here/root" "$work/root"
  find "$work/root" "$work/tools" "$work/modules" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  python3 "$here/initramfs.py" "$work/root" "$work/tools" "$work/modules" "$release" > "$work/initramfs.list"
  "$work/gen_init_cpio" -t "$SOURCE_DATE_EPOCH" "$work/initramfs.list" > "$work/kernel/initramfs.cpio"
  make O="$work/kernel" ARCH=i386 -j"$jobs" bzImage
}

# Each file is replaced at once: a program that reads the image meanwhile sees the old or the new one.
put_in_place() {
  cp "$work/kernel/arch/x86/boot/bzImage" "$here/vmlinuz.new"
  "$here/system-disk.sh" "$here/system-disk.img.gz.new"
  awk '$2 ~ /^[tTwW]$/' "$work/kernel/System.map" | gzip -9n > "$here/System.map.gz.new" # names of code, for the debugger
  mv "$here/vmlinuz.new" "$here/vmlinuz"
  mv "$here/System.map.gz.new" "$here/System.map.gz"
  mv "$here/system-disk.img.gz.new" "$here/system-disk.img.gz"
  python3 "$here/../manifest.py" "$here"
}

[ $# -gt 1 ] && shift && steps=("$@") || steps=(install_tools get_sources build_musl build_programs build_init build_kernel put_in_place)
for step in "${steps[@]}"; do "$step"; done
