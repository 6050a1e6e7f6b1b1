// SPDX-License-Identifier: Apache-2.0
// Influence matrices as a folder of PortPy: streamed into our own form, and made into the folder at the end,
// when the number of entries of each beam is known. PortPy takes a table's shape from its largest indices, so
// each ends with an explicit zero in the last row and column; row 0 of the matrix belongs to no voxel,
// because PortPy leaves it out of every structure.
#define _XOPEN_SOURCE 700
#include "dij_portpy.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "dij_file.h"
#include "dij_writer.h"
#include "json_file.h"

static const char sparse[] = "/inf_matrix_sparse";
static const double lattice_mm = 2.5;                 // of PortPy's maps of beamlets
static const int64_t float_limit = (int64_t)1 << 24;  // above it a float32 does not hold every whole number

/// The columns of one beam.
typedef struct span {
  int beam;
  int64_t first, count;
} span;

// --- beamlets ----------------------------------------------------------------------------------

/// A position of the lattice has the very bits of a multiple of it: PortPy compares with ==.
static double snap(double position_mm) {
  const double nearest_mm = lattice_mm * round(position_mm / lattice_mm);
  return fabs(position_mm - nearest_mm) < 1e-6 ? nearest_mm : position_mm;
}

static double leaf_bottom_mm(const pcn_portpy *p, const span *s) {
  const pencone_beamlet *b = &p->beamlets[s->first];
  return b->y_mm - b->width_mm[1] / 2;
}

static pencone_status write_list(const pcn_h5 *h5, const pcn_portpy *p, const span *s, const char *name,
                                 double *list) {
  char object[64];
  const double bottom_mm = leaf_bottom_mm(p, s);
  for (int64_t i = 0; i < s->count; ++i) {
    const pencone_beamlet *b = &p->beamlets[s->first + i];
    list[i] = strcmp(name, "id") == 0              ? (double)i
              : strcmp(name, "width_mm") == 0      ? b->width_mm[0]
              : strcmp(name, "height_mm") == 0     ? b->width_mm[1]
              : strcmp(name, "position_x_mm") == 0 ? snap(b->x_mm)
              : strcmp(name, "position_y_mm") == 0 ? snap(b->y_mm)
                                                   : floor((b->y_mm - bottom_mm) / b->width_mm[1]);
  }
  snprintf(object, sizeof object, "/beamlets/%s", name);
  // A column of a table, not a list: PortPy before 2025 asks for width_mm[0][0].
  return pcn_h5_write_table(h5, object, H5T_NATIVE_DOUBLE, (int)s->count, 1, list);
}

/// Edges of the rows of beamlets along y, from below: the leaves as far as we know them.
static pencone_status write_leaves(const pcn_h5 *h5, const pcn_portpy *p, const span *s, double *list) {
  const pencone_beamlet *last = &p->beamlets[s->first + s->count - 1];
  const double bottom_mm = leaf_bottom_mm(p, s);
  const int rows = (int)lround((last->y_mm - bottom_mm) / last->width_mm[1] + 0.5);
  for (int i = 0; i <= rows; ++i) {
    list[i] = snap(bottom_mm + i * last->width_mm[1]);
  }
  return pcn_h5_write_table(h5, "/MLC_leaves_pos_y_mm", H5T_NATIVE_DOUBLE, rows + 1, 0, list);
}

static pencone_status write_beamlets(const pcn_h5 *h5, const pcn_portpy *p, const span *s) {
  static const char *const names[] = {
      "id", "width_mm", "height_mm", "position_x_mm", "position_y_mm", "MLC_leaf_idx"};
  PCN_TRY(pcn_h5_make_group(h5, "/beamlets"));
  double *list = pcn_alloc(p->ctx, (size_t)s->count + 1, sizeof *list);
  pencone_status status = list != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && status == PENCONE_OK; ++i) {
    status = write_list(h5, p, s, names[i], list);
  }
  status = status == PENCONE_OK ? write_leaves(h5, p, s, list) : status;
  pcn_free(list);
  return status;
}

// --- the matrix --------------------------------------------------------------------------------

/// Copies the beam's entries as rows (voxel's row, column, value). HDF5 converts from double to the file's
/// type: exact, since the values were float and the table is of doubles where an index is beyond a float.
static pencone_status copy_entries(const pcn_h5 *h5, pcn_dij_reader *r, const span *s, double *rows) {
  const int64_t start = r->first[s->first];
  const int64_t end = r->first[s->first + s->count];
  int64_t column = s->first;
  for (int64_t at = start; at < end; at += r->count) {
    PCN_TRY(pcn_dij_reader_piece(r, at));
    r->count = r->count < end - at ? r->count : end - at;
    for (int64_t e = 0; e < r->count; ++e) {
      while (r->first[column + 1] <= at + e) {
        ++column;
      }
      rows[3 * e] = (double)r->voxel[e] + PCN_PORTPY_ROW_0;
      rows[3 * e + 1] = (double)(column - s->first);
      rows[3 * e + 2] = (double)r->value[e];
    }
    PCN_TRY(pcn_h5_write_rows(h5, sparse, H5T_NATIVE_DOUBLE, at - start, r->count, rows));
  }
  return PENCONE_OK;
}

static pencone_status write_matrix(const pcn_h5 *h5, const pcn_portpy *p, pcn_dij_reader *r, const span *s) {
  const int64_t rows = (int64_t)pencone_grid_voxels(&p->grid) + PCN_PORTPY_ROW_0;
  const int64_t entries = r->first[s->first + s->count] - r->first[s->first];
  const int is_double = rows > float_limit || s->count > float_limit;
  const double corner[3] = {(double)(rows - 1), (double)(s->count - 1), 0};
  PCN_TRY(pcn_h5_make_rows(h5, sparse, is_double ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT, entries + 1, 3));
  double *buffer = pcn_alloc(p->ctx, 3 * PCN_DIJ_PIECE, sizeof *buffer);
  pencone_status status = buffer != NULL ? copy_entries(h5, r, s, buffer) : PENCONE_E_MEMORY;
  pcn_free(buffer);
  PCN_TRY(status);
  return pcn_h5_write_rows(h5, sparse, H5T_NATIVE_DOUBLE, entries, 1, corner);
}

static pencone_status write_beam_data(const pcn_portpy *p, pcn_dij_reader *r, const span *s) {
  char name[64];
  pcn_h5 h5;
  char *path = NULL;
  snprintf(name, sizeof name, "Beams/Beam_%d_Data.h5", s->beam);
  pencone_status status = pcn_portpy_create(p, name, &h5, &path);
  if (status == PENCONE_OK) {
    status = write_beamlets(&h5, p, s);
    status = status == PENCONE_OK ? pcn_portpy_outlines(p, &h5, s->beam) : status;
    status = status == PENCONE_OK ? write_matrix(&h5, p, r, s) : status;
    status = pcn_h5_finish(&h5, status);
  }
  pcn_free(path);
  return status;
}

static void put_pointer(pcn_json *json, int beam, const char *key, const char *object) {
  char value[128];
  snprintf(value, sizeof value, "Beam_%d_Data.h5/%s", beam, object);
  pcn_json_text(json, key, value);
}

static void put_beam(const pcn_portpy *p, const span *s, pcn_json *json) {
  const pencone_beam *beam = pencone_plan_beam(p->plan, s->beam);
  const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
  char potential[32];
  pcn_json_number(json, "ID", s->beam);
  pcn_json_number(json, "gantry_angle", beam->gantry_deg);
  pcn_json_number(json, "collimator_angle", beam->collimator_deg);
  pcn_json_number(json, "couch_angle", beam->couch_deg);
  pcn_json_start(json, "iso_center", '{');
  pcn_json_number(json, "x_mm", beam->isocenter_mm[0]);
  pcn_json_number(json, "y_mm", beam->isocenter_mm[1]);
  pcn_json_number(json, "z_mm", beam->isocenter_mm[2]);
  pcn_json_end(json, '}');
  pcn_json_start(json, "beamlets", '{');
  put_pointer(json, s->beam, "id_File", "beamlets/id");
  put_pointer(json, s->beam, "width_mm_File", "beamlets/width_mm");
  put_pointer(json, s->beam, "height_mm_File", "beamlets/height_mm");
  put_pointer(json, s->beam, "position_x_mm_File", "beamlets/position_x_mm");
  put_pointer(json, s->beam, "position_y_mm_File", "beamlets/position_y_mm");
  put_pointer(json, s->beam, "MLC_leaf_idx_File", "beamlets/MLC_leaf_idx");
  pcn_json_end(json, '}');
  pcn_json_start(json, "jaw_position", '{');
  pcn_json_number(json, "top_left_x_mm", beam->field_x_mm[0]);
  pcn_json_number(json, "top_left_y_mm", beam->field_y_mm[1]);
  pcn_json_number(json, "bottom_right_x_mm", beam->field_x_mm[1]);
  pcn_json_number(json, "bottom_right_y_mm", beam->field_y_mm[0]);
  pcn_json_end(json, '}');
  put_pointer(json, s->beam, "BEV_structure_contour_points_File", "BEV_structure_contour_points");
  pcn_json_text(json, "MLC_name", "rows of beamlets");
  pcn_json_text(json, "beam_modality", "Photon");
  snprintf(potential, sizeof potential, "%g", machine->edges_mev[machine->bins]);  // the bremsstrahlung's end
  pcn_json_text(json, "energy_MV", potential);
  pcn_json_number(json, "SAD_mm", machine->sad_mm);
  put_pointer(json, s->beam, "influenceMatrixSparse_File", "inf_matrix_sparse");
  pcn_json_number(json, "influenceMatrixSparse_tol", p->options->threshold);
  pcn_json_null(json, "influenceMatrixFull_File");  // PortPy looks the key up
  pcn_json_text(json, "influenceMatrix_unit", "Gy per photon/cm2 in the isocentre plane");
  put_pointer(json, s->beam, "MLC_leaves_pos_y_mm_File", "MLC_leaves_pos_y_mm");
  pcn_json_text(json, "machine_name", machine->name);
}

static pencone_status write_beam_meta(const pcn_portpy *p, const span *s) {
  char name[64];
  pcn_json json;
  char *path = NULL;
  snprintf(name, sizeof name, "Beams/Beam_%d_MetaData.json", s->beam);
  pencone_status status = pcn_portpy_open_json(p, name, &json, &path);
  if (status == PENCONE_OK) {
    pcn_json_start(&json, NULL, '{');
    put_beam(p, s, &json);
    pcn_json_end(&json, '}');
    status = pcn_json_close(p->ctx, path, &json);
  }
  pcn_free(path);
  return status;
}

// --- the folder --------------------------------------------------------------------------------

static pencone_status write_beams(const pcn_portpy *p, pcn_dij_reader *r) {
  span s = {0, 0, 0};
  for (; s.first < p->columns; s.first += s.count) {
    s.beam = p->beamlets[s.first].beam;
    for (s.count = 1; s.first + s.count < p->columns && p->beamlets[s.first + s.count].beam == s.beam;
         ++s.count) {
    }
    PCN_TRY(write_beam_data(p, r, &s));
    PCN_TRY(write_beam_meta(p, &s));
  }
  return PENCONE_OK;
}

static pencone_status make_folder(pencone_context *ctx, const char *path) {
  PCN_CHECK(ctx, mkdir(path, 0777) == 0 || errno == EEXIST, PENCONE_E_FILE, "%s: cannot be made: %s", path,
            strerror(errno));
  return PENCONE_OK;
}

static pencone_status fill_folder(const pcn_portpy *p, const char *matrix) {
  pcn_dij_reader reader;
  char *beams = pcn_portpy_path(p, "Beams");
  pencone_status status = beams != NULL ? make_folder(p->ctx, p->folder) : PENCONE_E_MEMORY;
  status = status == PENCONE_OK ? make_folder(p->ctx, beams) : status;
  pcn_free(beams);
  PCN_TRY(status);
  PCN_TRY(pcn_portpy_patient(p));
  PCN_TRY(pcn_dij_reader_open(p->ctx, matrix, &reader));
  pcn_h5_pause(&reader.h5);  // the files of the beams take the lock in turn
  status = write_beams(p, &reader);
  pcn_h5_continue(&reader.h5, p->ctx);
  return pcn_dij_reader_close(&reader, status);
}

/// Bytes of the files in a folder and the folders in it.
static uint64_t folder_bytes(pencone_context *ctx, const char *path, int depth) {
  uint64_t bytes = 0;
  DIR *folder = depth > 0 ? opendir(path) : NULL;
  for (const struct dirent *e = folder != NULL ? readdir(folder) : NULL; e != NULL; e = readdir(folder)) {
    const pcn_portpy here = {.ctx = ctx, .folder = path};
    struct stat file;
    char *name = e->d_name[0] != '.' ? pcn_portpy_path(&here, e->d_name) : NULL;
    if (name != NULL && stat(name, &file) == 0) {
      bytes += S_ISDIR(file.st_mode) ? folder_bytes(ctx, name, depth - 1) : (uint64_t)file.st_size;
    }
    pcn_free(name);
  }
  if (folder != NULL) {
    closedir(folder);
  }
  return bytes;
}

static pencone_status end(pencone_dij_writer *w, pencone_context *ctx) {
  char *folder = pcn_alloc(ctx, strlen(w->path) + 16, 1);
  if (folder == NULL) {
    return PENCONE_E_MEMORY;
  }
  snprintf(folder, strlen(w->path) + 16, "%s.folder.part", w->path);
  const pcn_portpy p = {ctx,          folder,          w->info.plan,     w->info.phantom,
                        w->info.grid, w->info.columns, w->info.beamlets, w->info.options};
  pencone_status status = pcn_dij_store_finish(w, ctx, w->part);
  status = status == PENCONE_OK ? fill_folder(&p, w->part) : status;
  if (status == PENCONE_OK && rename(folder, w->path) != 0) {
    status = pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be renamed: %s", folder, strerror(errno));
  }
  if (status == PENCONE_OK) {
    unlink(w->part);
    w->bytes = folder_bytes(ctx, w->path, 2);
  }
  pcn_free(folder);
  return status;
}

static pencone_status begin(pencone_dij_writer *w, pencone_context *ctx) {
  for (int64_t c = 0; c < w->info.columns; ++c) {
    PCN_CHECK(ctx, w->info.beamlets[c].width_mm[0] > 0, PENCONE_E_UNSUPPORTED,
              "%s: got spots of protons, expected bixels of photon beams, which PortPy's folders hold",
              w->path);
  }
  if (pencone_phantom_structure_count(w->info.phantom) == 0) {
    pcn_log(ctx, PENCONE_LOG_WARNING,
            "%s: got a phantom without structures, expected some: PortPy reads no patient "
            "without them",
            w->path);
  }
  return pcn_dij_form_pencone.begin(w, ctx);
}

static pencone_status recover(pencone_dij_writer *w, pencone_context *ctx) {
  return pcn_dij_form_pencone.recover(w, ctx);
}

static pencone_status put(pencone_dij_writer *w, pencone_context *ctx, const pencone_dij_column *columns,
                          int count) {
  return pcn_dij_form_pencone.put(w, ctx, columns, count);
}

const pcn_dij_form pcn_dij_form_portpy = {begin, recover, put, end};
