#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of proton.md, section 10: the engine in water against the Monte Carlo that its data are made from.

usage: proton_water.py PENCONE FOLDER     (PENCONE: the command; FOLDER holds proton_water.h5; needs h5py, NumPy, SciPy)
"""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import curve_fit

VOXEL_VARIANCE = 4 / 12  # mm2: the Monte Carlo's core widths are free of its voxels of 2 mm
DEPTHS = (.05, .1, .15, .2, .25, .3, .4, .5, .6, .7, .75, .8, .85, .9, .93, .95, .97, .99, 1)  # of R80
RADII = (5, 10, 20, 40, 80, 121)  # mm


def calculate(pencone, folder, energy, depth):
    def path(name):
        return os.path.join(folder, name)
    with open(path("w.yaml"), "w") as out:
        out.write(f"recipe: water\ngrid: {{size: [121, {depth}, 121], spacing_mm: [2, 1, 2], centre_mm: [0, {depth / 2}, 0]}}\n"
                  "background: water\n")
    with open(path("p.yaml"), "w") as out:
        out.write("plan: spot\nphantom: w.h5\nengine: {name: proton-pencil-beam, let: yes, cut_sigma: 5}\nbeams:\n"
                  "  - {name: b, machine: ideal-proton, isocenter_mm: [0, 0, 0], gantry_deg: 0,\n"
                  f"     layers: [{{energy_mev: {energy}, spots: [[0, 0, 1]]}}]}}\n")
    subprocess.run([pencone, "phantom", path("w.yaml"), "-o", path("w.h5"), "--quiet"], check=True)
    subprocess.run([pencone, "run", path("p.yaml"), "-o", path("d.h5"), "--quiet"], check=True)
    with h5py.File(path("d.h5")) as f:
        return f["pencone/dose"][...].astype(float), f["pencone/let"][...].astype(float)


def curve(z, idd):
    fine = np.arange(z[0], z[-1], .005)
    d = CubicSpline(z, idd)(fine)
    peak = d.argmax()

    def behind(part):
        return fine[peak + np.argmax(d[peak:] < part * d[peak])]
    return d[peak], behind(.8), behind(.2) - behind(.8)


def core_sigma(profile, x):
    sigma = 3.
    for _ in range(8):
        near = abs(x) < 1.75 * sigma
        _, sigma = np.abs(curve_fit(lambda t, a, s: a * np.exp(-t * t / 2 / s / s), x[near], profile[near] / profile.max(),
                                    p0=[1, sigma])[0])
    return np.sqrt(sigma**2 - VOXEL_VARIANCE)


def disc_share(plane, x, radius):
    """Share of the energy within a radius; voxels at the rim by 8 x 8 points."""
    fine = (np.arange(8) - 3.5) / 8 * 2
    gx = (x[:, None] + fine).ravel()
    inside = (gx[:, None]**2 + gx[None]**2 < radius**2).reshape(len(x), 8, len(x), 8).mean((1, 3))
    return (plane * inside).sum() / plane.sum()


def compare(pencone, folder, g, energy):
    z = g["depth"][...].astype(float)
    dose, let = calculate(pencone, folder, energy, len(z))
    x = np.arange(-120, 121, 2.)
    idd, reference = dose.sum((0, 2)) * 4 / 1.602176634e-8, g["idd"][...].astype(float)
    peak, r80, fall = curve(z, idd)
    peak_mc, r80_mc, fall_mc = curve(z, reference)
    plateau = (z > .05 * r80) & (z < .8 * r80)
    fit = g["fit"][...].astype(float)
    widths, shares = [], []
    for t in DEPTHS:
        k = int(t * r80)
        plane = dose[:, k - 2:k + 3, :].sum(1)
        sigma = core_sigma(plane.sum(0) + plane.sum(1), x)  # as the file's: the profile summed along one axis
        mc = np.nanmean(fit[k - 2:k + 3, 0])
        widths.append((sigma - mc, sigma / mc - 1))
        rings = g["annulus_fraction"][...].astype(float)[:, k - 2:k + 3].mean(1)
        shares += [disc_share(dose[:, k, :], x, r) / disc_share(dose[:, k, :], x, 121) - s / rings.sum()
                   for r, s in zip(RADII[1:5], np.cumsum(rings)[1:5])]
    high = reference > .1 * reference.max()
    plane = (dose * let).sum((0, 2))[high] / dose.sum((0, 2))[high] / g["letd_slab"][...][high] - 1
    axis = np.log(let[60, high, 60] / g["letd_axis"][...][high])
    axis = np.convolve(axis, np.full(9, 1 / 9), "valid")  # one voxel has a noise of 2 to 8 %
    worst = max(widths, key=lambda w: abs(w[0]))
    print(f"| {energy} | {r80 - r80_mc:+.2f} | {fall - fall_mc:+.2f} | {100 * (peak / peak_mc - 1):+.2f} "
          f"| {100 * abs(idd / reference - 1)[plateau].max():.2f} | {worst[0]:+.2f} ({100 * worst[1]:+.1f} %) "
          f"| {100 * max(shares, key=abs):+.2f} | {100 * np.sqrt((plane**2).mean()):.1f} | {100 * abs(plane).max():.1f} "
          f"| {100 * abs(axis).max():.1f} |")


def main():
    pencone, folder = sys.argv[1:]
    print("| MeV | R80, mm | 80–20, mm | peak, % | plateau, largest % | core σ, largest mm | energy within 10 to 80 mm, "
          "largest % of it | LET of planes, rms % | largest % | LET on the axis over 9 mm, largest % |\n|" + 10 * "---|")
    with h5py.File(os.path.join(folder, "proton_water.h5")) as f, tempfile.TemporaryDirectory() as temporary:
        for energy in (70, 100, 130, 150, 180, 200, 230):
            compare(pencone, temporary, f[f"E{energy:03d}MeV"], energy)


main()
