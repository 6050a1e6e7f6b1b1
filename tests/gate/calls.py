#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: calls that a library must not make, in lib/ outside lib/cli.

A file with a main() is a program that makes tables at build time, not a part of the library.
"""
import re
import sys

import gate

WHY = {
    "prints": "printf vprintf puts putchar perror",
    "ends the program": "exit _exit _Exit quick_exit abort raise atexit",
    "reads the locale": "strtod strtof strtold atof sscanf fscanf scanf setlocale localeconv",
    "hides errors": "atoi atol atoll",
    "writes without a limit": "sprintf vsprintf strcpy strcat gets",
    "has hidden state": "strtok rand srand drand48 asctime ctime gmtime localtime setenv putenv",
}
REASON = {name: why for why, names in WHY.items() for name in names.split()}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(REASON) + r")\s*\(")
STREAM = re.compile(r"\b(stdout|stderr|stdin)\b")
ALLOCATION = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|strndup)\s*\(")
PROGRAM = re.compile(r"^int main\(", re.M)
OPENMP = re.compile(r"(?<![\w.>])(omp_\w+)\s*\(|#\s*pragma\s+omp\s+(parallel|for|task|critical|atomic)")


def check(name, text, findings):
    def report(pattern, why):
        for match in pattern.finditer(text):
            word = match.group(0).rstrip("( \t\n")
            findings.append(f"{name}:{gate.line_of(text, match.start())}: {word}: "
                            + (why or REASON[match.group(1)]))
    report(CALL, None)
    report(STREAM, "the library does not use the standard streams")
    if not name.startswith("lib/base/"):
        report(ALLOCATION, "memory comes from pcn_alloc(), pcn_calloc(), pcn_strdup()")
        report(OPENMP, "threads are the work of lib/base (pcn_parallel_for)")


def main(root):
    findings = []
    for name in gate.files(root):
        if name.startswith("lib/") and not name.startswith("lib/cli/") and name.endswith((".c", ".h", ".in")):
            text = gate.code(gate.read(root, name) or "")
            if not PROGRAM.search(text):
                check(name, text, findings)
    gate.finish(findings, "nothing in lib/ outside lib/cli prints, exits, aborts or reads the locale")


main(sys.argv[1])
