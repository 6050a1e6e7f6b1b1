#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: C files are as clang-format makes them by .clang-format. Only version 14 is asked: others differ in places.

usage: format.py ROOT [CLANG_FORMAT]     status 77 (skipped) where there is no clang-format of that version
"""
import re
import shutil
import subprocess
import sys

import gate

VERSION = 14
SKIPPED = 77


def main(root, program):
    if program is None:
        print("no clang-format")
        sys.exit(SKIPPED)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)\.", version)
    if found is None or int(found.group(1)) != VERSION:
        print(f"{version.strip()}: not version {VERSION}")
        sys.exit(SKIPPED)
    names = [name for name in gate.files(root) if name.endswith((".c", ".h"))]
    done = subprocess.run([program, "--dry-run", "-Werror", *names], capture_output=True, text=True, cwd=root, check=False)
    first = {}
    for name, line in re.findall(r"^(\S+?):(\d+):\d+: error:", done.stderr, re.M):
        first.setdefault(name, line)
    gate.finish([f"{name}:{line}: clang-format -i {name}" for name, line in sorted(first.items())],
                "C files are formatted (CONTRIBUTING.md)")


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else shutil.which("clang-format"))
