#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: files of at most 600 lines, functions of at most 100 lines and 7 parameters. Exempt: lib/data, lib/simd.

usage: size.py ROOT CTAGS     CTAGS: the path of Universal Ctags
"""
import json
import os
import subprocess
import sys

import gate

FILE_LINES, FUNCTION_LINES, PARAMETERS, EXAMPLE_LINES = 600, 100, 7, 120
EXEMPT = ("lib/data/", "lib/simd/")


def parameters(signature):
    """Number of parameters in "(int a, double (*f)(int, int))"."""
    depth, commas = 0, 0
    for letter in signature[1:-1]:
        depth += letter in "([" and 1 or letter in ")]" and -1 or 0
        commas += letter == "," and depth == 0
    return 0 if signature[1:-1].strip() in ("", "void") else commas + 1


def tags(ctags, root, names):
    """Functions and prototypes as ctags sees them."""
    command = [ctags, "--languages=C", "--langmap=C:.c.h", "--c-kinds=fp", "--fields=+neS",
               "-I", "PENCONE_API,PCN_PRINTF+", "--output-format=json", "-L", "-", "-f", "-"]
    done = subprocess.run(command, input="\n".join(names), capture_output=True, text=True, cwd=root, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(root, ctags):
    names = [name for name in gate.files(root)
             if name.endswith((".c", ".h")) and name.startswith(("lib/", "include/", "examples/", "tests/", "bench/"))
             and not name.startswith(EXEMPT)]
    findings = []
    for name in names:
        lines = (gate.read(root, name) or "").count("\n")
        limit = EXAMPLE_LINES if name.startswith("examples/") else FILE_LINES
        if lines > limit:
            findings.append(f"{name}:1: {lines} lines, limit {limit}")
    for tag in tags(ctags, root, names):
        where = f"{os.path.normpath(tag['path'])}:{tag['line']}: {tag['name']}"
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        if tag["kind"] == "function" and lines > FUNCTION_LINES:
            findings.append(f"{where}: {lines} lines, limit {FUNCTION_LINES}")
        count = parameters(tag.get("signature", "()"))
        if count > PARAMETERS:
            findings.append(f"{where}: {count} parameters, limit {PARAMETERS}")
    gate.finish(findings, "small files, functions and parameter lists (CONTRIBUTING.md)")


main(sys.argv[1], sys.argv[2])
