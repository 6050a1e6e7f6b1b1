// SPDX-License-Identifier: Apache-2.0
// Influence matrices as FRED's binary ij file, version 2.0: little-endian; lengths in cm; x fastest; the
// offset is the grid's lower corner; per pencil beam a tag of 1000000 x field + number in the field, both
// from 0.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "dij_writer.h"

enum { version_2_0 = 20, tags_per_field = 1000000, head_words = 12, stage_words = 16384 };

/// Words of 32 bits on their way to the file, lowest byte first.
typedef struct stage {
  FILE *file;
  int used;
  int failed;
  unsigned char bytes[4 * stage_words];
} stage;

static void flush(stage *s) {
  s->failed = s->failed || fwrite(s->bytes, 4, (size_t)s->used, s->file) != (size_t)s->used;
  s->used = 0;
}

static void put_word(stage *s, uint32_t word) {
  if (s->used == stage_words) {
    flush(s);
  }
  unsigned char *to = s->bytes + 4 * (size_t)s->used++;
  to[0] = (unsigned char)word;
  to[1] = (unsigned char)(word >> 8);
  to[2] = (unsigned char)(word >> 16);
  to[3] = (unsigned char)(word >> 24);
}

static void put_real(stage *s, float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  put_word(s, word);
}

static uint32_t get_word(const unsigned char *from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static pencone_status not_written(const pencone_dij_writer *w, pencone_context *ctx) {
  return pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be written: %s", w->part, strerror(errno));
}

/// All that was staged is with the system, whatever becomes of the process.
static pencone_status finish_stage(const pencone_dij_writer *w, pencone_context *ctx, stage *s) {
  flush(s);
  return !s->failed && fflush(w->file) == 0 ? PENCONE_OK : not_written(w, ctx);
}

static void put_head(stage *s, const pencone_dij_info *info) {
  const pencone_grid *grid = &info->grid;
  put_word(s, version_2_0);
  for (int axis = 0; axis < 3; ++axis) {
    put_word(s, (uint32_t)grid->size[axis]);
  }
  for (int axis = 0; axis < 3; ++axis) {
    put_real(s, (float)(grid->spacing_mm[axis] / 10));
  }
  for (int axis = 0; axis < 3; ++axis) {
    put_real(s, (float)((grid->origin_mm[axis] - grid->spacing_mm[axis] / 2) / 10));
  }
  put_word(s, 1);  // one component: dose
  put_word(s, (uint32_t)info->columns);
}

/// Number of the first column of a column's beam: beams come in their order.
static int64_t first_of_beam(const pencone_dij_info *info, int64_t column) {
  const int32_t beam = info->beamlets[column].beam;
  int64_t before = -1;
  while (column - before > 1) {
    const int64_t middle = before + (column - before) / 2;
    if (info->beamlets[middle].beam < beam) {
      before = middle;
    } else {
      column = middle;
    }
  }
  return column;
}

static pencone_status check_tags(const pencone_dij_writer *w, pencone_context *ctx) {
  const pencone_dij_info *info = &w->info;
  int64_t first = 0;
  for (int64_t c = 0; c < info->columns; ++c) {
    first = c > 0 && info->beamlets[c].beam == info->beamlets[c - 1].beam ? first : c;
    PCN_CHECK(
        ctx, info->beamlets[c].beam < INT32_MAX / tags_per_field && c - first < tags_per_field,
        PENCONE_E_RANGE,
        "%s: got beamlet %lld of beam %d, expected fewer than %d beamlets in each of fewer than %d beams, which is "
        "what the tags of this format hold",
        w->path, (long long)(c - first), info->beamlets[c].beam, tags_per_field, INT32_MAX / tags_per_field);
  }
  return PENCONE_OK;
}

static stage *make_stage(const pencone_dij_writer *w, pencone_context *ctx) {
  stage *s = pcn_alloc(ctx, 1, sizeof *s);
  if (s != NULL) {
    s->file = w->file;
    s->used = 0;
    s->failed = 0;
  }
  return s;
}

static pencone_status begin(pencone_dij_writer *w, pencone_context *ctx) {
  PCN_TRY(check_tags(w, ctx));
  w->file = fopen(w->part, "wb");
  if (w->file == NULL) {
    return not_written(w, ctx);
  }
  stage *s = make_stage(w, ctx);
  if (s == NULL) {
    return PENCONE_E_MEMORY;
  }
  put_head(s, &w->info);
  const pencone_status status = finish_stage(w, ctx, s);
  pcn_free(s);
  w->entries = 0;
  return status;
}

static pencone_status put_columns(pencone_dij_writer *w, pencone_context *ctx, stage *s,
                                  const pencone_dij_column *columns, int count) {
  pcn_dij_note *notes = pcn_alloc(ctx, (size_t)count, sizeof *notes);
  if (notes == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int i = 0; i < count; ++i) {
    const pencone_dij_column *column = &columns[i];
    const int64_t number = column->index - first_of_beam(&w->info, column->index);
    put_word(s, (uint32_t)(w->info.beamlets[column->index].beam * tags_per_field + (int32_t)number));
    put_word(s, (uint32_t)column->count);
    for (int64_t e = 0; e < column->count; ++e) {
      put_word(s, (uint32_t)column->voxel[e]);
    }
    for (int64_t e = 0; e < column->count; ++e) {
      put_real(s, column->value[e]);
    }
    w->entries += column->count;
  }
  pencone_status status = finish_stage(w, ctx, s);
  if (status == PENCONE_OK) {
    pcn_dij_notes(columns, count, notes);
    status = pcn_dij_log_add(ctx, &w->log, notes, count, NULL, 0);
  }
  pcn_free(notes);
  return status;
}

static pencone_status put(pencone_dij_writer *w, pencone_context *ctx, const pencone_dij_column *columns,
                          int count) {
  stage *s = make_stage(w, ctx);
  const pencone_status status = s != NULL ? put_columns(w, ctx, s, columns, count) : PENCONE_E_MEMORY;
  pcn_free(s);
  return status;
}

// --- recovery ----------------------------------------------------------------------------------

/// The column of a note stands at the file's position. @return 1 or 0; -1 without memory
static int column_stands(const pencone_dij_writer *w, pencone_context *ctx, const pcn_dij_note *note) {
  const size_t count = (size_t)note->count;
  unsigned char *bytes = pcn_alloc(ctx, 2 * count + 2, 4);
  int32_t *voxel = pcn_alloc(ctx, count, sizeof *voxel);
  float *value = pcn_alloc(ctx, count, sizeof *value);
  int stands = bytes != NULL && voxel != NULL && value != NULL ? 1 : -1;
  if (stands == 1) {
    stands =
        fread(bytes, 4, 2 * count + 2, w->file) == 2 * count + 2 && get_word(bytes + 4) == (uint32_t)count;
  }
  for (size_t i = 0; i < count && stands == 1; ++i) {
    const uint32_t word = get_word(bytes + 4 * (2 + count + i));
    voxel[i] = (int32_t)get_word(bytes + 4 * (2 + i));
    memcpy(&value[i], &word, sizeof word);
  }
  if (stands == 1) {
    stands = pcn_dij_check(note->count, voxel, value) == note->check;
  }
  pcn_free(value);
  pcn_free(voxel);
  pcn_free(bytes);
  return stands;
}

static pencone_status recover(pencone_dij_writer *w, pencone_context *ctx) {
  off_t end = 4 * head_words;
  w->entries = 0;
  w->file = fopen(w->part, "r+b");
  PCN_CHECK(ctx, w->file != NULL && fseeko(w->file, end, SEEK_SET) == 0, PENCONE_E_FILE,
            "%s: cannot be opened: %s; remove %s to start anew", w->part, strerror(errno), w->log.path);
  for (int64_t c = 0; c < w->log.done; ++c) {
    const int stands = column_stands(w, ctx, &w->log.note[c]);
    if (stands < 0) {
      return PENCONE_E_MEMORY;
    }
    if (stands == 0) {
      PCN_TRY(pcn_dij_log_cut(ctx, &w->log, c / PENCONE_DIJ_BLOCK * PENCONE_DIJ_BLOCK));
      return pcn_fail(ctx, PENCONE_E_FORMAT,
                      "%s: got other entries than were written in column %lld, expected a part "
                      "that nobody has touched; to resume once more goes on before it",
                      w->part, (long long)c);
    }
    w->entries += w->log.note[c].count;
    end += 8 + 8 * (off_t)w->log.note[c].count;
  }
  if (fflush(w->file) != 0 || ftruncate(fileno(w->file), end) != 0 || fseeko(w->file, end, SEEK_SET) != 0) {
    return not_written(w, ctx);
  }
  return PENCONE_OK;
}

static pencone_status end(pencone_dij_writer *w, pencone_context *ctx) {
  const int written = fflush(w->file) == 0 && (fsync(fileno(w->file)) == 0 || errno == EINVAL);
  const int closed = fclose(w->file) == 0;
  w->file = NULL;
  if (!written || !closed) {
    return not_written(w, ctx);
  }
  PCN_CHECK(ctx, rename(w->part, w->path) == 0, PENCONE_E_FILE, "%s: cannot be replaced: %s", w->path,
            strerror(errno));
  return PENCONE_OK;
}

const pcn_dij_form pcn_dij_form_fred = {begin, recover, put, end};
