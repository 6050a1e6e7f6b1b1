// SPDX-License-Identifier: Apache-2.0
// Reference files (docs/formats.md): a dose on a rectilinear grid with its uncertainty.
#include <pencone/io.h>

#include "phantom_file.h"

enum { edges_max = 32768 };

/// Arrays on their way into a reference.
typedef struct parts {
  double *edges[3];
  void *dose, *sigma;
  char *units, *quantity;
} parts;

static void free_parts(parts *p) {
  for (int a = 0; a < 3; ++a) {
    pcn_free(p->edges[a]);
  }
  pcn_free(p->dose);
  pcn_free(p->sigma);
  pcn_free(p->units);
  pcn_free(p->quantity);
}

static pencone_status read_edges(const pcn_h5 *h5, parts *p, pencone_reference_desc *desc) {
  static const char *const names[3] = {"/pencone/x_edges_mm", "/pencone/y_edges_mm", "/pencone/z_edges_mm"};
  for (int a = 0; a < 3; ++a) {
    size_t count = 0;
    PCN_TRY(pcn_h5_read_vector(h5, names[a], edges_max, &count, &p->edges[a]));
    if (count < 2) {
      return pcn_h5_fail(h5, PENCONE_E_FORMAT, names[a], "got %zu edge, expected 2 or more", count);
    }
    desc->size[a] = (int64_t)count - 1;
    desc->edges_mm[a] = p->edges[a];
  }
  return PENCONE_OK;
}

/// @param p  freed by the caller
static pencone_status read_reference(const pcn_h5 *h5, parts *p, pencone_reference **out) {
  pencone_reference_desc desc = PENCONE_REFERENCE_DESC_DEFAULT;
  PCN_TRY(pcn_head_check(h5, "pencone-reference", NULL, NULL));
  PCN_TRY(read_edges(h5, p, &desc));
  const pencone_grid shape = {{desc.size[0], desc.size[1], desc.size[2]}, {1, 1, 1}, {0, 0, 0}};
  if (pencone_grid_check(h5->ctx, &shape) != PENCONE_OK) {
    return pcn_fail_prefix(h5->ctx, PENCONE_E_RANGE, h5->path);
  }
  PCN_TRY(pcn_h5_read_volume(h5, "/pencone/dose", PCN_H5_FLOAT, &shape, &p->dose));
  if (pcn_h5_exists(h5, "/pencone/relative_sigma")) {
    PCN_TRY(pcn_h5_read_volume(h5, "/pencone/relative_sigma", PCN_H5_FLOAT, &shape, &p->sigma));
  }
  if (pcn_h5_has(h5, "/pencone/dose", "units")) {
    PCN_TRY(pcn_h5_read_text(h5, "/pencone/dose", "units", &p->units));
  }
  if (pcn_h5_has(h5, "/pencone/dose", "quantity")) {
    PCN_TRY(pcn_h5_read_text(h5, "/pencone/dose", "quantity", &p->quantity));
  }
  desc.dose = p->dose;
  desc.relative_sigma = p->sigma;
  desc.units = p->units;
  desc.quantity = p->quantity;
  const pencone_status status = pencone_reference_create(h5->ctx, &desc, out);
  return status == PENCONE_OK ? status : pcn_fail_prefix(h5->ctx, status, h5->path);
}

pencone_status pencone_reference_read(pencone_context *ctx, const char *path, pencone_reference **out) {
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "reference: the place for the result is NULL");
  *out = NULL;
  pcn_h5 h5;
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  parts p = {{NULL, NULL, NULL}, NULL, NULL, NULL, NULL};
  pencone_status status = read_reference(&h5, &p, out);
  free_parts(&p);
  status = pcn_h5_finish(&h5, status);
  if (status != PENCONE_OK) {
    pencone_reference_destroy(*out);
    *out = NULL;
  }
  return status;
}
