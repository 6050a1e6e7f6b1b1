// SPDX-License-Identifier: Apache-2.0
// A lattice of rays through the medium, and the beam's own grid of planes across it.
#ifndef PCN_PROTON_RAYS_H
#define PCN_PROTON_RAYS_H

#include <pencone/beam.h>

#include "geom/frame.h"
#include "matter/medium.h"

static inline int64_t pcn_larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static inline int64_t pcn_smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// A regular axis: place of the first node, distance of nodes, number.
typedef struct pcn_axis {
  double first, step;
  int64_t count;
} pcn_axis;

enum { PCN_RAYS_BLOCK = 16 };

/// Depth of water from where on a column is in matter, mm: air of 40 mm.
#define PCN_RAYS_MATTER_MM 0.05F

/// Cells of the calculation: x and y of the collimator, z along the beam, mm from the isocentre. When the
/// beam runs along an axis of the voxel grid, the cells are the voxels; else they are finer than them.
typedef struct pcn_rays {
  pcn_frame frame;
  pcn_vec3 isocenter;
  pcn_axis cell[3];
  int64_t every;  ///< protons are spread across the beam in every so-manieth plane of cells, but near the end
                  ///< of the range (planes.h); the last plane is one of them
  pcn_axis ray[2];                      ///< lattice of rays in x and y, in the isocentre plane
  const pencone_machine_desc *machine;  ///< for how rays spread: pcn_optics_spread()
  double entry_mm;                      ///< z where the first of them meets matter
  double lung_mm;  ///< longest way of a ray through matter of the density of lung, without a gap
  int64_t rays;
  float *
      column;  ///< [z face][y][x] of cells: water-equivalent depth along the ray through the cell's place, mm
  float *entry;    ///< [y][x]: the last face before the column meets matter (PCN_RAYS_MATTER_MM)
  float *extreme;  ///< [z face][y block][x block][2]: the least and the largest depth of PCN_RAYS_BLOCK^2
                   ///< columns
  float *water;    ///< [ray][z face]: water-equivalent depth, mm
  float *scatter;  ///< [ray][z face]: scattering-equivalent thickness of water, mm
} pcn_rays;

/// @param spacing_mm  between rays; @param margin_mm  of rays beyond the field, and of cells beyond it
/// @param[out] out  freed by pcn_rays_free(), also after a failure
pencone_status pcn_rays_make(pencone_context *ctx, const pcn_medium *medium, const pencone_beam *beam,
                             double spacing_mm, const double margin_mm[2], pcn_rays *out);
void pcn_rays_free(pcn_rays *rays);

/// Places along x across the beam: first_mm, step_mm on and so on; all at y_mm and z_mm.
typedef struct pcn_ray_row {
  double first_mm, step_mm, y_mm, z_mm;
  int64_t count;
} pcn_ray_row;

/// Places that lie in a grid of voxels or up to margin_mm beside it. @param[out] range  first, one behind the
/// last
void pcn_rays_row(const pcn_rays *rays, const pencone_grid *grid, const pcn_ray_row *row, double margin_mm,
                  int64_t range[2]);

/// Columns of each row along x that lie in a grid of voxels, or a little beside it, at a face.
/// @param[out] range  one for each row: first, one behind the last
void pcn_rays_seen(const pcn_rays *rays, const pencone_grid *grid, int64_t face, int64_t (*range)[2]);

/// Blocks of PCN_RAYS_BLOCK columns along an axis.
static inline int64_t pcn_rays_blocks(pcn_axis axis) {
  return (axis.count + PCN_RAYS_BLOCK - 1) / PCN_RAYS_BLOCK;
}

/// How far beside the grid cells are read at most, for interpolation and rounding.
double pcn_rays_margin(const pcn_rays *rays);

/// The least and the largest depth of columns from first on to one before last, at a face; of their whole
/// blocks.
void pcn_rays_extremes(const pcn_rays *rays, int64_t face, const int64_t first[2], const int64_t last[2],
                       double out[2]);

/// Place of plane k along the beam, and how far rays have spread there along an axis.
double pcn_rays_z(const pcn_rays *rays, int64_t k);
double pcn_rays_spread(const pcn_rays *rays, int axis, int64_t k);

/// Coordinates of a point in the beam's axes, mm from the isocentre.
pcn_vec3 pcn_rays_project(const pcn_rays *rays, pcn_vec3 point);

#endif
