// SPDX-License-Identifier: Apache-2.0
#include "fluence_file.h"

#include "beam/fluence_map.h"
#include "file.h"
#include "h5.h"

static pencone_status read_map(pencone_context *ctx, const char *path, const char *dataset,
                               pencone_beam *beam, double **out) {
  pcn_h5 h5;
  size_t size[2];
  PCN_TRY(pcn_h5_open(ctx, path, &h5));
  PCN_TRY(pcn_h5_finish(&h5, pcn_h5_read_matrix(&h5, dataset, PCN_FLUENCE_PIXELS, size, out)));
  beam->fluence_map = *out;
  beam->fluence_map_size[0] = (int)size[1];
  beam->fluence_map_size[1] = (int)size[0];
  // the plan checks again, but knows no file
  const pencone_status status = pcn_fluence_map_check(ctx, beam->name, beam);
  if (status != PENCONE_OK) {
    pcn_fail_prefix(ctx, status, dataset);
    pcn_fail_prefix(ctx, status, path);
  }
  return status;
}

pencone_status pcn_fluence_read(pencone_context *ctx, pcn_node node, pencone_beam *beam, double **out) {
  static const pcn_key keys[] = {{"file", PCN_REQUIRED}, {"dataset", PCN_OPTIONAL}, {NULL, PCN_OPTIONAL}};
  const char *name = NULL, *dataset = "/fluence_map";
  pcn_node file = node;
  if (node.node == NULL) {
    return PENCONE_OK;
  }
  if (pcn_yaml_is_map(node)) {
    PCN_TRY(pcn_yaml_keys(node, "fluence_map", keys));
    const pcn_node set = pcn_yaml_get(node, "dataset");
    file = pcn_yaml_get(node, "file");
    if (set.node != NULL) {
      PCN_TRY(pcn_yaml_string(set, "fluence_map dataset", &dataset));
    }
  }
  PCN_TRY(pcn_yaml_string(file, "fluence_map", &name));
  char *path = pcn_file_beside(ctx, pcn_yaml_file(node.yaml), name);
  const pencone_status status = path != NULL ? read_map(ctx, path, dataset, beam, out) : PENCONE_E_MEMORY;
  pcn_free(path);
  return pcn_yaml_at(file, status);
}
