// SPDX-License-Identifier: Apache-2.0
// Influence matrices to files: what all forms have in common.
#define _POSIX_C_SOURCE 200809L
#include "dij_writer.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

static const pcn_dij_form *const forms[] = {&pcn_dij_form_pencone, &pcn_dij_form_portpy, &pcn_dij_form_fred};

/// "text" and "ending" in one. @return text freed by pcn_free(), NULL without memory
static char *join(pencone_context *ctx, const char *text, const char *ending) {
  const size_t bytes = strlen(text);
  char *joined = pcn_alloc(ctx, bytes + strlen(ending) + 1, 1);
  if (joined != NULL) {
    memcpy(joined, text, bytes);
    memcpy(joined + bytes, ending, strlen(ending) + 1);
  }
  return joined;
}

void pcn_dij_notes(const pencone_dij_column *columns, int count, pcn_dij_note *notes) {
  for (int i = 0; i < count; ++i) {
    notes[i] = (pcn_dij_note){.count = columns[i].count,
                              .sum = columns[i].sum,
                              .lost = columns[i].lost,
                              .check = pcn_dij_check(columns[i].count, columns[i].voxel, columns[i].value)};
  }
}

// --- life --------------------------------------------------------------------------------------

static pencone_status copy_texts(pencone_context *ctx, const char *path,
                                 const pencone_dij_writer_options *options, pencone_dij_writer *w) {
  w->path = pcn_strdup(ctx, path);
  w->part = join(ctx, path, ".part");
  w->plan_text = pcn_strdup(ctx, options->plan_text);
  w->phantom_path = pcn_strdup(ctx, options->phantom_path);
  const int good = w->path != NULL && w->part != NULL &&
                   (w->plan_text != NULL || options->plan_text == NULL) &&
                   (w->phantom_path != NULL || options->phantom_path == NULL);
  char *log_path = good ? join(ctx, w->part, ".log") : NULL;
  const pencone_status status =
      log_path != NULL ? pcn_dij_log_init(ctx, log_path, &w->log) : PENCONE_E_MEMORY;
  pcn_free(log_path);
  return status;
}

/// A recovery renames the new part, then the new log: where it was cut in between, the log follows.
static pencone_status complete_rename(pencone_context *ctx, const pencone_dij_writer *w) {
  char *part = join(ctx, w->part, ".new");
  char *log = join(ctx, w->log.path, ".new");
  pencone_status status = part != NULL && log != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  if (status == PENCONE_OK && access(log, F_OK) == 0 && access(part, F_OK) != 0 &&
      rename(log, w->log.path) != 0) {
    status = pcn_fail(ctx, PENCONE_E_FILE, "%s: cannot be renamed: %s", log, strerror(errno));
  }
  pcn_free(part);
  pcn_free(log);
  return status;
}

static pencone_status look_for_portpy(pencone_context *ctx, const pencone_dij_writer *w) {
  const char *slash = strrchr(w->path, '/');
  PCN_CHECK(ctx, access(w->path, F_OK) != 0, PENCONE_E_FILE,
            "%s: got a name that is there, expected a new one for PortPy's folder", w->path);
  if (strstr(slash != NULL ? slash + 1 : w->path, "Patient") == NULL) {
    pcn_log(ctx, PENCONE_LOG_WARNING, "%s: PortPy lists only folders with 'Patient' in their name", w->path);
  }
  return PENCONE_OK;
}

static pencone_status look(pencone_context *ctx, pencone_dij_writer *w) {
  if (w->format == PENCONE_DIJ_PORTPY) {
    PCN_TRY(look_for_portpy(ctx, w));
  }
  PCN_TRY(complete_rename(ctx, w));
  if (!w->resume) {
    PCN_CHECK(
        ctx, access(w->log.path, F_OK) != 0, PENCONE_E_FILE,
        "%s: got a matrix that an earlier run has begun, expected to be told to resume it, or that you remove it",
        w->part);
    return PENCONE_OK;
  }
  PCN_TRY(pcn_dij_log_read(ctx, &w->log, &w->found));
  // The last block may be short, and a stream begins at a whole one.
  const int64_t whole = w->log.done < w->log.columns || w->log.done == 0 ? w->log.done : w->log.done - 1;
  return w->found ? pcn_dij_log_cut(ctx, &w->log, whole / PENCONE_DIJ_BLOCK * PENCONE_DIJ_BLOCK) : PENCONE_OK;
}

pencone_status pencone_dij_writer_create(pencone_context *ctx, const char *path, pencone_dij_format format,
                                         const pencone_dij_writer_options *options,
                                         pencone_dij_writer **out) {
  const pencone_dij_writer_options defaults = PENCONE_DIJ_WRITER_OPTIONS_DEFAULT;
  PCN_CHECK(ctx, out != NULL, PENCONE_E_ARGUMENT, "matrix writer: the place for the result is NULL");
  *out = NULL;
  PCN_CHECK(ctx, path != NULL && path[0] != '\0', PENCONE_E_ARGUMENT, "file: got no name, expected a path");
  PCN_CHECK(ctx, (int)format >= 0 && (size_t)format < sizeof forms / sizeof forms[0], PENCONE_E_ARGUMENT,
            "matrix writer: got the format %d, expected a pencone_dij_format", (int)format);
  options = options != NULL ? options : &defaults;
  PCN_CHECK(ctx, options->struct_size == sizeof *options, PENCONE_E_ARGUMENT,
            "matrix writer: got struct_size %zu, expected %zu", options->struct_size, sizeof *options);
  pencone_dij_writer *w = pcn_calloc(ctx, 1, sizeof *w);
  if (w == NULL) {
    return PENCONE_E_MEMORY;
  }
  w->log.file = -1;
  w->format = format;
  w->form = forms[format];
  w->resume = options->resume;
  w->isa = pencone_context_isa(ctx);
  w->threads = pencone_context_threads(ctx);
  pencone_status status = copy_texts(ctx, path, options, w);
  if (status == PENCONE_OK) {
    status = look(ctx, w);
  }
  if (status != PENCONE_OK) {
    pencone_dij_writer_destroy(w);
    return status;
  }
  *out = w;
  return PENCONE_OK;
}

/// A part without an entry is worth nothing, and would be in the way of the next run.
static void remove_empty(const pencone_dij_writer *w) {
  if (w->begun && !w->whole && pencone_dij_writer_report(w, NULL).entries == 0) {
    unlink(w->part);
    pcn_dij_log_end(&w->log);
  }
}

void pencone_dij_writer_destroy(pencone_dij_writer *w) {
  if (w == NULL) {
    return;
  }
  pcn_dij_store_close(w, NULL);
  if (w->file != NULL) {
    fclose(w->file);
  }
  remove_empty(w);
  pcn_dij_log_free(&w->log);
  pcn_free(w->voxel);
  pcn_free(w->value);
  pcn_free(w->path);
  pcn_free(w->part);
  pcn_free(w->plan_text);
  pcn_free(w->phantom_path);
  pcn_free(w);
}

// --- the sink ----------------------------------------------------------------------------------

static pencone_status begin(void *data, pencone_context *ctx, const pencone_dij_info *info) {
  pencone_dij_writer *w = data;
  pcn_dij_key key;
  PCN_CHECK(ctx, info != NULL && info->columns > 0, PENCONE_E_ARGUMENT, "%s: got a matrix without columns",
            w->path);
  w->info = *info;
  w->start_s = pcn_seconds();
  PCN_TRY(pcn_dij_key_of(ctx, info, w->isa, (int)w->format, &key));
  PCN_CHECK(ctx, info->options->first_column == w->log.done, PENCONE_E_ARGUMENT,
            "%s: got a stream from column %lld, expected %lld, which the file has", w->path,
            (long long)info->options->first_column, (long long)w->log.done);
  if (w->found) {
    PCN_TRY(pcn_dij_key_compare(ctx, w->part, &w->log.key, &key));
    PCN_CHECK(ctx, w->log.columns == info->columns, PENCONE_E_FORMAT,
              "%s: got a part of %lld columns, expected %lld", w->part, (long long)w->log.columns,
              (long long)info->columns);
  }
  if (w->log.done > 0) {
    PCN_TRY(w->form->recover(w, ctx));
    w->begun = 1;
    return PENCONE_OK;
  }
  // A log without blocks, of this process or an earlier one, starts again.
  if (w->log.file < 0) {
    PCN_TRY(pcn_dij_log_begin(ctx, &w->log, &key, info->columns));
  }
  w->begun = 1;
  return w->form->begin(w, ctx);
}

static pencone_status put(void *data, pencone_context *ctx, const pencone_dij_column *columns, int count) {
  pencone_dij_writer *w = data;
  for (int i = 0; i < count; ++i) {
    PCN_CHECK(ctx, columns[i].index == w->log.done + i, PENCONE_E_ARGUMENT,
              "%s: got column %lld, expected %lld: columns come in their order", w->path,
              (long long)columns[i].index, (long long)(w->log.done + i));
  }
  return w->form->put(w, ctx, columns, count);
}

static pencone_status end(void *data, pencone_context *ctx) {
  pencone_dij_writer *w = data;
  struct stat file;
  PCN_CHECK(ctx, w->log.done == w->info.columns, PENCONE_E_ARGUMENT, "%s: got %lld columns, expected %lld",
            w->path, (long long)w->log.done, (long long)w->info.columns);
  PCN_TRY(w->form->end(w, ctx));
  pcn_dij_log_end(&w->log);
  w->whole = 1;
  if (w->bytes == 0 && stat(w->path, &file) == 0) {
    w->bytes = (uint64_t)file.st_size;
  }
  return PENCONE_OK;
}

pencone_dij_sink pencone_dij_writer_sink(pencone_dij_writer *writer) {
  return (pencone_dij_sink){writer, begin, put, end};
}

int64_t pencone_dij_writer_done_columns(const pencone_dij_writer *writer) {
  return writer != NULL ? writer->log.done : 0;
}

pencone_dij_report pencone_dij_writer_report(const pencone_dij_writer *writer, uint64_t *bytes) {
  pencone_dij_report report = PENCONE_DIJ_REPORT_DEFAULT;
  for (int64_t c = 0; writer != NULL && c < writer->log.done; ++c) {
    const pcn_dij_note *note = &writer->log.note[c];
    report.entries += note->count;
    report.empty += note->count == 0;
    report.sum += note->sum;
    report.lost += note->lost;
    if (note->sum > 0 && note->lost / note->sum > report.worst_lost) {
      report.worst_lost = note->lost / note->sum;
    }
  }
  report.columns = pencone_dij_writer_done_columns(writer);
  if (bytes != NULL) {
    *bytes = writer != NULL ? writer->bytes : 0;
  }
  return report;
}
