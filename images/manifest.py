#!/usr/bin/env python3
"""Writes manifest.json of one image from its about.json and the files themselves.

usage: manifest.py FOLDER    (about.json is manifest.json without sizes and digests)
"""
import hashlib
import json
import os
import sys

folder = sys.argv[1]
with open(os.path.join(folder, "about.json"), encoding="utf-8") as f:
    manifest = json.load(f)
for entry in manifest["files"]:
    with open(os.path.join(folder, entry["path"]), "rb") as f:
        content = f.read()
    entry["bytes"] = len(content)
    entry["sha256"] = hashlib.sha256(content).hexdigest()
with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as f:
    json.dump(manifest, f, ensure_ascii=False, indent=2)
    f.write("\n")
