// SPDX-License-Identifier: Apache-2.0
// Influence matrices of our own form, read (docs/formats.md).
#include "dij_file.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "dij_table.h"
#include "dose_file.h"
#include "engine/dose.h"
#include "phantom_file.h"

static const char group[] = "/pencone/dij";
static const char indices[] = "/pencone/dij/indices";
static const char data[] = "/pencone/dij/data";
static const char indptr[] = "/pencone/dij/indptr";

static pencone_status check_first(const pcn_dij_reader *r, int64_t entries) {
  const int64_t *first = r->first;
  int good = first[0] == 0 && first[r->columns] == entries;
  for (int64_t c = 0; c < r->columns && good; ++c) {
    good = first[c] <= first[c + 1];
  }
  return good ? PENCONE_OK
              : pcn_h5_fail(
                    &r->h5, PENCONE_E_FORMAT, indptr,
                    "got %lld to %lld or a step back, expected numbers that rise from 0 to the %lld entries",
                    (long long)first[0], (long long)first[r->columns], (long long)entries);
}

static pencone_status read_head(pcn_dij_reader *r) {
  int64_t entries = 0;
  int64_t values = 0;
  PCN_TRY(pcn_head_check(&r->h5, "pencone-dij", NULL, NULL));
  PCN_TRY(pcn_h5_read_grid(&r->h5, "/pencone", &r->grid));
  PCN_TRY(pcn_h5_series_length(&r->h5, indptr, H5T_NATIVE_INT64, &r->columns));
  PCN_TRY(pcn_h5_series_length(&r->h5, indices, H5T_NATIVE_INT32, &entries));
  PCN_TRY(pcn_h5_series_length(&r->h5, data, H5T_NATIVE_FLOAT, &values));
  r->columns -= 1;
  if (r->columns < 1 || r->columns >= INT32_MAX) {
    return pcn_h5_fail(&r->h5, PENCONE_E_SHAPE, indptr,
                       "got %lld numbers, expected one more than there are columns",
                       (long long)(r->columns + 1));
  }
  if (entries != values) {
    return pcn_h5_fail(&r->h5, PENCONE_E_SHAPE, data, "got %lld numbers, expected %lld as in indices",
                       (long long)values, (long long)entries);
  }
  r->first = pcn_alloc(r->h5.ctx, (size_t)r->columns + 1, sizeof *r->first);
  r->voxel = pcn_alloc(r->h5.ctx, PCN_DIJ_PIECE, sizeof *r->voxel);
  r->value = pcn_alloc(r->h5.ctx, PCN_DIJ_PIECE, sizeof *r->value);
  if (r->first == NULL || r->voxel == NULL || r->value == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_h5_read_piece(&r->h5, indptr, H5T_NATIVE_INT64, 0, r->columns + 1, r->first));
  return check_first(r, entries);
}

pencone_status pcn_dij_reader_open(pencone_context *ctx, const char *path, pcn_dij_reader *reader) {
  memset(reader, 0, sizeof *reader);
  PCN_TRY(pcn_h5_open(ctx, path, &reader->h5));
  const pencone_status status = read_head(reader);
  return status == PENCONE_OK ? PENCONE_OK : pcn_dij_reader_close(reader, status);
}

pencone_status pcn_dij_reader_close(pcn_dij_reader *reader, pencone_status status) {
  pcn_free(reader->first);
  pcn_free(reader->voxel);
  pcn_free(reader->value);
  reader->first = NULL;
  return pcn_h5_finish(&reader->h5, status);
}

/// Reads entries and checks that they are doses of voxels of the grid.
static pencone_status read_entries(const pcn_dij_reader *r, int64_t start, int64_t count, int32_t *voxel,
                                   float *value) {
  const int64_t voxels = (int64_t)pencone_grid_voxels(&r->grid);
  PCN_TRY(pcn_h5_read_piece(&r->h5, indices, H5T_NATIVE_INT32, start, count, voxel));
  PCN_TRY(pcn_h5_read_piece(&r->h5, data, H5T_NATIVE_FLOAT, start, count, value));
  for (int64_t e = 0; e < count; ++e) {
    if (voxel[e] < 0 || voxel[e] >= voxels) {
      return pcn_h5_fail(&r->h5, PENCONE_E_RANGE, indices, "entry %lld: got voxel %d, expected 0 to %lld",
                         (long long)(start + e), voxel[e], (long long)voxels - 1);
    }
    if (!isfinite(value[e])) {
      return pcn_h5_fail(&r->h5, PENCONE_E_RANGE, data, "entry %lld: got %g, expected a finite dose",
                         (long long)(start + e), (double)value[e]);
    }
  }
  return PENCONE_OK;
}

pencone_status pcn_dij_reader_piece(pcn_dij_reader *r, int64_t start) {
  const int64_t left = r->first[r->columns] - start;
  r->start = start;
  r->count = left < PCN_DIJ_PIECE ? left : PCN_DIJ_PIECE;
  return read_entries(r, start, r->count, r->voxel, r->value);
}

pencone_status pcn_dij_reader_beamlets(const pcn_dij_reader *r, pencone_beamlet *out) {
  static const char object[] = "/pencone/dij/beamlets";
  if (!pcn_h5_exists(&r->h5, object)) {
    return pcn_h5_fail(&r->h5, PENCONE_E_FORMAT, object, "missing, expected a table");
  }
  const hid_t type = pcn_dij_beamlet_type();
  const hid_t set = H5Dopen2(r->h5.file, object, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  const hssize_t rows = H5Sget_simple_extent_npoints(space);
  const int good = rows == r->columns && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  H5Sclose(space);
  H5Dclose(set);
  H5Tclose(type);
  return good ? PENCONE_OK
              : pcn_h5_fail(&r->h5, PENCONE_E_FORMAT, object,
                            "got another table or %lld rows, expected %lld beamlets", (long long)rows,
                            (long long)r->columns);
}

// --- what a file holds -------------------------------------------------------------------------

static pencone_status add_sums(const pcn_dij_reader *r, double *both, pencone_dij_file_info *out) {
  int64_t lengths[2] = {0, 0};
  static const char *const objects[2] = {"/pencone/dij/sum", "/pencone/dij/lost"};
  for (int i = 0; i < 2; ++i) {
    PCN_TRY(pcn_h5_series_length(&r->h5, objects[i], H5T_NATIVE_DOUBLE, &lengths[i]));
    if (lengths[i] != r->columns) {
      return pcn_h5_fail(&r->h5, PENCONE_E_SHAPE, objects[i], "got %lld numbers, expected %lld",
                         (long long)lengths[i], (long long)r->columns);
    }
    PCN_TRY(pcn_h5_read_piece(&r->h5, objects[i], H5T_NATIVE_DOUBLE, 0, r->columns, both + i * r->columns));
  }
  for (int64_t c = 0; c < r->columns; ++c) {
    const double sum = both[c];
    const double lost = both[r->columns + c];
    out->empty += r->first[c] == r->first[c + 1];
    out->sum += sum;
    out->lost += lost;
    out->worst_lost = sum > 0 && lost / sum > out->worst_lost ? lost / sum : out->worst_lost;
  }
  return PENCONE_OK;
}

static pencone_status describe(const pcn_dij_reader *r, pencone_dij_file_info *out) {
  int64_t sampling = 0;
  const size_t struct_size = out->struct_size;
  *out = (pencone_dij_file_info){.struct_size = struct_size, .grid = r->grid, .columns = r->columns};
  out->entries = r->first[r->columns];
  PCN_TRY(pcn_h5_read_doubles(&r->h5, group, "threshold", 1, &out->threshold));
  PCN_TRY(pcn_h5_read_integers(&r->h5, group, "sampling", 1, &sampling));
  out->sampling = sampling != 0;
  double *both = pcn_alloc(r->h5.ctx, 2 * (size_t)r->columns, sizeof *both);
  const pencone_status status = both != NULL ? add_sums(r, both, out) : PENCONE_E_MEMORY;
  pcn_free(both);
  return status;
}

pencone_status pencone_dij_file_describe(pencone_context *ctx, const char *path, pencone_dij_file_info *out) {
  pcn_dij_reader reader;
  PCN_CHECK(ctx, out != NULL && out->struct_size == sizeof *out, PENCONE_E_ARGUMENT,
            "matrix file: got no place for the result or another struct_size, expected %zu", sizeof *out);
  PCN_TRY(pcn_dij_reader_open(ctx, path, &reader));
  return pcn_dij_reader_close(&reader, describe(&reader, out));
}

static pencone_status check_count(const pcn_dij_reader *r, int64_t count, const char *what) {
  PCN_CHECK(r->h5.ctx, count == r->columns, PENCONE_E_SHAPE, "%s: got %lld %s, expected %lld, one per column",
            r->h5.path, (long long)count, what, (long long)r->columns);
  return PENCONE_OK;
}

pencone_status pencone_dij_file_beamlets(pencone_context *ctx, const char *path, int64_t count,
                                         pencone_beamlet *out) {
  pcn_dij_reader reader;
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "matrix file: the place for the beamlets is NULL");
  PCN_TRY(pcn_dij_reader_open(ctx, path, &reader));
  pencone_status status = check_count(&reader, count, "beamlets");
  status = status == PENCONE_OK ? pcn_dij_reader_beamlets(&reader, out) : status;
  return pcn_dij_reader_close(&reader, status);
}

// --- whether it is that of a plan --------------------------------------------------------------

/// The table of beams, as many as the plan has; NULL where a file from elsewhere has none.
static pencone_status read_beams(const pcn_dij_reader *r, int count, pcn_dij_beam **out) {
  static const char object[] = "/pencone/dij/beams";
  *out = NULL;
  if (!pcn_h5_exists(&r->h5, object)) {
    return PENCONE_OK;
  }
  const hid_t type = pcn_dij_beam_type();
  const hid_t set = H5Dopen2(r->h5.file, object, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  const hssize_t rows = H5Sget_simple_extent_npoints(space);
  *out = rows == count ? pcn_alloc(r->h5.ctx, (size_t)count, sizeof **out) : NULL;
  const int good = *out != NULL && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out) >= 0;
  H5Sclose(space);
  H5Dclose(set);
  H5Tclose(type);
  return good ? PENCONE_OK
         : rows == count && *out == NULL
             ? PENCONE_E_MEMORY
             : pcn_h5_fail(&r->h5, PENCONE_E_FORMAT, object,
                           "got another table or %lld rows, expected the plan's %d beams", (long long)rows,
                           count);
}

static int is_same_angle(double a_deg, double b_deg) {
  return fabs(remainder(a_deg - b_deg, 360)) < 1e-6;
}

static int is_same_beam(const pcn_dij_beam *a, const pcn_dij_beam *b) {
  const double near_mm = 1e-6;
  int same = fabs(a->sad_mm - b->sad_mm) < near_mm && is_same_angle(a->gantry_deg, b->gantry_deg) &&
             is_same_angle(a->collimator_deg, b->collimator_deg) && is_same_angle(a->couch_deg, b->couch_deg);
  for (int axis = 0; axis < 3; ++axis) {
    same = same && fabs(a->isocenter_mm[axis] - b->isocenter_mm[axis]) < near_mm;
  }
  return same;
}

static pencone_status match_machines(const pcn_dij_reader *r, const pencone_plan *plan) {
  static const char object[] = "/pencone/provenance";
  char *hashes = NULL;
  if (!pcn_h5_is_group(&r->h5, object) || !pcn_h5_has(&r->h5, object, "machine_sha256")) {
    return PENCONE_OK;
  }
  PCN_TRY(pcn_h5_read_text(&r->h5, object, "machine_sha256", &hashes));
  pencone_status status = PENCONE_OK;
  for (int i = 0; i < pencone_plan_beam_count(plan) && status == PENCONE_OK; ++i) {
    const pencone_beam *beam = pencone_plan_beam(plan, i);
    if (strstr(hashes, pencone_machine_sha256(beam->machine)) == NULL) {
      status = pcn_h5_fail(&r->h5, PENCONE_E_FORMAT, object,
                           "machine_sha256: got %.70s, expected that of %.60s too, the "
                           "machine of the plan's beam %.60s",
                           hashes, pencone_machine_describe(beam->machine)->name, beam->name);
    }
  }
  pcn_free(hashes);
  return status;
}

static pencone_status match(const pcn_dij_reader *r, const pencone_plan *plan) {
  pcn_dij_beam *beams = NULL;
  const int count = pencone_plan_beam_count(plan);
  pencone_status status = read_beams(r, count, &beams);
  for (int i = 0; i < count && beams != NULL && status == PENCONE_OK; ++i) {
    const pencone_beam *beam = pencone_plan_beam(plan, i);
    const pcn_dij_beam wanted = pcn_dij_beam_of(beam), *got = &beams[i];
    if (!is_same_beam(got, &wanted)) {
      status = pcn_h5_fail(
          &r->h5, PENCONE_E_FORMAT, "/pencone/dij/beams",
          "beam %.60s: got gantry %g, collimator %g, couch %g deg, isocentre (%g, %g, %g) mm, SAD %g mm, "
          "expected %g, %g, %g, (%g, %g, %g), %g as in the plan",
          beam->name, got->gantry_deg, got->collimator_deg, got->couch_deg, got->isocenter_mm[0],
          got->isocenter_mm[1], got->isocenter_mm[2], got->sad_mm, wanted.gantry_deg, wanted.collimator_deg,
          wanted.couch_deg, wanted.isocenter_mm[0], wanted.isocenter_mm[1], wanted.isocenter_mm[2],
          wanted.sad_mm);
    }
  }
  pcn_free(beams);
  return status == PENCONE_OK ? match_machines(r, plan) : status;
}

pencone_status pencone_dij_file_match(pencone_context *ctx, const char *path, const pencone_plan *plan) {
  pcn_dij_reader reader;
  PCN_CHECK(ctx, plan != NULL, PENCONE_E_ARGUMENT, "matrix file: the plan is NULL");
  PCN_TRY(pcn_dij_reader_open(ctx, path, &reader));
  return pcn_dij_reader_close(&reader, match(&reader, plan));
}

// --- into memory -------------------------------------------------------------------------------

/// First column behind a block of columns.
static int64_t block_end(const pcn_dij_reader *r, int64_t start) {
  return start + PENCONE_DIJ_BLOCK < r->columns ? start + PENCONE_DIJ_BLOCK : r->columns;
}

static pencone_status give_blocks(const pcn_dij_reader *r, const pencone_dij_sink *sink, int32_t *voxel,
                                  float *value) {
  for (int64_t start = 0, end; start < r->columns; start = end) {
    pencone_dij_column columns[PENCONE_DIJ_BLOCK];
    end = block_end(r, start);
    PCN_TRY(read_entries(r, r->first[start], r->first[end] - r->first[start], voxel, value));
    for (int64_t c = start; c < end; ++c) {
      const int64_t at = r->first[c] - r->first[start];
      columns[c - start] =
          (pencone_dij_column){c, r->first[c + 1] - r->first[c], voxel + at, value + at, 0, 0};
    }
    PCN_TRY(sink->put(sink->data, r->h5.ctx, columns, (int)(end - start)));
  }
  return sink->end != NULL ? sink->end(sink->data, r->h5.ctx) : PENCONE_OK;
}

static pencone_status give_all(const pcn_dij_reader *r, const pencone_dij_sink *sink,
                               pencone_beamlet *beamlets) {
  const pencone_dij_options options = PENCONE_DIJ_OPTIONS_DEFAULT;
  const pencone_dij_info info = {sizeof info, NULL, NULL, r->grid, r->columns, beamlets, &options};
  size_t most = 0;
  for (int64_t start = 0; start < r->columns; start += PENCONE_DIJ_BLOCK) {
    const size_t entries = (size_t)(r->first[block_end(r, start)] - r->first[start]);
    most = entries > most ? entries : most;
  }
  PCN_TRY(pcn_dij_reader_beamlets(r, beamlets));
  PCN_TRY(sink->begin(sink->data, r->h5.ctx, &info));
  int32_t *voxel = pcn_alloc(r->h5.ctx, most, sizeof *voxel);
  float *value = pcn_alloc(r->h5.ctx, most, sizeof *value);
  const pencone_status status =
      voxel != NULL && value != NULL ? give_blocks(r, sink, voxel, value) : PENCONE_E_MEMORY;
  pcn_free(value);
  pcn_free(voxel);
  return status;
}

pencone_status pencone_dij_read(pencone_context *ctx, const char *path, pencone_dij *dij) {
  pcn_dij_reader reader;
  PCN_CHECK(ctx, dij != NULL, PENCONE_E_ARGUMENT, "matrix file: the matrix to fill is NULL");
  const pencone_dij_sink sink = pencone_dij_fill(dij);
  PCN_TRY(pcn_dij_reader_open(ctx, path, &reader));
  pencone_beamlet *beamlets = pcn_alloc(ctx, (size_t)reader.columns, sizeof *beamlets);
  const pencone_status status = beamlets != NULL ? give_all(&reader, &sink, beamlets) : PENCONE_E_MEMORY;
  pcn_free(beamlets);
  return pcn_dij_reader_close(&reader, status);
}

// --- dose --------------------------------------------------------------------------------------

static pencone_status check_weights(const pcn_dij_reader *r, const double *weights) {
  for (int64_t c = 0; c < r->columns; ++c) {
    PCN_CHECK(r->h5.ctx, isfinite(weights[c]) && weights[c] >= 0, PENCONE_E_RANGE,
              "weight of column %lld: got %g, expected a finite number of 0 or more", (long long)c,
              weights[c]);
  }
  return PENCONE_OK;
}

/// Adds all columns, in their order, so that every voxel's sum has the same bits as in memory.
static pencone_status add_columns(pcn_dij_reader *r, const double *weights, double *sum) {
  const int64_t entries = r->first[r->columns];
  int64_t column = 0;
  for (int64_t start = 0; start < entries; start += r->count) {
    PCN_TRY(pcn_dij_reader_piece(r, start));
    for (int64_t e = 0; e < r->count; ++e) {
      while (r->first[column + 1] <= start + e) {
        ++column;
      }
      sum[r->voxel[e]] += weights[column] * (double)r->value[e];
    }
    pencone_context *ctx = r->h5.ctx;
    pcn_h5_pause(&r->h5);  // the callback may use HDF5
    const pencone_status status = pcn_progress(ctx, (double)(start + r->count) / (double)entries, "dose");
    pcn_h5_continue(&r->h5, ctx);
    PCN_TRY(status);
  }
  return PENCONE_OK;
}

static pencone_status set_texts(const pcn_dij_reader *r, pencone_dose *dose) {
  char *quantity = NULL;
  PCN_TRY(pcn_h5_read_text(&r->h5, data, "quantity", &quantity));
  const pencone_status status =
      pencone_dose_set_units(r->h5.ctx, dose, "Gy", quantity, "for the weights of an influence matrix");
  pcn_free(quantity);
  return status == PENCONE_OK ? pcn_provenance_read(&r->h5, dose) : status;
}

static pencone_status fill_dose(pcn_dij_reader *r, const double *weights, double *sum, pencone_dose *dose) {
  PCN_TRY(add_columns(r, weights, sum));
  float *values = pencone_dose_values(dose);
  const size_t voxels = pencone_grid_voxels(&r->grid);
  for (size_t v = 0; v < voxels; ++v) {
    values[v] = (float)sum[v];
  }
  PCN_TRY(pcn_dose_check(r->h5.ctx, dose));
  return set_texts(r, dose);
}

static pencone_status make_dose(pcn_dij_reader *r, int64_t count, const double *weights, pencone_dose **out) {
  PCN_TRY(check_count(r, count, "weights"));
  PCN_TRY(check_weights(r, weights));
  PCN_TRY(pencone_dose_create(r->h5.ctx, &r->grid, out));
  double *sum = pcn_calloc(r->h5.ctx, pencone_grid_voxels(&r->grid), sizeof *sum);
  const pencone_status status = sum != NULL ? fill_dose(r, weights, sum, *out) : PENCONE_E_MEMORY;
  pcn_free(sum);
  return status;
}

pencone_status pencone_dij_file_dose(pencone_context *ctx, const char *path, int64_t count,
                                     const double *weights, pencone_dose **out) {
  pcn_dij_reader reader;
  PCN_CHECK(ctx, out != NULL && weights != NULL, PENCONE_E_ARGUMENT,
            "matrix file: got NULL, expected weights and a place for the dose");
  *out = NULL;
  PCN_TRY(pcn_dij_reader_open(ctx, path, &reader));
  const pencone_status status = pcn_dij_reader_close(&reader, make_dose(&reader, count, weights, out));
  if (status != PENCONE_OK) {
    pencone_dose_destroy(*out);
    *out = NULL;
  }
  return status;
}
