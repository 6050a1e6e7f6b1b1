// SPDX-License-Identifier: Apache-2.0
// Head, beamlets and sums of an influence matrix in HDF5 (docs/formats.md).
#include "dij_table.h"

#include <stddef.h>
#include <stdio.h>

#include "base/base.h"
#include "dij_writer.h"
#include "dose_file.h"
#include "engine/provenance.h"
#include "phantom_file.h"

pencone_status pcn_dij_head_write(const pcn_h5 *h5, const pencone_grid *grid) {
  PCN_TRY(pcn_head_write(h5, "pencone-dij", grid));
  return pcn_h5_make_group(h5, "/pencone/dij");
}

hid_t pcn_dij_beamlet_type(void) {
  static const struct {
    const char *name;
    size_t offset;
  } numbers[] = {{"x_mm", offsetof(pencone_beamlet, x_mm)},
                 {"y_mm", offsetof(pencone_beamlet, y_mm)},
                 {"width_x_mm", offsetof(pencone_beamlet, width_mm)},
                 {"width_y_mm", offsetof(pencone_beamlet, width_mm) + sizeof(double)},
                 {"energy_mev", offsetof(pencone_beamlet, energy_mev)},
                 {"weight", offsetof(pencone_beamlet, weight)}};
  const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(pencone_beamlet));
  int good = type >= 0 && H5Tinsert(type, "beam", offsetof(pencone_beamlet, beam), H5T_NATIVE_INT32) >= 0 &&
             H5Tinsert(type, "layer", offsetof(pencone_beamlet, layer), H5T_NATIVE_INT32) >= 0;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && good; ++i) {
    good = H5Tinsert(type, numbers[i].name, numbers[i].offset, H5T_NATIVE_DOUBLE) >= 0;
  }
  if (!good) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

pcn_dij_beam pcn_dij_beam_of(const pencone_beam *beam) {
  return (pcn_dij_beam){{beam->isocenter_mm[0], beam->isocenter_mm[1], beam->isocenter_mm[2]},
                        beam->gantry_deg,
                        beam->collimator_deg,
                        beam->couch_deg,
                        pencone_machine_describe(beam->machine)->sad_mm};
}

hid_t pcn_dij_beam_type(void) {
  static const char *const names[] = {"isocenter_x_mm", "isocenter_y_mm", "isocenter_z_mm", "gantry_deg",
                                      "collimator_deg", "couch_deg",      "sad_mm"};
  const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(pcn_dij_beam));
  int good = type >= 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && good; ++i) {
    good = H5Tinsert(type, names[i], i * sizeof(double), H5T_NATIVE_DOUBLE) >= 0;
  }
  if (!good) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

static pencone_status write_beams(const pencone_dij_writer *w) {
  const int count = pencone_plan_beam_count(w->info.plan);
  const hid_t type = pcn_dij_beam_type();
  pcn_dij_beam *beams = pcn_alloc(w->h5.ctx, (size_t)count, sizeof *beams);
  for (int i = 0; beams != NULL && i < count; ++i) {
    beams[i] = pcn_dij_beam_of(pencone_plan_beam(w->info.plan, i));
  }
  const pencone_status status = beams != NULL
                                    ? pcn_h5_write_table(&w->h5, "/pencone/dij/beams", type, count, 0, beams)
                                    : PENCONE_E_MEMORY;
  pcn_free(beams);
  H5Tclose(type);
  return status;
}

static pencone_status write_beamlets(const pencone_dij_writer *w) {
  const hid_t type = pcn_dij_beamlet_type();
  const pencone_status status =
      pcn_h5_write_table(&w->h5, "/pencone/dij/beamlets", type, (int)w->info.columns, 0, w->info.beamlets);
  H5Tclose(type);
  return status;
}

static pencone_status write_sums(const pencone_dij_writer *w, int64_t *first, double *sum, double *lost) {
  const int columns = (int)w->info.columns;
  first[0] = 0;
  for (int c = 0; c < columns; ++c) {
    first[c + 1] = first[c] + w->log.note[c].count;
    sum[c] = w->log.note[c].sum;
    lost[c] = w->log.note[c].lost;
  }
  PCN_TRY(pcn_h5_write_table(&w->h5, "/pencone/dij/indptr", H5T_NATIVE_INT64, columns + 1, 0, first));
  PCN_TRY(pcn_h5_write_table(&w->h5, "/pencone/dij/sum", H5T_NATIVE_DOUBLE, columns, 0, sum));
  return pcn_h5_write_table(&w->h5, "/pencone/dij/lost", H5T_NATIVE_DOUBLE, columns, 0, lost);
}

static pencone_status write_columns(const pencone_dij_writer *w) {
  const size_t columns = (size_t)w->info.columns;
  int64_t *first = pcn_alloc(w->h5.ctx, columns + 1, sizeof *first);
  double *sum = pcn_alloc(w->h5.ctx, columns, sizeof *sum);
  double *lost = pcn_alloc(w->h5.ctx, columns, sizeof *lost);
  const pencone_status status =
      first != NULL && sum != NULL && lost != NULL ? write_sums(w, first, sum, lost) : PENCONE_E_MEMORY;
  pcn_free(lost);
  pcn_free(sum);
  pcn_free(first);
  return status == PENCONE_OK ? write_beamlets(w) : status;
}

static pencone_status write_attributes(const pencone_dij_writer *w) {
  static const char group[] = "/pencone/dij";
  static const char data[] = "/pencone/dij/data";
  const pencone_dij_options *options = w->info.options;
  const pencone_machine *machine = pencone_plan_beam(w->info.plan, 0)->machine;
  const int protons = pencone_machine_describe(machine)->modality == PENCONE_PROTON;
  const int64_t columns = w->info.columns, sampling = options->sampling != 0, seed = (int64_t)options->seed,
                masked = options->mask != NULL;
  PCN_TRY(pcn_h5_write_integers(&w->h5, group, "columns", 0, &columns));
  PCN_TRY(pcn_h5_write_doubles(&w->h5, group, "threshold", 0, &options->threshold));
  PCN_TRY(pcn_h5_write_integers(&w->h5, group, "sampling", 0, &sampling));
  PCN_TRY(pcn_h5_write_integers(&w->h5, group, "seed", 0, &seed));
  PCN_TRY(pcn_h5_write_integers(&w->h5, group, "masked", 0, &masked));
  PCN_TRY(pcn_h5_write_text(&w->h5, data, "units", protons ? "Gy" : "Gy cm2"));
  PCN_TRY(
      pcn_h5_write_text(&w->h5, data, "normalisation",
                        protons ? "per proton" : "per photon/cm2 in the isocentre plane without phantom"));
  return pcn_h5_write_text(
      &w->h5, data, "quantity",
      pencone_plan_quantity(w->info.plan) == PENCONE_DOSE_TO_WATER ? "dose to water" : "dose to medium");
}

/// A dose of one voxel carries the notes, so that they are made and written like those of a dose.
static pencone_status fill_provenance(const pencone_dij_writer *w, pencone_dose *carrier) {
  pencone_context *ctx = w->h5.ctx;
  PCN_TRY(pcn_provenance_put(ctx, w->info.plan, w->info.phantom, carrier, pcn_seconds() - w->start_s));
  if (w->plan_text != NULL) {
    PCN_TRY(pencone_dose_set_provenance(ctx, carrier, "plan", w->plan_text));
  }
  if (w->phantom_path != NULL) {
    PCN_TRY(pencone_dose_set_provenance(ctx, carrier, "phantom", w->phantom_path));
  }
  char threads[16];
  snprintf(threads, sizeof threads, "%d", w->threads);
  PCN_TRY(pencone_dose_set_provenance(ctx, carrier, "threads", threads));
  PCN_TRY(pencone_dose_set_provenance(ctx, carrier, "isa", w->isa));
  return pcn_provenance_write(&w->h5, carrier);
}

static pencone_status write_provenance(const pencone_dij_writer *w) {
  const pencone_grid one = {{1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
  pencone_dose *carrier = NULL;
  PCN_TRY(pencone_dose_create(w->h5.ctx, &one, &carrier));
  const pencone_status status = fill_provenance(w, carrier);
  pencone_dose_destroy(carrier);
  return status;
}

pencone_status pcn_dij_tables_write(const pencone_dij_writer *w) {
  PCN_TRY(write_columns(w));
  PCN_TRY(write_beams(w));
  PCN_TRY(write_attributes(w));
  return write_provenance(w);
}
