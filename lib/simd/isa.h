// SPDX-License-Identifier: Apache-2.0
// The hot loops for the processor at hand: one portable source, compiled once per instruction-set level.
#ifndef PCN_ISA_H
#define PCN_ISA_H

#include <pencone/context.h>

#include "simd/blend_row.h"
#include "simd/bragg_row.h"
#include "simd/class_row.h"
#include "simd/cone_row.h"
#include "simd/depth_row.h"
#include "simd/depth_step.h"
#include "simd/gamma.h"
#include "simd/lateral_row.h"
#include "simd/pencil_place.h"
#include "simd/pencil_row.h"
#include "simd/pencil_steps.h"
#include "simd/pencil_weight.h"
#include "simd/product.h"
#include "simd/release_row.h"
#include "simd/share_row.h"
#include "simd/sift_row.h"
#include "simd/sort_row.h"
#include "simd/tilt_row.h"
#include "simd/volume_row.h"
#include "simd/walk_row.h"

/// Set by the build for each level: PCN_ISA_NAME(f) is f_base, f_v3 or f_v4.
#ifdef PCN_ISA_SUFFIX
#define PCN_ISA_JOIN_(name, suffix) name##suffix
#define PCN_ISA_JOIN(name, suffix) PCN_ISA_JOIN_(name, suffix)
#define PCN_ISA_NAME(name) PCN_ISA_JOIN(name, PCN_ISA_SUFFIX)
#endif

#define PCN_ISA_DECLARE(suffix)                                                                              \
  void pcn_cone_row##suffix(const pcn_cone_step *step, const pcn_cone_row *row);                             \
  void pcn_tilt_row##suffix(const pcn_tilt_table *table, const pcn_tilt_line *line, size_t n,                \
                            float *const weight[3]);                                                         \
  void pcn_pencil_row##suffix(const pcn_pencil_table *table, const pcn_pencil_voxels *voxels, size_t n,      \
                              float *out);                                                                   \
  int pcn_pencil_place##suffix(const pcn_pencil_line *line, size_t n, const pcn_pencil_places *out);         \
  void pcn_pencil_steps##suffix(const pcn_pencil_steps *steps, const pcn_pencil_way *way, size_t n,          \
                                pcn_pencil_spread *out);                                                     \
  void pcn_pencil_weight##suffix(const pcn_pencil_depth_table *table, const float *depth_mm,                 \
                                 const float *scale, size_t n, float *weight);                               \
  void pcn_lateral_row##suffix(const pcn_lateral_step *step, const pcn_lateral_row *row, size_t n);          \
  void pcn_gamma_search##suffix(const float *own, const ptrdiff_t corner[8],                                 \
                                const pcn_gamma_offset *offsets, size_t count, pcn_gamma_lanes *lanes);      \
  void pcn_depth_step##suffix(const pcn_depth_step *step, size_t n, float *const sum[2]);                    \
  void pcn_depth_row##suffix(const pcn_depth_rays *rays, const pcn_depth_line *line, size_t n,               \
                             float *const out[2]);                                                           \
  size_t pcn_release_row##suffix(const pcn_release_table *table, const pcn_release_line *line,               \
                                 const pcn_release_row *row);                                                \
  size_t pcn_sift_row##suffix(const float *value, size_t n, int32_t first, float least, float *to_value,     \
                              int32_t *to_place, pcn_sift *sift);                                            \
  void pcn_product_add##suffix(const pcn_product *product);                                                  \
  void pcn_share_row##suffix(const pcn_share_lines *lines, float *out);                                      \
  void pcn_bragg_row##suffix(const pcn_bragg_table *table, const float *from_mm, const float *to_mm,         \
                             size_t n, float *out);                                                          \
  void pcn_volume_row##suffix(const pcn_volume *volume, const pcn_volume_line *line, size_t first, size_t n, \
                              float *out);                                                                   \
  void pcn_walk_row##suffix(const pcn_walk_table *table, const pcn_walk_rays *rays, const double *own,       \
                            int planes, pcn_walk_moments *moments, pcn_walk_plane *out);                     \
  void pcn_sort_row##suffix(const pcn_sort_classes *classes, const double *anchor,                           \
                            const pcn_walk_plane *plane, int planes, const pcn_sort_rows *out);              \
  void pcn_class_image##suffix(const pcn_class_window *window, int32_t which, float *value,                  \
                               pcn_class_extent *out);                                                       \
  void pcn_class_range##suffix(const pcn_class_window *window, int32_t range[2]);                            \
  void pcn_blend_row##suffix(const pcn_blend *blend, size_t n, float *out)

PCN_ISA_DECLARE(_base);
PCN_ISA_DECLARE(_v3);
PCN_ISA_DECLARE(_v4);

/// The loops of one level. Levels differ in rounding only (fused multiply-add).
typedef struct pcn_isa {
  const char *name;  ///< "x86-64-v4", "x86-64-v3", "baseline", "reference"
  pcn_cone_row_loop cone;
  pcn_tilt_row_loop tilt;
  pcn_gamma_loop gamma;
  pcn_depth_step_loop depth_step;
  pcn_depth_row_loop depth;
  pcn_release_row_loop release;
  pcn_pencil_row_loop pencil;
  pcn_pencil_place_loop pencil_place;
  pcn_pencil_weight_loop pencil_weight;
  pcn_pencil_steps_loop pencil_steps;
  pcn_lateral_row_loop lateral;
  pcn_sift_row_loop sift;
  pcn_product_loop product;
  pcn_share_row_loop share;
  pcn_bragg_row_loop bragg;
  pcn_volume_row_loop volume;
  pcn_walk_row_loop walk;
  pcn_sort_row_loop sort;
  pcn_class_image_loop image;
  pcn_class_range_loop range;
  pcn_blend_row_loop blend;
} pcn_isa;

/// The context's level: as set, else the best that the processor has.
const pcn_isa *pcn_isa_of(const pencone_context *ctx);

/// Number of levels built in, and the i-th, best first; NULL outside the range. For tests.
int pcn_isa_count(void);
const pcn_isa *pcn_isa_at(int i);

/// 1 when the processor can run the level.
int pcn_isa_runs(const pcn_isa *isa);

#endif
