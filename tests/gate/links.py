#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: links in the documents lead to files and headings of the tree (addresses of the network are not tried)."""
import os
import re
import sys

import gate

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.M)


def without_code(text):
    """Markdown with code blocks and code spans blanked."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S | re.M)


def anchors(text):
    """Names that a heading gets: lower case, blanks to hyphens, punctuation dropped."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def main(root):
    findings = []
    names = gate.files(root)
    known = set(names) | {os.path.dirname(name) for name in names}
    for name in names:
        if not name.endswith(".md"):
            continue
        text = without_code(gate.read(root, name) or "")
        for match in LINK.finditer(text):
            target = match.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            goal = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            where = f"{name}:{gate.line_of(text, match.start())}: {target}"
            if goal not in known:
                findings.append(f"{where}: no such file in the tree")
            elif anchor and goal.endswith(".md") and anchor not in anchors(gate.read(root, goal) or ""):
                findings.append(f"{where}: no such heading")
    gate.finish(findings, "links in documents lead somewhere")


main(sys.argv[1])
