#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: what a shared library exports is what its public headers declare.

usage: exports.py ROOT NM LIBRARY [HEADER]     HEADER: the one that belongs to this library; without it, LIBRARY is
                                               libpencone and has all headers but those of other libraries
"""
import re
import subprocess
import sys

import gate

# Headers of libraries beside libpencone.
APART = {"include/pencone/commission.h"}
DECLARED = re.compile(r"^PENCONE_API\b[^;{]*?\b(\w+)\s*\(", re.M)


def main(root, nm, library, header=None):
    declared, findings = {}, []
    wanted = {f"include/pencone/{header}"} if header else None
    for name in gate.files(root):
        if not name.startswith("include/pencone/") or not name.endswith(".h"):
            continue
        if name not in wanted if wanted else name in APART:
            continue
        text = gate.code(gate.read(root, name))
        for match in DECLARED.finditer(text):
            if match.group(1) in declared:
                findings.append(f"{name}:{gate.line_of(text, match.start())}: {match.group(1)} declared twice")
            declared[match.group(1)] = f"{name}:{gate.line_of(text, match.start())}"
    listed = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    exported = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    findings += [f"{declared[symbol]}: {symbol} is declared and not exported" for symbol in sorted(set(declared) - exported)]
    findings += [f"{library}: {symbol} is exported and not declared" for symbol in sorted(exported - set(declared))]
    print(f"{len(declared)} declared, {len(exported)} exported")
    gate.finish(findings, "exported symbols equal declared symbols (PENCONE_API in include/pencone)")


main(*sys.argv[1:5])
