// SPDX-License-Identifier: Apache-2.0
// HDF5 file driver over POSIX calls that notes failures of writing, and on reading refuses heaps of texts
// that HDF5 1.10 would read without end.
#define _DEFAULT_SOURCE  // flock() is not POSIX
#include "h5_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/base.h"

/// The driver's file; HDF5 knows its first member.
typedef struct disk {
  H5FD_t head;
  int file;
  haddr_t allocated, end;  ///< end: bytes that HDF5 believes to be in the file
  int *error;
} disk;

/// What the access properties carry.
typedef struct settings {
  int *error;
} settings;

static H5FD_t *open_disk(const char *name, unsigned flags, hid_t properties, haddr_t limit) {
  (void)limit;
  const settings *s = H5Pget_driver_info(properties);
  const int access = flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY;
  const int create = (flags & H5F_ACC_CREAT ? O_CREAT : 0) | (flags & H5F_ACC_TRUNC ? O_TRUNC : 0);
  const int file = s != NULL ? open(name, access | O_CLOEXEC | create, 0666) : -1;
  disk *d = file >= 0 ? pcn_calloc(NULL, 1, sizeof *d) : NULL;
  const off_t end = d != NULL ? lseek(file, 0, SEEK_END) : 0;
  if (d == NULL || end < 0) {
    if (file >= 0) {
      close(file);
    }
    pcn_free(d);
    return NULL;
  }
  d->file = file;
  d->end = (haddr_t)end;
  d->error = s->error;
  return &d->head;
}

static void note(disk *d, int reason) {
  *d->error = *d->error != 0 ? *d->error : reason != 0 ? reason : EIO;
}

static herr_t close_disk(H5FD_t *head) {
  disk *d = (disk *)head;
  if (close(d->file) != 0) {
    note(d, errno);
  }
  pcn_free(d);
  return 0;
}

/// Like HDF5's own driver, so that the bytes of a file are the same.
static herr_t query(const H5FD_t *head, unsigned long *flags) {
  (void)head;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t get_allocated(const H5FD_t *head, H5FD_mem_t type) {
  (void)type;
  return ((const disk *)head)->allocated;
}

static herr_t set_allocated(H5FD_t *head, H5FD_mem_t type, haddr_t address) {
  (void)type;
  ((disk *)head)->allocated = address;
  return 0;
}

static haddr_t get_end(const H5FD_t *head, H5FD_mem_t type) {
  (void)type;
  return ((const disk *)head)->end;
}

/// What is not there reads as zeros.
static int read_at(const disk *d, haddr_t address, size_t size, void *buffer) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(d->file, (char *)buffer + done, size - done, (off_t)(address + done));
    if (got < 0 && errno != EINTR) {
      return 0;
    }
    if (got == 0) {
      memset((char *)buffer + done, 0, size - done);
      return 1;
    }
    done += got > 0 ? (size_t)got : 0;
  }
  return 1;
}

// --- global heaps ------------------------------------------------------------------------------

// Texts of variable length lie in global heaps (HDF5 file format specification, "Disk Format: Level 1E").
// HDF5 1.10 walks from object to object by the sizes that stand there and does not notice when one leads
// nowhere: zeros, as a copy leaves them that was cut off, keep it for ever.
enum { HEAP_HEAD = 16, OBJECT_HEAD = 16, HEAP_FIRST_READ = 4096 };
static const unsigned char heap_signature[8] = {'G', 'C', 'O', 'L', 1, 0, 0, 0};

static uint64_t little_endian(const unsigned char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | bytes[i];
  }
  return value;
}

/// Walks through the objects of a heap: index, references and reserved bytes, size; object 0 is the free
/// space, whose size counts its head.
static int heap_is_sound(const unsigned char *heap, uint64_t size) {
  uint64_t at = HEAP_HEAD;
  while (at + OBJECT_HEAD <= size) {
    const int is_free = little_endian(heap + at, 2) == 0;
    const uint64_t bytes = little_endian(heap + at + 8, 8), left = size - at - (is_free ? 0 : OBJECT_HEAD);
    if (bytes > left || (is_free && bytes < OBJECT_HEAD)) {
      return 0;
    }
    at += is_free ? bytes : OBJECT_HEAD + (bytes + 7) / 8 * 8;
  }
  return 1;
}

/// @param head  the first bytes of what may be a heap
static int check_heap(const disk *d, haddr_t address, const unsigned char *head) {
  const uint64_t size = little_endian(head + 8, 8);
  if (size < HEAP_HEAD || address > d->end || size > d->end - address) {
    return 0;
  }
  unsigned char *heap = pcn_alloc(NULL, size, 1);
  const int sound = heap != NULL && read_at(d, address, size, heap) && heap_is_sound(heap, size);
  pcn_free(heap);
  return sound;
}

static herr_t read_disk(H5FD_t *head, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                        void *buffer) {
  const disk *d = (const disk *)head;
  (void)transfer;
  if (!read_at(d, address, size, buffer)) {
    return -1;
  }
  // HDF5 reads the first bytes of a heap at once, and as values, not as metadata
  const int may_be_heap = (type == H5FD_MEM_DRAW || type == H5FD_MEM_GHEAP) && size >= HEAP_HEAD &&
                          size <= HEAP_FIRST_READ &&
                          memcmp(buffer, heap_signature, sizeof heap_signature) == 0;
  return !may_be_heap || check_heap(d, address, buffer) ? 0 : -1;
}

static herr_t write_disk(H5FD_t *head, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                         const void *buffer) {
  disk *d = (disk *)head;
  (void)type;
  (void)transfer;
  for (size_t done = 0; done < size && *d->error == 0;) {
    const ssize_t wrote = pwrite(d->file, (const char *)buffer + done, size - done, (off_t)(address + done));
    if (wrote == 0 || (wrote < 0 && errno != EINTR)) {
      note(d, wrote < 0 ? errno : ENOSPC);
    }
    done += wrote > 0 ? (size_t)wrote : 0;
  }
  d->end = address + size > d->end ? address + size : d->end;
  return 0;
}

static herr_t truncate_disk(H5FD_t *head, hid_t transfer, hbool_t closing) {
  disk *d = (disk *)head;
  (void)transfer;
  (void)closing;
  if (d->end != d->allocated) {
    if (*d->error == 0 && ftruncate(d->file, (off_t)d->allocated) != 0) {
      note(d, errno);
    }
    d->end = d->allocated;
  }
  return 0;
}

// As HDF5's own driver does, against a program that writes what another reads. Not all file systems have
// locks.
static herr_t lock_disk(H5FD_t *head, hbool_t to_write) {
  const int failed = flock(((const disk *)head)->file, (to_write ? LOCK_EX : LOCK_SH) | LOCK_NB);
  return failed == 0 || errno != EWOULDBLOCK ? 0 : -1;
}

static herr_t unlock_disk(H5FD_t *head) {
  (void)flock(((const disk *)head)->file, LOCK_UN);  // closing does the same
  return 0;
}

int pcn_h5_disk_use(hid_t access_properties, int *error, hid_t *driver_id) {
  static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
      .version = H5FD_CLASS_VERSION,
#endif
      .name = "pencone",
      .maxaddr = ((haddr_t)1 << 62),
      .fc_degree = H5F_CLOSE_STRONG,
      .fapl_size = sizeof(settings),
      .open = open_disk,
      .close = close_disk,
      .query = query,
      .get_eoa = get_allocated,
      .set_eoa = set_allocated,
      .get_eof = get_end,
      .read = read_disk,
      .write = write_disk,
      .truncate = truncate_disk,
      .lock = lock_disk,
      .unlock = unlock_disk,
      .fl_map = H5FD_FLMAP_DICHOTOMY,
  };
  const settings s = {error};
  *error = 0;
  *driver_id = H5FDregister(&driver);
  return *driver_id >= 0 && H5Pset_driver(access_properties, *driver_id, &s) >= 0;
}
