#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes edk_water.csv: energy-deposition kernels in water, as the photon engines read them.

usage: edk_water.py KERNELS.h5 > edk_water.csv

KERNELS.h5 holds the Monte Carlo result (EGSnrc edknrc; see the CSV's head): kernel[energy][category]
[shell][cone], the fraction of the photon's energy that is left in a bin. The five categories are reduced
to the two that the engines transport: primary, and scatter (first, second, multiple, radiative).
"""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1]) as f:
    kernel = f["kernel"][...].astype(float)
    energy, radius, angle = (f[k][...] for k in ("energy", "radius_bounds", "angle_bounds"))
    source, histories = f.attrs["source"], f["histories"][...]

print("# Energy-deposition kernels of photons that interact at the origin of an infinite water phantom.")
print(f"# Monte Carlo: {source}")
print(f"# histories per energy: {histories.min()} to {histories.max()}. Made by edk_water.py.")
print("# Lines 'radius' and 'angle': bin bounds in cm and in degrees from the photon's direction.")
print("# Other lines: energy in MeV, primary|scatter, index of the angle bin, then the fraction of the")
print("# photon's energy left in each shell. primary: by charged particles set in motion by the first")
print("# interaction; scatter: everything else within 60 cm.")
print("radius," + ",".join(f"{r:g}" for r in radius))
print("angle," + ",".join(f"{a:g}" for a in angle))
for e, k in zip(energy, kernel):
    for name, part in (("primary", k[0]), ("scatter", k[1:].sum(0))):
        for j in range(part.shape[1]):
            print(f"{e:g},{name},{j}," + ",".join(f"{v:.4g}" for v in part[:, j]))
