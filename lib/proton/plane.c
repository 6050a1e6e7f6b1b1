// SPDX-License-Identifier: Apache-2.0
// A Gaussian is a product of x and y (docs/theory/proton.md, eq. 5b): the sum over i and j of w_ij X_i(x)
// Y_j(y) is a product of matrices along each axis.
#include "proton/plane.h"

#include <math.h>
#include <string.h>

enum { LANES = PCN_PRODUCT_LANES };

static int64_t whole(int64_t n) {
  return (n + LANES - 1) / LANES * LANES;
}

// --- means in cells ----------------------------------------------------------------------------

static double place_of(const pcn_layer *l, int64_t k, int axis, int64_t ray) {
  const pcn_rays *rays = &l->engine->rays;
  return pcn_rays_spread(rays, axis, k) * (rays->ray[axis].first + rays->ray[axis].step * (double)ray);
}

// First and last + 1 of the cells that a Gaussian reaches.
static void reach(pcn_axis cell, double at, double far, const int64_t bounds[2], int64_t out[2]) {
  out[0] = pcn_larger((int64_t)ceil((at - far - cell.first) / cell.step - 0.5), bounds[0]);
  out[1] = pcn_smaller((int64_t)floor((at + far - cell.first) / cell.step + 0.5) + 1, bounds[1]);
}

void pcn_share_rows_plan(const pcn_layer *layer, int64_t k, int axis, double variance, const int64_t ray[2],
                         const int64_t bounds[2], pcn_share_rows *out) {
  const double far = layer->engine->cut * sqrt(variance);
  const pcn_axis cell = layer->engine->rays.cell[axis];
  int64_t first[2], last[2];
  reach(cell, place_of(layer, k, axis, ray[0]), far, bounds, first);
  reach(cell, place_of(layer, k, axis, ray[1] - 1), far, bounds, last);
  out->ray = ray[0];
  out->rays = ray[1] - ray[0];
  out->cell = pcn_smaller(first[0], last[0]);
  out->cells = pcn_larger(pcn_larger(first[1], last[1]) - out->cell, 0);
  out->stride = whole(out->cells) + LANES;
}

void pcn_share_rows_fill(const pcn_layer *layer, int64_t k, int axis, double variance,
                         const pcn_share_rows *rows) {
  const pcn_rays *rays = &layer->engine->rays;
  const double cut = layer->engine->cut, per_sigma = 1 / sqrt(variance);
  const pcn_axis cell = rays->cell[axis];
  const double edge =
      cell.first + cell.step * ((double)rows->cell - 0.5) - place_of(layer, k, axis, rows->ray);
  const pcn_share_lines lines = {.edge = edge * per_sigma,
                                 .step = cell.step * per_sigma,
                                 .apart = pcn_rays_spread(rays, axis, k) * rays->ray[axis].step * per_sigma,
                                 .cut = (float)cut,
                                 .scale = (float)(1 / (cell.step * erf(cut / sqrt(2)))),
                                 .lines = (int32_t)rows->rays,
                                 .cells = (int32_t)rows->cells,
                                 .stride = rows->stride};
  layer->isa->share(&lines, rows->value);
}

// --- a plane -----------------------------------------------------------------------------------

int64_t pcn_plane_scratch(const pcn_rays *rays) {
  const int64_t across = pcn_larger(rays->ray[0].count, rays->ray[1].count);
  return across * (whole(pcn_larger(rays->cell[0].count, rays->cell[1].count)) + LANES);
}

/// Cells of one axis where a tile and rows meet; the image's first ray in the rows.
typedef struct meeting {
  int64_t first, count, ray;
  const float *value;  ///< of that ray and cell
} meeting;

static meeting meet(const pcn_class_image *image, const pcn_share_rows *rows, const pcn_tile *tile,
                    int axis) {
  meeting m;
  m.first = pcn_larger(tile->first[axis], rows->cell);
  m.count = pcn_smaller(tile->first[axis] + tile->count[axis], rows->cell + rows->cells) - m.first;
  m.value = rows->value + (image->first[axis] - rows->ray) * rows->stride + m.first - rows->cell;
  return m;
}

void pcn_plane_add(const pcn_layer *layer, const pcn_class_image *image, const pcn_share_rows rows[2],
                   float *scratch, const pcn_tile *tile) {
  const meeting x = meet(image, &rows[0], tile, 0), y = meet(image, &rows[1], tile, 1);
  if (x.count <= 0 || y.count <= 0 || image->count[0] <= 0 || image->count[1] <= 0) {
    return;
  }
  // The second product has as many terms as rays in the axis that the first leaves: the fewer.
  const int along_x =
      image->count[0] * image->count[1] * whole(x.count) + image->count[1] * y.count * whole(x.count) <=
      image->count[0] * image->count[1] * whole(y.count) + image->count[0] * y.count * whole(x.count);
  const int axis = along_x ? 0 : 1, other = 1 - axis;
  const meeting *first = along_x ? &x : &y;
  const int64_t step[2] = {1, image->stride}, width = whole(first->count);
  const pcn_product lines = {.left = image->value,
                             .left_row = step[other],
                             .left_term = step[axis],
                             .right = first->value,
                             .right_row = rows[axis].stride,
                             .out = scratch,
                             .out_row = width,
                             .rows = (size_t)image->count[other],
                             .terms = (size_t)image->count[axis],
                             .columns = (size_t)width};
  memset(scratch, 0, (size_t)(image->count[other] * width) * sizeof *scratch);
  layer->isa->product(&lines);
  const pcn_product plane = {
      .left = along_x ? y.value : scratch,
      .left_row = 1,
      .left_term = along_x ? rows[1].stride : width,
      .right = along_x ? scratch : x.value,
      .right_row = along_x ? width : rows[0].stride,
      .out = tile->value + (y.first - tile->first[1]) * tile->stride + x.first - tile->first[0],
      .out_row = tile->stride,
      .rows = (size_t)y.count,
      .terms = (size_t)image->count[other],
      .columns = (size_t)whole(x.count)};
  layer->isa->product(&plane);
}
