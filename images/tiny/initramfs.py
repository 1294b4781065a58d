#!/usr/bin/env python3
"""Writes the list from which the kernel's gen_init_cpio makes the initramfs.

usage: initramfs.py ROOT TOOLS MODULES RELEASE > LIST
ROOT: the files of this folder's root/; TOOLS: the programs built; MODULES: kernel modules; RELEASE: uname -r.
"""
import os
import subprocess
import sys

root, tools, modules, release = sys.argv[1:]
lines, seen = [], set()


def folder(path, mode="755"):
    parts = path.strip("/").split("/")
    for i in range(1, len(parts) + 1):
        name = "/" + "/".join(parts[:i])
        if name not in seen:
            seen.add(name)
            lines.append(f"dir {name} {mode if name == path else '755'} 0 0")


def place(kind, path, rest):
    folder(os.path.dirname(path)) if os.path.dirname(path) != "/" else None
    if path in seen:
        sys.exit(f"{path} comes twice")
    seen.add(path)
    lines.append(f"{kind} {path} {rest}")


for name in ["proc", "sys", "dev", "run", "mnt", "sysroot/disk", "sysroot/root", "root", "tmp", "var/lib/ringside",
             "var/log", "var/tmp", "var/spool/cron/crontabs", "var/www/html", "home", "opt", "srv", "bin", "sbin", "usr/local/bin"]:
    folder("/" + name, {"root": "700", "tmp": "1777", "var/tmp": "1777"}.get(name, "755"))
place("nod", "/dev/console", "600 0 0 c 5 1")
place("nod", "/dev/null", "666 0 0 c 1 3")
place("slink", "/var/run", "/run 777 0 0")
place("slink", "/etc/mtab", "/proc/mounts 777 0 0")

place("file", "/usr/sbin/ringside-agent", f"{tools}/ringside-init 755 0 0")
place("slink", "/init", "usr/sbin/ringside-agent 777 0 0")
for name, links in {"ip": [], "tc": [], "bridge": [], "mke2fs": ["mkfs.ext2", "mkfs.ext3", "mkfs.ext4"], "e2fsck": ["fsck.ext2", "fsck.ext3", "fsck.ext4"],
                    "resize2fs": [], "tune2fs": ["e2label"], "tcpdump": [], "lscpu": [], "lsns": [],
                    "xtables-legacy-multi": ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"]}.items():
    if not os.path.exists(f"{tools}/{name}"):
        continue
    where = "/usr/bin" if name in ("lscpu", "lsns") else "/usr/sbin"
    place("file", f"{where}/{name}", f"{tools}/{name} 755 0 0")
    for link in links:
        place("slink", f"{where}/{link}", f"{name} 777 0 0")

for module in ["irqbypass", "kvm", "kvm-amd", "floppy", "dummy"]:
    place("file", f"/lib/modules/{release}/kernel/{module}.ko", f"{modules}/{module}.ko 644 0 0")
place("file", f"/lib/modules/{release}/modules.dep", f"{modules}/modules.dep 644 0 0")
place("file", f"/lib/modules/{release}/modules.alias", f"{modules}/modules.alias 644 0 0")

for directory, names, files in sorted(os.walk(root)):
    for name in sorted(names + files):
        source = os.path.join(directory, name)
        path = "/" + os.path.relpath(source, root)
        if os.path.islink(source):
            place("slink", path, f"{os.readlink(source)} 777 0 0")
        elif os.path.isdir(source):
            folder(path)
        else:
            mode = "600" if name == "shadow" else "755" if os.access(source, os.X_OK) else "644"
            place("file", path, f"{source} {mode} 0 0")

place("file", "/bin/busybox", f"{tools}/busybox 755 0 0")
for path in subprocess.run([f"{tools}/busybox", "--list-full"], capture_output=True, text=True, check=True).stdout.split():
    path = "/" + path
    base = os.path.basename(path)
    if path in seen or any(f"{d}/{base}" in seen for d in ("/usr/bin", "/usr/sbin", "/bin", "/sbin")):
        continue
    place("slink", path, "/bin/busybox 777 0 0")
print("\n".join(lines))
