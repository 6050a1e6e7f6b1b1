#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: each public header compiles on its own in C and C++, twice in one file, with its ..._DEFAULT values.

usage: headers.py ROOT CXX CC...     CXX: a C++ compiler, or "none"
"""
import os
import re
import subprocess
import sys

import gate

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wundef", "-Werror", "-fsyntax-only"]
DEFAULT = re.compile(r"^#define (PENCONE_(\w+)_DEFAULT)\b", re.M)


# Of a library beside libpencone, under another licence: whoever includes it means it.
APART = {"commission.h"}


def program(header, text):
    lines = [f"#include <pencone/{header}>"] * 2
    for macro, noun in DEFAULT.findall(text):
        kind = next((name for name in re.findall(r"\b(pencone_\w+);", text)
                     if name in (f"pencone_{noun.lower()}", f"pencone_{noun.lower()}_desc",
                                 f"pencone_{noun.lower()}_info")), f"pencone_{noun.lower()}")
        lines += [f"{kind} value_{noun.lower()}(void);",
                  f"{kind} value_{noun.lower()}(void) {{", f"  {kind} value = {macro};", "  return value;", "}"]
    return "\n".join(lines + ["int main(void) {", "  return 0;", "}", ""])


def main(root, cxx, cc):
    languages = [(cc, "c", "c99"), (cc, "c", "c17")]
    if cxx != "none":
        languages += [([cxx], "c++", "c++98"), ([cxx], "c++", "c++11")]
    findings = []
    names = [name for name in gate.files(root) if re.fullmatch(r"include/pencone/\w+\.h", name)]
    for name in names:
        text = gate.read(root, name)
        if "PENCONE_API" in gate.code(text) and 'extern "C"' not in text:
            findings.append(f"{name}:1: declares functions without extern \"C\"")
        for compiler, language, standard in languages:
            command = compiler + WARNINGS + [f"-std={standard}", "-I", os.path.join(root, "include"),
                                             "-x", language, "-"]
            done = subprocess.run(command, input=program(os.path.basename(name), text), text=True,
                                  capture_output=True, check=False)
            if done.returncode != 0:
                findings.append(f"{name}:1: not on its own in {standard}:\n{done.stderr}")
    umbrella = gate.read(root, "include/pencone/pencone.h")
    findings += [f"include/pencone/pencone.h:1: does not include {os.path.basename(name)}" for name in names
                 if not name.endswith("/pencone.h") and os.path.basename(name) not in APART and f"<pencone/{os.path.basename(name)}>" not in umbrella]
    findings += [f"include/pencone/pencone.h:1: includes {name}" for name in sorted(APART)
                 if f"<pencone/{name}>" in umbrella]
    installed = gate.read(root, "include/meson.build")
    findings += [f"include/meson.build:1: does not install {os.path.basename(name)}" for name in names
                 if f"'pencone/{os.path.basename(name)}'" not in installed]
    gate.finish(findings, "public headers stand alone in C and C++")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
