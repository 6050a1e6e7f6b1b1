// SPDX-License-Identifier: Apache-2.0
// Influence matrices in files: round trips to the bit, interruptions of every kind, refusals. The columns are
// made up here and given to the writers as a stream would give them.
#define _XOPEN_SOURCE 700
#include <pencone/pencone.h>
#include <signal.h>
#include <sys/wait.h>

#include "io/dij_file.h"
#include "unit_io.h"

enum { N = 16, VOXELS = N * N * N, SIDE = 14, COLUMNS = SIDE * SIDE };
enum { BLOCK = PENCONE_DIJ_BLOCK, BLOCKS = (COLUMNS + BLOCK - 1) / BLOCK };

/// A plan, its phantom and room for a block of columns.
typedef struct stage {
  pencone_plan *plan;
  pencone_phantom *phantom;
  pencone_dij_options options;
  pencone_dij_info info;
  pencone_beamlet beamlets[COLUMNS];
  float density[VOXELS];
  int32_t voxel[BLOCK][VOXELS];
  float value[BLOCK][VOXELS];
} stage;

static pencone_grid stage_grid(void) {
  return (pencone_grid){{N, N, N}, {5, 5, 5}, {-37.5, -37.5, -37.5}};
}

static stage *make_stage(pencone_context *ctx) {
  stage *s = calloc(1, sizeof *s);
  assert_non_null(s);
  pencone_machine *machine = NULL;
  pencone_phantom_desc desc = PENCONE_PHANTOM_DESC_DEFAULT;
  pencone_beam beam = PENCONE_BEAM_DEFAULT;
  for (int v = 0; v < VOXELS; ++v) {
    s->density[v] = 1;
  }
  desc.grid = stage_grid();
  desc.density = s->density;
  assert_int_equal(pencone_phantom_borrow(ctx, &desc, &s->phantom), PENCONE_OK);
  assert_int_equal(pencone_machine_read(ctx, "ideal-mohan-6mv", &machine), PENCONE_OK);
  beam.machine = machine;
  beam.field_x_mm[0] = beam.field_y_mm[0] = -35;
  beam.field_x_mm[1] = beam.field_y_mm[1] = 35;
  beam.bixel_mm[0] = beam.bixel_mm[1] = 5;
  assert_int_equal(pencone_plan_create(ctx, "made up", &s->plan), PENCONE_OK);
  assert_int_equal(pencone_plan_add_beam(ctx, s->plan, &beam), PENCONE_OK);
  pencone_machine_destroy(machine);
  s->options = (pencone_dij_options)PENCONE_DIJ_OPTIONS_DEFAULT;
  assert_int_equal(pencone_dij_columns(s->plan), COLUMNS);
  assert_int_equal(pencone_dij_beamlets(ctx, s->plan, s->beamlets), PENCONE_OK);
  s->info = (pencone_dij_info){sizeof s->info, s->plan,     s->phantom, stage_grid(),
                               COLUMNS,        s->beamlets, &s->options};
  return s;
}

static void free_stage(stage *s) {
  pencone_plan_destroy(s->plan);
  pencone_phantom_destroy(s->phantom);
  free(s);
}

/// A column of its own for every index; every seventh is empty.
static pencone_dij_column make_column(stage *s, int64_t index) {
  int32_t *voxel = s->voxel[index % BLOCK];
  float *value = s->value[index % BLOCK];
  int64_t count = 0;
  uint32_t random = (uint32_t)index * 2654435761U + 1;
  for (int v = 0; v < VOXELS && index % 7 != 3; ++v) {
    random = random * 1664525U + 1013904223U;
    if (random >> 30 != 0) {
      voxel[count] = v;
      value[count++] = 1e-13F * (float)(1 + (random >> 8));
    }
  }
  return (pencone_dij_column){index, count, voxel, value, 1.0 + (double)index, 0.001 * (double)index};
}

/// Gives columns from first to end to a sink, in blocks.
static pencone_status feed(pencone_context *ctx, stage *s, const pencone_dij_sink *sink, int64_t first,
                           int64_t end) {
  for (int64_t start = first; start < end; start += BLOCK) {
    pencone_dij_column columns[BLOCK];
    int count = 0;
    for (; count < BLOCK && start + count < end; ++count) {
      columns[count] = make_column(s, start + count);
    }
    PCN_TRY(sink->put(sink->data, ctx, columns, count));
  }
  return PENCONE_OK;
}

static pencone_dij_writer *make_writer(pencone_context *ctx, const char *path, pencone_dij_format format,
                                       int resume) {
  pencone_dij_writer_options options = PENCONE_DIJ_WRITER_OPTIONS_DEFAULT;
  pencone_dij_writer *writer = NULL;
  options.resume = resume;
  options.plan_text = "plan: made up\n";
  const pencone_status status = pencone_dij_writer_create(ctx, path, format, &options, &writer);
  if (status != PENCONE_OK) {
    print_error("%s\n", pencone_context_error(ctx));
  }
  assert_int_equal(status, PENCONE_OK);
  return writer;
}

/// A stream that ends before column `end`; all of them: it ends well.
static pencone_status stream(pencone_context *ctx, stage *s, pencone_dij_writer *writer, int64_t end) {
  const pencone_dij_sink sink = pencone_dij_writer_sink(writer);
  s->options.first_column = pencone_dij_writer_done_columns(writer);
  PCN_TRY(sink.begin(sink.data, ctx, &s->info));
  PCN_TRY(feed(ctx, s, &sink, s->options.first_column, end));
  return end == COLUMNS ? sink.end(sink.data, ctx) : PENCONE_OK;
}

static void write_whole(const unit_files *f, stage *s, const char *path, pencone_dij_format format,
                        int resume) {
  pencone_dij_writer *writer = make_writer(f->ctx, path, format, resume);
  const pencone_status status = stream(f->ctx, s, writer, COLUMNS);
  if (status != PENCONE_OK) {
    print_error("%s\n", pencone_context_error(f->ctx));
  }
  assert_int_equal(status, PENCONE_OK);
  pencone_dij_writer_destroy(writer);
}

/// Columns before `end`, then the process forgets the writer.
static void write_part(const unit_files *f, stage *s, const char *path, pencone_dij_format format,
                       int64_t end) {
  pencone_dij_writer *writer = make_writer(f->ctx, path, format, 0);
  assert_int_equal(stream(f->ctx, s, writer, end), PENCONE_OK);
  pencone_dij_writer_destroy(writer);
}

/// All columns of a file are those of make_column(), to the bit.
static void assert_columns(const unit_files *f, stage *s, const char *path) {
  pcn_dij_reader r;
  int64_t column = 0;
  assert_int_equal(pcn_dij_reader_open(f->ctx, path, &r), PENCONE_OK);
  assert_int_equal(r.columns, COLUMNS);
  pencone_dij_column wanted = make_column(s, 0);
  for (int64_t start = 0; start < r.first[COLUMNS]; start += r.count) {
    assert_int_equal(pcn_dij_reader_piece(&r, start), PENCONE_OK);
    for (int64_t e = 0; e < r.count; ++e) {
      while (r.first[column + 1] <= start + e) {
        wanted = make_column(s, ++column);
        assert_int_equal(r.first[column + 1] - r.first[column], wanted.count);
      }
      const int64_t at = start + e - r.first[column];
      if (r.voxel[e] != wanted.voxel[at] || memcmp(&r.value[e], &wanted.value[at], sizeof(float)) != 0) {
        fail_msg("column %d, entry %d differs", (int)column, (int)at);
      }
    }
  }
  assert_int_equal(pcn_dij_reader_close(&r, PENCONE_OK), PENCONE_OK);
}

// --- whole files -------------------------------------------------------------------------------

static void matrix_comes_back(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  const char *path = unit_path(f, "m.h5");
  pencone_dij_file_info info = PENCONE_DIJ_FILE_INFO_DEFAULT;
  pencone_beamlet beamlets[COLUMNS];
  pencone_file_kind kind = PENCONE_FILE_PLAN;
  s->options.threshold = 0.25;
  write_whole(f, s, path, PENCONE_DIJ_PENCONE, 0);
  assert_int_equal(unit_file_count(f), 1);
  assert_columns(f, s, path);
  assert_int_equal(pencone_file_identify(f->ctx, path, &kind), PENCONE_OK);
  assert_int_equal(kind, PENCONE_FILE_DIJ);
  assert_int_equal(pencone_dij_file_describe(f->ctx, path, &info), PENCONE_OK);
  assert_int_equal(info.columns, COLUMNS);
  assert_int_equal(info.empty, COLUMNS / 7);
  assert_true(info.threshold == 0.25);
  assert_close(info.sum, COLUMNS * (COLUMNS + 1) / 2.0, 1e-9);  // 1 + 2 + ... + COLUMNS
  assert_close(info.lost, 0.001 * COLUMNS * (COLUMNS - 1) / 2.0, 1e-9);
  assert_int_equal(pencone_dij_file_beamlets(f->ctx, path, COLUMNS, beamlets), PENCONE_OK);
  assert_memory_equal(beamlets, s->beamlets, sizeof beamlets);
  assert_int_equal(pencone_dij_file_beamlets(f->ctx, path, COLUMNS - 1, beamlets), PENCONE_E_SHAPE);
  free_stage(s);
}

static void matrix_comes_into_memory(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  pencone_dij *matrix = NULL;
  write_whole(f, s, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 0);
  assert_int_equal(pencone_dij_create(f->ctx, &matrix), PENCONE_OK);
  assert_int_equal(pencone_dij_read(f->ctx, unit_path(f, "m.h5"), matrix), PENCONE_OK);
  const pencone_dij_view view = pencone_dij_view_of(matrix);
  assert_int_equal(view.columns, COLUMNS);
  assert_memory_equal(view.beamlets, s->beamlets, sizeof s->beamlets);
  for (int c = 0; c < COLUMNS; ++c) {
    const pencone_dij_column wanted = make_column(s, c);
    assert_int_equal(view.first[c + 1] - view.first[c], wanted.count);
    assert_memory_equal(view.voxel + view.first[c], wanted.voxel, (size_t)wanted.count * sizeof(int32_t));
    assert_memory_equal(view.value + view.first[c], wanted.value, (size_t)wanted.count * sizeof(float));
  }
  pencone_dij_destroy(matrix);
  free_stage(s);
}

static void dose_from_file_is_that_of_memory(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  double weights[COLUMNS];
  pencone_dij *matrix = NULL;
  pencone_dose *dose = NULL;
  float *wanted = calloc(VOXELS, sizeof *wanted);
  write_whole(f, s, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 0);
  assert_int_equal(pencone_dij_create(f->ctx, &matrix), PENCONE_OK);
  const pencone_dij_sink sink = pencone_dij_fill(matrix);
  s->options.first_column = 0;
  assert_int_equal(sink.begin(sink.data, f->ctx, &s->info), PENCONE_OK);
  assert_int_equal(feed(f->ctx, s, &sink, 0, COLUMNS), PENCONE_OK);
  if (sink.end != NULL) {
    assert_int_equal(sink.end(sink.data, f->ctx), PENCONE_OK);
  }
  for (int c = 0; c < COLUMNS; ++c) {
    weights[c] = c % 5 == 0 ? 0 : 1e9 / (1 + c);
  }
  assert_int_equal(pencone_dij_dose(f->ctx, matrix, COLUMNS, weights, wanted), PENCONE_OK);
  assert_int_equal(pencone_dij_file_dose(f->ctx, unit_path(f, "m.h5"), COLUMNS, weights, &dose), PENCONE_OK);
  assert_memory_equal(pencone_dose_values(dose), wanted, VOXELS * sizeof *wanted);
  assert_string_equal(pencone_dose_units(dose), "Gy");
  assert_true(pencone_dose_provenance_count(dose) > 8);
  pencone_dose_destroy(dose);
  assert_int_equal(pencone_dij_file_dose(f->ctx, unit_path(f, "m.h5"), COLUMNS + 1, weights, &dose),
                   PENCONE_E_SHAPE);
  assert_error_has(f->ctx, "got 197 weights, expected 196");
  weights[3] = -1;
  assert_int_equal(pencone_dij_file_dose(f->ctx, unit_path(f, "m.h5"), COLUMNS, weights, &dose),
                   PENCONE_E_RANGE);
  assert_null(dose);
  pencone_dij_destroy(matrix);
  free(wanted);
  free_stage(s);
}

static void put_word(unsigned char **to, uint32_t word) {
  for (int byte = 0; byte < 4; ++byte) {
    *(*to)++ = (unsigned char)(word >> 8 * byte);
  }
}

static void put_real(unsigned char **to, float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  put_word(to, word);
}

/// FRED's file as the description of the format has it.
static size_t expected_fred(stage *s, unsigned char *bytes) {
  static const float lengths_cm[6] = {0.5F, 0.5F, 0.5F, -4, -4, -4};
  unsigned char *to = bytes;
  put_word(&to, 20);
  for (int i = 0; i < 3; ++i) {
    put_word(&to, N);
  }
  for (int i = 0; i < 6; ++i) {
    put_real(&to, lengths_cm[i]);
  }
  put_word(&to, 1);
  put_word(&to, COLUMNS);
  for (int c = 0; c < COLUMNS; ++c) {
    const pencone_dij_column column = make_column(s, c);
    put_word(&to, (uint32_t)c);
    put_word(&to, (uint32_t)column.count);
    for (int64_t e = 0; e < column.count; ++e) {
      put_word(&to, (uint32_t)column.voxel[e]);
    }
    for (int64_t e = 0; e < column.count; ++e) {
      put_real(&to, column.value[e]);
    }
  }
  return (size_t)(to - bytes);
}

static void assert_fred(const unit_files *f, stage *s, const char *path) {
  size_t got = 0;
  unsigned char *wanted = malloc(64 + (size_t)COLUMNS * (8 + 8 * VOXELS));
  unsigned char *bytes = unit_read(path, &got);
  (void)f;
  const size_t expected = expected_fred(s, wanted);
  assert_int_equal(got, expected);
  assert_memory_equal(bytes, wanted, expected);
  free(bytes);
  free(wanted);
}

static void fred_is_exact(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  write_whole(f, s, unit_path(f, "m.bin"), PENCONE_DIJ_FRED, 0);
  assert_int_equal(unit_file_count(f), 1);
  assert_fred(f, s, unit_path(f, "m.bin"));
  free_stage(s);
}

// --- interruptions -----------------------------------------------------------------------------

static void part_goes_on(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  const pencone_dij_format formats[] = {PENCONE_DIJ_PENCONE, PENCONE_DIJ_FRED};
  for (int i = 0; i < 2; ++i) {
    for (int64_t done = 0; done <= COLUMNS; done += BLOCK) {
      write_part(f, s, unit_path(f, "m"), formats[i], done < COLUMNS ? done : COLUMNS - 1);
      assert_int_not_equal(access(unit_path(f, "m"), F_OK), 0);
      pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m"), formats[i], 1);
      assert_int_equal(pencone_dij_writer_done_columns(writer), done / BLOCK * BLOCK);
      assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_OK);
      uint64_t bytes = 0;
      assert_int_equal(pencone_dij_writer_report(writer, &bytes).columns, COLUMNS);
      assert_true(bytes > 1000);
      pencone_dij_writer_destroy(writer);
      if (i == 0) {
        assert_columns(f, s, unit_path(f, "m"));
      } else {
        assert_fred(f, s, unit_path(f, "m"));
      }
      assert_int_equal(unit_file_count(f), 1);
      unlink(unit_path(f, "m"));
    }
  }
  free_stage(s);
}

/// A child writes blocks and is killed, without a chance to close anything, after `blocks` of them.
static void killed_process_leaves_its_blocks(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  const pencone_dij_format formats[] = {PENCONE_DIJ_PENCONE, PENCONE_DIJ_FRED};
  for (int i = 0; i < 2; ++i) {
    for (int blocks = 0; blocks <= BLOCKS; ++blocks) {
      const pid_t child = fork();
      if (child == 0) {
        pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m"), formats[i], 0);
        stream(f->ctx, s, writer, blocks * BLOCK < COLUMNS ? blocks * BLOCK : COLUMNS - 1);
        kill(getpid(), SIGKILL);
      }
      int status = 0;
      assert_int_equal(waitpid(child, &status, 0), child);
      assert_true(WIFSIGNALED(status));
      pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m"), formats[i], 1);
      const int whole = blocks < BLOCKS ? blocks : BLOCKS - 1;
      assert_int_equal(pencone_dij_writer_done_columns(writer), BLOCK * whole);
      assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_OK);
      pencone_dij_writer_destroy(writer);
      if (i == 0) {
        assert_columns(f, s, unit_path(f, "m"));
      } else {
        assert_fred(f, s, unit_path(f, "m"));
      }
      unlink(unit_path(f, "m"));
    }
  }
  free_stage(s);
}

static void twice_interrupted(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  write_part(f, s, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, BLOCK);
  for (int again = 2; again <= 3; ++again) {
    pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 1);
    assert_int_equal(stream(f->ctx, s, writer, BLOCK * again), PENCONE_OK);
    pencone_dij_writer_destroy(writer);
  }
  write_whole(f, s, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 1);
  assert_columns(f, s, unit_path(f, "m.h5"));
  assert_int_equal(unit_file_count(f), 1);
  free_stage(s);
}

static void torn_log_loses_its_last_block(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  write_part(f, s, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 2 * BLOCK);
  size_t bytes = 0;
  free(unit_read(unit_path(f, "m.h5.part.log"), &bytes));
  assert_int_equal(truncate(unit_path(f, "m.h5.part.log"), (off_t)bytes - 5), 0);
  pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 1);
  assert_int_equal(pencone_dij_writer_done_columns(writer), BLOCK);
  assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_OK);
  pencone_dij_writer_destroy(writer);
  assert_columns(f, s, unit_path(f, "m.h5"));
  free_stage(s);
}

/// A byte of the entries is another: said once, then the part goes on before it.
static void changed_part_is_noticed(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  const pencone_dij_format formats[] = {PENCONE_DIJ_PENCONE, PENCONE_DIJ_FRED};
  for (int i = 0; i < 2; ++i) {
    size_t bytes = 0;
    write_part(f, s, unit_path(f, "m"), formats[i], 2 * BLOCK);
    unsigned char *part = unit_read(unit_path(f, "m.part"), &bytes);
    part[bytes / 2] ^= 1;
    unit_write(unit_path(f, "m.part"), part, bytes);
    free(part);
    pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m"), formats[i], 1);
    assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_E_FORMAT);
    assert_error_has(f->ctx, "other entries than were written");
    pencone_dij_writer_destroy(writer);
    writer = make_writer(f->ctx, unit_path(f, "m"), formats[i], 1);
    assert_true(pencone_dij_writer_done_columns(writer) < 2 * BLOCK);
    assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_OK);
    pencone_dij_writer_destroy(writer);
    unlink(unit_path(f, "m"));
  }
  free_stage(s);
}

// --- refusals ----------------------------------------------------------------------------------

static void other_origin_is_refused(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  const char *path = unit_path(f, "m.h5");
  write_part(f, s, path, PENCONE_DIJ_PENCONE, BLOCK);
  pencone_dij_writer *writer = make_writer(f->ctx, path, PENCONE_DIJ_PENCONE, 1);
  const double threshold = s->options.threshold;
  s->options.threshold = 0.5;
  assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "another threshold, sampling, seed or mask");
  s->options.threshold = threshold;
  s->density[100] = 0.5F;
  assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "another phantom");
  s->density[100] = 1;
  s->beamlets[9].weight += 1;
  assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "another plan");
  pencone_dij_writer_destroy(writer);
  s->beamlets[9].weight -= 1;
  writer = make_writer(f->ctx, path, PENCONE_DIJ_FRED, 1);
  assert_int_equal(stream(f->ctx, s, writer, COLUMNS), PENCONE_E_FORMAT);
  assert_error_has(f->ctx, "another version, instruction set or format");
  pencone_dij_writer_destroy(writer);
  write_whole(f, s, path, PENCONE_DIJ_PENCONE, 1);  // the refusals changed nothing
  assert_columns(f, s, path);
  free_stage(s);
}

static void part_is_not_overwritten(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  pencone_dij_writer *writer = NULL;
  const char *path = unit_path(f, "m.h5");
  write_part(f, s, path, PENCONE_DIJ_PENCONE, BLOCK);
  assert_int_equal(pencone_dij_writer_create(f->ctx, path, PENCONE_DIJ_PENCONE, NULL, &writer),
                   PENCONE_E_FILE);
  assert_error_has(f->ctx, "an earlier run has begun");
  assert_null(writer);
  writer = make_writer(f->ctx, path, PENCONE_DIJ_PENCONE, 1);
  pencone_dij_writer *second = NULL;
  const pencone_dij_writer_options resume = {sizeof resume, 1, NULL, NULL};
  assert_int_equal(pencone_dij_writer_create(f->ctx, path, PENCONE_DIJ_PENCONE, &resume, &second),
                   PENCONE_E_FILE);
  assert_error_has(f->ctx, "another process");
  pencone_dij_writer_destroy(writer);
  unit_write_text(f, "m.h5.part.log", "not a log");
  assert_int_equal(pencone_dij_writer_create(f->ctx, path, PENCONE_DIJ_PENCONE, &resume, &second),
                   PENCONE_E_FORMAT);
  free_stage(s);
}

static void columns_come_in_order(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  pencone_dij_writer *writer = make_writer(f->ctx, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, 0);
  const pencone_dij_sink sink = pencone_dij_writer_sink(writer);
  assert_int_equal(sink.begin(sink.data, f->ctx, &s->info), PENCONE_OK);
  const pencone_dij_column late = make_column(s, 5);
  assert_int_equal(sink.put(sink.data, f->ctx, &late, 1), PENCONE_E_ARGUMENT);
  assert_int_equal(sink.end(sink.data, f->ctx), PENCONE_E_ARGUMENT);
  pencone_dij_writer_destroy(writer);
  free_stage(s);
}

/// Every allocation fails once: no leak, no crash, and what is there goes on.
static void memory_runs_out(void **state) {
  const unit_files *f = *state;
  stage *s = make_stage(f->ctx);
  pencone_status status = PENCONE_E_MEMORY;
  for (int after = 0; status != PENCONE_OK; ++after) {
    pencone_dij_writer_options options = PENCONE_DIJ_WRITER_OPTIONS_DEFAULT;
    pencone_dij_writer *writer = NULL;
    options.resume = 1;
    assert_true(after < 200);
    pcn_alloc_fail_after(f->ctx, after);
    status = pencone_dij_writer_create(f->ctx, unit_path(f, "m.h5"), PENCONE_DIJ_PENCONE, &options, &writer);
    status = status == PENCONE_OK ? stream(f->ctx, s, writer, COLUMNS) : status;
    pcn_alloc_fail_after(f->ctx, -1);
    pencone_dij_writer_destroy(writer);
    assert_true(status == PENCONE_OK || status == PENCONE_E_MEMORY);
  }
  assert_columns(f, s, unit_path(f, "m.h5"));
  assert_int_equal(unit_file_count(f), 1);
  free_stage(s);
}

// --- weights -----------------------------------------------------------------------------------

static void weights_are_read(void **state) {
  const unit_files *f = *state;
  static const char *const texts[] = {"1\n2.5\n0\n", "weight\n1\n2.5\n0\n",
                                      "# note\nbeam,weight,x\n0, 1 ,9\n0,2.5,8\r\n1,0,7\n"};
  for (int i = 0; i < 3; ++i) {
    int64_t count = 0;
    double *weights = NULL;
    assert_int_equal(pencone_weights_read(f->ctx, unit_write_text(f, "w.csv", texts[i]), &count, &weights),
                     PENCONE_OK);
    assert_int_equal(count, 3);
    assert_true(weights[0] == 1 && weights[1] == 2.5 && weights[2] == 0);
    pencone_numbers_free(weights);
  }
  static const char *const bad[][2] = {{"", "got no weights"},
                                       {"weight\n", "below the heading"},
                                       {"1\nx\n", "w.csv:2: weight: got 'x'"},
                                       {"1,2\n", "w.csv:1: got 2 columns"},
                                       {"a,b\n1,2\n", "w.csv:1: got 2 columns"},
                                       {"a,weight\n1\n", "w.csv:2: weight: got ''"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    int64_t count = 1;
    double *weights = NULL;
    const char *path = unit_write_text(f, "w.csv", bad[i][0]);
    assert_int_equal(pencone_weights_read(f->ctx, path, &count, &weights), PENCONE_E_FORMAT);
    assert_error_has(f->ctx, bad[i][1]);
    assert_null(weights);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(matrix_comes_back),
      UNIT_FILES_TEST(matrix_comes_into_memory),
      UNIT_FILES_TEST(dose_from_file_is_that_of_memory),
      UNIT_FILES_TEST(fred_is_exact),
      UNIT_FILES_TEST(part_goes_on),
      UNIT_FILES_TEST(killed_process_leaves_its_blocks),
      UNIT_FILES_TEST(twice_interrupted),
      UNIT_FILES_TEST(torn_log_loses_its_last_block),
      UNIT_FILES_TEST(changed_part_is_noticed),
      UNIT_FILES_TEST(other_origin_is_refused),
      UNIT_FILES_TEST(part_is_not_overwritten),
      UNIT_FILES_TEST(columns_come_in_order),
      UNIT_FILES_TEST(memory_runs_out),
      UNIT_FILES_TEST(weights_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
