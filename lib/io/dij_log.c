// SPDX-License-Identifier: Apache-2.0
// The log beside an influence matrix that is being written.
#define _DEFAULT_SOURCE
#include "dij_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/base.h"

static const char mark[8] = {'p', 'c', 'n', 'd', 'i', 'j', '1', '\n'};

typedef struct head {
  char mark[sizeof mark];
  int64_t columns;
  pcn_dij_key key;
  uint64_t check;
} head;

typedef struct block {
  int64_t first;
  int64_t columns;
  int64_t places;
  uint64_t check;  ///< of the three above, the notes and the places behind it
} block;

/// Mixes 64 bits in: a multiplication by an odd number and a rotation, so that order counts.
static uint64_t mix(uint64_t check, uint64_t word) {
  check = (check ^ word) * UINT64_C(0x9E3779B97F4A7C15);
  return check << 29 | check >> 35;
}

uint64_t pcn_dij_check(int64_t count, const int32_t *voxel, const float *value) {
  uint64_t check = (uint64_t)count;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, &value[i], sizeof bits);
    check = mix(check, (uint64_t)(uint32_t)voxel[i] << 32 | bits);
  }
  return check;
}

static uint64_t check_bytes(uint64_t check, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i += sizeof check) {
    uint64_t word = 0;
    memcpy(&word, (const char *)bytes + i, count - i < sizeof word ? count - i : sizeof word);
    check = mix(check, word);
  }
  return check;
}

static uint64_t check_head(const head *h) {
  return check_bytes((uint64_t)h->columns, &h->key, sizeof h->key);
}

static uint64_t check_block(const block *b, const pcn_dij_note *notes, const uint64_t *places) {
  const uint64_t check = mix(mix(mix(1, (uint64_t)b->first), (uint64_t)b->columns), (uint64_t)b->places);
  return check_bytes(check_bytes(check, notes, (size_t)b->columns * sizeof *notes), places,
                     (size_t)b->places * sizeof *places);
}

// --- life --------------------------------------------------------------------------------------

pencone_status pcn_dij_log_init(pencone_context *ctx, const char *path, pcn_dij_log *log) {
  memset(log, 0, sizeof *log);
  log->file = -1;
  log->path = pcn_strdup(ctx, path);
  return log->path != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

void pcn_dij_log_free(pcn_dij_log *log) {
  if (log->file >= 0) {
    close(log->file);
  }
  pcn_free(log->path);
  pcn_free(log->note);
  pcn_free(log->place);
  memset(log, 0, sizeof *log);
  log->file = -1;
}

void pcn_dij_log_end(const pcn_dij_log *log) {
  unlink(log->path);
}

static pencone_status not_written(pencone_context *ctx, const pcn_dij_log *log) {
  return pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be written: %s", log->path, strerror(errno));
}

static pencone_status write_all(pencone_context *ctx, const pcn_dij_log *log, const void *bytes,
                                size_t count) {
  for (size_t done = 0; done < count;) {
    const ssize_t wrote = write(log->file, (const char *)bytes + done, count - done);
    if (wrote < 0 && errno != EINTR) {
      return not_written(ctx, log);
    }
    done += wrote > 0 ? (size_t)wrote : 0;
  }
  return PENCONE_OK;
}

/// One process at a time: two would write over each other.
static pencone_status open_log(pencone_context *ctx, pcn_dij_log *log, int flags) {
  log->file = open(log->path, O_RDWR | O_APPEND | O_CLOEXEC | flags, 0666);
  if (log->file < 0) {
    return not_written(ctx, log);
  }
  if (flock(log->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return pcn_fail(ctx, PENCONE_E_FILE, "%s: another process is writing this matrix", log->path);
  }
  return PENCONE_OK;
}

static pencone_status take_notes(pencone_context *ctx, pcn_dij_log *log, int64_t columns) {
  log->columns = columns;
  log->note = pcn_calloc(ctx, (size_t)columns, sizeof *log->note);
  return log->note != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
}

pencone_status pcn_dij_log_begin(pencone_context *ctx, pcn_dij_log *log, const pcn_dij_key *key,
                                 int64_t columns) {
  head h = {.columns = columns, .key = *key};
  memcpy(h.mark, mark, sizeof mark);
  h.check = check_head(&h);
  log->key = *key;
  PCN_TRY(take_notes(ctx, log, columns));
  PCN_TRY(open_log(ctx, log, O_CREAT));
  const pencone_status status =
      ftruncate(log->file, 0) != 0 ? not_written(ctx, log) : write_all(ctx, log, &h, sizeof h);
  if (status != PENCONE_OK) {
    close(log->file);
    log->file = -1;
    pcn_dij_log_end(log);  // half a head would be in the way of the next run
  }
  return status;
}

// --- blocks ------------------------------------------------------------------------------------

static pencone_status keep_places(pencone_context *ctx, pcn_dij_log *log, const uint64_t *places,
                                  size_t count) {
  if (log->places + count > log->room) {
    const size_t room = 2 * (log->places + count);
    uint64_t *larger = pcn_alloc(ctx, room, sizeof *larger);
    if (larger == NULL) {
      return PENCONE_E_MEMORY;
    }
    if (log->places > 0) {
      memcpy(larger, log->place, log->places * sizeof *larger);
    }
    pcn_free(log->place);
    log->place = larger;
    log->room = room;
  }
  if (count > 0) {
    memcpy(log->place + log->places, places, count * sizeof *places);
  }
  log->places += count;
  return PENCONE_OK;
}

static pencone_status keep_block(pencone_context *ctx, pcn_dij_log *log, const block *b,
                                 const pcn_dij_note *notes, const uint64_t *places) {
  PCN_TRY(keep_places(ctx, log, places, (size_t)b->places));
  memcpy(log->note + b->first, notes, (size_t)b->columns * sizeof *notes);
  log->done = b->first + b->columns;
  return PENCONE_OK;
}

pencone_status pcn_dij_log_add(pencone_context *ctx, pcn_dij_log *log, const pcn_dij_note *notes, int count,
                               const uint64_t *places, size_t place_count) {
  block b = {.first = log->done, .columns = count, .places = (int64_t)place_count};
  b.check = check_block(&b, notes, places);
  const size_t note_bytes = (size_t)count * sizeof *notes;
  const size_t place_bytes = place_count * sizeof *places;
  char *record = pcn_alloc(ctx, 1, sizeof b + note_bytes + place_bytes);
  if (record == NULL) {
    return PENCONE_E_MEMORY;
  }
  memcpy(record, &b, sizeof b);
  memcpy(record + sizeof b, notes, note_bytes);
  if (place_bytes > 0) {
    memcpy(record + sizeof b + note_bytes, places, place_bytes);
  }
  const pencone_status status = write_all(ctx, log, record, sizeof b + note_bytes + place_bytes);
  pcn_free(record);
  return status == PENCONE_OK ? keep_block(ctx, log, &b, notes, places) : status;
}

/// Reads bytes at the file's position. @return 1, or 0 when there are fewer
static int read_all(int file, void *bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
    const ssize_t got = read(file, (char *)bytes + done, count - done);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return 0;
    }
    done += got > 0 ? (size_t)got : 0;
  }
  return 1;
}

/// The next block, kept. @param[out] whole  0: there is none, or not all of it
static pencone_status read_block(pencone_context *ctx, pcn_dij_log *log, int *whole) {
  enum { places_max = 1 << 20 };
  block b;
  *whole = read_all(log->file, &b, sizeof b) && b.first == log->done && b.columns > 0 &&
           b.columns <= log->columns - b.first && b.places >= 0 && b.places <= places_max;
  if (!*whole) {
    return PENCONE_OK;
  }
  pcn_dij_note *notes = pcn_alloc(ctx, (size_t)b.columns, sizeof *notes);
  uint64_t *places = pcn_alloc(ctx, (size_t)b.places, sizeof *places);
  pencone_status status = notes != NULL && places != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK) {
    *whole = read_all(log->file, notes, (size_t)b.columns * sizeof *notes) &&
             read_all(log->file, places, (size_t)b.places * sizeof *places) &&
             b.check == check_block(&b, notes, places);
    status = *whole ? keep_block(ctx, log, &b, notes, places) : PENCONE_OK;
  }
  pcn_free(notes);
  pcn_free(places);
  return status;
}

static pencone_status read_blocks(pencone_context *ctx, pcn_dij_log *log) {
  int whole = 1;
  off_t end = lseek(log->file, 0, SEEK_CUR);
  while (whole) {
    PCN_TRY(read_block(ctx, log, &whole));
    end = whole ? lseek(log->file, 0, SEEK_CUR) : end;
  }
  return ftruncate(log->file, end) == 0 ? PENCONE_OK : not_written(ctx, log);
}

pencone_status pcn_dij_log_read(pencone_context *ctx, pcn_dij_log *log, int *found) {
  head h;
  *found = access(log->path, F_OK) == 0;
  if (!*found) {
    return PENCONE_OK;
  }
  PCN_TRY(open_log(ctx, log, 0));
  PCN_CHECK(ctx,
            read_all(log->file, &h, sizeof h) && memcmp(h.mark, mark, sizeof mark) == 0 &&
                h.check == check_head(&h) && h.columns > 0 && h.columns < INT32_MAX,
            PENCONE_E_FORMAT,
            "%s: got another file, or one that was cut at its head, expected the log of an influence "
            "matrix; remove it to start anew",
            log->path);
  log->key = h.key;
  PCN_TRY(take_notes(ctx, log, h.columns));
  return read_blocks(ctx, log);
}

pencone_status pcn_dij_log_cut(pencone_context *ctx, pcn_dij_log *log, int64_t columns) {
  block b;
  if (columns >= log->done) {
    return PENCONE_OK;
  }
  log->done = 0;
  log->places = 0;
  off_t end = lseek(log->file, (off_t)sizeof(head), SEEK_SET);
  while (log->done < columns && read_all(log->file, &b, sizeof b) && log->done + b.columns <= columns) {
    end = lseek(log->file,
                (off_t)((size_t)b.columns * sizeof(pcn_dij_note) + (size_t)b.places * sizeof(uint64_t)),
                SEEK_CUR);
    log->done += b.columns;
    log->places += (size_t)b.places;
  }
  return ftruncate(log->file, end) == 0 ? PENCONE_OK : not_written(ctx, log);
}
