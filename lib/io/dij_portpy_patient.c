// SPDX-License-Identifier: Apache-2.0
// CT, structures, optimisation voxels and the list of beams of a folder of PortPy.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "dij_portpy.h"
#include "h5.h"
#include "json_file.h"

char *pcn_portpy_path(const pcn_portpy *p, const char *name) {
  const size_t room = strlen(p->folder) + strlen(name) + 2;
  char *path = pcn_alloc(p->ctx, room, 1);
  if (path != NULL) {
    snprintf(path, room, "%s/%s", p->folder, name);
  }
  return path;
}

/// Begins NAME.h5 or NAME.json in the folder.
pencone_status pcn_portpy_create(const pcn_portpy *p, const char *name, pcn_h5 *h5, char **path) {
  *path = pcn_portpy_path(p, name);
  return *path != NULL ? pcn_h5_create(p->ctx, *path, h5) : PENCONE_E_MEMORY;
}

pencone_status pcn_portpy_open_json(const pcn_portpy *p, const char *name, pcn_json *json, char **path) {
  *path = pcn_portpy_path(p, name);
  return *path != NULL ? pcn_json_open(p->ctx, *path, json) : PENCONE_E_MEMORY;
}

// --- CT ----------------------------------------------------------------------------------------

/// CT numbers for the eye where the phantom has only densities: 1000 (density - 1), limited to what HU are.
static int16_t hu_of(double density_g_cm3) {
  const double hu = 1000 * (density_g_cm3 - 1);
  return (int16_t)lround(hu < -1024 ? -1024 : hu > 3071 ? 3071 : hu);
}

static pencone_status write_hu(const pcn_portpy *p, const pcn_h5 *h5) {
  const pencone_phantom_desc *desc = pencone_phantom_describe(p->phantom);
  const int64_t *n = desc->grid.size;
  if (desc->hu != NULL) {
    return pcn_h5_write_volume(h5, "/ct_hu_3d", PCN_H5_INT16, &desc->grid, desc->hu, desc->stride);
  }
  int16_t *hu = pcn_alloc(p->ctx, pencone_grid_voxels(&desc->grid), sizeof *hu);
  if (hu == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int64_t k = 0, v = 0; k < n[2]; ++k) {
    for (int64_t j = 0; j < n[1]; ++j) {
      for (int64_t i = 0; i < n[0]; ++i, ++v) {
        hu[v] = hu_of(pencone_phantom_density_at(p->phantom, i, j, k));
      }
    }
  }
  const pencone_status status = pcn_h5_write_volume(h5, "/ct_hu_3d", PCN_H5_INT16, &desc->grid, hu, NULL);
  pcn_free(hu);
  return status;
}

static pencone_status write_ct_data(const pcn_portpy *p) {
  pcn_h5 h5;
  char *path = NULL;
  pencone_status status = pcn_portpy_create(p, "CT_Data.h5", &h5, &path);
  status = status == PENCONE_OK ? pcn_h5_finish(&h5, write_hu(p, &h5)) : status;
  pcn_free(path);
  return status;
}

/// "size_xyz_mm" holds voxels: so PortPy calls it.
static pencone_status write_ct_meta(const pcn_portpy *p) {
  static const double direction[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const pencone_grid *grid = &pencone_phantom_describe(p->phantom)->grid;
  const double size[3] = {(double)grid->size[0], (double)grid->size[1], (double)grid->size[2]};
  pcn_json json;
  char *path = NULL;
  pencone_status status = pcn_portpy_open_json(p, "CT_MetaData.json", &json, &path);
  if (status == PENCONE_OK) {
    pcn_json_start(&json, NULL, '{');
    pcn_json_numbers(&json, "origin_xyz_mm", grid->origin_mm, 3);
    pcn_json_numbers(&json, "resolution_xyz_mm", grid->spacing_mm, 3);
    pcn_json_numbers(&json, "size_xyz_mm", size, 3);
    pcn_json_numbers(&json, "direction", direction, 9);
    pcn_json_text(&json, "ct_hu_3d_File", "CT_Data.h5/ct_hu_3d");
    pcn_json_end(&json, '}');
    status = pcn_json_close(p->ctx, path, &json);
  }
  pcn_free(path);
  return status;
}

// --- optimisation voxels -----------------------------------------------------------------------

/// Row of the matrix that gives the dose at the centre of a voxel of the CT; -1: none.
static int32_t row_at(const pcn_portpy *p, const pencone_grid *ct, const int64_t voxel[3]) {
  int64_t index[3];
  for (int axis = 0; axis < 3; ++axis) {
    const double at_mm = ct->origin_mm[axis] + (double)voxel[axis] * ct->spacing_mm[axis];
    // The addend keeps a centre on the border of two dose voxels from falling on either side by rounding.
    index[axis] = (int64_t)floor((at_mm - p->grid.origin_mm[axis]) / p->grid.spacing_mm[axis] + 0.5 + 1e-9);
    if (index[axis] < 0 || index[axis] >= p->grid.size[axis]) {
      return -1;
    }
  }
  const int64_t at = (index[2] * p->grid.size[1] + index[1]) * p->grid.size[0] + index[0];
  const int wanted = p->options->mask == NULL || p->options->mask[at] != 0;
  return wanted ? (int32_t)(at + PCN_PORTPY_ROW_0) : -1;
}

static void fill_map(const pcn_portpy *p, int32_t *map) {
  const pencone_grid *ct = &pencone_phantom_describe(p->phantom)->grid;
  int64_t v = 0;
  for (int64_t k = 0; k < ct->size[2]; ++k) {
    for (int64_t j = 0; j < ct->size[1]; ++j) {
      for (int64_t i = 0; i < ct->size[0]; ++i) {
        map[v++] = row_at(p, ct, (int64_t[3]){i, j, k});
      }
    }
  }
}

static pencone_status write_map(const pcn_portpy *p, const int32_t *map) {
  pcn_h5 h5;
  char *path = NULL;
  const pencone_grid *ct = &pencone_phantom_describe(p->phantom)->grid;
  pencone_status status = pcn_portpy_create(p, "OptimizationVoxels_Data.h5", &h5, &path);
  if (status == PENCONE_OK) {
    status =
        pcn_h5_finish(&h5, pcn_h5_write_volume(&h5, "/ct_to_dose_voxel_map", PCN_H5_INT32, ct, map, NULL));
  }
  pcn_free(path);
  return status;
}

static pencone_status write_map_meta(const pcn_portpy *p) {
  const pencone_grid *ct = &pencone_phantom_describe(p->phantom)->grid;
  double low_mm[3], high_mm[3];
  for (int axis = 0; axis < 3; ++axis) {
    low_mm[axis] = p->grid.origin_mm[axis] - p->grid.spacing_mm[axis] / 2;
    high_mm[axis] = low_mm[axis] + (double)p->grid.size[axis] * p->grid.spacing_mm[axis];
  }
  const double size[3] = {(double)ct->size[0], (double)ct->size[1], (double)ct->size[2]};
  pcn_json json;
  char *path = NULL;
  pencone_status status = pcn_portpy_open_json(p, "OptimizationVoxels_MetaData.json", &json, &path);
  if (status == PENCONE_OK) {
    pcn_json_start(&json, NULL, '{');
    pcn_json_numbers(&json, "ct_origin_xyz_mm", ct->origin_mm, 3);
    pcn_json_numbers(&json, "ct_voxel_resolution_xyz_mm", ct->spacing_mm, 3);
    pcn_json_numbers(&json, "ct_size_xyz", size, 3);
    pcn_json_numbers(&json, "dose_voxel_resolution_xyz_mm", p->grid.spacing_mm, 3);
    pcn_json_text(&json, "ct_to_dose_voxel_map_File", "OptimizationVoxels_Data.h5/ct_to_dose_voxel_map");
    pcn_json_numbers(&json, "cal_box_xyz_start", low_mm, 3);
    pcn_json_numbers(&json, "cal_box_xyz_end", high_mm, 3);
    pcn_json_end(&json, '}');
    status = pcn_json_close(p->ctx, path, &json);
  }
  pcn_free(path);
  return status;
}

// --- structures --------------------------------------------------------------------------------

pcn_name *pcn_portpy_names(const pcn_portpy *p) {
  const int count = pencone_phantom_structure_count(p->phantom);
  pcn_name *names = pcn_alloc(p->ctx, (size_t)count, sizeof *names);
  for (int i = 0; names != NULL && i < count; ++i) {
    char *name = names[i].text;
    snprintf(name, sizeof names[i].text - 16, "%.200s", pencone_phantom_structure_name(p->phantom, i));
    for (char *c = name; *c != '\0'; ++c) {
      *c = *c == '/' ? '_' : *c;
    }
    for (int before = 0; before < i; ++before) {
      if (strcmp(names[before].text, name) == 0) {
        const size_t length = strlen(name);
        snprintf(name + length, sizeof names[i].text - length, "-%d", i + 1);
      }
    }
  }
  return names;
}

static pencone_status write_masks(const pcn_portpy *p, const pcn_name *names, const pcn_h5 *h5,
                                  uint8_t *mask) {
  const pencone_grid *ct = &pencone_phantom_describe(p->phantom)->grid;
  const size_t voxels = pencone_grid_voxels(ct);
  for (int i = 0; i < pencone_phantom_structure_count(p->phantom); ++i) {
    char object[PCN_H5_NAME + 2];
    const uint8_t *share = pencone_phantom_structure_mask(p->phantom, i);
    for (size_t v = 0; v < voxels; ++v) {
      mask[v] = share[v] >= PCN_PORTPY_INSIDE;
    }
    snprintf(object, sizeof object, "/%s", names[i].text);
    PCN_TRY(pcn_h5_write_volume(h5, object, PCN_H5_UINT8, ct, mask, NULL));
  }
  return PENCONE_OK;
}

static pencone_status write_structure_data(const pcn_portpy *p, const pcn_name *names) {
  pcn_h5 h5;
  char *path = NULL;
  uint8_t *mask = pcn_alloc(p->ctx, pencone_grid_voxels(&pencone_phantom_describe(p->phantom)->grid), 1);
  pencone_status status =
      mask != NULL ? pcn_portpy_create(p, "StructureSet_Data.h5", &h5, &path) : PENCONE_E_MEMORY;
  status = status == PENCONE_OK ? pcn_h5_finish(&h5, write_masks(p, names, &h5, mask)) : status;
  pcn_free(path);
  pcn_free(mask);
  return status;
}

static void put_structure(const pcn_portpy *p, int i, const char *name, const int32_t *map, pcn_json *json) {
  const pencone_grid *ct = &pencone_phantom_describe(p->phantom)->grid;
  const uint8_t *share = pencone_phantom_structure_mask(p->phantom, i);
  const size_t voxels = pencone_grid_voxels(ct);
  const double voxel_cm3 = ct->spacing_mm[0] * ct->spacing_mm[1] * ct->spacing_mm[2] / 1000;
  char file[PCN_H5_NAME + 32];
  double inside = 0, in_box = 0;
  for (size_t v = 0; v < voxels; ++v) {
    inside += share[v] >= PCN_PORTPY_INSIDE;
    in_box += share[v] >= PCN_PORTPY_INSIDE && map[v] >= 0;
  }
  snprintf(file, sizeof file, "StructureSet_Data.h5/%s", name);
  pcn_json_start(json, NULL, '{');
  pcn_json_text(json, "name", name);
  pcn_json_number(json, "volume_cc", inside * voxel_cm3);
  pcn_json_text(json, "dicom_structure_name", pencone_phantom_structure_name(p->phantom, i));
  pcn_json_number(json, "fraction_of_vol_in_calc_box", inside > 0 ? in_box / inside : 0);
  pcn_json_text(json, "structure_mask_3d_File", file);
  pcn_json_end(json, '}');
}

static pencone_status write_structure_meta(const pcn_portpy *p, const pcn_name *names, const int32_t *map) {
  pcn_json json;
  char *path = NULL;
  pencone_status status = pcn_portpy_open_json(p, "StructureSet_MetaData.json", &json, &path);
  if (status == PENCONE_OK) {
    pcn_json_start(&json, NULL, '[');
    for (int i = 0; i < pencone_phantom_structure_count(p->phantom); ++i) {
      put_structure(p, i, names[i].text, map, &json);
    }
    pcn_json_end(&json, ']');
    status = pcn_json_close(p->ctx, path, &json);
  }
  pcn_free(path);
  return status;
}

// --- all ---------------------------------------------------------------------------------------

static pencone_status write_beam_list(const pcn_portpy *p) {
  pcn_json json;
  char *path = NULL;
  const int beams = pencone_plan_beam_count(p->plan);
  double *ids = pcn_alloc(p->ctx, (size_t)beams, sizeof *ids);
  pencone_status status =
      ids != NULL ? pcn_portpy_open_json(p, "PlannerBeams.json", &json, &path) : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    for (int i = 0; i < beams; ++i) {
      ids[i] = i;
    }
    pcn_json_start(&json, NULL, '{');
    pcn_json_numbers(&json, "IDs", ids, beams);
    pcn_json_end(&json, '}');
    status = pcn_json_close(p->ctx, path, &json);
  }
  pcn_free(path);
  pcn_free(ids);
  return status;
}

static pencone_status write_voxels(const pcn_portpy *p, int32_t *map) {
  fill_map(p, map);
  PCN_TRY(write_map(p, map));
  PCN_TRY(write_map_meta(p));
  pcn_name *names = pcn_portpy_names(p);
  pencone_status status = names != NULL ? write_structure_data(p, names) : PENCONE_E_MEMORY;
  status = status == PENCONE_OK ? write_structure_meta(p, names, map) : status;
  pcn_free(names);
  return status;
}

pencone_status pcn_portpy_patient(const pcn_portpy *p) {
  PCN_TRY(write_ct_data(p));
  PCN_TRY(write_ct_meta(p));
  int32_t *map =
      pcn_alloc(p->ctx, pencone_grid_voxels(&pencone_phantom_describe(p->phantom)->grid), sizeof *map);
  const pencone_status status = map != NULL ? write_voxels(p, map) : PENCONE_E_MEMORY;
  pcn_free(map);
  return status == PENCONE_OK ? write_beam_list(p) : status;
}
