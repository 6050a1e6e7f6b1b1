#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: the top level is as designed, and what every text file has to keep to.

One SPDX line at the top of each source file and script, no path of somebody's machine, no note about work
to be done without the number of its issue, no line that ends in a blank.
"""
import re
import sys

import gate

TOP = {"lib", "include", "bench", "tests", "examples", "phantoms", "meson.build", "docs", "README.md", "LICENSE",
       "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "meson_options.txt", "check", "demo"}
DOTFILES = {".ci", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", ".gitattributes"}
SPDX = "SPDX-License-Identifier: Apache-2.0"
SOURCES = (".c", ".h", ".h.in", ".cmake.in", ".py", ".sh", ".gp", ".m")
# Written so that this file does not find itself.
MACHINE = re.compile(r"(?<![\w.$}~<>/-])/(?:" + "work|root|tmp|home|Users|mnt|media" + r")/[\w.-]+|\b[A-Z]:\\\w")
OPEN_WORK = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\(#\d+\))")


def spdx(name, text, findings):
    lines = text.split("\n")
    if not name.endswith(SOURCES) and not lines[0].startswith("#!"):
        return
    place = 1 if lines[0].startswith("#!") else 0
    if SPDX not in (lines[place] if place < len(lines) else ""):
        findings.append(f"{name}:{place + 1}: the line '{SPDX}' is missing here")
    elif text.count("SPDX-License-" "Identifier:") > 1 and name != "tests/gate/tree.py" \
            and name != "tests/gate/selftest.py":
        findings.append(f"{name}:1: more than one SPDX line")


def main(root):
    findings = []
    names = gate.files(root)
    top = {name.split("/")[0] for name in names}
    findings += [f"{name}:1: does not belong to the top level" for name in sorted(top - TOP - DOTFILES)]
    findings += [f"{name}:1: missing from the top level" for name in sorted(TOP - top)]
    for name in names:
        text = gate.read(root, name)
        if text is None:
            continue
        spdx(name, text, findings)
        for number, line in enumerate(text.split("\n"), 1):
            if MACHINE.search(line):
                findings.append(f"{name}:{number}: path of a machine: {MACHINE.search(line).group(0)}")
            if OPEN_WORK.search(line):
                findings.append(f"{name}:{number}: open work without the number of its issue: {line.strip()}")
            if line.endswith((" ", "\t", "\r")) and name != "LICENSE":
                findings.append(f"{name}:{number}: the line ends in a blank")
    gate.finish(findings, "top level, SPDX line, paths, open work (CONTRIBUTING.md)")


main(sys.argv[1])
