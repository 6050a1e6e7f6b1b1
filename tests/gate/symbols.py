#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: no mutable object of file scope in a library, no import that prints or ends the program; no GSL symbol.

usage: symbols.py OBJDUMP NM LIBRARY.a LIBRARY.so [--gsl]     --gsl: the one library that may have GSL's
"""
import re
import subprocess
import sys

import gate

# The one exception: HDF5's serial library is not re-entrant, so lib/io holds one process-wide lock.
LOCK = re.compile(r"(hdf5|h5)_lock")
# Sections whose objects can change at run time; .data.rel.ro is constant once the addresses are filled in.
MUTABLE = re.compile(r"\.(t?data(?!\.rel\.ro)|t?bss)(\.|$)|\*COM\*")
# Address, flags, section, size, name as objdump -t prints them; O marks an object.
ROW = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$")
FOREIGN = re.compile(r"^(gsl_|cblas_)")
FORBIDDEN = set("printf __printf_chk vprintf __vprintf_chk puts putchar perror exit _exit abort setlocale "
                "strtod strtof atof atoi sscanf __isoc99_sscanf rand srand strtok stdout stderr".split())


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def mutable(objdump, archive):
    member = archive
    for line in output(objdump, "-t", archive).splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
        row = ROW.match(line)
        # Thread-local objects and common blocks carry no O; d is the section itself.
        if row and ("O" in row.group(1) or row.group(2).startswith((".t", "*COM*")) and "d" not in row.group(1)) \
                and MUTABLE.match(row.group(2)) and not LOCK.search(row.group(4)):
            yield f"{member}: {row.group(4)} ({row.group(2)}, {int(row.group(3), 16)} bytes) can change at run time"


def main(objdump, nm, archive, library, *options):
    findings = list(mutable(objdump, archive))
    foreign = re.compile(r"(?!)") if "--gsl" in options else FOREIGN
    for line in output(nm, archive).splitlines():
        name = line.split()[-1] if line.split() else ""
        if foreign.match(name):
            findings.append(f"{archive}: {name}: GSL is for lib/commission only")
    for line in output(nm, "-D", "--undefined-only", library).splitlines():
        name = line.split()[-1].split("@")[0]
        if name in FORBIDDEN or foreign.match(name):
            findings.append(f"{library}: needs {name}")
    gate.finish(findings, "a library has no state and, but for one, no GSL, and leaves printing and exiting to the caller")


main(*sys.argv[1:])
