// SPDX-License-Identifier: Apache-2.0
// Influence matrices as HDF5. HDF5's own tables reach the file only when it is closed, so a part cannot be
// opened as HDF5 after a crash. Its chunks are in the file as soon as they are written, and the log says
// where: a recovery reads them there and appends them to a new part.
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "dij_table.h"
#include "dij_writer.h"

static const char indices[] = "/pencone/dij/indices";
static const char data[] = "/pencone/dij/data";

// --- appending ---------------------------------------------------------------------------------

/// Brings what is staged to the file. Stages never cross a chunk. @param[out] places  of a chunk that was
/// begun
static pencone_status flush(pencone_dij_writer *w, uint64_t places[2], size_t *place_count) {
  if (w->staged == 0) {
    return PENCONE_OK;
  }
  const int begun = w->entries % PCN_H5_CHUNK == 0;
  uint64_t *at = begun ? places + *place_count : NULL;
  PCN_TRY(pcn_h5_append(&w->h5, indices, H5T_NATIVE_INT32, w->entries, w->staged, w->voxel, at));
  PCN_TRY(
      pcn_h5_append(&w->h5, data, H5T_NATIVE_FLOAT, w->entries, w->staged, w->value, begun ? at + 1 : NULL));
  *place_count += begun ? 2 : 0;
  w->entries += w->staged;
  w->staged = 0;
  return PENCONE_OK;
}

static pencone_status append(pencone_dij_writer *w, const pencone_dij_column *column, uint64_t *places,
                             size_t *place_count) {
  for (int64_t done = 0; done < column->count;) {
    const int64_t room = PCN_H5_CHUNK - w->entries % PCN_H5_CHUNK - w->staged;
    const int64_t left = column->count - done;
    const size_t take = (size_t)(left < room ? left : room);
    memcpy(w->voxel + w->staged, column->voxel + done, take * sizeof *w->voxel);
    memcpy(w->value + w->staged, column->value + done, take * sizeof *w->value);
    w->staged += (int)take;
    done += (int64_t)take;
    if ((int64_t)take == room) {
      PCN_TRY(flush(w, places, place_count));
    }
  }
  return PENCONE_OK;
}

static pencone_status put(pencone_dij_writer *w, pencone_context *ctx, const pencone_dij_column *columns,
                          int count) {
  int64_t entries = 0;
  for (int i = 0; i < count; ++i) {
    entries += columns[i].count;
  }
  pcn_dij_note *notes = pcn_alloc(ctx, (size_t)count, sizeof *notes);
  uint64_t *places = pcn_alloc(ctx, 2 * (size_t)(entries / PCN_H5_CHUNK + 2), sizeof *places);
  pencone_status status = notes != NULL && places != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    size_t place_count = 0;
    pcn_dij_notes(columns, count, notes);
    pcn_h5_continue(&w->h5, ctx);
    for (int i = 0; i < count && status == PENCONE_OK; ++i) {
      status = append(w, &columns[i], places, &place_count);
    }
    status = status == PENCONE_OK ? flush(w, places, &place_count) : status;
    pcn_h5_pause(&w->h5);
    status = status == PENCONE_OK ? pcn_dij_log_add(ctx, &w->log, notes, count, places, place_count) : status;
  }
  pcn_free(places);
  pcn_free(notes);
  return status;
}

static pencone_status make_objects(const pcn_h5 *h5, const pencone_grid *grid) {
  PCN_TRY(pcn_dij_head_write(h5, grid));
  PCN_TRY(pcn_h5_make_series(h5, indices, H5T_NATIVE_INT32));
  return pcn_h5_make_series(h5, data, H5T_NATIVE_FLOAT);
}

static pencone_status begin_at(pencone_dij_writer *w, pencone_context *ctx, const char *part) {
  w->entries = 0;
  w->staged = 0;
  w->voxel = w->voxel != NULL ? w->voxel : pcn_alloc(ctx, PCN_H5_CHUNK, sizeof *w->voxel);
  w->value = w->value != NULL ? w->value : pcn_alloc(ctx, PCN_H5_CHUNK, sizeof *w->value);
  if (w->voxel == NULL || w->value == NULL) {
    return PENCONE_E_MEMORY;
  }
  PCN_TRY(pcn_h5_create_part(ctx, w->path, part, &w->h5));
  w->h5_open = 1;
  const pencone_status status = make_objects(&w->h5, &w->info.grid);
  pcn_h5_pause(&w->h5);
  return status;
}

static pencone_status begin(pencone_dij_writer *w, pencone_context *ctx) {
  return begin_at(w, ctx, w->part);
}

void pcn_dij_store_close(pencone_dij_writer *w, pencone_context *ctx) {
  if (w->h5_open) {
    pcn_h5_continue(&w->h5, ctx);
    pcn_h5_finish(&w->h5, PENCONE_E_CANCELLED);
    w->h5_open = 0;
  }
}

// --- recovery ----------------------------------------------------------------------------------

/// A part to read by its log.
typedef struct old_part {
  const pencone_dij_writer *writer;
  int file;
  pcn_dij_log log;
  int64_t entry;  ///< the next one
} old_part;

/// Reads count entries of one of the two lists, which: 0 indices, 1 data. @return 1, or 0 when they are not
/// there
static int read_entries(const old_part *old, int which, int64_t first, int64_t count, void *out) {
  char *to = out;
  while (count > 0) {
    const int64_t chunk = first / PCN_H5_CHUNK;
    const int64_t inside = first % PCN_H5_CHUNK;
    const int64_t take = count < PCN_H5_CHUNK - inside ? count : PCN_H5_CHUNK - inside;
    if (2 * (size_t)chunk + 1 >= old->log.places) {
      return 0;
    }
    const off_t at = (off_t)(old->log.place[2 * chunk + which] + 4 * (uint64_t)inside);
    if (pread(old->file, to, 4 * (size_t)take, at) != 4 * (ssize_t)take) {
      return 0;
    }
    to += 4 * take;
    first += take;
    count -= take;
  }
  return 1;
}

/// Memory for the entries of up to a block of columns.
typedef struct entries {
  int64_t room;
  int32_t *voxel;
  float *value;
} entries;

static pencone_status make_room(pencone_context *ctx, entries *e, int64_t count) {
  if (count > e->room || e->voxel == NULL) {
    pcn_free(e->voxel);
    pcn_free(e->value);
    e->room = count;
    e->voxel = pcn_alloc(ctx, (size_t)count, sizeof *e->voxel);
    e->value = pcn_alloc(ctx, (size_t)count, sizeof *e->value);
  }
  return e->voxel != NULL && e->value != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

/// Copies one block; its entries must give the numbers in the log.
static pencone_status copy_block(pencone_dij_writer *w, pencone_context *ctx, old_part *old, entries *e) {
  pencone_dij_column columns[PENCONE_DIJ_BLOCK];
  const int64_t first = w->log.done;
  const int64_t left = old->log.done - first;
  const int count = (int)(left < PENCONE_DIJ_BLOCK ? left : PENCONE_DIJ_BLOCK);
  const pcn_dij_note *note = old->log.note + first;
  int64_t total = 0;
  for (int i = 0; i < count; ++i) {
    total += note[i].count;
  }
  PCN_TRY(make_room(ctx, e, total));
  int good =
      read_entries(old, 0, old->entry, total, e->voxel) && read_entries(old, 1, old->entry, total, e->value);
  int64_t at = 0;
  for (int i = 0; i < count && good; ++i) {
    columns[i] = (pencone_dij_column){first + i,     note[i].count, e->voxel + at,
                                      e->value + at, note[i].sum,   note[i].lost};
    good = pcn_dij_check(note[i].count, e->voxel + at, e->value + at) == note[i].check;
    at += note[i].count;
  }
  if (!good) {
    PCN_TRY(pcn_dij_log_cut(ctx, &old->log, first));
    return pcn_fail(ctx, PENCONE_E_FORMAT,
                    "%s: got other entries than were written behind column %lld, expected a part "
                    "that nobody has touched; to resume once more goes on from there",
                    w->part, (long long)first);
  }
  old->entry += total;
  return put(w, ctx, columns, count);
}

/// The new part and log take the names of the old ones.
static pencone_status rename_both(pencone_dij_writer *w, pencone_context *ctx, old_part *old) {
  PCN_CHECK(ctx, rename(w->h5.temporary, w->part) == 0 && rename(w->log.path, old->log.path) == 0,
            PENCONE_E_FILE, "%s: cannot be renamed: %s", w->h5.temporary, strerror(errno));
  w->h5.temporary[strlen(w->part)] = '\0';
  w->log.path[strlen(old->log.path)] = '\0';
  return PENCONE_OK;
}

static pencone_status copy_all(pencone_dij_writer *w, pencone_context *ctx, old_part *old) {
  char *part = pcn_alloc(ctx, strlen(w->part) + 5, 1);
  char *log_path = pcn_alloc(ctx, strlen(old->log.path) + 5, 1);
  entries e = {0, NULL, NULL};
  pencone_status status = part != NULL && log_path != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    snprintf(part, strlen(w->part) + 5, "%s.new", w->part);
    snprintf(log_path, strlen(old->log.path) + 5, "%s.new", old->log.path);
    status = pcn_dij_log_init(ctx, log_path, &w->log);
  }
  if (status == PENCONE_OK) {
    status = pcn_dij_log_begin(ctx, &w->log, &old->log.key, old->log.columns);
  }
  if (status == PENCONE_OK) {
    status = begin_at(w, ctx, part);
  }
  while (status == PENCONE_OK && w->log.done < old->log.done) {
    status = copy_block(w, ctx, old, &e);
  }
  status = status == PENCONE_OK ? rename_both(w, ctx, old) : status;
  pcn_free(e.voxel);
  pcn_free(e.value);
  pcn_free(log_path);
  pcn_free(part);
  return status;
}

static pencone_status recover(pencone_dij_writer *w, pencone_context *ctx) {
  old_part old = {.writer = w, .file = open(w->part, O_RDONLY | O_CLOEXEC)};
  PCN_CHECK(ctx, old.file >= 0, PENCONE_E_FILE, "%s: cannot be opened: %s; remove %s to start anew", w->part,
            strerror(errno), w->log.path);
  old.log = w->log;
  w->log = (pcn_dij_log){.file = -1};
  const pencone_status status = copy_all(w, ctx, &old);
  close(old.file);
  pcn_dij_log_free(&old.log);
  return status;
}

// --- the end -----------------------------------------------------------------------------------

pencone_status pcn_dij_store_finish(pencone_dij_writer *w, pencone_context *ctx, const char *target) {
  pcn_h5_continue(&w->h5, ctx);
  pencone_status status = pcn_dij_tables_write(w);
  w->h5.path = target;
  w->h5_open = 0;
  return pcn_h5_finish(&w->h5, status);
}

static pencone_status end(pencone_dij_writer *w, pencone_context *ctx) {
  return pcn_dij_store_finish(w, ctx, w->path);
}

const pcn_dij_form pcn_dij_form_pencone = {begin, recover, put, end};
