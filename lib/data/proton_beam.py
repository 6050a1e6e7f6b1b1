#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes proton_beam.csv, proton_let.csv and proton_range.csv from the project's Monte Carlo in water.

usage: proton_beam.py FOLDER      (FOLDER holds proton_water.h5 and water_stopping_power.csv; needs h5py, NumPy, SciPy)

Depth dose: the voxel means (1 mm) are summed, the sum is splined, and the spline's slope is the depth dose at a
point: no blur by the scoring voxel. Depth counts in units of R80, in which curves of all energies are alike.
Lateral: three Gaussians. The core is that of the fits in the file, less the spot's own width; two wider ones
(nuclear secondaries, large-angle scatter) are fitted here to the energy beyond rings of 2.2 core sigma to 121 mm.
LET: dose-averaged over all charged particles, of the whole plane and of the voxel on the axis. Up to 0.85 R80 both are
smoothed by a straight line over 0.12 R80, from 0.95 R80 on they are as scored (1 mm).
"""
import os
import sys

import h5py
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, least_squares

HERE = os.path.dirname(os.path.abspath(__file__))
ENERGIES = (70, 100, 130, 150, 180, 200, 230)
T_LATERAL = np.array([.01, .03, .06, .1, .15, .2, .25, .3, .35, .4, .45, .5, .55, .6, .65, .7, .75, .8, .84, .88, .91,
                      .94, .96, .975, .985, .995, 1.005, 1.015])
T_OUT = np.r_[np.arange(0, .9, .02), np.arange(.9, 1.1601, .004)]
RINGS = np.r_[np.arange(0, 61.), 80, 121]
LOW, HIGH = np.log([1.25, 1.4, 1e-6, 1e-7]), np.log([9., 6., .4, .3])
VOXEL_VARIANCE = .667  # mm2: scoring voxels of 2 mm, split among the rings
SPOT, DIVERGENCE, CORRELATION = 3.0, 1e-4, .05  # mm, rad


def inside(p, r):
    """Share of the energy within r of the axis, of that within 131 mm."""
    total = 0
    for weight, sigma in ((1 - p[3] - p[4], p[0]), (p[3], p[1]), (p[4], p[2])):
        v = 2 * (sigma * sigma + VOXEL_VARIANCE)
        total = total + weight * (1 - np.exp(-r * r / v)) / (1 - np.exp(-131.**2 / v))
    return total


def to_values(u, s1):
    r2, r3, w2, w3 = np.exp(LOW + (HIGH - LOW) / (1 + np.exp(-u)))
    return s1, s1 * r2, min(s1 * r2 * r3, 60.), w2, w3


def to_free(p):
    x = np.clip((np.log([p[1] / p[0], p[2] / p[1], p[3], p[4]]) - LOW) / (HIGH - LOW), .01, .99)
    return np.log(x / (1 - x))


def fit_lateral(g, r80):
    depth, radial = g["depth"][...].astype(float), g["radial_dose"][...].astype(float)
    rings, fit = g["annulus_fraction"][...].astype(float).T, g["fit"][...].astype(float)
    area = np.pi * (RINGS[1:61]**2 - RINGS[:60]**2)
    got, middle = {}, 10
    for k in list(range(middle, len(T_LATERAL))) + list(range(middle - 1, -1, -1)):
        weight = np.exp(-.5 * ((depth - T_LATERAL[k] * r80) / max(.7, .006 * r80))**2)
        weight[~np.isfinite(fit[:, 2])] = 0
        weight /= weight.sum()
        use = weight > 1e-3
        near, far = (weight[use, None] * radial[use]).sum(0) * area, (weight[use, None] * rings[use]).sum(0)
        s1 = (weight[use] * fit[use, 2]).sum() / weight[use].sum()
        near *= far[:4].sum() / near[:40].sum()
        beyond = np.r_[1, 1 - np.cumsum(near), 1 - far[:5].sum(), 0]
        fitted = (RINGS > 2.2 * s1) & (RINGS < 121)
        before = (s1, 9., 20., .04, .02) if k == middle else got[k - 1 if k > middle else k + 1]
        start = to_free((s1,) + tuple(before[1:]))

        def misfit(u):
            miss = (1 - inside(to_values(u, s1), RINGS) - beyond)[fitted]
            return np.r_[miss / (4e-4 + .01 * beyond[fitted]), .6 * (u - start)]
        got[k] = to_values(least_squares(misfit, start).x, s1)
    return np.array([got[k] for k in range(len(T_LATERAL))])


def depth_dose(g):
    idd = g["idd"][...].astype(float)
    edge = np.arange(len(idd) + 1.)  # mm
    total = CubicSpline(edge, np.r_[0, np.cumsum(idd)])
    z = np.arange(0, len(idd), .002)
    d = total(z, 1)
    peak = np.argmax(d)
    last = peak + np.argmax(d[peak:] < .8 * d[peak])
    r80 = brentq(lambda x: total(x, 1) - .8 * d[peak], z[last - 1], z[last])
    return total, r80, len(idd)


def smooth_let(z, let, r80, at):
    """Local straight line where the curve is slow, the scored values at the peak, a mixture between."""
    good = np.isfinite(let) & (z < 1.025 * r80 + .5)
    fast = np.interp(at, z[good], let[good])
    slow = fast.copy()
    for i in np.nonzero(at < .95 * r80)[0]:
        weight = np.exp(-.5 * ((z[good] - at[i]) / (.03 * r80))**2) * (z[good] < .97 * r80)
        slow[i] = np.polyfit(z[good] - at[i], let[good], 1, w=np.sqrt(weight))[1]
    mix = np.clip((at / r80 - .85) / .1, 0, 1)
    return (1 - mix) * slow + mix * fast


def write_let(f):
    with open(os.path.join(HERE, "proton_let.csv"), "w") as out:
        out.write("# Dose-averaged LET of all charged particles in water, keV/um: see proton_beam.py. t: depth / R80.\n"
                  "# plane: over the whole plane, by energy; axis: in the 2 mm voxel on the axis of a spot of 3 mm.\n"
                  "energy_mev,t,plane,axis\n")
        for e in ENERGIES:
            g = f[f"E{e:03d}MeV"]
            _, r80, _ = depth_dose(g)
            z = g["depth"][...].astype(float)
            plane, axis = (smooth_let(z, g[n][...].astype(float), r80, T_OUT * r80) for n in ("letd_slab", "letd_axis"))
            for t, p, a in zip(T_OUT, plane, np.minimum(axis, plane)):
                out.write(f"{e},{t:.3f},{p:.4g},{a:.4g}\n")


def main():
    folder = sys.argv[1]
    table = np.genfromtxt(os.path.join(folder, "water_stopping_power.csv"), delimiter=",", names=True)
    with open(os.path.join(HERE, "proton_range.csv"), "w") as out:
        out.write("# Protons in water, I = 78 eV (tables of Geant4 as used by MCsquare): see proton_beam.py.\n"
                  "energy_mev,stopping_mev_cm2_g,csda_range_g_cm2\n")
        for e, s, r in zip(table["E_MeV"], table["S_G4table_MeVcm2_g"], table["CSDA_G4table_g_cm2"]):
            out.write(f"{e:g},{s:.5g},{r:.6g}\n")
    with h5py.File(os.path.join(folder, "proton_water.h5")) as f, open(os.path.join(HERE, "proton_beam.csv"), "w") as out:
        write_let(f)
        out.write("# Protons in water, energy spread 0.5 %, laterally integrated over 242 x 242 mm: see proton_beam.py.\n"
                  "# t: depth / R80; sum: dose integrated over t, MeV cm2/g; dose: MeV cm2/g per proton; core, wide2, wide3:\n"
                  "# sigma / R80 by scattering, and sqrt(sigma^2 - core sigma^2) / R80 of the wider Gaussians; w2, w3: shares.\n"
                  "energy_mev,r80_mm,t,sum,dose,core,wide2,w2,wide3,w3\n")
        for e in ENERGIES:
            g = f[f"E{e:03d}MeV"]
            total, r80, end = depth_dose(g)
            lateral = fit_lateral(g, r80)
            z = np.minimum(T_OUT * r80, end)
            spot2 = SPOT**2 + 2 * CORRELATION * SPOT * DIVERGENCE * z + (DIVERGENCE * z)**2
            s1, s2, s3, w2, w3 = (np.interp(T_OUT, T_LATERAL, c) for c in lateral.T)
            core = np.maximum(s1**2 - spot2, 0)
            core = np.where(T_OUT < .05, core[np.searchsorted(T_OUT, .05)] * (T_OUT / .06)**3, core)
            for k, t in enumerate(T_OUT):
                dose = max(0., float(total(z[k], 1))) if z[k] < end else 0.
                out.write(f"{e},{r80:.3f},{t:.3f},{float(total(z[k])) / r80:.6g},{dose:.5g},{np.sqrt(core[k]) / r80:.5f},"
                          f"{np.sqrt(s2[k]**2 - s1[k]**2) / r80:.5f},{w2[k]:.5f},"
                          f"{np.sqrt(s3[k]**2 - s1[k]**2) / r80:.5f},{w3[k]:.5f}\n")


main()
