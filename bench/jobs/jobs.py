#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole jobs as users run them by the command: seconds, memory, and the share outside the calculation.

usage: bench/jobs/jobs.py [--quick] [--json FILE] [--only NAME] [--head FILE] [--build FOLDER]

Phantoms: the water tank, the thorax, and the head CT of Debian's invesalius-examples where it is installed. --quick: arc
and influence matrix on the thorax alone, with quality fast and entries above 1 % of a column's largest. Jobs of less than
2 s run twice, and the run with the least processor time counts. "files" is the share of reading plan and phantom and of
writing the dose, "start" what is neither that nor the calculation (libraries, and the end of the process), both by the clock on
the wall. --quick takes half a minute on two cores of 3 GHz. All of it takes minutes, most of them for the influence matrices,
which are written at the default threshold: tens of GB each in the folder for temporary files.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import make  # noqa: E402
import suite  # noqa: E402

RECIPES = {"water": "water-tank.yaml", "thorax": "thorax.yaml"}
TINY = "recipe: tiny\ngrid: {size: [8, 8, 8], spacing_mm: [5, 5, 5], origin_mm: [-17.5, 2.5, -17.5]}\nbackground: water\n"


def phantoms(pencone, folder, head):
    """{site: phantom file}; the head only where its CT is installed."""
    made = {}
    for site, recipe in RECIPES.items():
        made[site] = folder / f"{site}.h5"
        subprocess.run([pencone, "phantom", suite.ROOT / "phantoms" / recipe, "-o", made[site]], check=True, capture_output=True)
    script = suite.ROOT / "phantoms" / "invesalius_head.py"
    if head:
        made["head"] = pathlib.Path(head).resolve()
    elif subprocess.run(["/usr/bin/python3", script, folder / "head.h5"], capture_output=True, check=False).returncode == 0:
        made["head"] = folder / "head.h5"
    return made


def has_command(pencone, name):
    return subprocess.run([pencone, name, "--help"], capture_output=True, check=False).returncode == 0


def words_of(pencone, name, plan, phantom, folder, quick):
    if name.startswith("dij"):
        smaller = ["--threshold", "0.01"] if quick else []
        return [pencone, "dij", plan, "--phantom", phantom, "-o", folder / "matrix.h5", "--json", *smaller]
    fast = ["--quality", "fast"] if quick and name == "arc-178" else []
    return [pencone, "run", plan, "--phantom", phantom, "-o", folder / "dose.h5", "--json", *fast]


def job(pencone, name, site, plan, phantom, folder, quick):
    words = words_of(pencone, name, plan, phantom, folder, quick)
    row = suite.best(words, 2)
    row.update(job=name, site=site, options="")
    output, errors = row.pop("output"), row.pop("errors")
    if row["status"] != 0:
        row["failed"] = errors.strip().split("\n")[-1]
        return row
    try:
        told = json.loads(output)
    except ValueError:
        told = {}
    row["voxels"] = told.get("voxels")
    row["threads"] = told.get("threads")
    row["options"] = told.get("options", "")
    if told.get("seconds"):
        row["outside"] = max(0.0, 1 - told["seconds"] / row["wall_s"])
    if told.get("write_seconds"):
        row["files"] = (told["read_seconds"] + told["write_seconds"]) / row["wall_s"]
        row["start"] = max(0.0, row["outside"] - row["files"])
    return row


def start_up(pencone, folder):
    """The version, and a first beam: a tank of 8^3 voxels takes nothing but start and tables."""
    version = suite.best([pencone, "--version"], 15)
    recipe, plan = folder / "tiny.yaml", folder / "first.yaml"
    recipe.write_text(TINY, encoding="utf-8")
    plan.write_text("plan: first\nbeams:\n" + make.beam("water", "open", 0).replace("100, 0]", "0, 0]") + make.field(10),
                    encoding="utf-8")
    subprocess.run([pencone, "phantom", recipe, "-o", folder / "tiny.h5"], check=True, capture_output=True)
    first = suite.best([pencone, "run", plan, "--phantom", folder / "tiny.h5", "-o", folder / "first.h5", "-q"], 5)
    return {name: {key: row[key] for key in ("user_s", "system_s", "wall_s")} for name, row in
            (("version", version), ("first-beam", first))}


def run(build, quick=False, only=None, head=None):
    pencone = build / "lib" / "cli" / "pencone"
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        made = phantoms(pencone, folder, head)
        start = start_up(pencone, folder)
        plans = make.write(folder, tuple(made))
        for (plan, site), path in plans.items():
            left_out = quick and site != "thorax" and plan in ("arc-178", "dij-10000")
            if (only and only not in plan) or left_out or (plan.startswith("dij") and not has_command(pencone, "dij")):
                continue
            print(f"\r{plan} {site:20}", end="", file=sys.stderr, flush=True)
            rows.append(job(pencone, plan, site, path, made[site], folder, quick))
    print(f"\r{'':40}\r", end="", file=sys.stderr)
    return {"jobs": rows, "start": start, "head": "head" in made, "dij": has_command(pencone, "dij")}


def share(value):
    return "-" if value is None else f"{100 * value:.0f} %"


def show(result):
    print(f"{'job':14} {'site':8} {'voxels':>9} {'thr':>3} {'user s':>8} {'sys s':>7} {'wall s':>8} {'MiB':>7} {'B/voxel':>8} {'files':>6} {'start':>6}")
    for r in result["jobs"]:
        if r["status"] != 0:
            print(f"{r['job']:14} {r['site']:8} failed: {r['failed']}")
            continue
        voxels = r["voxels"] or 0
        print(f"{r['job']:14} {r['site']:8} {voxels:9d} {r['threads'] or 0:3d} {r['user_s']:8.2f} {r['system_s']:7.2f} "
              f"{r['wall_s']:8.2f} {r['peak_bytes'] / 2**20:7.0f} {r['peak_bytes'] / voxels if voxels else 0:8.0f} "
              f"{share(r.get('files')):>6} {share(r.get('start')):>6}")
    for name, s in result["start"].items():
        print(f"{name:14} {s['user_s'] + s['system_s']:.3f} s user and system, {s['wall_s']:.3f} s wall")
    if not result["head"]:
        print("no head: the package invesalius-examples is not installed")
    if not result["dij"]:
        print("no influence matrix: this pencone has no command dij")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="arc and influence matrix on the thorax alone and made smaller")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", metavar="NAME", help="jobs with this in their name")
    parser.add_argument("--head", metavar="FILE", help="phantom file of the head CT (phantoms/invesalius_head.py)")
    parser.add_argument("--build", metavar="FOLDER")
    options = parser.parse_args()
    suite.writable(options.json)
    if options.only and not any(options.only in name for name in make.PLANS):
        suite.refuse(f"--only: got {options.only}, expected a part of {', '.join(make.PLANS)}")
    if options.head and not pathlib.Path(options.head).is_file():
        suite.refuse(f"--head: {options.head}: no such file")
    result = run(suite.find_build(options.build), options.quick, options.only, options.head)
    show(result)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(r["status"] != 0 for r in result["jobs"]))


if __name__ == "__main__":
    main()
