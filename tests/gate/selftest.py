#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the gates find what they are for: builds small trees with one fault each and wants it reported.

usage: selftest.py CTAGS OBJDUMP NM CC...
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
LONG = "int f(void) {\n" + "\n" * 99 + "  return 0;\n}\n"
# Gate, file, content, words of the report ("" : nothing to report).
FAULTS = [
    ("layers", "lib/geom/a.c", SPDX + '#include "photon/cone.h"\n', "lib/geom/a.c:2: \"photon/cone.h\""),
    ("layers", "lib/geom/a.c", SPDX + '#include "base/base.h"\n#include "own.h"\n#include <pencone/grid.h>\n', ""),
    ("layers", "lib/photon/a.c", SPDX + "#include <gsl/gsl_sf.h>\n", "lib/commission only"),
    ("layers", "lib/photon/a.c", SPDX + "#include <hdf5.h>\n", "lib/io only"),
    ("layers", "lib/cli/a.c", SPDX + '#include "base/base.h"\n', "<pencone/...> only"),
    ("layers", "lib/cli/a.c", SPDX + '#include "data/data.h"\n', "<pencone/...> only"),
    ("layers", "lib/misc/a.c", SPDX, "not in the order"),
    ("calls", "lib/geom/a.c", SPDX + "void f(void) {\n  printf(\"x\");\n}\n", "a.c:3: printf"),
    ("calls", "lib/geom/a.c", SPDX + "// printf(x)\nconst char *t = \"exit(1)\";\n", ""),
    ("calls", "lib/cli/a.c", SPDX + "void f(void) {\n  printf(\"x\");\n}\n", ""),
    ("calls", "lib/data/a.c", SPDX + "int main(void) {\n  printf(\"x\");\n  return 0;\n}\n", ""),
    ("calls", "lib/io/a.c", SPDX + "double f(const char *s) {\n  return strtod(s, 0);\n}\n", "reads the locale"),
    ("calls", "lib/io/a.c", SPDX + "void *f(void) {\n  return malloc(1);\n}\n", "pcn_alloc"),
    ("calls", "lib/photon/a.c", SPDX + "#pragma omp parallel for\n", "pcn_parallel_for"),
    ("size", "lib/geom/a.c", SPDX + LONG, "f: 102 lines"),
    ("size", "lib/data/a.c", SPDX + LONG, ""),
    ("size", "lib/geom/a.c", SPDX + "int x;\n" * 600, "601 lines"),
    ("size", "lib/geom/a.h", SPDX + "int f(int a, int b, int c, int d, int e, int g, int h, int i);\n", "8 parameters"),
    ("size", "lib/geom/a.h", SPDX + "int f(int a, int (*b)(int, int), int c, int d, int e, int g, int h);\n", ""),
    ("tree", "misc/a.txt", "x\n", "misc:1: does not belong"),
    ("tree", "lib/geom/a.c", "int x;\n", "a.c:1: the line"),
    ("tree", "docs/a.md", "see /" + "home/somebody/x\n", "docs/a.md:1: path of a machine"),
    ("tree", "docs/a.md", "TO" + "DO: more\n", "docs/a.md:1: open work"),
    ("tree", "docs/a.md", "ends in a blank \n", "docs/a.md:1: the line ends"),
    ("links", "docs/a.md", "[x](b.md)\n", "docs/a.md:1: b.md: no such file"),
    ("links", "docs/a.md", "# One two\n[x](#one-two) [y](a.md#one-two) `[z](c.md)`\n", ""),
    ("links", "docs/a.md", "# One\n[x](#three)\n", "no such heading"),
    ("format", "lib/geom/a.c", SPDX + "int  x;\n", "a.c:2: clang-format -i"),
    ("format", "lib/geom/a.c", SPDX + "int x;\n", ""),
    ("cites", "lib/geom/a.c", SPDX + "// docs/theory/a.md\n", "a.c:2: docs/theory/a.md: no such page"),
    ("cites", "lib/geom/a.c", SPDX + "// eq. 2\n", "a.c:2: eq. 2: of which page?"),
    ("cites", "lib/geom/a.c", SPDX + "// Somebody 1999, eq. 2\n", ""),
    ("cites", "docs/theory/a.md", "## 1. One\n$$ a \\tag{1} $$\n    b  (2)\nFrom eq. 1 and 2, section 1\n", ""),
    ("cites", "docs/theory/a.md", "$$ a \\tag{1} $$\nFrom eq. 1 to 3\n", "a.md has no equation 2, 3"),
    ("cites", "docs/theory/a.md", "## 1. One\nSee section 2\n", "a.md has no section 2"),
    ("cites", "lib/geom/a.c", SPDX + "// doi:10.1000/x(8)1.\n", "doi:10.1000/x(8)1 is not in"),
    ("cites", "docs/bibliography.md", "[10.1000/x(8)1](https://doi.org/10.1000/x(8)1)\n", ""),
    ("cites", "docs/theory/a.md", "# A\nsee docs/theory/a.md, \"B\"\n", "no heading 'B'"),
]
# C text of a library with one fault, words of the report of symbols.py.
LIBRARIES = [
    ("int f(int x);\nint f(int x) { return x + 1; }\n", ""),
    ("static const char *const names[] = {\"a\", \"b\"};\nconst char *f(int i) { return names[i]; }\n", ""),
    ("static int hdf5_lock;\nint f(void) { return hdf5_lock++; }\n", ""),
    ("static int count;\nint f(void) { return count++; }\n", "count (.bss"),
    ("int f(void) { static int once = 7; return once++; }\n", "once"),
    ("_Thread_local int last;\n", "last (.tbss"),
    ("static const char *loose[] = {\"a\"};\nconst char **f(void) { return loose; }\n", "loose (.data"),
    ("double gsl_sf_log(double);\ndouble f(double x) { return gsl_sf_log(x); }\n", "gsl_sf_log"),
    ("int printf(const char *, ...);\nvoid f(int x) { printf(\"%d\", x); }\n", "needs printf"),
    ("void exit(int);\nvoid f(void) { exit(1); }\n", "needs exit"),
]
# The same for the one library that may have GSL's symbols, and nothing else that others may not.
WITH_GSL = [
    ("double gsl_sf_log(double);\ndouble f(double x) { return gsl_sf_log(x); }\n", ""),
    ("void exit(int);\nvoid f(void) { exit(1); }\n", "needs exit"),
]


def run_library(text, objdump, nm, cc, *options):
    """What symbols.py says about a library made from one C text."""
    with tempfile.TemporaryDirectory() as root:
        source, member, archive, library = (os.path.join(root, name) for name in ("a.c", "a.o", "a.a", "a.so"))
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        for command in (cc + ["-O1", "-fPIC", "-c", source, "-o", member], ["ar", "rcs", archive, member],
                        cc + ["-shared", member, "-o", library]):
            subprocess.run(command, check=True)
        return subprocess.run([sys.executable, os.path.join(HERE, "symbols.py"), objdump, nm, archive, library,
                               *options],
                              capture_output=True, text=True, check=False)


def run(rule, root, ctags):
    command = [sys.executable, os.path.join(HERE, rule + ".py"), root] + ([ctags] if rule == "size" else [])
    return subprocess.run(command, capture_output=True, text=True, check=False)


def is_right(done, words, what):
    """Tells whether a gate said what was expected; prints what is wrong."""
    if done.returncode == 77:
        return True  # a program is not there
    right = (done.returncode == 1 and words in done.stdout) if words else done.returncode == 0
    if not right:
        print(f"{what}: got status {done.returncode}, expected {words or 'nothing'}:\n{done.stdout}{done.stderr}")
    return right


def main(ctags, objdump, nm, cc):
    failed = 0
    for rule, name, content, words in FAULTS:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, os.path.dirname(name)))
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(content)
            done = run(rule, root, ctags)
        failed += not is_right(done, words, f"{rule}: {name}")
    for text, words in LIBRARIES:
        failed += not is_right(run_library(text, objdump, nm, cc), words, "symbols: " + text)
    for text, words in WITH_GSL:
        failed += not is_right(run_library(text, objdump, nm, cc, "--gsl"), words, "symbols --gsl: " + text)
    print(f"{len(FAULTS) + len(LIBRARIES) + len(WITH_GSL)} trees and libraries tried, {failed} gates wrong")
    sys.exit(1 if failed else 0)


main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
