#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: a folder of lib/ includes only folders before it; outside libraries only where they belong."""
import re
import sys

import gate

ORDER = ["base", "num", "simd", "geom", "matter", "beam", "photon", "proton",
         "engine", "analysis", "commission", "io", "cli"]
# Headers of other projects, and the folders that may include them.
OUTSIDE = {r"<(hdf5|H5\w*)(_hl)?\.h>": ["io"], r"<(yaml|cyaml/cyaml)\.h>": ["io"],
           r"<gsl/.*>": ["commission"], r"<omp\.h>": ["base"], r"<(kiss_fft\w*|fftw3)\.h>": ["num", "photon"]}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"][^>"]+[>"])', re.M)


def verdict(folder, target):
    """What is wrong with an include in a folder of lib/; None when nothing is."""
    for pattern, allowed in OUTSIDE.items():
        if re.fullmatch(pattern, target) and folder not in allowed:
            return f"belongs to lib/{' and lib/'.join(allowed)} only"
    if target[0] == "<":
        return None
    path = target.strip('"')
    if path.startswith("pencone/"):
        return "public headers are included as <pencone/...>"
    if ".." in path.split("/"):
        return "paths start at lib/, without .."
    if "/" not in path:
        return None  # own folder
    if path == "data/data.h" and folder != "cli":
        return None
    other = path.split("/")[0]
    if folder == "cli":
        return None if other == "cli" else "lib/cli includes <pencone/...> only"
    if other not in ORDER:
        return f"{other}/ is not a folder of lib/ that others include"
    if folder in ORDER and ORDER.index(other) > ORDER.index(folder):
        return f"lib/{other} comes after lib/{folder}"
    return None


def main(root):
    findings = []
    for name in gate.files(root):
        parts = name.split("/")
        if parts[0] != "lib" or len(parts) < 3 or not name.endswith((".c", ".h", ".in")):
            continue
        if parts[1] not in ORDER + ["data"]:
            findings.append(f"{name}:1: lib/{parts[1]} is not in the order of folders")
            continue
        text = gate.read(root, name) or ""
        for match in INCLUDE.finditer(text):
            wrong = verdict(parts[1], match.group(1))
            if wrong:
                findings.append(f"{name}:{gate.line_of(text, match.start(1))}: {match.group(1)}: {wrong}")
    gate.finish(findings, "lib/ is ordered by the flow of data: " + " ".join(ORDER))


main(sys.argv[1])
