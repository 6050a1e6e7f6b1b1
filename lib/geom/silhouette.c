// SPDX-License-Identifier: Apache-2.0
// Shadows of structures: points within the voxels at the surface are projected and mark cells. A ray that
// meets a structure meets its surface, so that voxels inside need not be looked at.
#include "geom/silhouette.h"

#include <math.h>
#include <string.h>

enum { cells_max = 2000 };            // along an axis; beyond it cells become wider
static const double finest_mm = 1.0;  // width of a cell
static const double step = 0.7;       // distance of projected points in cells: none is stepped over

/// What a structure takes of its grid, in voxels.
typedef struct box {
  int64_t low[3], high[3];  ///< high: the last
} box;

static int is_in(const pencone_grid *grid, const uint8_t *mask, uint8_t least, int64_t i, int64_t j,
                 int64_t k) {
  const int64_t *n = grid->size;
  return i >= 0 && j >= 0 && k >= 0 && i < n[0] && j < n[1] && k < n[2] &&
         mask[(k * n[1] + j) * n[0] + i] >= least;
}

/// @return 1, or 0 when the structure is empty
static int find_box(const pencone_grid *grid, const uint8_t *mask, uint8_t least, box *out) {
  const int64_t *n = grid->size;
  *out = (box){{n[0], n[1], n[2]}, {-1, -1, -1}};
  for (int64_t k = 0, v = 0; k < n[2]; ++k) {
    for (int64_t j = 0; j < n[1]; ++j) {
      for (int64_t i = 0; i < n[0]; ++i, ++v) {
        const int64_t at[3] = {i, j, k};
        for (int a = 0; mask[v] >= least && a < 3; ++a) {
          out->low[a] = at[a] < out->low[a] ? at[a] : out->low[a];
          out->high[a] = at[a] > out->high[a] ? at[a] : out->high[a];
        }
      }
    }
  }
  return out->high[0] >= 0;
}

/// A place in voxels, centres at whole numbers, in the isocentre plane. @return 1, or 0 at or behind the
/// source
static int project(const pcn_frame *frame, const pencone_grid *grid, const double voxel[3], double xy_mm[2]) {
  double place_mm[3], z_mm = 0;
  for (int a = 0; a < 3; ++a) {
    place_mm[a] = grid->origin_mm[a] + voxel[a] * grid->spacing_mm[a];
  }
  pcn_frame_project(frame, pcn_v3_from(place_mm), &xy_mm[0], &xy_mm[1], &z_mm);
  return z_mm > 0.01 * frame->sad_mm;
}

/// Room for the shadow of a box. @return 1, or 0 when it has none
static int find_room(const pcn_frame *frame, const pencone_grid *grid, const box *b, pcn_silhouette *out) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int corner = 0; corner < 8; ++corner) {
    double voxel[3], xy_mm[2];
    for (int a = 0; a < 3; ++a) {
      voxel[a] = corner >> a & 1 ? (double)b->high[a] + 0.5 : (double)b->low[a] - 0.5;
    }
    if (!project(frame, grid, voxel, xy_mm)) {
      return 0;
    }
    for (int a = 0; a < 2; ++a) {
      low[a] = fmin(low[a], xy_mm[a]);
      high[a] = fmax(high[a], xy_mm[a]);
    }
  }
  const double extent_mm = fmax(high[0] - low[0], high[1] - low[1]);
  out->pitch_mm = fmax(finest_mm, extent_mm / (cells_max - 2));
  out->x_mm = out->pitch_mm * (floor(low[0] / out->pitch_mm));
  out->y_mm = out->pitch_mm * (floor(low[1] / out->pitch_mm));
  out->nx = (int)((high[0] - out->x_mm) / out->pitch_mm) + 1;
  out->ny = (int)((high[1] - out->y_mm) / out->pitch_mm) + 1;
  return 1;
}

static void mark_voxel(const pcn_frame *frame, const pencone_grid *grid, const int64_t at[3],
                       const pcn_silhouette *out) {
  int n[3];
  double xy_mm[2], voxel[3] = {(double)at[0], (double)at[1], (double)at[2]}, z_mm = 0;
  const double centre_mm[3] = {grid->origin_mm[0] + voxel[0] * grid->spacing_mm[0],
                               grid->origin_mm[1] + voxel[1] * grid->spacing_mm[1],
                               grid->origin_mm[2] + voxel[2] * grid->spacing_mm[2]};
  pcn_frame_project(frame, pcn_v3_from(centre_mm), &xy_mm[0], &xy_mm[1], &z_mm);
  for (int a = 0; a < 3; ++a) {
    n[a] = (int)ceil(grid->spacing_mm[a] * frame->sad_mm / z_mm / (step * out->pitch_mm));
  }
  for (int s = 0; s < n[0] * n[1] * n[2]; ++s) {
    const int sub[3] = {s % n[0], s / n[0] % n[1], s / n[0] / n[1]};
    for (int a = 0; a < 3; ++a) {
      voxel[a] = (double)at[a] - 0.5 + (sub[a] + 0.5) / n[a];
    }
    if (project(frame, grid, voxel, xy_mm)) {
      const int i = (int)((xy_mm[0] - out->x_mm) / out->pitch_mm),
                j = (int)((xy_mm[1] - out->y_mm) / out->pitch_mm);
      if (i >= 0 && j >= 0 && i < out->nx && j < out->ny) {
        out->cell[(size_t)j * (size_t)out->nx + (size_t)i] = 1;
      }
    }
  }
}

pencone_status pcn_silhouette_make(pencone_context *ctx, const pcn_frame *frame, const pencone_grid *grid,
                                   const uint8_t *mask, uint8_t least, pcn_silhouette *out) {
  box b;
  memset(out, 0, sizeof *out);
  if (!find_box(grid, mask, least, &b) || !find_room(frame, grid, &b, out)) {
    return PENCONE_OK;
  }
  out->cell = pcn_calloc(ctx, (size_t)out->nx * (size_t)out->ny, 1);
  if (out->cell == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t k = b.low[2]; k <= b.high[2]; ++k) {
    for (int64_t j = b.low[1]; j <= b.high[1]; ++j) {
      for (int64_t i = b.low[0]; i <= b.high[0]; ++i) {
        const int inside = is_in(grid, mask, least, i, j, k);
        const int buried = is_in(grid, mask, least, i - 1, j, k) && is_in(grid, mask, least, i + 1, j, k) &&
                           is_in(grid, mask, least, i, j - 1, k) && is_in(grid, mask, least, i, j + 1, k) &&
                           is_in(grid, mask, least, i, j, k - 1) && is_in(grid, mask, least, i, j, k + 1);
        if (inside && !buried) {
          mark_voxel(frame, grid, (int64_t[3]){i, j, k}, out);
        }
      }
    }
  }
  return PENCONE_OK;
}

void pcn_silhouette_free(pcn_silhouette *silhouette) {
  pcn_free(silhouette->cell);
  silhouette->cell = NULL;
}

// --- outlines ----------------------------------------------------------------------------------

static int is_marked(const pcn_silhouette *s, int i, int j) {
  return i >= 0 && j >= 0 && i < s->nx && j < s->ny && s->cell[(size_t)j * (size_t)s->nx + (size_t)i] != 0;
}

/// Walks around a part from the lower left corner of its lowest, then leftmost cell, with the part on the
/// left hand. Cells that meet in a corner only are apart. @param xy_mm  where corners go, or NULL. @return
/// their number
static int walk(const pcn_silhouette *s, int i0, int j0, double *xy_mm) {
  static const int dx[4] = {1, 0, -1, 0}, dy[4] = {0, 1, 0, -1};  // headings: right, up, left, down
  int corners = 0, heading = 0, x = i0, y = j0;
  do {
    if (xy_mm != NULL) {
      xy_mm[2 * corners] = s->x_mm + x * s->pitch_mm;
      xy_mm[2 * corners + 1] = s->y_mm + y * s->pitch_mm;
    }
    ++corners;
    int ahead = 1, beside = 0;
    while (ahead && !beside) {  // to the next turn
      x += dx[heading];
      y += dy[heading];
      // The cells on the left and on the right behind the point that is reached.
      const int left_x = x + (heading == 1 || heading == 2 ? -1 : 0), left_y = y + (heading >= 2 ? -1 : 0);
      const int right_x = x + (heading >= 2 ? -1 : 0), right_y = y + (heading == 0 || heading == 3 ? -1 : 0);
      ahead = is_marked(s, left_x, left_y);
      beside = is_marked(s, right_x, right_y);
    }
    heading = ahead ? (heading + 3) % 4 : (heading + 1) % 4;
  } while (x != i0 || y != j0 || heading != 0);
  return corners;
}

/// Takes a cell and all that it is joined to by edges out of the shadow.
static void remove_part(pcn_silhouette *s, int first, int *stack) {
  int depth = 0;
  s->cell[first] = 0;
  stack[depth++] = first;
  while (depth > 0) {
    const int at = stack[--depth], i = at % s->nx, j = at / s->nx;
    const int next[4][2] = {{i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}};
    for (int n = 0; n < 4; ++n) {
      if (is_marked(s, next[n][0], next[n][1])) {
        const int to = next[n][1] * s->nx + next[n][0];
        s->cell[to] = 0;
        stack[depth++] = to;
      }
    }
  }
}

pencone_status pcn_silhouette_outline(pencone_context *ctx, pcn_silhouette *s, int *corners, double **xy_mm) {
  *corners = 0;
  *xy_mm = NULL;
  const size_t cells = s->cell != NULL ? (size_t)s->nx * (size_t)s->ny : 0;
  const uint8_t *found = cells > 0 ? memchr(s->cell, 1, cells) : NULL;
  if (found == NULL) {
    return PENCONE_OK;
  }
  const int first = (int)(found - s->cell), i = first % s->nx, j = first / s->nx;
  const int count = walk(s, i, j, NULL);
  int *stack = pcn_alloc(ctx, cells, sizeof *stack);
  *xy_mm = pcn_alloc(ctx, 2 * (size_t)count, sizeof **xy_mm);
  if (stack == NULL || *xy_mm == NULL) {
    pcn_free(stack);
    pcn_free(*xy_mm);
    *xy_mm = NULL;
    return PENCONE_E_MEMORY;
  }
  *corners = walk(s, i, j, *xy_mm);
  remove_part(s, first, stack);
  pcn_free(stack);
  return PENCONE_OK;
}
