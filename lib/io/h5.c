// SPDX-License-Identifier: Apache-2.0
// Opening, closing, looking around.
#define _POSIX_C_SOURCE 200809L
#include "h5.h"

#include <errno.h>
#include <fcntl.h>
#include <pencone/io.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "h5_disk.h"

// The serial HDF5 library keeps global tables: one call at a time in the whole process.
static pthread_mutex_t h5_lock = PTHREAD_MUTEX_INITIALIZER;

/// Takes the lock and keeps HDF5 from printing.
void pcn_h5_continue(pcn_h5 *h5, pencone_context *ctx) {
  pthread_mutex_lock(&h5_lock);
  h5->ctx = ctx;
  H5Eget_auto2(H5E_DEFAULT, &h5->print, &h5->print_data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void pcn_h5_pause(pcn_h5 *h5) {
  H5Eset_auto2(H5E_DEFAULT, h5->print, h5->print_data);
  pthread_mutex_unlock(&h5_lock);
}

static void enter(pencone_context *ctx, const char *path, pcn_h5 *h5) {
  memset(h5, 0, sizeof *h5);
  h5->path = path;
  h5->file = -1;
  h5->driver = -1;
  pcn_h5_continue(h5, ctx);
}

pencone_status pcn_h5_fail(const pcn_h5 *h5, pencone_status status, const char *object, const char *format,
                           ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return pcn_fail(h5->ctx, status, "%s: %s: %s", h5->path, object, text);
}

pencone_status pcn_h5_not_written(const pcn_h5 *h5, const char *object) {
  return pcn_h5_fail(h5, PENCONE_E_FILE, object, "cannot be written: %s",
                     h5->error != 0 ? strerror(h5->error) : "HDF5 refuses");
}

/// Keeps the innermost text of HDF5's error stack.
static herr_t innermost(unsigned depth, const H5E_error2_t *error, void *text) {
  (void)depth;
  if (error->desc != NULL) {
    snprintf(text, 160, "%s", error->desc);
  }
  return 0;
}

static pencone_status open_failed(pcn_h5 *h5, const char *what) {
  char reason[160] = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, innermost, reason);
  return pcn_fail(h5->ctx, PENCONE_E_FORMAT, "%s: %s (HDF5: %s)", h5->path, what, reason);
}

/// Access properties: closing a file closes all that is open in it.
static hid_t access_properties(void) {
  const hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  if (properties >= 0 && H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG) < 0) {
    H5Pclose(properties);
    return -1;
  }
  return properties;
}

/// Bytes of an address and of a length in the file: the driver reads lengths.
static pencone_status check_sizes(pcn_h5 *h5) {
  size_t address = 0;
  size_t length = 0;
  const hid_t properties = H5Fget_create_plist(h5->file);
  const int known = H5Pget_sizes(properties, &address, &length) >= 0;
  H5Pclose(properties);
  PCN_CHECK(h5->ctx, known && length == 8, PENCONE_E_FORMAT,
            "%s: got HDF5 with lengths of %zu bytes, expected 8 as programs write them unless told otherwise",
            h5->path, length);
  return PENCONE_OK;
}

/// HDF5 does not say why it cannot open a file; this does.
static pencone_status why_not_open(pcn_h5 *h5) {
  FILE *probe = fopen(h5->path, "rb");
  PCN_CHECK(h5->ctx, probe != NULL, PENCONE_E_FILE, "%s: cannot be opened: %s", h5->path, strerror(errno));
  const int readable = fgetc(probe) != EOF;
  const int reason = errno;
  const int bad = ferror(probe);
  fclose(probe);
  PCN_CHECK(h5->ctx, !bad, PENCONE_E_FILE, "%s: cannot be read: %s", h5->path, strerror(reason));
  PCN_CHECK(h5->ctx, readable, PENCONE_E_FORMAT, "%s: got an empty file, expected HDF5", h5->path);
  PCN_CHECK(h5->ctx, H5Fis_hdf5(h5->path) > 0, PENCONE_E_FORMAT, "%s: not an HDF5 file", h5->path);
  return PENCONE_OK;
}

static pencone_status open_file(pcn_h5 *h5) {
  const hid_t properties = access_properties();
  const int set = properties >= 0 && pcn_h5_disk_use(properties, &h5->error, &h5->driver);
  h5->file = set ? H5Fopen(h5->path, H5F_ACC_RDONLY, properties) : -1;
  pencone_status status = PENCONE_OK;
  if (h5->file >= 0) {
    status = check_sizes(h5);
  } else {
    const pencone_status damaged = open_failed(h5, "cannot be opened as HDF5, truncated or damaged");
    const pencone_status why = why_not_open(h5);
    status = why != PENCONE_OK ? why : damaged;
  }
  H5Pclose(properties);
  return status;
}

pencone_status pcn_h5_open(pencone_context *ctx, const char *path, pcn_h5 *h5) {
  PCN_CHECK(ctx, path != NULL && path[0] != '\0', PENCONE_E_ARGUMENT, "file: got no name, expected a path");
  enter(ctx, path, h5);
  const pencone_status status = open_file(h5);
  return status != PENCONE_OK ? pcn_h5_finish(h5, status) : PENCONE_OK;
}

/// The new file under h5->temporary, which is there and empty.
static pencone_status create_file(pcn_h5 *h5) {
  const hid_t properties = access_properties();
  const hid_t root = H5Pcreate(H5P_FILE_CREATE);
  // Readable by HDF5 1.8 and later. Bounds are for writing only: they would keep newer files from being read.
  const int bound = properties >= 0 && H5Pset_libver_bounds(properties, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0;
  // Without time stamps, in the root group too: the same content gives the same bytes.
  const int set = bound && root >= 0 && H5Pset_obj_track_times(root, 0) >= 0 &&
                  pcn_h5_disk_use(properties, &h5->error, &h5->driver);
  h5->file = set ? H5Fcreate(h5->temporary, H5F_ACC_TRUNC, root, properties) : -1;
  H5Pclose(root);
  H5Pclose(properties);
  return h5->file >= 0 ? PENCONE_OK : open_failed(h5, "cannot be created");
}

/// Makes an empty file at h5->temporary: says why not, where HDF5 does not. @return 1, or 0 with errno
static int take_name(const pcn_h5 *h5, int flag) {
  const int taken = open(h5->temporary, O_WRONLY | O_CREAT | flag, 0666);
  return taken >= 0 && close(taken) == 0;
}

static pencone_status not_taken(pcn_h5 *h5) {
  const pencone_status status =
      pcn_fail(h5->ctx, PENCONE_E_FILE, "%s: cannot be written: %s", h5->path, strerror(errno));
  pcn_free(h5->temporary);
  h5->temporary = NULL;
  return status;
}

/// A name beside the target that nothing has yet, and the new file under it.
static pencone_status create_beside(pcn_h5 *h5) {
  enum { tries = 100, ending = 48 };
  const size_t room = strlen(h5->path) + ending;
  h5->temporary = pcn_alloc(h5->ctx, room, 1);
  if (h5->temporary == NULL) {
    return pcn_fail_prefix(h5->ctx, PENCONE_E_MEMORY, h5->path);
  }
  int taken = 0;
  for (int i = 0; i < tries && !taken; ++i) {
    snprintf(h5->temporary, room, "%s.%ld-%d.part", h5->path, (long)getpid(), i);
    taken = take_name(h5, O_EXCL);
    if (!taken && errno != EEXIST) {
      break;
    }
  }
  return taken ? create_file(h5) : not_taken(h5);
}

pencone_status pcn_h5_create(pencone_context *ctx, const char *path, pcn_h5 *h5) {
  PCN_CHECK(ctx, path != NULL && path[0] != '\0', PENCONE_E_ARGUMENT, "file: got no name, expected a path");
  enter(ctx, path, h5);
  const pencone_status status = create_beside(h5);
  return status != PENCONE_OK ? pcn_h5_finish(h5, status) : PENCONE_OK;
}

pencone_status pcn_h5_create_part(pencone_context *ctx, const char *path, const char *part, pcn_h5 *h5) {
  enter(ctx, path, h5);
  h5->keep = 1;
  h5->temporary = pcn_strdup(ctx, part);
  pencone_status status = h5->temporary != NULL ? PENCONE_OK : pcn_fail_prefix(ctx, PENCONE_E_MEMORY, path);
  if (status == PENCONE_OK) {
    status = take_name(h5, O_TRUNC) ? create_file(h5) : not_taken(h5);
  }
  return status != PENCONE_OK ? pcn_h5_finish(h5, status) : PENCONE_OK;
}

/// Brings the bytes to the disk before the name changes: a crash leaves the old file or the new one.
static int sync_file(const char *path) {
  const int file = open(path, O_RDONLY);
  if (file < 0) {
    return -1;
  }
  const int failed = fsync(file) != 0 && errno != EINVAL;  // some file systems cannot
  return close(file) != 0 || failed ? -1 : 0;
}

pencone_status pcn_h5_finish(pcn_h5 *h5, pencone_status status) {
  const int closed = h5->file < 0 || H5Fclose(h5->file) >= 0;
  if (h5->driver >= 0) {
    H5FDunregister(h5->driver);
  }
  const int early = pcn_h5_sync_end(h5);
  h5->error = h5->error != 0 ? h5->error : early;
  if (h5->temporary != NULL) {
    if (status == PENCONE_OK && (!closed || h5->error != 0 || sync_file(h5->temporary) != 0)) {
      status = pcn_fail(h5->ctx, PENCONE_E_FILE, "%s: cannot be written: %s", h5->path,
                        strerror(h5->error != 0 ? h5->error : errno));
    }
    if (status == PENCONE_OK && rename(h5->temporary, h5->path) != 0) {
      status = pcn_fail(h5->ctx, PENCONE_E_FILE, "%s: cannot be replaced: %s", h5->path, strerror(errno));
    }
    if (status != PENCONE_OK && !h5->keep) {
      unlink(h5->temporary);
    }
    pcn_free(h5->temporary);
  }
  pcn_h5_pause(h5);
  return status;
}

void pencone_io_end(void) {
  pthread_mutex_lock(&h5_lock);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5close();
  pthread_mutex_unlock(&h5_lock);
}

// --- looking around ----------------------------------------------------------------------------

/// @return 1, 0, or -1 where a group on the way or the object's own head is damaged
static int look_for(const pcn_h5 *h5, const char *object) {
  char part[3 * PCN_H5_NAME];
  const size_t length = strlen(object);
  if (length >= sizeof part) {
    return 0;
  }
  for (size_t i = 1; i <= length; ++i) {  // every group on the way must be there before the next is asked for
    if (object[i] == '/' || object[i] == '\0') {
      memcpy(part, object, i);
      part[i] = '\0';
      const int link = H5Lexists(h5->file, part, H5P_DEFAULT);
      const int there = link > 0 ? H5Oexists_by_name(h5->file, part, H5P_DEFAULT) : link;
      if (there <= 0) {
        return there < 0 ? -1 : 0;
      }
    }
  }
  return 1;
}

int pcn_h5_exists(const pcn_h5 *h5, const char *object) {
  return look_for(h5, object) > 0;
}

int pcn_h5_is_absent(const pcn_h5 *h5, const char *object) {
  return look_for(h5, object) == 0;
}

int pcn_h5_is_group(const pcn_h5 *h5, const char *object) {
  if (!pcn_h5_exists(h5, object)) {
    return 0;
  }
  const hid_t id = H5Oopen(h5->file, object, H5P_DEFAULT);
  const int is_group = id >= 0 && H5Iget_type(id) == H5I_GROUP;
  H5Oclose(id);
  return is_group;
}

pencone_status pcn_h5_find_group(const pcn_h5 *h5, const char *object, int *there) {
  *there = pcn_h5_is_group(h5, object);
  return *there || pcn_h5_is_absent(h5, object)
             ? PENCONE_OK
             : pcn_h5_fail(h5, PENCONE_E_FORMAT, object,
                           "got another object or damaged bytes, expected a group");
}

int pcn_h5_has(const pcn_h5 *h5, const char *object, const char *attribute) {
  return H5Aexists_by_name(h5->file, object, attribute, H5P_DEFAULT) > 0;
}

int pcn_h5_child(const pcn_h5 *h5, const char *group, size_t i, char name[PCN_H5_NAME]) {
  H5G_info_t info;
  if (H5Gget_info_by_name(h5->file, group, &info, H5P_DEFAULT) < 0) {
    return -1;
  }
  if (i >= info.nlinks) {
    return 0;
  }
  ssize_t length = H5Lget_name_by_idx(h5->file, group, H5_INDEX_CRT_ORDER, H5_ITER_INC, (hsize_t)i, name,
                                      PCN_H5_NAME, H5P_DEFAULT);
  if (length < 0) {
    length = H5Lget_name_by_idx(h5->file, group, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i, name, PCN_H5_NAME,
                                H5P_DEFAULT);
  }
  return length > 0 ? 1 : -1;
}

int pcn_h5_attribute(const pcn_h5 *h5, const char *object, size_t i, char name[PCN_H5_NAME]) {
  ssize_t length = H5Aget_name_by_idx(h5->file, object, H5_INDEX_CRT_ORDER, H5_ITER_INC, (hsize_t)i, name,
                                      PCN_H5_NAME, H5P_DEFAULT);
  if (length < 0) {
    length = H5Aget_name_by_idx(h5->file, object, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i, name, PCN_H5_NAME,
                                H5P_DEFAULT);
  }
  return length > 0;
}
