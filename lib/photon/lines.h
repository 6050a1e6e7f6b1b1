// SPDX-License-Identifier: Apache-2.0
// Rows of parallel lines marching through planes, a group of directions at a time (docs/theory/ccc.md,
// "Speed").
#ifndef PCN_LINES_H
#define PCN_LINES_H

#include "base/base.h"
#include "photon/layout.h"
#include "simd/isa.h"

enum { PCN_GROUP = 8 };  ///< directions at a time

/// One direction of a group.
typedef struct pcn_course {
  int32_t *shift[2];  ///< of rows and lanes at each plane, counted from the plane of entry
  pcn_cone_step step;
  pcn_tilt_table table;
  double tilt[3][4];  ///< along, across, depth of a voxel, mm: at (0,0,0), per plane, per row, per lane
} pcn_course;

/// A row of lines: what it carries lies in a window of lanes that moves along.
typedef struct pcn_line_row {
  int64_t row;        ///< at the plane of entry; tells whose the memory is
  int32_t low, high;  ///< lines that carry energy: low <= line < high, and PCN_CONE_BLOCK zeros on each side
  int32_t base;       ///< shift of lanes for which the window was laid
} pcn_line_row;

typedef struct pcn_march_memory {
  pcn_course course[PCN_GROUP];
  int32_t *shift;
  pcn_line_row *lines;  ///< [direction][slot]
  float *state;         ///< [direction][slot][exponential][window]
  float *scratch;       ///< by worker
  int64_t slots, window, scratch_floats;
} pcn_march_memory;

/// A group of directions through one view.
typedef struct pcn_march {
  pcn_march_memory *memory;
  pcn_view view;
  const pcn_isa *isa;
  int64_t low[3], high[3];  ///< box of planes, rows, lanes to be worked on: straight lines leave it once
  int backwards;            ///< planes from the last to the first
  int count;                ///< directions
} pcn_march;

/// Memory that pcn_march_make() takes, bytes.
uint64_t pcn_march_bytes(const pencone_grid *grid, int threads);

/// @param[out] out  freed by pcn_march_free(); course[] has its shifts, the rest of it is the caller's to
/// fill
pencone_status pcn_march_make(pencone_context *ctx, const pencone_grid *grid, pcn_march_memory *out);
void pcn_march_free(pcn_march_memory *memory);

/// Adds the group's energy to the view's dose; lanes of the box's outermost blocks may get theirs beyond it.
/// @param progress  where it starts and its span. @return PENCONE_OK, E_CANCELLED.
pencone_status pcn_march_run(pencone_context *ctx, const pcn_march *march, const double progress[2]);

#endif
