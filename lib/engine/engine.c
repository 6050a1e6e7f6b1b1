// SPDX-License-Identifier: Apache-2.0
// Plan and phantom to dose, whatever the engine.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "beam/aperture.h"
#include "engine/biology.h"
#include "engine/dose.h"
#include "engine/engine_state.h"
#include "engine/provenance.h"
#include "geom/frame.h"
#include "geom/ray.h"

// --- grids -------------------------------------------------------------------------------------

// Voxels of the calculation grid whose centres lie in the wanted box.
static pencone_status crop(pencone_context *ctx, const pencone_grid *full, const pencone_dose_grid *wanted,
                           pencone_grid *out, int64_t first[3]) {
  *out = *full;
  for (int a = 0; a < 3; a++) {
    first[a] = 0;
    if (!wanted->has_box) {
      continue;
    }
    const double h = full->spacing_mm[a], origin = full->origin_mm[a];
    const double low = ceil((wanted->box_min_mm[a] - origin) / h - 1e-6);
    const double high = floor((wanted->box_max_mm[a] - origin) / h + 1e-6);
    const int64_t i0 = low > 0 ? (int64_t)low : 0;
    const int64_t i1 = high < (double)(full->size[a] - 1) ? (int64_t)high : full->size[a] - 1;
    PCN_CHECK(ctx, i1 >= i0, PENCONE_E_RANGE,
              "dose grid: box %c: %g to %g mm holds no voxel centre of the phantom, which spans %g to %g mm",
              'x' + a, wanted->box_min_mm[a], wanted->box_max_mm[a], origin - 0.5 * h,
              origin + h * ((double)full->size[a] - 0.5));
    first[a] = i0;
    out->size[a] = i1 - i0 + 1;
    out->origin_mm[a] = origin + h * (double)i0;
  }
  return PENCONE_OK;
}

static pencone_status find_grids(pencone_context *ctx, const pencone_plan *plan,
                                 const pencone_phantom *phantom, pencone_grid grids[2], int64_t first[3]) {
  const pencone_dose_grid *wanted = pencone_plan_dose_grid(plan);
  pcn_medium_grid(&pencone_phantom_describe(phantom)->grid, wanted->spacing_mm, &grids[0]);
  PCN_TRY(pencone_grid_check(ctx, &grids[0]));
  return crop(ctx, &grids[0], wanted, &grids[1], first);
}

// --- estimate ----------------------------------------------------------------------------------

static uint64_t bytes_of(const pcn_engine_type *type, const pencone_grid *full, int cropped, int threads) {
  const uint64_t voxels = (uint64_t)pencone_grid_voxels(full);
  return 3 * voxels * sizeof(float) + (cropped ? 2 : 0) * voxels * sizeof(float) + type->bytes(full, threads);
}

static int calculations_of(const pencone_plan *plan) {
  int count = 0;
  for (int i = 0; i < pencone_plan_beam_count(plan); i++) {
    count += pcn_beam_groups_count(pencone_plan_beam(plan, i));
  }
  return count;
}

pencone_status pencone_estimate(pencone_context *ctx, const pencone_plan *plan,
                                const pencone_phantom *phantom, pencone_estimate_info *out) {
  PCN_CHECK(ctx, plan != NULL && phantom != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "pencone_estimate: an argument is NULL");
  PCN_CHECK(ctx, out->struct_size == sizeof *out, PENCONE_E_ARGUMENT,
            "pencone_estimate: struct_size is %zu, expected %zu: start from PENCONE_ESTIMATE_DEFAULT",
            out->struct_size, sizeof *out);
  const int beams = pencone_plan_beam_count(plan);
  PCN_CHECK(ctx, beams > 0, PENCONE_E_RANGE, "plan %s: it has no beams", pencone_plan_name(plan));
  pencone_grid grids[2];
  int64_t first[3];
  PCN_TRY(find_grids(ctx, plan, phantom, grids, first));
  const pcn_engine_type *type = pcn_engine_find(pencone_plan_engine(plan));
  out->voxels = (uint64_t)pencone_grid_voxels(&grids[0]);
  out->bytes =
      bytes_of(type, &grids[0], !pencone_grid_equal(&grids[0], &grids[1]), pencone_context_threads(ctx));
  if (type->option_bytes != NULL) {
    out->bytes += type->option_bytes(plan, &grids[0], pencone_context_threads(ctx));
  }
  out->seconds = calculations_of(plan) * type->seconds(plan, &grids[0]);
  out->grid = grids[1];
  return PENCONE_OK;
}

static pencone_status check_budget(pencone_context *ctx, const pencone_plan *plan,
                                   const pencone_phantom *phantom) {
  pencone_estimate_info estimate = PENCONE_ESTIMATE_DEFAULT;
  PCN_TRY(pencone_estimate(ctx, plan, phantom, &estimate));
  const uint64_t budget = pencone_context_memory_budget(ctx);
  const double mib = 1.0 / (1024 * 1024);
  PCN_CHECK(ctx, budget == 0 || estimate.bytes <= budget, PENCONE_E_BUDGET,
            "memory: %llu voxels need %.1f MiB, the budget is %.1f MiB", (unsigned long long)estimate.voxels,
            mib * (double)estimate.bytes, mib * (double)budget);
  return PENCONE_OK;
}

// --- beams that meet the phantom ---------------------------------------------------------------

// 1 when a ray of a 9 x 9 lattice over the rectangle that holds the openings crosses matter.
static int beam_meets(const pcn_medium *medium, const pcn_aperture *aperture) {
  enum { STEPS = 8 };
  const pcn_frame *frame = &aperture->frame;
  const double far_mm = 1e5;
  for (int i = 0; i <= STEPS; i++) {
    for (int j = 0; j <= STEPS; j++) {
      const double x = aperture->x_mm[0] + (aperture->x_mm[1] - aperture->x_mm[0]) * i / STEPS;
      const double y = aperture->y_mm[0] + (aperture->y_mm[1] - aperture->y_mm[0]) * j / STEPS;
      pcn_vec3 way = pcn_v3_scale(frame->ez, frame->sad_mm);
      way = pcn_v3_add(way, pcn_v3_add(pcn_v3_scale(frame->ex, x), pcn_v3_scale(frame->ey, y)));
      const pcn_vec3 end = pcn_v3_add(frame->source, pcn_v3_scale(way, far_mm / frame->sad_mm));
      if (pcn_ray_integral(&medium->grid, medium->electron_density, frame->source, end) > 0) {
        return 1;
      }
    }
  }
  return 0;
}

static int inside(const pencone_grid *grid, pcn_vec3 point) {
  const double p[3] = {point.x, point.y, point.z};
  int in = 1;
  for (int a = 0; a < 3; a++) {
    const double low = grid->origin_mm[a] - 0.5 * grid->spacing_mm[a];
    in = in && p[a] > low && p[a] < low + grid->spacing_mm[a] * (double)grid->size[a];
  }
  return in;
}

static pencone_status check_geometry(pencone_context *ctx, const pcn_medium *medium,
                                     const pencone_beam *beam) {
  const pcn_frame frame = pcn_beam_frame(beam);
  PCN_CHECK(ctx, !inside(&medium->grid, frame.source), PENCONE_E_GEOMETRY,
            "beam %s: its source at (%.1f, %.1f, %.1f) mm is inside the phantom", beam->name, frame.source.x,
            frame.source.y, frame.source.z);
  pcn_aperture aperture;
  PCN_TRY(pcn_aperture_make(ctx, beam, medium->grid.spacing_mm, &aperture));
  const int meets = beam_meets(medium, &aperture);
  pcn_aperture_free(&aperture);
  PCN_CHECK(ctx, meets, PENCONE_E_GEOMETRY,
            "beam %s: it misses the phantom (source (%.1f, %.1f, %.1f) mm, isocentre (%.1f, %.1f, %.1f) mm)",
            beam->name, frame.source.x, frame.source.y, frame.source.z, beam->isocenter_mm[0],
            beam->isocenter_mm[1], beam->isocenter_mm[2]);
  return PENCONE_OK;
}

// --- create and destroy ------------------------------------------------------------------------

static const char *modality_name(pencone_modality modality) {
  return modality == PENCONE_PROTON ? "protons" : "photons";
}

// Progress of create: the phantom, then the beams' tables.
static const double medium_share = 0.3;

// The tables of the job's machine, made when its first beam asks for them.
static pencone_status find_shared(pencone_context *ctx, pencone_engine *engine, pcn_job *job) {
  const pcn_engine_type *type = engine->type;
  const char *sha256 = pencone_machine_sha256(job->beam->machine);
  job->shared = NULL;
  for (int i = 0; i < engine->machines && type->shared_size > 0; i++) {
    if (strcmp(engine->machine[i].sha256, sha256) == 0) {
      job->shared = engine->machine[i].tables;
    }
  }
  if (job->shared != NULL || type->shared_size == 0) {
    return PENCONE_OK;
  }
  void *tables = pcn_calloc(ctx, 1, type->shared_size);
  if (tables == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = type->shared_make(ctx, job, tables);
  if (status != PENCONE_OK) {
    pcn_free(tables);
    return status;
  }
  engine->machine[engine->machines++] = (pcn_shared_tables){sha256, tables};
  job->shared = tables;
  return PENCONE_OK;
}

static pencone_status make_state(pencone_context *ctx, const pcn_engine_type *type, const pcn_job *job,
                                 void **out) {
  void *state = pcn_calloc(ctx, 1, type->state_size);
  if (state == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = type->make(ctx, job, state);
  if (status != PENCONE_OK) {
    pcn_free(state);
    return status;
  }
  *out = state;
  return PENCONE_OK;
}

static pencone_status make_beam(pencone_context *ctx, pencone_engine *engine, int i, pcn_beam_states *out) {
  PCN_TRY(pcn_beam_groups_make(ctx, pencone_plan_beam(engine->plan, i), &out->groups));
  const int count = out->groups.count;
  out->state = pcn_calloc(ctx, (size_t)count, sizeof *out->state);
  if (out->state == NULL) {
    return PENCONE_E_MEMORY;
  }
  const double share = (1 - medium_share) / engine->beams;
  for (int g = 0; g < count; g++) {
    const pencone_beam *beam = &out->groups.beam[g];
    pcn_job job = {.medium = &engine->medium,
                   .beam = beam,
                   .plan = engine->plan,
                   .progress = {medium_share + share * (i + (double)g / count), share / count}};
    PCN_TRY(pcn_progress(ctx, job.progress[0], "tables"));
    const pencone_machine_desc *machine = pencone_machine_describe(beam->machine);
    PCN_CHECK(ctx, machine->modality == engine->type->modality, PENCONE_E_UNSUPPORTED,
              "beam %s: machine %s makes %s, engine %s calculates %s", beam->name, machine->name,
              modality_name(machine->modality), engine->type->info.name,
              modality_name(engine->type->modality));
    PCN_CHECK(ctx,
              engine->type->takes_profile || (machine->horn_points == 0 && machine->penumbra_sigma_mm == 0),
              PENCONE_E_UNSUPPORTED,
              "beam %s: machine %s has a penumbra or a horn, which engine %s does not know; "
              "expected photon-pencil-beam, or a machine without",
              beam->name, machine->name, engine->type->info.name);
    PCN_CHECK(
        ctx, engine->type->takes_map || beam->fluence_map == NULL, PENCONE_E_UNSUPPORTED,
        "beam %s: it has a fluence map, which engine %s does not take; expected photon-collapsed-cone or "
        "photon-pencil-beam",
        beam->name, engine->type->info.name);
    PCN_TRY(check_geometry(ctx, &engine->medium, beam));
    PCN_TRY(find_shared(ctx, engine, &job));
    PCN_TRY(make_state(ctx, engine->type, &job, &out->state[g]));
  }
  return PENCONE_OK;
}

// What the engine has to say of the beams, each text once.
static void tell_remarks(pencone_context *ctx, const pencone_engine *engine) {
  const char *said = NULL;
  for (int i = 0; engine->type->remark != NULL && i < engine->beams; i++) {
    for (int g = 0; g < engine->beam[i].groups.count; g++) {
      const char *text = engine->type->remark(engine->beam[i].state[g]);
      if (text != NULL && text != said) {
        pcn_log(ctx, PENCONE_LOG_WARNING, "%s", text);
        said = text;
      }
    }
  }
}

static pencone_status make_beams(pencone_context *ctx, pencone_engine *engine) {
  for (int i = 0; i < engine->beams; i++) {
    PCN_TRY(make_beam(ctx, engine, i, &engine->beam[i]));
  }
  tell_remarks(ctx, engine);
  return PENCONE_OK;
}

/// An engine that is being made.
typedef struct making {
  pencone_context *ctx;
  pencone_engine *engine;
  const pencone_grid *grid;  ///< of the calculation
} making;

static pencone_status make_tables(void *user) {
  const making *m = user;
  pencone_engine *engine = m->engine;
  const double progress[2] = {0, medium_share};
  PCN_TRY(engine->type->modality == PENCONE_PROTON
              ? pcn_medium_make_proton(m->ctx, engine->phantom, m->grid, progress, &engine->medium)
              : pcn_medium_make(m->ctx, engine->phantom, m->grid, progress, &engine->medium));
  return make_beams(m->ctx, engine);
}

pencone_status pencone_engine_create(pencone_context *ctx, const pencone_plan *plan,
                                     const pencone_phantom *phantom, pencone_engine **out) {
  PCN_CHECK(ctx, plan != NULL && phantom != NULL && out != NULL, PENCONE_E_ARGUMENT,
            "pencone_engine_create: an argument is NULL");
  *out = NULL;
  PCN_TRY(check_budget(ctx, plan, phantom));
  pencone_engine *engine = pcn_calloc(ctx, 1, sizeof *engine);
  if (engine == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_grid grids[2];
  engine->plan = plan;
  engine->phantom = phantom;
  engine->type = pcn_engine_find(pencone_plan_engine(plan));
  engine->beams = pencone_plan_beam_count(plan);
  engine->beam = pcn_calloc(ctx, (size_t)engine->beams, sizeof *engine->beam);
  engine->machine = pcn_calloc(ctx, (size_t)engine->beams, sizeof *engine->machine);
  pencone_status status = engine->beam != NULL && engine->machine != NULL
                              ? find_grids(ctx, plan, phantom, grids, engine->rows.first)
                              : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    engine->rows.grid = grids[1];
    making m = {ctx, engine, &grids[0]};
    status = pcn_with_crew(ctx, make_tables, &m);
  }
  if (status != PENCONE_OK) {
    pencone_engine_destroy(engine);
    return status;
  }
  *out = engine;
  return PENCONE_OK;
}

static void free_states(const pcn_engine_type *type, pcn_beam_states *b) {
  for (int g = 0; b->state != NULL && g < b->groups.count; g++) {
    if (b->state[g] != NULL) {
      type->free(b->state[g]);
      pcn_free(b->state[g]);
    }
  }
  pcn_free(b->state);
  pcn_beam_groups_free(&b->groups);
}

void pencone_engine_destroy(pencone_engine *engine) {
  if (engine == NULL) {
    return;
  }
  for (int i = 0; engine->beam != NULL && i < engine->beams; i++) {
    free_states(engine->type, &engine->beam[i]);
  }
  for (int i = 0; i < engine->machines; i++) {
    engine->type->shared_free(engine->machine[i].tables);
    pcn_free(engine->machine[i].tables);
  }
  pcn_free(engine->machine);
  pcn_free(engine->beam);
  pcn_medium_free(&engine->medium);
  pcn_free(engine);
}

const pencone_grid *pencone_engine_grid(const pencone_engine *engine) {
  return engine != NULL ? &engine->rows.grid : NULL;
}

// --- compute -----------------------------------------------------------------------------------

static void copy_box(const pencone_engine *engine, const float *full, float *out) {
  const int64_t *n = engine->rows.grid.size, *all = engine->medium.grid.size, *first = engine->rows.first;
  for (int64_t k = 0; k < n[2]; k++) {
    for (int64_t j = 0; j < n[1]; j++) {
      const float *from = full + ((k + first[2]) * all[1] + j + first[1]) * all[0] + first[0];
      memcpy(out + (k * n[1] + j) * n[0], from, (size_t)n[0] * sizeof *out);
    }
  }
}

// One calculation on the whole calculation grid, cut to the box; full is scratch for two volumes.
static pencone_status add_cropped(pencone_context *ctx, const pencone_engine *engine, const void *state,
                                  float *const out[4], const double progress[2]) {
  const size_t voxels = pencone_grid_voxels(&engine->medium.grid),
               wanted = pencone_grid_voxels(&engine->rows.grid);
  const size_t volumes = out[2] != NULL ? 2 : 1;  // dose, and dose times LET
  float *full = pcn_calloc(ctx, volumes * voxels, sizeof *full), *box = pcn_alloc(ctx, wanted, sizeof *box);
  pencone_status status = full != NULL && box != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    float *const whole[4] = {full, NULL, volumes > 1 ? full + voxels : NULL, NULL};
    status = engine->type->add(ctx, state, whole, progress);
  }
  for (size_t v = 0; status == PENCONE_OK && v < volumes; v++) {
    copy_box(engine, full + v * voxels, box);
    for (size_t o = 2 * v; o < 2 * v + 2; o++) {
      for (size_t i = 0; out[o] != NULL && i < wanted; i++) {
        out[o][i] += box[i];
      }
    }
  }
  pcn_free(full);
  pcn_free(box);
  return status;
}

static pencone_status compute_beam(pencone_context *ctx, const pencone_engine *engine, int i, int keep,
                                   float *let, pencone_dose *dose) {
  const pcn_beam_states *beam = &engine->beam[i];
  const int whole = pencone_grid_equal(&engine->rows.grid, &engine->medium.grid);
  float *out[4] = {pencone_dose_values(dose), NULL, let, NULL};
  if (keep) {
    const char *name = pencone_plan_beam(engine->plan, i)->name;
    PCN_TRY(pencone_dose_add_part(ctx, dose, name, &out[1]));
    PCN_TRY(pcn_biology_begin(ctx, engine->plan, name, dose, &out[3]));
  }
  for (int g = 0; g < beam->groups.count; g++) {
    const double share = 1.0 / engine->beams / beam->groups.count;
    const double progress[2] = {(double)i / engine->beams + share * g, share};
    PCN_TRY(whole ? engine->type->add(ctx, beam->state[g], out, progress)
                  : add_cropped(ctx, engine, beam->state[g], out, progress));
  }
  return PENCONE_OK;
}

// --- units ------------------------------------------------------------------------------------

static pencone_status put_units(pencone_context *ctx, const pencone_engine *engine, pencone_dose *dose) {
  if (engine->type->modality == PENCONE_PROTON) {
    const char *quantity =
        pencone_plan_quantity(engine->plan) == PENCONE_DOSE_TO_WATER ? "dose to water" : "dose to medium";
    return pencone_dose_set_units(ctx, dose, "Gy", quantity, "for the plan's protons");
  }
  int unit = 1;
  for (int i = 0; i < engine->beams; i++) {
    unit = unit && pencone_plan_beam(engine->plan, i)->fluence_per_cm2 == 1.0;
  }
  return pencone_dose_set_units(
      ctx, dose, unit ? "Gy cm2" : "Gy",
      pencone_plan_quantity(engine->plan) == PENCONE_DOSE_TO_WATER ? "dose to water" : "dose to medium",
      unit ? "per unit photon fluence (1/cm2) in the isocentre plane without phantom"
           : "for the plan's photon fluence in the isocentre plane");
}

/// A dose that is being calculated.
typedef struct computing {
  pencone_context *ctx;
  const pencone_engine *engine;
  int keep_beams;
  pencone_dose *dose;
} computing;

static pencone_status compute(void *user) {
  const computing *c = user;
  float *let;
  PCN_TRY(pcn_biology_begin(c->ctx, c->engine->plan, NULL, c->dose, &let));
  for (int i = 0; i < c->engine->beams; i++) {
    PCN_TRY(compute_beam(c->ctx, c->engine, i, c->keep_beams, let, c->dose));
  }
  return pcn_biology_finish(c->ctx, c->engine->plan, c->dose);
}

pencone_status pencone_engine_compute(pencone_context *ctx, const pencone_engine *engine, int keep_beams,
                                      pencone_dose *dose) {
  PCN_CHECK(ctx, engine != NULL && dose != NULL, PENCONE_E_ARGUMENT,
            "pencone_engine_compute: an argument is NULL");
  const pencone_grid *grid = pencone_dose_grid_of(dose);
  PCN_CHECK(
      ctx, pencone_grid_equal(grid, &engine->rows.grid), PENCONE_E_SHAPE,
      "dose grid: got %lld x %lld x %lld voxels at another place or spacing, expected pencone_engine_grid()",
      (long long)grid->size[0], (long long)grid->size[1], (long long)grid->size[2]);
  const double start = pcn_seconds();
  pcn_dose_clear_parts(dose);
  memset(pencone_dose_values(dose), 0, pencone_grid_voxels(grid) * sizeof(float));
  PCN_TRY(pcn_progress(ctx, 0, "dose"));
  computing c = {ctx, engine, keep_beams, dose};
  PCN_TRY(pcn_with_crew(ctx, compute, &c));
  PCN_TRY(put_units(ctx, engine, dose));
  PCN_TRY(pcn_provenance_put(ctx, engine->plan, engine->phantom, dose, pcn_seconds() - start));
  PCN_TRY(pcn_dose_check(ctx, dose));
  return pcn_progress(ctx, 1, "done");
}

pencone_status pencone_engine_points(pencone_context *ctx, const pencone_engine *engine, size_t points,
                                     const double *xyz_mm, double *dose_gy) {
  PCN_CHECK(ctx, engine != NULL && (points == 0 || (xyz_mm != NULL && dose_gy != NULL)), PENCONE_E_ARGUMENT,
            "pencone_engine_points: an argument is NULL");
  PCN_CHECK(ctx, engine->type->at != NULL, PENCONE_E_UNSUPPORTED, "engine %s calculates grids, not points",
            engine->type->info.name);
  for (size_t i = 0; i < points; i++) {
    dose_gy[i] = 0;
    for (int b = 0; b < engine->beams; b++) {
      for (int g = 0; g < engine->beam[b].groups.count; g++) {
        dose_gy[i] += engine->type->at(engine->beam[b].state[g], xyz_mm + 3 * i);
        PCN_TRY(pcn_progress(ctx, ((double)i + (double)b / engine->beams) / (double)points, "points"));
      }
    }
  }
  return pcn_progress(ctx, 1, "points");
}
