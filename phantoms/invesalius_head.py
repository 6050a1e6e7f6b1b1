#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the head CT of Debian's package invesalius-examples into a phantom file of Pencone.

    apt-get install invesalius-examples python3-numpy python3-h5py
    /usr/bin/python3 phantoms/invesalius_head.py head-ct.h5
    pencone run phantoms/plans/head-four-field.yaml --phantom head-ct.h5 -o head-ct-dose.h5

The package holds Cranium.inv3 (GPL-2 with InVesalius; nothing of it is in this repository): a gzipped tar with
property lists and a raw array, little-endian int16 [108][256][256], CT numbers from -1024 to 2986 HU, voxels of
0.957 x 0.957 x 1.5 mm, stored without positions.

Orientation, and how it is known:
- Superior. Teeth and lower jaw are in the first slices, the vertex is in the last: the slice number rises to
  superior (+z). Seen in the pictures.
- Anterior. Nose, face and frontal sinus lie at high row numbers, the head rest (a thin shell) behind low ones:
  rows run from posterior to anterior, against DICOM's +y, and are reversed here. Seen in the pictures; it agrees
  with InVesalius, which reverses the rows, and only the rows, of the images that it reads.
- Left. A skull does not tell left from right, and the file has no DICOM header left. Column 0 is taken as the
  patient's right, as in axial images of a patient who lies head first and supine (columns run along +x); supine he
  lies, by the head rest. This is the likely reading, not a certain one: do not use the data where sides matter.
- Position. Unknown; the middle of the volume becomes the origin.

The head rest is part of the CT and stays: a posterior beam crosses it. The neck is cut off by the scan: what
scatters back from below it is missing. A sphere in the brain is added as the structure PTV.
"""
import argparse
import os
import plistlib
import sys
import tarfile

import h5py
import numpy as np

PACKAGED = "/usr/share/doc/invesalius-examples/examples/Cranium.inv3"
PTV_CENTRE_MM, PTV_RADIUS_MM = (0.0, 15.0, 15.0), 20.0


def read_inv3(path):
    """CT numbers [slice][row][column] as stored, and the spacing of columns, rows, slices in mm."""
    with tarfile.open(path, "r:gz") as archive:
        members = {os.path.basename(member.name): member for member in archive.getmembers() if member.isfile()}
        project = plistlib.load(archive.extractfile(members["main.plist"]))
        matrix = project["matrix"]
        if matrix["dtype"] != "int16" or project["modality"] != "CT":
            raise ValueError(f"got {matrix['dtype']} {project['modality']}, expected int16 CT")
        raw = archive.extractfile(members[matrix["filename"]]).read()
    shape = tuple(matrix["shape"])
    if len(raw) != 2 * np.prod(shape):
        raise ValueError(f"{matrix['filename']}: got {len(raw)} bytes, expected {2 * np.prod(shape)} for {shape}")
    return np.frombuffer(raw, "<i2").reshape(shape), [float(step) for step in project["spacing"]]


def sphere(size, spacing_mm, origin_mm):
    """Mask of the PTV: 255 where the voxel's centre is inside."""
    x, y, z = (origin + np.arange(n) * step for origin, n, step in zip(origin_mm, size, spacing_mm))
    square = (x[None, None, :] - PTV_CENTRE_MM[0]) ** 2 + (y[None, :, None] - PTV_CENTRE_MM[1]) ** 2 \
        + (z[:, None, None] - PTV_CENTRE_MM[2]) ** 2
    return np.where(square <= PTV_RADIUS_MM ** 2, 255, 0).astype(np.uint8)


def text(value):
    """Attribute text as every reader of HDF5 takes it: fixed length."""
    return np.bytes_(value)


def write_phantom(path, hu, spacing_mm):
    size = hu.shape[::-1]
    origin_mm = [-0.5 * (n - 1) * step for n, step in zip(size, spacing_mm)]
    partial = path + ".part"
    with h5py.File(partial, "w", libver=("earliest", "v108")) as file:
        group = file.create_group("pencone")
        group.attrs["format"] = text("pencone-phantom")
        group.attrs["format_version"] = np.int64(1)
        group.attrs["frame"] = text("DICOM-LPS")
        group.attrs["size_xyz"] = np.array(size, np.int64)
        group.attrs["spacing_mm"] = np.array(spacing_mm, float)
        group.attrs["origin_mm"] = np.array(origin_mm, float)
        data = group.create_dataset("hu", data=hu)
        data.attrs["units"] = text("HU")
        data.attrs["curve"] = text("schneider2000")
        mask = group.create_dataset("structures/PTV", data=sphere(size, spacing_mm, origin_mm))
        mask.attrs["type"] = text("PTV")
        mask.attrs["colour"] = text("#e31a1c")
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description="Head CT of invesalius-examples as a phantom file.")
    parser.add_argument("output", help="phantom file to write (HDF5)")
    parser.add_argument("--input", default=PACKAGED, help="project file (default: the package's Cranium.inv3)")
    options = parser.parse_args()
    try:
        stored, spacing_mm = read_inv3(options.input)
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        sys.exit(f"invesalius_head.py: {options.input}: {error}\n(is the package invesalius-examples installed?)")
    write_phantom(options.output, np.ascontiguousarray(stored[:, ::-1, :]), spacing_mm)


main()
