// SPDX-License-Identifier: Apache-2.0
// Tables made at build time by make_tables.c from lib/data/attenuation.csv and lib/data/schneider2000.csv.
#ifndef PCN_MATERIAL_TABLES_H
#define PCN_MATERIAL_TABLES_H

#include <pencone/material.h>

/// Standard materials, in the order of the file.
extern const pencone_material pcn_materials[];
extern const int pcn_material_total;

/// A straight piece of the density curve: offset + slope * (HU + shift), g/cm3, for HU >= hu_from.
typedef struct pcn_hu_piece {
  double hu_from, offset, slope, shift;
} pcn_hu_piece;

/// A composition for HU >= hu_from; its density_g_cm3 is that at hu_from.
typedef struct pcn_hu_tissue {
  double hu_from;
  pencone_material material;
} pcn_hu_tissue;

/// Schneider 2000, rising hu_from.
extern const pcn_hu_piece pcn_schneider_pieces[];
extern const int pcn_schneider_piece_total;
extern const pcn_hu_tissue pcn_schneider_tissues[];
extern const int pcn_schneider_tissue_total;

#endif
