// SPDX-License-Identifier: Apache-2.0
// What class_row.c does, ray by ray.
#include "simd/class_row.h"

static int32_t sort_of(const pcn_class_window *w, int32_t x, int32_t y) {
  return w->sort != NULL ? w->sort[y * w->row + x] : 0;
}

static float node_of(const pcn_class_window *w, int node, int32_t x, int32_t y) {
  return w->sort != NULL || node == 1 ? w->node[node][y * w->row + x] : 0;
}

void pcn_class_image_reference(const pcn_class_window *window, int32_t which, float *value,
                               pcn_class_extent *out) {
  const int32_t *n = window->count;
  pcn_class_extent found = {{n[0], n[1]}, {0, 0}, 0, 0};
  double sum = 0;
  for (int32_t y = 0; y < n[1]; y++) {
    for (int32_t x = 0; x < n[0]; x++) {
      const int32_t node = 1 + which - sort_of(window, x, y), at[2] = {x, y};
      const float share = node >= 0 && node < 3 ? node_of(window, node, x, y) : 0;
      const float one = window->weight[y * window->weight_row + x] * share;
      value[y * n[0] + x] = one;
      sum += (double)one;
      found.largest = one > found.largest ? one : found.largest;
      for (int a = 0; a < 2 && one != 0; a++) {
        found.first[a] = at[a] < found.first[a] ? at[a] : found.first[a];
        found.last[a] = at[a] + 1 > found.last[a] ? at[a] + 1 : found.last[a];
      }
    }
  }
  for (int a = 0; a < 2; a++) {
    out->first[a] = found.last[a] > 0 ? found.first[a] : 0;
    out->last[a] = found.last[a];
  }
  out->sum = (float)sum;
  out->largest = found.largest;
}

void pcn_class_range_reference(const pcn_class_window *window, int32_t range[2]) {
  for (int32_t y = 0; y < window->count[1]; y++) {
    for (int32_t x = 0; x < window->count[0]; x++) {
      if (window->weight[y * window->weight_row + x] > 0) {
        const int32_t sort = sort_of(window, x, y), low = sort - (node_of(window, 0, x, y) != 0),
                      high = sort + (node_of(window, 2, x, y) != 0);
        range[0] = low < range[0] ? low : range[0];
        range[1] = high > range[1] ? high : range[1];
      }
    }
  }
}
