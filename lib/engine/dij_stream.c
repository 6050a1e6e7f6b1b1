// SPDX-License-Identifier: Apache-2.0
// Influence matrices, block by block: while the threads calculate one, the one before goes to the sink.
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "engine/beamlets.h"
#include "engine/engine_state.h"
#include "engine/keep.h"

enum { BLOCK = PENCONE_DIJ_BLOCK, SIDES = 2, SAMPLES = 4 };

/// Columns of one block: those in work and what the sink gets of them.
typedef struct block {
  int count;
  pcn_column column[BLOCK];
  pencone_dij_column ready[BLOCK];
} block;

typedef struct stream {
  pencone_context *ctx;
  const pencone_engine *engine;
  pencone_dij_options options;
  const pencone_dij_sink *sink;
  pencone_dij_info info;
  pencone_dij_report report;
  pencone_beamlet *beamlets;
  pcn_quota quota;
  int workers, together;     ///< threads; columns that a task makes at most
  int sift;                  ///< 1: the engine does, straight into the blocks
  pencone_context **worker;  ///< one for each thread, then one for the sink
  pcn_column *raw;           ///< of each thread: the column in work
  int beam, layer;           ///< whose beamlets are ready; -1: none
  void *shared;
  block *blocks;  ///< SIDES of them
  // What the threads do at the moment:
  block *work, *put;  ///< put: NULL when there is nothing to be written
  int64_t start;      ///< the block's first column
  int first, part;    ///< columns of the block that the tasks start with and make
  pencone_status put_status, status[BLOCK];
  int failed_in[BLOCK];  ///< worker
  atomic_int failed;
} stream;

// --- checks ------------------------------------------------------------------------------------

static pencone_status check(pencone_context *ctx, const pencone_engine *engine,
                            const pencone_dij_options *options) {
  const pcn_engine_type *type = engine->type;
  PCN_CHECK(ctx, type->beamlets_size > 0, PENCONE_E_UNSUPPORTED, "engine %s makes no influence matrices",
            type->info.name);
  PCN_CHECK(
      ctx, options->struct_size == sizeof *options, PENCONE_E_ARGUMENT,
      "influence matrix: options: struct_size is %zu, expected %zu: start from PENCONE_DIJ_OPTIONS_DEFAULT",
      options->struct_size, sizeof *options);
  PCN_CHECK(ctx, options->threshold >= 0 && options->threshold <= 1, PENCONE_E_RANGE,
            "influence matrix: threshold: got %g, expected 0 to 1 of a column's maximum", options->threshold);
  const int64_t columns = pencone_dij_columns(engine->plan), first = options->first_column;
  PCN_CHECK(ctx, first >= 0 && first % BLOCK == 0 && (first < columns || first == 0), PENCONE_E_RANGE,
            "influence matrix: first column: got %lld, expected a multiple of %d below %lld",
            (long long)first, BLOCK, (long long)columns);
  return PENCONE_OK;
}

// --- what beamlets share -----------------------------------------------------------------------

static void free_shared(stream *s) {
  if (s->beam >= 0) {
    s->engine->type->beamlets_free(s->shared);
    s->beam = -1;
  }
}

static pencone_status use_beam(stream *s, int beam, int layer) {
  if (s->beam == beam && s->layer == layer) {
    return PENCONE_OK;
  }
  const pencone_engine *e = s->engine;
  const pcn_beamlet_job job = {.medium = &e->medium,
                               .beam = pencone_plan_beam(e->plan, beam),
                               .plan = e->plan,
                               .state = e->beam[beam].state[0],
                               .rows = &e->rows,
                               .layer = layer,
                               .threshold = s->options.sampling ? 0 : s->options.threshold,
                               .sift = s->sift};
  s->layer = -1;
  if (s->beam == beam && e->type->beamlets_next != NULL) {
    PCN_TRY(e->type->beamlets_next(s->ctx, &job, s->shared));
  } else {
    free_shared(s);
    memset(s->shared, 0, e->type->beamlets_size);
    PCN_TRY(e->type->beamlets_make(s->ctx, &job, s->shared));
    s->beam = beam;
  }
  s->layer = layer;
  return PENCONE_OK;
}

// --- create and destroy ------------------------------------------------------------------------

static void stream_free(stream *s) {
  free_shared(s);
  for (int b = 0; s->blocks != NULL && b < SIDES * BLOCK; b++) {
    pcn_column_free(&s->blocks[b / BLOCK].column[b % BLOCK]);
  }
  for (int w = 0; s->worker != NULL && w <= s->workers; w++) {
    pencone_context_destroy(s->worker[w]);
  }
  for (int w = 0; s->raw != NULL && w < s->workers; w++) {
    pcn_column_free(&s->raw[w]);
  }
  pcn_quota_free(&s->quota);
  pcn_free(s->worker);
  pcn_free(s->raw);
  pcn_free(s->blocks);
  pcn_free(s->shared);
  pcn_free(s->beamlets);
}

static pencone_status stream_make(pencone_context *ctx, const pencone_engine *engine,
                                  const pencone_dij_options *options, stream *s) {
  memset(s, 0, sizeof *s);
  s->ctx = ctx;
  s->engine = engine;
  s->options = *options;
  s->beam = -1;
  s->workers = pencone_context_threads(ctx);
  s->sift = engine->type->beamlet_group != NULL && options->mask == NULL && !options->sampling;
  atomic_init(&s->quota.used, 0);
  s->quota.slabs = 1;
  const int64_t columns = pencone_dij_columns(engine->plan);
  s->beamlets = pcn_alloc(ctx, (size_t)columns, sizeof *s->beamlets);
  s->shared = pcn_calloc(ctx, 1, engine->type->beamlets_size);
  s->blocks = pcn_calloc(ctx, SIDES, sizeof *s->blocks);
  s->worker = pcn_calloc(ctx, (size_t)s->workers + 1, sizeof *s->worker);
  s->raw = pcn_calloc(ctx, (size_t)s->workers, sizeof *s->raw);
  if (s->beamlets == NULL || s->shared == NULL || s->blocks == NULL || s->worker == NULL || s->raw == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int w = 0; w < s->workers; w++) {
    s->raw[w].quota = &s->quota;
  }
  for (int b = 0; b < SIDES * BLOCK; b++) {
    s->blocks[b / BLOCK].column[b % BLOCK].quota = &s->quota;
  }
  for (int w = 0; w <= s->workers; w++) {
    PCN_TRY(pcn_context_child(ctx, &s->worker[w]));
  }
  PCN_TRY(pencone_dij_beamlets(ctx, engine->plan, s->beamlets));
  const pencone_dij_info info = {sizeof info, engine->plan, engine->phantom, engine->rows.grid,
                                 columns,     s->beamlets,  &s->options};
  s->info = info;
  return PENCONE_OK;
}

// Blocks in memory: one thread does not write while it calculates, and every block costs the first touch of
// its memory.
static int sides(const stream *s) {
  return s->workers > 1 ? SIDES : 1;
}

// --- estimate ----------------------------------------------------------------------------------

// Memory besides the columns: the medium and what the beamlets of the greediest beam share.
static uint64_t fixed_bytes(const pencone_engine *engine, int threads) {
  const uint64_t volumes = engine->medium.stopping != NULL ? 5 : 3;
  return volumes * (uint64_t)pencone_grid_voxels(&engine->medium.grid) * sizeof(float) +
         engine->type->beamlets_bytes(engine->plan, &engine->medium.grid, &engine->rows.grid, threads);
}

static pencone_status make_column(stream *s, int64_t index, int worker, pcn_column *column,
                                  pencone_dij_column *out) {
  const pcn_engine_type *type = s->engine->type;
  pcn_column *raw = &s->raw[worker];
  raw->count = 0;
  raw->beyond = 0;
  if (type->beamlet_group != NULL) {
    PCN_TRY(type->beamlet_group(s->worker[worker], s->shared, 1, &s->beamlets[index], raw));
  } else {
    PCN_TRY(type->beamlet(s->worker[worker], s->shared, &s->beamlets[index], raw));
  }
  return pcn_column_keep(s->worker[worker], &s->options, index, raw, column, out);
}

// Columns of one beam and layer.
static pencone_status make_columns(stream *s, int64_t index, int count, int worker, pcn_column *columns,
                                   pencone_dij_column *out) {
  if (!s->sift) {
    for (int c = 0; c < count; c++) {
      PCN_TRY(make_column(s, index + c, worker, &columns[c], &out[c]));
    }
    return PENCONE_OK;
  }
  for (int c = 0; c < count; c++) {
    columns[c].count = 0;
  }
  PCN_TRY(s->engine->type->beamlet_group(s->worker[worker], s->shared, count, &s->beamlets[index], columns));
  for (int c = 0; c < count; c++) {
    out[c] = pcn_column_ready(&columns[c], index + c);
  }
  return PENCONE_OK;
}

// Entries and memory by the middle column of up to SAMPLES beams.
static pencone_status sample(stream *s, double *entries, double *bytes) {
  const int beams = s->engine->beams, step = beams > SAMPLES ? beams / SAMPLES : 1;
  double sampled = 0, most = 0;
  int64_t first = 0;
  *entries = 0;
  for (int b = 0; b < beams; b++) {
    const int64_t columns = pcn_beam_columns(pencone_plan_beam(s->engine->plan, b));
    if (b % step == 0) {
      pcn_column *column = &s->blocks[0].column[0];
      pencone_dij_column out;
      PCN_TRY(use_beam(s, b, s->beamlets[first + columns / 2].layer));
      PCN_TRY(make_columns(s, first + columns / 2, 1, 0, column, &out));
      *entries += (double)columns * (double)out.count;
      most = fmax(most, (double)(s->sift ? column->room : out.count));
      sampled += (double)columns;
    }
    first += columns;
  }
  *entries *= (double)s->info.columns / sampled;
  *bytes =
      (sides(s) * BLOCK * most + s->workers * (double)s->raw[0].room) * (sizeof(int32_t) + sizeof(float));
  return PENCONE_OK;
}

pencone_status pencone_dij_estimate(pencone_context *ctx, const pencone_engine *engine,
                                    const pencone_dij_options *options, uint64_t *bytes, int64_t *entries) {
  const pencone_dij_options standard = PENCONE_DIJ_OPTIONS_DEFAULT;
  PCN_CHECK(ctx, engine != NULL && bytes != NULL, PENCONE_E_ARGUMENT,
            "pencone_dij_estimate: an argument is NULL");
  options = options != NULL ? options : &standard;
  PCN_TRY(check(ctx, engine, options));
  stream s;
  double count = 0, columns = 0;
  pencone_status status = stream_make(ctx, engine, options, &s);
  if (status == PENCONE_OK) {
    status = sample(&s, &count, &columns);
  }
  if (status != PENCONE_OK && s.worker != NULL && s.worker[0] != NULL &&
      pencone_context_error(s.worker[0])[0] != '\0') {
    pcn_fail(ctx, status, "%s", pencone_context_error(s.worker[0]));
  }
  if (status == PENCONE_OK) {
    *bytes = fixed_bytes(engine, s.workers) + (uint64_t)columns;
    if (entries != NULL) {
      *entries = (int64_t)count;
    }
  }
  stream_free(&s);
  return status;
}

static pencone_status check_budget(stream *s) {
  const uint64_t budget = pencone_context_memory_budget(s->ctx);
  if (budget == 0) {
    return PENCONE_OK;
  }
  uint64_t bytes;
  const double mib = 1.0 / (1024 * 1024);
  PCN_TRY(pencone_dij_estimate(s->ctx, s->engine, &s->options, &bytes, NULL));
  PCN_CHECK(
      s->ctx, bytes <= budget, PENCONE_E_BUDGET,
      "memory: the influence matrix needs about %.1f MiB while it is calculated, the budget is %.1f MiB",
      mib * (double)bytes, mib * (double)budget);
  s->quota.limit = budget - fixed_bytes(s->engine, s->workers);
  return PENCONE_OK;
}

// --- blocks ------------------------------------------------------------------------------------

static void put_block(stream *s) {
  s->put_status = s->sink->put(s->sink->data, s->worker[s->workers], s->put->ready, s->put->count);
  if (s->put_status != PENCONE_OK) {
    atomic_store(&s->failed, 1);
  }
}

// Task 0 writes, where there is something to be written; the others make a group of columns each.
static void task(void *work, size_t index, int worker) {
  stream *s = work;
  if (atomic_load(&s->failed)) {
    return;
  }
  if (s->put != NULL && index == 0) {
    put_block(s);
    return;
  }
  const int done = ((int)index - (s->put != NULL)) * s->together, left = s->part - done, c = s->first + done;
  const int64_t column = s->start + c;
  s->status[c] = make_columns(s, column, left < s->together ? left : s->together, worker, &s->work->column[c],
                              &s->work->ready[c]);
  if (s->status[c] != PENCONE_OK) {
    s->failed_in[c] = worker;
    atomic_store(&s->failed, 1);
  }
}

// The status of the tasks; their text goes to the caller's context.
static pencone_status collect(stream *s) {
  if (s->put_status != PENCONE_OK) {
    return pcn_fail(s->ctx, s->put_status, "%s", pencone_context_error(s->worker[s->workers]));
  }
  for (int c = 0; c < BLOCK; c++) {
    if (s->status[c] != PENCONE_OK) {
      return pcn_fail(s->ctx, s->status[c], "%s", pencone_context_error(s->worker[s->failed_in[c]]));
    }
  }
  return PENCONE_OK;
}

// The columns of one beam (and layer) in a block, and with the first of them the block before is written.
static pencone_status run_part(stream *s, int first, int count) {
  const double all = (double)(s->info.columns - s->options.first_column);
  const double done = (double)(s->start + first - s->options.first_column);
  const int even = (count + s->workers - 1) / s->workers;  // none waits for another's group
  s->first = first;
  s->part = count;
  s->together =
      s->sift && even > 1 ? (even < s->engine->type->together ? even : s->engine->type->together) : 1;
  const pencone_beamlet *b = &s->beamlets[s->start + first];
  PCN_TRY(use_beam(s, b->beam, b->layer));
  const size_t tasks = (size_t)((count + s->together - 1) / s->together) + (s->put != NULL);
  PCN_TRY(pcn_parallel_for_progress(s->ctx, tasks, task, s, done / all, count / all, "influence matrix"));
  s->put = NULL;
  return collect(s);
}

static void add_to_report(stream *s, const block *b) {
  for (int c = 0; c < b->count; c++) {
    const pencone_dij_column *column = &b->ready[c];
    s->report.columns++;
    s->report.entries += column->count;
    s->report.empty += column->count == 0;
    s->report.sum += column->sum;
    s->report.lost += column->lost;
    s->report.worst_lost =
        column->sum > 0 ? fmax(s->report.worst_lost, column->lost / column->sum) : s->report.worst_lost;
  }
}

static int share(const pencone_beamlet *a, const pencone_beamlet *b) {
  return a->beam == b->beam && a->layer == b->layer;
}

static pencone_status run_block(stream *s, int64_t start, block *b) {
  b->count = (int)(s->info.columns - start < BLOCK ? s->info.columns - start : BLOCK);
  s->start = start;
  s->work = b;
  for (int first = 0, count; first < b->count; first += count) {
    for (count = 1;
         first + count < b->count && share(&s->beamlets[start + first], &s->beamlets[start + first + count]);
         count++) {
    }
    PCN_TRY(run_part(s, first, count));
  }
  add_to_report(s, b);
  return PENCONE_OK;
}

static pencone_status finish(stream *s) {
  PCN_CHECK(
      s->ctx, s->options.first_column > 0 || s->report.empty < s->report.columns, PENCONE_E_NUMERIC,
      "influence matrix: all %lld columns are empty: no beamlet gives dose to a voxel that is wanted (the dose grid's "
      "box and the mask)",
      (long long)s->report.columns);
  PCN_TRY(pcn_progress(s->ctx, 1,
                       "influence matrix"));  // the last chance to cancel: after end() a matrix is whole
  if (s->put != NULL) {
    put_block(s);
    PCN_TRY(collect(s));
  }
  if (s->sink->end != NULL) {
    s->put_status = s->sink->end(s->sink->data, s->worker[s->workers]);
    PCN_TRY(collect(s));
  }
  return PENCONE_OK;
}

static pencone_status run(stream *s) {
  int side = 0;
  PCN_TRY(check_budget(s));
  PCN_CHECK(s->ctx, s->info.columns > 0, PENCONE_E_RANGE, "plan %s: it has no beamlets",
            pencone_plan_name(s->engine->plan));
  if (s->sink->begin != NULL) {
    s->put_status = s->sink->begin(s->sink->data, s->worker[s->workers], &s->info);
    PCN_TRY(collect(s));
  }
  for (int64_t start = s->options.first_column; start < s->info.columns; start += BLOCK) {
    if (s->put != NULL && sides(s) == 1) {
      put_block(s);
      s->put = NULL;
      PCN_TRY(collect(s));
    }
    PCN_TRY(run_block(s, start, &s->blocks[side]));
    s->put = &s->blocks[side];
    side = (side + 1) % sides(s);
  }
  return finish(s);
}

pencone_status pencone_dij_stream(pencone_context *ctx, const pencone_engine *engine,
                                  const pencone_dij_options *options, const pencone_dij_sink *sink,
                                  pencone_dij_report *report) {
  const pencone_dij_options standard = PENCONE_DIJ_OPTIONS_DEFAULT;
  PCN_CHECK(ctx, engine != NULL && sink != NULL && sink->put != NULL, PENCONE_E_ARGUMENT,
            "pencone_dij_stream: the engine, the sink or its put() is NULL");
  PCN_CHECK(
      ctx, report == NULL || report->struct_size == sizeof *report, PENCONE_E_ARGUMENT,
      "pencone_dij_stream: report: struct_size is %zu, expected %zu: start from PENCONE_DIJ_REPORT_DEFAULT",
      report->struct_size, sizeof *report);
  options = options != NULL ? options : &standard;
  PCN_TRY(check(ctx, engine, options));
  stream s;
  pencone_status status = stream_make(ctx, engine, options, &s);
  if (status == PENCONE_OK) {
    s.sink = sink;
    status = run(&s);
  }
  if (status == PENCONE_OK && report != NULL) {
    *report = s.report;
    report->struct_size = sizeof *report;
  }
  stream_free(&s);
  return status;
}
