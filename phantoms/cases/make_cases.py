#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the Monte Carlo cases of this folder from full-size references: same voxels, fewer bits.

usage: make_cases.py FOLDER_OF_FULL_CASES      (needs h5py and NumPy)

A full case holds phantom.h5, plan.yaml and reference.h5 with 24-bit mantissas, most of which are noise. Here
each dose keeps as many bits as its own uncertainty is worth: it is rounded by 1/8 of one standard deviation at
most. The uncertainty itself keeps 4 bits (3 %). Then shuffle and gzip. No voxel is left out (but of one spot of protons those
more than 44 mm beside it) and none is made up; rounding adds less than (1/8)^2/3 = 0.5 % to the variance.
"""
import os
import shutil
import sys

import h5py
import numpy as np

CASES = ("water-6mv-3x3", "water-6mv-10x10", "water-6mv-20x20", "water-15mv-10x10", "slab-6mv-5x5",
         "slab-6mv-1.5x1.5", "lung-half-6mv-10x10", "proton-bone-slab-150mev", "proton-half-slab-150mev",
         "proton-sobp-water")


CROP_MM = {"proton-half-slab-150mev": 44.0}  # x and z kept: +- mm


def round_bits(values, bits):
    """Rounds float32 values to the given numbers of explicit mantissa bits, half to even."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    scale = np.exp2(bits + 1.0)
    return np.ldexp(np.rint(mantissa * scale) / scale, exponent).astype(np.float32)


def thin(source, target, crop_mm):
    with h5py.File(source) as old, h5py.File(target, "w", libver=("earliest", "v108")) as new:
        group = new.create_group("pencone")
        for name, value in old["pencone"].attrs.items():
            group.attrs[name] = value
        group.attrs["thinning"] = "doses rounded below sigma/8, sigma to 4 bits; see make_cases.py"
        edges = {name: old["pencone"][name + "_edges_mm"][...] for name in "xyz"}
        keep = {name: slice(0, len(e) - 1) for name, e in edges.items()}
        for name in "xz" if crop_mm else "":
            keep[name] = slice(np.searchsorted(edges[name], -crop_mm), np.searchsorted(edges[name], crop_mm))
        box = keep["z"], keep["y"], keep["x"]
        dose = old["pencone/dose"][box]
        sigma = old["pencone/relative_sigma"][box]
        bits = np.clip(np.ceil(np.log2(4 / np.maximum(sigma, 1e-3))), 3, 12)
        cut = {name + "_edges_mm": e[keep[name].start:keep[name].stop + 1] for name, e in edges.items()}
        thinned = {"dose": round_bits(dose, bits), "relative_sigma": round_bits(sigma, 4)}
        assert np.all(np.abs(thinned["dose"] - dose) <= np.maximum(sigma, 1e-3) / 8 * dose + 1e-45)
        for name in ("x_edges_mm", "y_edges_mm", "z_edges_mm", "dose", "relative_sigma"):
            data = thinned.get(name, cut.get(name))
            large = name in thinned
            made = group.create_dataset(name, data=data, chunks=data.shape if large else None,
                                        shuffle=large, compression="gzip" if large else None,
                                        compression_opts=9 if large else None)
            for key, value in old["pencone"][name].attrs.items():
                made.attrs[key] = value


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for case in CASES:
        folder = os.path.join(here, case)
        os.makedirs(folder, exist_ok=True)
        for name in ("phantom.h5", "plan.yaml"):
            shutil.copyfile(os.path.join(sys.argv[1], case, name), os.path.join(folder, name))
        thin(os.path.join(sys.argv[1], case, "reference.h5"), os.path.join(folder, "reference.h5"),
             CROP_MM.get(case))
        sizes = sum(os.path.getsize(os.path.join(folder, n)) for n in ("phantom.h5", "plan.yaml", "reference.h5"))
        print(f"{case}: {sizes / 1e6:.3f} MB")


main()
