#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes proton_beam.csv, proton_let.csv and proton_range.csv from the project's Monte Carlo in water.

usage: proton_beam.py FOLDER      (FOLDER holds proton_water.h5 and water_stopping_power.csv; needs h5py, NumPy, SciPy)

Depth dose: the voxel means (1 mm) are summed, the sum is splined, and the spline's slope is the depth dose at a
point: no blur by the scoring voxel. Depth counts in units of R80, in which curves of all energies are alike.
Lateral: three Gaussians (core; nuclear secondaries and large-angle scatter) are fitted to the energy beyond rings up to 121 mm
and to the core's width as the file states it, for all energies and depths at once and smooth in both.
LET: dose-averaged over all charged particles, of the whole plane; smoothed over 0.1 R80 up to 0.85 R80, as scored from 0.93
R80 on. That of the core comes from the voxel on the axis, by one smooth ratio for all energies.
"""
import os
import sys

import h5py
import numpy as np
from scipy.interpolate import BSpline, CubicSpline, PchipInterpolator
from scipy.optimize import brentq, least_squares
from scipy.sparse import lil_matrix

HERE = os.path.dirname(os.path.abspath(__file__))
ENERGIES = (70, 100, 130, 150, 180, 200, 230)
T_LATERAL = np.array([.01, .03, .06, .1, .15, .2, .25, .3, .35, .4, .45, .5, .55, .6, .65, .7, .75, .8, .84, .88, .91,
                      .94, .96, .975, .985, .995, 1.005, 1.015])
T_OUT = np.r_[0, .003, .006, .01, .015, .02, .03, np.arange(.04, .9, .02), np.arange(.9, 1.1601, .004)]
RINGS = np.r_[np.arange(0, 61.), 80, 121]
LOW, HIGH = np.log([1.25, 1.4]), np.log([9., 6.])  # of one sigma over the next smaller one
VOXEL_VARIANCE = .667  # mm2: scoring voxels of 2 mm, split among the rings
SPOT, DIVERGENCE, CORRELATION = 3.0, 1e-4, .05  # mm, rad


def lateral_data(g, r80):
    """At each depth of T_LATERAL: energy beyond each ring over that of the plane, and the file's core sigma; both are means
    over some mm of depth."""
    depth, radial = g["depth"][...].astype(float), g["radial_dose"][...].astype(float)
    rings, fit = g["annulus_fraction"][...].astype(float).T, g["fit"][...].astype(float)
    area = np.pi * (RINGS[1:61]**2 - RINGS[:60]**2)
    beyond, core, start = [], [], []
    for t in T_LATERAL:
        weight = np.exp(-.5 * ((depth - t * r80) / max(.7, .006 * r80))**2)
        weight[~np.isfinite(fit[:, 2])] = 0
        weight /= weight.sum()
        use = weight > 1e-3
        near, far = (weight[use, None] * radial[use]).sum(0) * area, (weight[use, None] * rings[use]).sum(0)
        near *= far[:4].sum() / near[:40].sum()
        beyond.append(np.r_[1, 1 - np.cumsum(near), 1 - far[:5].sum(), 1 - far.sum()])
        core.append((weight[use] * fit[use, 0]).sum())
        start.append((weight[use] * fit[use, 2]).sum())
    return np.array(beyond), np.array(core), np.array(start)


def to_values(u):
    """Free numbers to sigma (core, wide2, wide3) and shares: the sigmas rise, by factors within bounds."""
    ratio = np.exp(LOW + (HIGH - LOW) / (1 + np.exp(-u[..., 1:3])))
    sigma = np.exp(u[..., :1]) * np.stack([ratio[..., 0]**0, ratio[..., 0], ratio[..., 0] * ratio[..., 1]], -1)
    wide = np.exp(u[..., 3:])
    return sigma, np.concatenate([1 - wide.sum(-1, keepdims=True), wide], -1)


def energy_beyond(sigma, share):
    return 1 - (share[..., None] * (1 - np.exp(-RINGS**2 / (2 * (sigma**2 + VOXEL_VARIANCE))[..., None]))).sum(-2)


def core_sigma(sigma, share):
    """What the Monte Carlo's file calls core: one Gaussian fitted to the profile summed along one axis, within 1.75 sigma."""
    u, got = np.linspace(0, 1.75, 36), sigma[..., 0]
    g = np.exp(-.5 * u * u)
    slopes = np.stack([g, u * u * g])
    solve = np.linalg.inv(slopes @ slopes.T) @ slopes
    for _ in range(7):
        x = u * got[..., None]
        profile = (share[..., None] / sigma[..., None] * np.exp(-.5 * (x[..., None, :] / sigma[..., None])**2)).sum(-2)
        got = got * np.exp((profile / ((profile @ g) / (g @ g))[..., None] - g) @ solve[1])
    return got


def bends(x, count):
    """Second differences on places x, for an index that runs to count."""
    for i in range(1, count - 1):
        below, above = x[i] - x[i - 1], x[i + 1] - x[i]
        yield i, 2 * above / (below + above), -2., 2 * below / (below + above)


def fit_lateral(groups, r80):
    """All energies and depths at once: the Gaussians' widths and shares are not determined one by one, so neighbours in
    depth and energy are held together. Returns sigma and share, [energy][depth][3]."""
    beyond, core, start = (np.array(v) for v in zip(*(lateral_data(g, r) for g, r in zip(groups, r80))))
    shape, place = core.shape + (5,), 6 * np.log(r80) / np.log(r80[-1] / r80[0])
    tolerance = 4e-4 + .006 * beyond[..., 1:]
    near = RINGS[1:] < 3 * start[..., None]
    tolerance = np.where(near, np.minimum(tolerance, 1.5e-3), tolerance)
    tolerance[..., -1] = 2e-3  # the rim of the Monte Carlo's box

    def misfit(flat, by_depth, by_energy):
        u = flat.reshape(shape)
        sigma, share = to_values(u)
        parts = [((energy_beyond(sigma, share) - beyond)[..., 1:] / tolerance), np.log(core_sigma(sigma, share) / core) / .002]
        parts += [by_depth * (u[:, i - 1] + u[:, i + 1] - 2 * u[:, i])[..., 1:] for i in range(1, shape[1] - 1)]
        parts += [by_energy * (a * u[i - 1] + b * u[i] + c * u[i + 1])[..., 1:] for i, a, b, c in bends(place, shape[0])]
        parts += [np.maximum(0, u[..., 4] - np.log(.2)), .02 * u[..., 1:3]]
        return np.concatenate([p.ravel() for p in parts])

    def pattern():
        """Which numbers each residual depends on, found by the same lines with sets in place of sums."""
        index = np.arange(np.prod(shape)).reshape(shape)
        rows = [np.broadcast_to(index[:, :, None, :], shape[:2] + (len(RINGS) - 1, 5)).reshape(-1, 5), index.reshape(-1, 5)]
        rows += [np.stack([index[:, i - 1], index[:, i], index[:, i + 1]], -1)[..., 1:, :].reshape(-1, 3)
                 for i in range(1, shape[1] - 1)]
        rows += [np.stack([index[i - 1], index[i], index[i + 1]], -1)[..., 1:, :].reshape(-1, 3) for i in range(1, shape[0] - 1)]
        rows += [index[..., 4].reshape(-1, 1), index[..., 1:3].reshape(-1, 1)]
        out = lil_matrix((sum(len(r) for r in rows), index.size), dtype=np.int8)
        first = 0
        for block in rows:
            for k, columns in enumerate(block):
                out[first + k, columns] = 1
            first += len(block)
        return out

    free = np.zeros(shape)
    free[..., 0] = np.log(start)
    free[..., 3:] = np.log([.05, .02]) + np.log(np.maximum(T_LATERAL, .05))[:, None]
    sparse, flat = pattern(), free.ravel()
    for by_depth, by_energy, rounds in ((30, 10, 10), (5, 3, 40)):
        flat = least_squares(misfit, flat, jac_sparsity=sparse, args=(by_depth, by_energy), max_nfev=rounds, x_scale="jac").x
    return to_values(flat.reshape(shape))


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


def scored_let(g, total, at):
    """Without blur by the scoring voxel: slope of the summed dose times LET over that of the summed dose."""
    idd, let = g["idd"][...].astype(float), g["letd_slab"][...].astype(float)
    good = np.isfinite(let) & (idd > .02 * idd.max())
    last = np.argmin(good) if not good.all() else len(idd)  # behind it LET is that of the last voxel with dose
    weighted = CubicSpline(np.arange(last + 1.), np.r_[0, np.cumsum((idd * let)[:last])])
    z = np.minimum(at, last - .5)
    return np.minimum(weighted(z, 1) / total(z, 1), let[:last].max())


def smooth_let(g, total, r80, at):
    """Local parabola where the curve is slow, as scored at the peak, a mixture between. The first 3 mm, where secondaries
    build up, come back by entrance_let()."""
    z, let = g["depth"][...].astype(float), g["letd_slab"][...].astype(float)
    good = np.isfinite(let) & (z < .97 * r80) & (z > 3)
    fast, slow = scored_let(g, total, at), np.ones(len(at))
    for i in np.nonzero(at < .95 * r80)[0]:
        weight = np.exp(-.5 * ((z[good] - at[i]) / (.04 * r80))**2)
        slow[i] = np.exp(np.polyfit(z[good] - at[i], np.log(let[good]), 2, w=np.sqrt(weight))[2])
    mix = np.clip((at / r80 - .85) / .08, 0, 1)
    return (1 - mix) * slow + mix * fast


def entrance_let(groups, smooth, at):
    """Build-up over .6 mm, by what the smooth curves miss in the first voxel: a straight line over the logarithm of R80, as it
    has a noise of some %."""
    reach = .6  # mm
    missed = [g["letd_slab"][0] / np.interp(.5, z, s) - 1 for g, s, z in zip(groups, smooth, at)]
    far = np.log([z[-1] for z in at])
    return [1 + np.polyval(np.polyfit(far, missed, 1), f) / (reach * (1 - np.exp(-1 / reach))) * np.exp(-z / reach)
            for f, z in zip(far, at)]


def axis_over_plane(groups, r80):
    """LET on the axis over that of the plane, one smooth curve of depth whose numbers go with the logarithm of R80: the axis
    has a noise of 2 to 8 % from voxel to voxel. Returns [energy][T_OUT]."""
    knots = np.r_[[0.] * 4, .2, .4, .6, .75, .85, .92, .96, .985, [1.015] * 4]
    last, u, rows, wanted = knots[-1], np.log(r80 / r80[0]) / np.log(r80[-1] / r80[0]), [], []
    for g, r, x in zip(groups, r80, u):
        t, ratio = g["depth"][...] / r, (g["letd_axis"][...] / g["letd_slab"][...]).astype(float)
        use = np.isfinite(ratio) & (t < last)
        basis = BSpline.design_matrix(t[use], knots, 3).toarray() / (1 + 3.5 * x)
        rows.append(np.hstack([basis, basis * x]))
        wanted.append(ratio[use] / (1 + 3.5 * x))
    numbers = np.linalg.lstsq(np.vstack(rows), np.concatenate(wanted), rcond=None)[0].reshape(2, -1)
    basis = BSpline.design_matrix(np.minimum(T_OUT, last), knots, 3).toarray()
    return np.array([np.minimum(basis @ (numbers[0] + x * numbers[1]), 1) for x in u])


def core_over_plane(axis, sigma, share):
    """LET of the core from that on the axis of a spot, both over that of the plane: core and wider Gaussians make both."""
    density = share / sigma**2
    on_axis, wide = 1 - density[:, 0] / density.sum(1), 1 - share[:, 0]
    return np.minimum((axis - on_axis / wide) / (1 - on_axis / wide), 1)


def write_let(groups, curves, lateral):
    with open(os.path.join(HERE, "proton_let.csv"), "w") as out:
        out.write("# Dose-averaged LET of all charged particles in water, keV/um: see proton_beam.py. t: depth / R80.\n"
                  "# plane: over the whole plane, by energy; core: of the narrow Gaussian.\n"
                  "energy_mev,t,plane,core\n")
        at = [T_OUT * r80 for _, r80, _ in curves]
        plane = [smooth_let(g, total, r80, z) for g, (total, r80, _), z in zip(groups, curves, at)]
        axis = axis_over_plane(groups, np.array([r80 for _, r80, _ in curves]))
        for e, p, a, entrance, (sigma, share) in zip(ENERGIES, plane, axis, entrance_let(groups, plane, at), lateral):
            for row in zip(T_OUT, entrance * p, entrance * p * core_over_plane(a, sigma, share)):
                out.write("{},{:.3f},{:.4g},{:.4g}\n".format(e, *row))


def lateral_at(sigma, share):
    """From T_LATERAL to T_OUT."""
    inside = np.clip(T_OUT, T_LATERAL[0], T_LATERAL[-1])
    return [(PchipInterpolator(T_LATERAL, s)(inside), PchipInterpolator(T_LATERAL, w)(inside)) for s, w in zip(sigma, share)]


def write_beam(curves, lateral):
    with open(os.path.join(HERE, "proton_beam.csv"), "w") as out:
        out.write("# Protons in water, energy spread 0.5 %, laterally integrated over 242 x 242 mm: see proton_beam.py.\n"
                  "# t: depth / R80; sum: dose integrated over t, MeV cm2/g; dose: MeV cm2/g per proton; core, wide2, wide3:\n"
                  "# sigma / R80 by scattering, and sqrt(sigma^2 - core sigma^2) / R80 of the wider Gaussians; w2, w3: shares.\n"
                  "energy_mev,r80_mm,t,sum,dose,core,wide2,w2,wide3,w3\n")
        for e, (total, r80, end), (sigma, share) in zip(ENERGIES, curves, lateral):
            z = np.minimum(T_OUT * r80, end)
            core = np.maximum(sigma[:, 0]**2 - SPOT**2 - 2 * CORRELATION * SPOT * DIVERGENCE * z - (DIVERGENCE * z)**2, 0)
            first = np.searchsorted(T_OUT, .05)
            core = np.where(T_OUT < .05, core[first] * (T_OUT / T_OUT[first])**3, core)
            wide = np.sqrt(sigma[:, 1:]**2 - sigma[:, :1]**2) / r80
            for k, t in enumerate(T_OUT):
                dose = max(0., float(total(z[k], 1))) if z[k] < end else 0.
                out.write(f"{e},{r80:.3f},{t:.3f},{float(total(z[k])) / r80:.6g},{dose:.5g},{np.sqrt(core[k]) / r80:.5f},"
                          f"{wide[k, 0]:.5f},{share[k, 1]:.5f},{wide[k, 1]:.5f},{share[k, 2]:.5f}\n")


def main():
    folder = sys.argv[1]
    table = np.genfromtxt(os.path.join(folder, "water_stopping_power.csv"), delimiter=",", names=True)
    with open(os.path.join(HERE, "proton_range.csv"), "w") as out:
        out.write("# Protons in water, I = 78 eV (tables of Geant4 as used by MCsquare): see proton_beam.py.\n"
                  "energy_mev,stopping_mev_cm2_g,csda_range_g_cm2\n")
        for e, s, r in zip(table["E_MeV"], table["S_G4table_MeVcm2_g"], table["CSDA_G4table_g_cm2"]):
            out.write(f"{e:g},{s:.5g},{r:.6g}\n")
    with h5py.File(os.path.join(folder, "proton_water.h5")) as f:
        groups = [f[f"E{e:03d}MeV"] for e in ENERGIES]
        curves = [depth_dose(g) for g in groups]
        lateral = lateral_at(*fit_lateral(groups, np.array([r80 for _, r80, _ in curves])))
        write_let(groups, curves, lateral)
        write_beam(curves, lateral)


main()
