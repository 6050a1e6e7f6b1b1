#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases in meson's log: prints "PASSED FAILED SKIPPED".

usage: count.py testlog.json EXIT_STATUS_OF_MESON_TEST
A cmocka program counts with its test cases, a script that ends in "N passed, N failed" with those, any
other test as one. A test that failed counts with
at least one failure, whatever it printed.
"""
import json
import re
import sys

CMOCKA = {kind: re.compile(r"^\[  %s  \] (\d+) test\(s\)" % kind, re.M)
          for kind in ("PASSED", "FAILED", "SKIPPED")}
SCRIPT = re.compile(r"^(\d+) passed, (\d+) failed\s*\Z", re.M)


def cases(test):
    """(passed, failed, skipped) of one entry of the log."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    passed, failed, skipped = (sum(map(int, CMOCKA[kind].findall(text)))
                               for kind in ("PASSED", "FAILED", "SKIPPED"))
    script = SCRIPT.search(test.get("stdout", ""))
    if script:
        passed, failed = int(script.group(1)), int(script.group(2))
    if test["result"] == "SKIP":
        return 0, 0, 1
    if test["result"] not in ("OK", "EXPECTEDFAIL"):
        return passed, max(failed, 1), skipped
    return (passed, failed, skipped) if passed + skipped else (1, 0, 0)


def main():
    path, verdict = sys.argv[1], int(sys.argv[2])
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            rows = [cases(json.loads(line)) for line in log if line.strip()]
    except OSError:
        rows = []
    passed, failed, skipped = (sum(column) for column in zip(*rows)) if rows else (0, 0, 0)
    if failed == 0 and (verdict != 0 or passed == 0):
        failed = 1
    print(passed, failed, skipped)


main()
