#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/theory/terma.md, ccc.md, pencil-beam.md and influence-matrix.md.

usage: docs/images/photons.py PENCONE [OPTIMISE]     (needs gnuplot)
PENCONE: the built command; OPTIMISE: the built example 04_optimise_fluence, for the picture of a matrix
"""
import csv
import math
import pathlib
import re
import subprocess
import sys
import tempfile

IMAGES = pathlib.Path(__file__).resolve().parent
ROOT = IMAGES.parent.parent
CASES = ROOT / "phantoms" / "cases"
GY_PER_MEV_G = 1.602176634e-10  # Gy g/MeV
SAD_MM = 1000
HEAD = """set terminal pngcairo size {width},{height} font 'sans,13' background '#ffffff'
set output '{output}'
set border linecolor rgb '#404040'
set tics nomirror
set grid linecolor rgb '#e0e0e0'
"""


def rows(name):
    """Lines of a table of lib/data without its comments."""
    with open(ROOT / "lib" / "data" / name, encoding="utf-8") as file:
        return list(csv.reader(line for line in file if not line.startswith("#")))


def gnuplot(name, width, height, script):
    head = HEAD.format(width=width, height=height, output=IMAGES / name)
    subprocess.run(["gnuplot"], input=head + script, text=True, check=True)


def block(name, points):
    return f"${name} << EOD\n" + "".join(" ".join(f"{x:.6g}" for x in p) + "\n" for p in points) + "EOD\n"


def axis(pencone, dose, last_mm):
    """Depth and dose along y, from the surface."""
    text = subprocess.run([pencone, "profile", dose, "--from", "0,0,0", "--to", f"0,{last_mm},0", "--csv"],
                          capture_output=True, text=True, check=True).stdout
    return [(float(line[2]), float(line[4])) for line in csv.reader(text.splitlines()[1:]) if line[4] != "nan"]


# --- released energy -------------------------------------------------------------------------------

def coefficient(table, energy):
    """Log-log interpolation."""
    i = max(n for n in range(len(table) - 1) if table[n][0] <= energy)
    (e0, a), (e1, b) = table[i], table[i + 1]
    return a * (b / a) ** (math.log(energy / e0) / math.log(e1 / e0))


def released(depth_mm):
    """Eq. 1 and 2 of terma.md in water on the axis, per photon/cm2: all, and the charged particles' part."""
    water = [r for r in rows("attenuation.csv") if r[0] == "water"]
    mu = [(float(r[1]), float(r[2])) for r in water]
    mu_en = [(float(r[1]), float(r[11])) for r in water]
    total = primary = 0
    for r in rows("spectra.csv"):
        if r[0] == "mohan6":
            low, high, share = max(float(r[1]), 0.01), float(r[2]), float(r[4])
            energy = 0.5 * (low + high)
            left = share * energy * math.exp(-coefficient(mu, energy) * 0.1 * depth_mm)
            total += left * coefficient(mu, energy)
            primary += left * coefficient(mu_en, energy)
    scale = GY_PER_MEV_G * (SAD_MM / (SAD_MM + depth_mm)) ** 2
    return total * scale, primary * scale


def draw_terma(pencone, folder):
    dose = folder / "water.h5"
    subprocess.run([pencone, "run", CASES / "water-6mv-10x10" / "plan.yaml", "-o", dose, "--quiet"], check=True)
    depths = [1 + 2 * n for n in range(125)]
    both = [released(d) for d in depths]
    gnuplot("terma.png", 900, 480, block("terma", [(d, 1e12 * t, 1e12 * p) for d, (t, p) in zip(depths, both)])
            + block("dose", [(d, 1e12 * v) for d, v in axis(pencone, dose, 250)]) + """
set key top right
set xlabel 'depth in water (mm)'
set ylabel '10^{-12} Gy per photon/cm^2'
set xrange [0:250]
set yrange [0:*]
plot $terma using 1:2 with lines linewidth 2 linecolor rgb '#404040' title 'released energy (TERMA), eq. 1', \\
     $terma using 1:3 with lines linewidth 2 dashtype 2 linecolor rgb '#404040' title 'its primary part', \\
     $dose with lines linewidth 2.5 linecolor rgb '#c0392b' title 'dose, 10 x 10 cm^2'
""")


# --- kernel ----------------------------------------------------------------------------------------

def draw_kernel():
    table = rows("edk_water.csv")
    radius, angle = ([float(x) for x in table[n][1:]] for n in (0, 1))
    shares = {(r[1], int(r[2])): [float(x) for x in r[3:]] for r in table[2:] if r[0] == "2"}

    def density(kind, x, z):
        """Share of the energy per cm3."""
        r = math.hypot(x, z)
        a = math.degrees(math.atan2(abs(x), z))
        i = sum(1 for edge in angle[1:-1] if a >= edge)
        j = sum(1 for edge in radius[1:] if r >= edge)
        if j >= len(radius) - 1:
            return 0
        volume = 2 * math.pi / 3 * (radius[j + 1] ** 3 - radius[j] ** 3) * (
            math.cos(math.radians(angle[i])) - math.cos(math.radians(angle[i + 1])))
        return shares[kind, i][j] / volume
    half, step = 4.0, 0.04
    n = int(2 * half / step)
    places = [(-half + (i + 0.5) * step, -half + (k + 0.5) * step) for k in range(n) for i in range(n)]
    script = """
set multiplot layout 1,2 title 'Where a photon of 2 MeV leaves its energy in water' font 'sans,15'
set palette defined (0 '#00224e', 1 '#575d6d', 2 '#a59c74', 3 '#fee838')
set cbrange [-6:1]
set xrange [-4:4]
set yrange [-3:4]
set size ratio 7.0/8.0
set xlabel 'across (cm)'
set ylabel 'along the photon (cm)'
set cblabel 'lg (share of its energy per cm^3)' offset 1,0
set arrow 1 from 0,-2.9 to 0,-0.15 front linewidth 2 linecolor rgb '#ffffff'
set object 1 rectangle from graph 0,0 to graph 1,1 behind fillcolor rgb '#00224e'
"""
    for kind, title in (("primary", "primary: charged particles of the first interaction"),
                        ("scatter", "scatter: everything after it")):
        values = [(x, z, math.log10(max(density(kind, x, z), 1e-7))) for x, z in places]
        script += block(kind, values) + f"set title '{title}'\nplot ${kind} using 1:2:3 with image notitle\n"
    gnuplot("kernel.png", 1100, 480, script + "unset multiplot\n")


# --- engines ---------------------------------------------------------------------------------------

def draw_engines(pencone, folder):
    case = CASES / "slab-6mv-5x5"
    script = folder / "case.gp"
    subprocess.run([pencone, "validate", case, "--script", script, "--keep", folder], capture_output=True, check=False)
    reference = [[float(x) for x in line.split()] for line in
                 re.search(r"\$depth << \S+\n(.*?)\nE", script.read_text(), re.S).group(1).splitlines()]
    computed = axis(pencone, folder / f"{case.name}.h5", 250)
    # The picture of a case is in per cent of the reference's maximum: back to Gy where the computed dose is flat.
    depth_mm, percent = reference[len(reference) // 2][:2]
    gy_per_pct = min(computed, key=lambda p: abs(p[0] - depth_mm))[1] / percent
    curves = block("reference", [(r[0], 1e12 * gy_per_pct * r[2], 1e12 * gy_per_pct * r[3]) for r in reference])
    curves += block("photon_collapsed_cone", [(d, 1e12 * v) for d, v in computed])
    plan, dose = folder / "plan.yaml", folder / "pencil.h5"
    plan.write_text((case / "plan.yaml").read_text().replace("photon-collapsed-cone", "photon-pencil-beam"))
    subprocess.run([pencone, "run", plan, "--phantom", case / "phantom.h5", "-o", dose, "--quiet"], check=True)
    curves += block("photon_pencil_beam", [(d, 1e12 * v) for d, v in axis(pencone, dose, 250)])
    gnuplot("engines.png", 900, 480, curves + """
set key top right
set xlabel 'depth (mm)'
set ylabel '10^{-12} Gy per photon/cm^2'
set xrange [0:250]
set yrange [0:*]
do for [depth in '30 50 120'] {
  set arrow from first depth, graph 0 to first depth, graph 1 nohead back linecolor rgb '#999999' dashtype 3
}
set label 'water' at 3, graph 0.05
set label 'Al' at 34, graph 0.05
set label 'lung' at 75, graph 0.05
set label 'water' at 170, graph 0.05
plot $reference using 1:2:3 with yerrorbars pointtype 6 pointsize 0.6 linecolor rgb '#000000' title 'Monte Carlo', \\
     $photon_pencil_beam with lines linewidth 2 linecolor rgb '#2c6fbb' title 'pencil beam', \\
     $photon_collapsed_cone with lines linewidth 2 linecolor rgb '#c0392b' title 'collapsed cone'
""")


# --- influence matrix ------------------------------------------------------------------------------

def draw_matrix(pencone, optimise, folder):
    phantom, dose = folder / "c.h5", folder / "dose.h5"
    subprocess.run([pencone, "phantom", ROOT / "phantoms" / "c-shape.yaml", "-o", phantom, "--quiet"], check=True)
    subprocess.run([optimise, ROOT / "phantoms" / "plans" / "c-shape.yaml", phantom, "60", folder / "w.csv", dose],
                   stdout=subprocess.DEVNULL, check=True)
    subprocess.run([pencone, "plot", dose, "--at", "0,0,0", "--full", "50", "-o", IMAGES / "c-shape.png", "--quiet",
                    "--title", "A C-shaped target, weights from an influence matrix"], check=True)


def main():
    pencone = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        draw_terma(pencone, folder)
        draw_kernel()
        draw_engines(pencone, folder)
        if len(sys.argv) > 2:
            draw_matrix(pencone, pathlib.Path(sys.argv[2]).resolve(), folder)


main()
