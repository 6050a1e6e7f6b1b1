#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads influence matrices by the descriptions of their formats alone, and holds them against each other.

usage: read_dij.py pencone M.h5 WEIGHTED.h5 [FORWARD.h5]   the sum over columns is the dose that the command made
       read_dij.py fred FILE M.h5                          FRED's ij file 2.0, every byte
       read_dij.py portpy FOLDER M.h5                      as PortPy's own classes read a patient
       read_dij.py same A.h5 B.h5                          equal to the bit
"""
import json
import os
import struct
import sys

import h5py
import numpy as np

failed = 0


def verify(what, good):
    global failed
    if not good:
        failed += 1
        print("FAILED:", what)


class Matrix:
    """Our own form: compressed sparse columns."""

    def __init__(self, path):
        with h5py.File(path, "r") as f:
            head, group = f["pencone"].attrs, f["pencone/dij"]
            self.size = head["size_xyz"]
            self.spacing, self.origin = head["spacing_mm"], head["origin_mm"]
            self.indptr, self.indices, self.data = group["indptr"][:], group["indices"][:], group["data"][:]
            self.beamlets = group["beamlets"][:]
            self.sums = [group["sum"][:], group["lost"][:]]
            self.threshold = group.attrs["threshold"]
            self.types = [group[name].dtype for name in ("indptr", "indices", "data")]
            self.units = group["data"].attrs["units"]
            self.provenance = dict(f["pencone/provenance"].attrs)
        self.voxels = int(np.prod(self.size))
        self.columns = len(self.indptr) - 1

    def column_of_entries(self):
        return np.repeat(np.arange(self.columns), np.diff(self.indptr))

    def dose(self, weights):
        dose = np.zeros(self.voxels)
        np.add.at(dose, self.indices, self.data.astype(float) * weights[self.column_of_entries()])
        return dose


def check_pencone(path, weighted, forward=None):
    m = Matrix(path)
    verify("types", m.types == [np.int64, np.int32, np.float32])
    verify("ends of indptr", m.indptr[0] == 0 and m.indptr[-1] == len(m.indices) == len(m.data))
    verify("voxels inside the grid", m.indices.min() >= 0 and m.indices.max() < m.voxels)
    inside = np.ones(len(m.indices) - 1, bool)
    inside[m.indptr[1:-1][(m.indptr[1:-1] > 0) & (m.indptr[1:-1] < len(m.indices))] - 1] = False
    verify("voxels rise in each column", np.all(np.diff(m.indices)[inside] > 0))
    verify("no entry is 0", np.abs(m.data).min() > 0)
    for c in range(m.columns):
        column = m.data[m.indptr[c]:m.indptr[c + 1]].astype(float)
        verify("threshold", len(column) == 0 or np.abs(column).min() >= m.threshold * column.max() * (1 - 1e-6))
        # What is kept and what is lost is all there was; sums of up to 1e5 single values
        verify("sum", abs(column.sum() + m.sums[1][c] - m.sums[0][c]) <= 1e-5 * m.sums[0][c])
    verify("units", m.units == "Gy cm2")
    verify("provenance", "engine" in m.provenance and "plan" in m.provenance and "machine_sha256" in m.provenance)
    dose = m.dose(m.beamlets["weight"])
    with h5py.File(weighted, "r") as f:
        there = f["pencone/dose"][:].ravel()
        verify("shape", f["pencone/dose"].shape == tuple(m.size[::-1]))
    # rounded once to float32, half a unit in the last place
    verify("dose of the command", np.all(np.abs(there - dose) <= 6.0e-8 * np.abs(dose)))
    if forward is not None:
        with h5py.File(forward, "r") as f:
            straight = f["pencone/dose"][:].ravel()
        # Without a threshold only float sums differ.
        difference = np.abs(straight - dose).max() / straight.max()
        verify(f"the forward dose: {difference:.2e} of the maximum", difference <= 1e-5)


def check_fred(path, reference):
    m = Matrix(reference)
    with open(path, "rb") as f:
        content = f.read()
    head = struct.unpack("<4i6f2i", content[:48])
    verify("version", head[0] == 20)
    verify("dims", list(head[1:4]) == list(m.size))
    verify("spacing in cm", np.array_equal(np.float32(head[4:7]), (m.spacing / 10).astype(np.float32)))
    corner = ((m.origin - m.spacing / 2) / 10).astype(np.float32)
    verify("offset: the lower corner in cm", np.array_equal(np.float32(head[7:10]), corner))
    verify("components and beams", head[10:] == (1, m.columns))
    at, number, beam = 48, 0, -1
    for c in range(m.columns):
        number = number + 1 if m.beamlets["beam"][c] == beam else 0
        beam = m.beamlets["beam"][c]
        tag, count = struct.unpack_from("<2i", content, at)
        verify("tag", (tag // 1000000, tag % 1000000) == (beam, number))
        span = slice(m.indptr[c], m.indptr[c + 1])
        verify("voxels", count == span.stop - span.start and
               content[at + 8:at + 8 + 4 * count] == m.indices[span].astype("<u4").tobytes())
        verify("values", content[at + 8 + 4 * count:at + 8 + 8 * count] == m.data[span].astype("<f4").tobytes())
        at += 8 + 8 * count
    verify("nothing behind", at == len(content))


def load(folder, name):
    """JSON whose keys that end in _File are replaced by the array they point to."""
    def follow(node):
        if isinstance(node, list):
            return [follow(item) for item in node]
        if not isinstance(node, dict):
            return node
        out = {}
        for key, value in node.items():
            if key.endswith("_File") and value is not None:
                file, inside = value.split(".h5/")
                with h5py.File(os.path.join(folder, file + ".h5"), "r") as f:
                    out[key[:-5]] = f[inside][:] if isinstance(f[inside], h5py.Dataset) else {
                        name: [part[:] for part in f[inside][name].values()] for name in f[inside]}
            else:
                out[key] = follow(value)
        return out
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return follow(json.load(f))


def contains(polygon, x, y):
    """By the number of edges that a ray to the left crosses."""
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
    crosses = (y0 <= y) != (y1 <= y)
    at = x0 + (y - y0) / np.where(y1 == y0, 1, y1 - y0) * (x1 - x0)
    return np.sum(crosses & (at < x)) % 2 == 1


def check_outlines(beam, ct, structures):
    """The shadow of each structure's voxels lies in its outlines, and these go nowhere else."""
    g, c, t = (np.radians(beam[key + "_angle"]) for key in ("gantry", "collimator", "couch"))
    def turn(angle, axis):
        cos, sin = np.cos(angle), np.sin(angle)
        return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]] if axis == "z" else [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    # IEC 61217: patient support, gantry, beam limiting device; IEC's fixed y and z are z and -y of DICOM.
    to_beam = turn(-c, "z") @ turn(-g, "y") @ turn(t, "z")
    iso = np.array([beam["iso_center"][axis + "_mm"] for axis in "xyz"])
    verify("outlines of all structures", set(beam["BEV_structure_contour_points"]) == {s["name"] for s in structures})
    for s in structures:
        k, j, i = np.nonzero(s["structure_mask_3d"])
        place = np.array(ct["origin_xyz_mm"]) + np.stack([i, j, k], 1) * ct["resolution_xyz_mm"] - iso
        x, y, z = to_beam @ np.stack([place[:, 0], place[:, 2], -place[:, 1]])
        x, y = x * beam["SAD_mm"] / (beam["SAD_mm"] - z), y * beam["SAD_mm"] / (beam["SAD_mm"] - z)
        parts = beam["BEV_structure_contour_points"][s["name"]]
        if len(x) == 0:
            continue
        some = np.linspace(0, len(x) - 1, 40).astype(int)
        verify("centres of voxels in the outlines of " + s["name"],
               all(any(contains(part, x[n], y[n]) for part in parts) for n in some))
        corner = np.linalg.norm(ct["resolution_xyz_mm"]) / 2
        # a voxel's half diagonal, magnified by up to 10 %, and a cell of 1 mm
        reach = [np.hypot(x - px, y - py).min() for part in parts for px, py in part]
        verify(f"outlines at {s['name']}: {max(reach):.2f} mm from a centre", max(reach) <= 1.1 * corner + 1.5)


def check_beam(beam, m, number, rows):
    """@return the beam's part of A as (row, column, value)"""
    mine = np.flatnonzero(m.beamlets["beam"] == number)
    own = m.beamlets[mine]
    # One column, as in PortPy's own data: its classes before 2025 take width_mm[0][0].
    verify("number of beamlets", all(array.shape == (len(mine), 1) for array in beam["beamlets"].values()))
    verify("no full matrix", beam["influenceMatrixFull_File"] is None)
    b = {key: array[:, 0] for key, array in beam["beamlets"].items()}
    verify("ids", np.array_equal(b["id"], np.arange(len(mine))))
    verify("widths", np.array_equal(b["width_mm"], own["width_x_mm"]) and
           np.array_equal(b["height_mm"], own["width_y_mm"]))
    # PortPy's maps: corners on a lattice of 2.5 mm, compared with ==
    for edge, step in ((b["position_x_mm"] - b["width_mm"] / 2, 2.5), (b["position_y_mm"] + b["height_mm"] / 2, -2.5)):
        first = edge.min() if step > 0 else edge.max()
        lattice = np.arange(first, (edge.max() if step > 0 else edge.min()) + step, step)
        verify("beamlets on the lattice", np.all(np.isin(edge, lattice)))
    leaves, leaf = beam["MLC_leaves_pos_y_mm"], b["MLC_leaf_idx"].astype(int)
    verify("leaf of each beamlet", np.all((leaves[leaf] <= b["position_y_mm"]) & (b["position_y_mm"] <= leaves[leaf + 1])))
    table = beam["influenceMatrixSparse"]
    verify("table of floats", table.dtype == np.float32 and table.shape[1] == 3)
    shape = int(table[:, 0].max()) + 1, int(table[:, 1].max()) + 1
    verify(f"shape {shape} by the largest indices, expected {(rows, len(mine))}", shape == (rows, len(mine)))
    verify("entries", len(table) == np.sum(np.diff(m.indptr)[mine]) + 1)
    return table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2].astype(float)


def check_portpy(folder, reference):
    m = Matrix(reference)
    ct, structures = load(folder, "CT_MetaData.json"), load(folder, "StructureSet_MetaData.json")
    voxels, beams = load(folder, "OptimizationVoxels_MetaData.json"), load(folder, "PlannerBeams.json")
    verify("CT", ct["ct_hu_3d"].shape == tuple(int(n) for n in ct["size_xyz_mm"][::-1]))
    row = voxels["ct_to_dose_voxel_map"]
    verify("map on the CT grid", row.shape == ct["ct_hu_3d"].shape)
    verify("row 0 belongs to no voxel", 0 not in row)
    rows = m.voxels + 1
    verify("map within the matrix", row.min() >= -1 and row.max() < rows)
    for s in structures:
        inside = row[s["structure_mask_3d"] > 0]
        verify("structure " + s["name"], len(inside) > 0 and
               np.array_equal(inside[inside > 0], inside[inside >= 0]) and 0 < s["fraction_of_vol_in_calc_box"] <= 1)
    dose = np.zeros(rows)
    for number in beams["IDs"]:
        beam = load(os.path.join(folder, "Beams"), f"Beam_{number}_MetaData.json")
        i, j, value = check_beam(beam, m, number, rows)
        check_outlines(beam, ct, structures)
        weights = m.beamlets["weight"][m.beamlets["beam"] == number]
        np.add.at(dose, i, value * weights[j])
    verify("dose", np.allclose(dose[1:], m.dose(m.beamlets["weight"]), rtol=1e-12, atol=0))
    # On the CT grid a voxel has the dose of the dose voxel around it.
    k, j, i = np.indices(row.shape)
    centre = [ct["origin_xyz_mm"][a] + n * ct["resolution_xyz_mm"][a] for a, n in enumerate((i, j, k))]
    index = [np.floor((centre[a] - m.origin[a]) / m.spacing[a] + 0.5 + 1e-9).astype(int) for a in range(3)]
    inside = np.all([(index[a] >= 0) & (index[a] < m.size[a]) for a in range(3)], axis=0)
    wanted = np.where(inside, (index[2] * m.size[1] + index[1]) * m.size[0] + index[0] + 1, -1)
    verify("rows of the CT's voxels", np.array_equal(row, wanted))


def check_same(first, second):
    a, b = Matrix(first), Matrix(second)
    for name in ("indptr", "indices", "data", "beamlets"):
        verify(name + " is the same", getattr(a, name).tobytes() == getattr(b, name).tobytes())
    verify("sums are the same", all(np.array_equal(p, q) for p, q in zip(a.sums, b.sums)))


{"pencone": check_pencone, "fred": check_fred, "portpy": check_portpy, "same": check_same}[sys.argv[1]](*sys.argv[2:])
sys.exit(1 if failed else 0)
