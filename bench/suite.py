# SPDX-License-Identifier: Apache-2.0
"""What run, compare, guard and docs/performance.py share: builds, programs, the machine's limits. Standard library only."""
import csv
import io
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBERS = {"threads", "items", "runs", "user_min_s", "user_median_s", "user_max_s", "cpu_min_s", "cpu_median_s", "wall_min_s", "wall_median_s",
           "wall_max_s", "bytes", "set_bytes", "operations", "chain", "file_bytes"}
MACHINE = "machine"  # the program that measures the limits; it runs first
# Sets up to these sizes count as held by a level of memory; sizes of bench_machine.c's triads lie inside.
LEVELS = ((32 << 10, "triad-l1"), (1 << 20, "triad-l2"), (16 << 20, "triad-l3"), (float("inf"), "triad-dram"))
# Threads that wait must not spin: their seconds would count as work.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "LC_ALL": "C"}


def find_build(named):
    """Folder of a build with benchmarks: the named one, else the one built last."""
    places = [pathlib.Path(named)] if named else list(ROOT.glob("build*")) + list(ROOT.glob("build/*"))
    built = [p for p in places if (p / "bench" / "bench_machine").is_file()]
    if not built:
        refuse(f"no build with benchmarks in {named or 'build/'}: run ./check --quick, or meson setup and ninja")
    return max(built, key=lambda p: (p / "bench" / "bench_machine").stat().st_mtime).resolve()


def writable(*paths):
    """Ends the program, before it has measured anything, when a file to be written cannot be."""
    for path in filter(None, paths):
        try:
            with open(path, "a", encoding="utf-8"):
                pass
        except OSError as error:
            refuse(f"{path}: cannot be written: {error.strerror}")


def refuse(text):
    """Wrong use: exit status 2."""
    print(f"{pathlib.Path(sys.argv[0]).name}: {text}", file=sys.stderr)
    sys.exit(2)


def option_of(build, name):
    """Value of an option of a build ("buildtype"); "" when unknown."""
    try:
        options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text(encoding="utf-8"))
        return next((str(o["value"]) for o in options if o["name"] == name), "")
    except (OSError, KeyError, ValueError):
        return ""


def environment(**more):
    return {**os.environ, **ENVIRONMENT, **more}


def programs(build, only=None):
    """Names of the kernel programs, the machine's first; only: a part of a name."""
    names = sorted(p.name[len("bench_"):] for p in (build / "bench").glob("bench_*") if p.is_file() and os.access(p, os.X_OK))
    return [MACHINE] + [n for n in names if n != MACHINE and (not only or only in n)]


def run_program(build, name, arguments):
    """Rows of one program; None when its result was wrong (what it said is shown)."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([build / "bench" / f"bench_{name}", *arguments], capture_output=True, text=True, check=False,
                              cwd=folder, env=environment())
    if done.returncode != 0:
        print(f"bench_{name}: {done.stderr.strip() or 'exit status ' + str(done.returncode)}", file=sys.stderr)
        return None
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for row in rows:
        row.update({key: float(row[key]) for key in NUMBERS & row.keys()})
        row["program"] = name
    return rows


def limits_of(rows):
    """Rates of the machine: {case: per second}; multiply-adds under "fma NAME-OF-LEVEL"."""
    rates = {}
    for row in rows:
        if row["program"] == MACHINE:
            name = f"fma {row['isa']}" if row["case"] == "fma" else row["case"]
            rates[name] = row["items"] / max(row["cpu_min_s"], 1e-12)
    return rates


def bound_of(row, rates):
    """(least seconds that one thread of this machine needs, which limit that is); (None, "") without counts."""
    level = next(name for size, name in LEVELS if row["set_bytes"] <= size)
    fma = rates.get(f"fma {row['isa']}") or max((r for n, r in rates.items() if n.startswith("fma ")), default=0)
    file_rate = rates.get("file-read" if "read" in row["case"] else "file-write")
    wanted = ((row["bytes"], rates.get(level), level[6:].upper()), (row["operations"], fma, "FMA"),
              (row["chain"], rates.get("chain"), "latency"), (row["file_bytes"], file_rate, "file"))
    bounds = [(amount / rate, name) for amount, rate, name in wanted if amount > 0 and rate]
    return max(bounds) if bounds else (None, "")


def processor():
    """Family and model of the processor: its name alone often says little."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = [re.search(rf"^{name}\s*:\s*(\d+)$", text, re.M) for name in ("cpu family", "model")]
    return f" (family {found[0].group(1)}, model {found[1].group(1)})" if all(found) else ""


def about(build, rows):
    """What has to be told beside any number."""
    first = rows[0] if rows else {}
    fma = [r["isa"] for r in rows if r["case"] == "fma"]
    return {"machine": first.get("machine", "unknown") + processor(), "system": platform.platform(terse=True), "processors": os.cpu_count(),
            "compiler": first.get("compiler", "unknown"), "buildtype": option_of(build, "buildtype"),
            "isa": fma[-1] if fma else "unknown", "commit": first.get("commit", "unknown"),
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "load": os.getloadavg()[0]}


def measure(command):
    """Runs a command to its end: its seconds (user, system, wall), largest memory in bytes, texts and exit status."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, env=environment())
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        texts = out.read(), err.read()
    return {"user_s": used.ru_utime, "system_s": used.ru_stime, "wall_s": wall, "peak_bytes": used.ru_maxrss * 1024,
            "status": child.returncode, "output": texts[0], "errors": texts[1]}


def best(command, runs, enough_s=2.0):
    """The run with the least user and system time of several; one that took enough_s is not repeated, nor one that failed."""
    done = []
    for _ in range(runs):
        done.append(measure(command))
        if done[-1]["status"] != 0 or done[-1]["user_s"] > enough_s:
            break
    return min(done, key=lambda d: (d["status"] == 0, d["user_s"] + d["system_s"]))


def guard_tells(build, word):
    """What guard_cases says of itself: --list or --compiler."""
    return subprocess.run([build / "bench" / "guard_cases", word], capture_output=True, text=True, check=True).stdout.strip()


def count_instructions(build, case, steps, isa):
    """{case and step: instructions}, or a text that says what went wrong."""
    # Nothing else: MALLOC_PERTURB_, which meson sets, and tunables of the C library add instructions.
    few = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "OMP_NUM_THREADS": "1", **ENVIRONMENT}
    with tempfile.TemporaryDirectory() as folder:
        words = ["valgrind", "--tool=callgrind", "--toggle-collect=guarded", "--dump-after=guarded",
                 f"--callgrind-out-file={folder}/out", build / "bench" / "guard_cases", case, isa]
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, cwd=folder,
                              env=few)
        found = {}
        for number, step in enumerate(steps, 1):
            dump = pathlib.Path(folder) / f"out.{number}"
            total = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(encoding="utf-8"), re.M) if dump.exists() else None
            found[f"{case}-{step}"] = int(total.group(1)) if done.returncode == 0 and total else \
                done.stderr.strip().split("\n")[-1] or f"exit status {done.returncode}"
    return found


def si(value, digits=3):
    """A time in the unit that fits it."""
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")):
        if value >= factor or unit == "ns":
            return f"{value / factor:.{digits}g} {unit}"
    return ""


