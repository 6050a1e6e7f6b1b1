# SPDX-License-Identifier: Apache-2.0
"""What the gates share: the list of files, C text without comments, and the report.

A gate is called with the top of the tree, prints one line FILE:LINE: text per finding, and exits with 1
when there is any. Standard library only.
"""
import os
import re
import subprocess
import sys

NOT_OURS = re.compile(r"^(build[^/]*|out|\.git)(/|$)|(^|/)__pycache__/|\.o$")
TEXT_LIMIT = 4 << 20  # bytes; larger files are data


def files(root):
    """Paths of the tree's files relative to root, sorted: git's list, or all files of a tree without git."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=False) \
        if os.path.exists(os.path.join(root, ".git")) else None
    if listed is not None and listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:
        names = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, _, entries in os.walk(root) for name in entries]
    return sorted(name for name in names
                  if name and not NOT_OURS.search(name) and os.path.isfile(os.path.join(root, name)))


def read(root, name):
    """Text of a file; None for binary data."""
    path = os.path.join(root, name)
    if os.path.getsize(path) > TEXT_LIMIT:
        return None
    with open(path, "rb") as file:
        data = file.read()
    return None if b"\0" in data else data.decode("utf-8", errors="replace")


def code(text):
    """C text with comments and the inside of strings blanked, line breaks kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def finish(findings, rule):
    """Prints the findings with the rule they break and ends the program."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} finding(s). Rule: {rule}")
    sys.exit(1 if findings else 0)
