#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How time and memory grow: threads, voxels, directions, beams, control points, beamlets.

usage: bench/scaling.py [--quick] [--json FILE] [--build FOLDER]

By the command, water cubes of 30 cm, 6 MV, 10 x 10 cm2, collapsed cone; beamlets: influence matrices of the pencil beam, bixels
of 5 mm, entries above 1 % of their column's largest. Seconds are user and system, the least of the runs; start and files are in
them, as a user has them. --quick: fewer sizes and one run of each. Takes some 20 s, with --quick half of it.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import suite

MIB = 1 << 20
MATRIX_EDGE, MATRIX_THRESHOLD, BIXEL_MM = 60, "0.01", 5


class Bench:
    """The command, a folder for files, and the phantoms made so far."""

    def __init__(self, build, folder, runs):
        self.pencone, self.folder, self.runs, self.made = build / "lib" / "cli" / "pencone", folder, runs, {}

    def cube(self, edge):
        if edge not in self.made:
            step = 300 / edge
            recipe, phantom = self.folder / "cube.yaml", self.folder / f"cube{edge}.h5"
            recipe.write_text(f"recipe: cube\ngrid: {{size: [{edge}, {edge}, {edge}], spacing_mm: [{step}, {step}, {step}], "
                              f"origin_mm: [{step / 2 - 150}, {step / 2}, {step / 2 - 150}]}}\nbackground: water\n", encoding="utf-8")
            subprocess.run([self.pencone, "phantom", recipe, "-o", phantom], check=True, capture_output=True)
            self.made[edge] = phantom
        return self.made[edge]

    def command(self, word, edge, text, threads, *more):
        """Runs `pencone WORD` on the text of a plan: what it took, and what it told."""
        plan = self.folder / "plan.yaml"
        plan.write_text(text, encoding="utf-8")
        row = suite.best([self.pencone, word, plan, "--phantom", self.cube(edge), "-o", self.folder / f"{word}.h5", "--json",
                          "--threads", threads, *more], self.runs)
        if row["status"] != 0:
            sys.exit(f"scaling: {row['errors'].strip()}")
        told = json.loads(row["output"])
        return {"edge": edge, "voxels": edge ** 3, "threads": threads, "wall_s": row["wall_s"],
                "calculation_wall_s": told["seconds"], "cpu_s": row["user_s"] + row["system_s"], "user_s": row["user_s"],
                "peak_bytes": row["peak_bytes"], "estimate_bytes": told["memory_bytes"]}, told

    def run(self, edge, directions, beams, threads=1):
        """A dose. beams: text of the plan's beams."""
        row, _ = self.command("run", edge, "plan: scaling\nengine: {name: photon-collapsed-cone, "
                              f"directions: {directions}}}\nbeams:\n{beams}", threads)
        return dict(row, directions=directions)

    def matrix(self, edge, side, threads=1):
        """An influence matrix of side x side bixels."""
        row, told = self.command("dij", edge, f"plan: scaling\nengine: {{name: photon-pencil-beam}}\nbeams:\n{beamlets(side)}", threads,
                                 "--threshold", MATRIX_THRESHOLD)
        return dict(row, beamlets=told["columns"], entries=told["entries"], file_bytes=told["bytes"])


def beam(name="open", gantry_deg=0, points=""):
    return (f"  - name: {name}\n    machine: ideal-mohan-6mv\n    isocenter_mm: [0, 150, 0]\n    gantry_deg: {gantry_deg}\n"
            f"    field_mm: {{x: [-50, 50], y: [-50, 50]}}\n    fluence_per_cm2: 1.0e+10\n{points}")


def beams(count):
    return "".join(beam(f"beam{i}", 360 * i / count) for i in range(count))


def control_points(count):
    rows = "".join(f"      - {{gantry_deg: 0, field_mm: {{x: [{-50 + i}, {50 - i}], y: [-50, 50]}}, weight: {1 / count:.4g}}}\n"
                   for i in range(count))
    return beam(points="    control_points:\n" + rows)


def beamlets(side):
    half = 0.5 * BIXEL_MM * side
    return beam().replace("[-50, 50]", f"[{-half}, {half}]") + f"    bixel_mm: [{BIXEL_MM}, {BIXEL_MM}]\n"


def fit(x, y):
    """Slope and intercept of the straight line through points, by least squares."""
    mx, my = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)
    return slope, my - slope * mx


def run(build, quick=False):
    edges = (60, 90, 120, 180, 240)
    ways = (24, 48, 128, 264) if quick else (24, 48, 96, 128, 192, 264, 512)
    sides = (5, 10, 20, 40) if quick else (5, 10, 20, 30, 40)
    processors = os.cpu_count() or 1
    threads = sorted({1, 2, processors} | {2 ** k for k in range(12) if 2 ** k <= processors})
    threads = [t for t in threads if t <= processors]
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(build, pathlib.Path(name), 1 if quick else 3)
        several = Bench(build, pathlib.Path(name), 3)
        result = {"threads": [several.run(120, 128, beam(), t) for t in threads],
                  "voxels": [bench.run(edge, 48, beam()) for edge in edges],
                  "directions": [bench.run(120, d, beam()) for d in ways],
                  "beams": [dict(bench.run(60, 128, beams(n)), beams=n) for n in (1, 2, 4, 8, 16)],
                  "beamlets": [bench.matrix(MATRIX_EDGE, side) for side in sides],
                  "large": Bench(build, pathlib.Path(name), 1).run(256, 128, beam()),
                  "control_points": [dict(bench.run(120, 48, control_points(n)), points=n) for n in (1, 20)]}
    result["summary"] = summary(result)
    return result


def summary(result):
    v, d, t = result["voxels"], result["directions"], result["threads"]
    big = v[1:]  # in the smallest, start and tables show
    exponent, _ = fit([math.log(r["voxels"]) for r in big], [math.log(r["cpu_s"]) for r in big])
    per_voxel, constant = fit([r["voxels"] for r in v], [r["peak_bytes"] for r in v])
    per_direction, _ = fit([r["directions"] for r in d], [r["cpu_s"] for r in d])
    one, twenty = result["control_points"]
    first, last = result["beams"][0], result["beams"][-1]
    per_beamlet, _ = fit([r["beamlets"] for r in result["beamlets"]], [r["cpu_s"] for r in result["beamlets"]])
    few, many = result["beamlets"][0], result["beamlets"][-1]
    return {"exponent": exponent, "bytes_per_voxel": per_voxel, "bytes_constant": constant,
            "estimate_bytes_per_voxel": v[-1]["estimate_bytes"] / v[-1]["voxels"],
            "ns_per_voxel_direction": 1e9 * per_direction / d[0]["voxels"],
            "work_efficiency": {r["threads"]: t[0]["cpu_s"] / r["cpu_s"] for r in t},
            "wall_efficiency": {r["threads"]: t[0]["calculation_wall_s"] / (r["threads"] * r["calculation_wall_s"]) for r in t},
            "control_points_over_beams": twenty["cpu_s"] / (20 * one["cpu_s"]),
            "per_beamlet_s": per_beamlet,
            "ns_per_entry": 1e9 * (many["cpu_s"] - few["cpu_s"]) / (many["entries"] - few["entries"]),
            "matrix_peak_growth": many["peak_bytes"] / few["peak_bytes"], "matrix_beamlet_growth": many["beamlets"] / few["beamlets"],
            "per_beam_s": (last["cpu_s"] - first["cpu_s"]) / (last["beams"] - first["beams"])}


KEYS = ("threads", "voxels", "directions", "beams", "control_points", "beamlets")


def work_of(row):
    """What a row calculates, in words."""
    if "beamlets" in row:
        return f"{row['beamlets']} beamlets, {row['entries']} entries"
    return f"{row['directions']} directions, {row.get('beams', 1)} beams, {row.get('points', 1)} steps"


def show(result):
    s = result["summary"]
    for key in KEYS:
        print(f"\n{key}")
        for r in result[key]:
            print(f"  {r['edge']}^3, {work_of(r)}, {r['threads']} threads: {r['cpu_s']:.3f} s user and system, calculation "
                  f"{r['calculation_wall_s']:.3f} s wall, {r['peak_bytes'] / MIB:.0f} MiB")
    print(f"\ntime ~ voxels^{s['exponent']:.2f}; memory {s['bytes_per_voxel']:.0f} B per voxel + {s['bytes_constant'] / MIB:.0f} "
          f"MiB (estimate {s['estimate_bytes_per_voxel']:.0f}); {s['ns_per_voxel_direction']:.2f} ns per voxel and direction")
    for t, work in s["work_efficiency"].items():
        print(f"{t} threads: efficiency {work:.2f} by seconds of work, {s['wall_efficiency'][t]:.2f} by the clock")
    print(f"20 control points of one angle: {s['control_points_over_beams']:.3f} of 20 beams")
    print(f"{1e3 * s['per_beamlet_s']:.2f} ms per further beamlet, {s['ns_per_entry']:.1f} ns per further entry; {s['matrix_beamlet_growth']:.0f} "
          f"times the beamlets take {s['matrix_peak_growth']:.2f} times the memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes, one run of each")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--build", metavar="FOLDER")
    options = parser.parse_args()
    suite.writable(options.json)
    result = run(suite.find_build(options.build), options.quick)
    show(result)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
