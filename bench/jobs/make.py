#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the plans of the whole jobs: what users calculate, from one open field to an arc.

usage: bench/jobs/make.py FOLDER [SITE...]     SITE: water, thorax, head (default: all)

Plans are for the phantoms of bench/jobs/jobs.py. Fields are rectangles: that is what machines of the ideal kind have. All
plans ask for 2.5 mm; photons are 6 MV by the collapsed cone unless the name says otherwise.
"""
import pathlib
import sys

# Where the beams meet, mm: 10 cm deep in the water tank, the tumour in the lung, the sphere in the brain.
ISOCENTRES = {"water": (0, 100, 0), "thorax": (-75, -10, 0), "head": (0, 15, 15)}
IMRT_BEAMS, IMRT_SEGMENTS = 9, 10
ARC_ANGLES = 178
PROTON_LAYERS, PROTON_SIDE = 30, 10
DIJ_BEAMS, DIJ_SIDE, DIJ_BIXEL_MM = 7, 38, 5


def head(name, engine="photon-collapsed-cone", spacing_mm=2.5, options=""):
    return (f"plan: {name}\nengine: {{name: {engine}{options}}}\n"
            f"dose_grid: {{spacing_mm: [{spacing_mm}, {spacing_mm}, {spacing_mm}]}}\nbeams:\n")


def beam(site, name, gantry_deg, machine="ideal-mohan-6mv"):
    x, y, z = ISOCENTRES[site]
    return f"  - name: {name}\n    machine: {machine}\n    isocenter_mm: [{x}, {y}, {z}]\n    gantry_deg: {gantry_deg:.6g}\n"


def field(half_mm):
    return f"    field_mm: {{x: [{-half_mm}, {half_mm}], y: [{-half_mm}, {half_mm}]}}\n    fluence_per_cm2: 1.0e+10\n"


def open_field(site):
    return head("open-field") + beam(site, "open", 0) + field(50)


def four_field(site):
    return head("four-field") + "".join(beam(site, f"gantry{g}", g) + field(50) for g in (0, 90, 180, 270))


def imrt(site):
    """Nine beams of ten segments each: slits that move across the field and open towards its middle."""
    text = head("imrt-9")
    for b in range(IMRT_BEAMS):
        gantry = 360 * b / IMRT_BEAMS
        text += beam(site, f"beam{b}", gantry) + field(50) + "    control_points:\n"
        for s in range(IMRT_SEGMENTS):
            left, right = -50 + 8 * s, -50 + 8 * s + 12 + 2 * min(s, IMRT_SEGMENTS - 1 - s)
            text += (f"      - {{gantry_deg: {gantry:.6g}, field_mm: {{x: [{left}, {right}], y: [-50, {50 - 3 * s}]}}, "
                     f"weight: {1 / IMRT_SEGMENTS}}}\n")
    return text


def arc(site):
    text = head("arc-178") + beam(site, "arc", 0) + field(30) + "    control_points:\n"
    for a in range(ARC_ANGLES):
        text += f"      - {{gantry_deg: {2 * a + 2}, weight: {1 / ARC_ANGLES:.6g}}}\n"
    return text


def proton(site):
    text = head("proton-3000", "proton-pencil-beam") + beam(site, "spots", 0, "ideal-proton") + "    layers:\n"
    for layer in range(PROTON_LAYERS):
        text += f"      - energy_mev: {148 - 2 * layer}\n        spots:\n"
        for s in range(PROTON_SIDE * PROTON_SIDE):
            x, y = (5 * (i - 0.5 * (PROTON_SIDE - 1)) for i in (s % PROTON_SIDE, s // PROTON_SIDE))
            text += f"          - [{x}, {y}, 1.0e+6]\n"
    return text


def dij(site):
    """10 108 bixels: seven beams of 19 x 19 cm2 in bixels of 5 mm, on a grid of 3 mm."""
    half = 0.5 * DIJ_SIDE * DIJ_BIXEL_MM
    text = head("dij-10000", "photon-pencil-beam", 3)
    for b in range(DIJ_BEAMS):
        text += beam(site, f"beam{b}", 360 * b / DIJ_BEAMS) + field(half) + f"    bixel_mm: [{DIJ_BIXEL_MM}, {DIJ_BIXEL_MM}]\n"
    return text


PLANS = {"open-field": open_field, "four-field": four_field, "imrt-9": imrt, "arc-178": arc, "proton-3000": proton,
         "dij-10000": dij}


def write(folder, sites=tuple(ISOCENTRES)):
    """Writes SITE-PLAN.yaml for every plan; returns {(plan, site): path}."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, make in PLANS.items():
        for site in sites:
            paths[name, site] = folder / f"{site}-{name}.yaml"
            paths[name, site].write_text(make(site), encoding="utf-8")
    return paths


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(ISOCENTRES):
        sys.exit("usage: bench/jobs/make.py FOLDER [water|thorax|head...]")
    write(sys.argv[1], sys.argv[2:] or tuple(ISOCENTRES))
