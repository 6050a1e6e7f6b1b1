// SPDX-License-Identifier: Apache-2.0
// Bytes of a new file that reach the disk while something else is calculated. A disk needs about as long to
// make them safe as to take them, so that this, not the copy in memory, is what a program waits for.
#define _POSIX_C_SOURCE 200809L
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "h5.h"

struct pcn_h5_sync {
  struct aiocb request;
};

void pcn_h5_sync_begin(pcn_h5 *h5) {
  if (h5->sync != NULL || h5->temporary == NULL) {
    return;
  }
  pcn_h5_sync *sync = pcn_calloc(NULL, 1, sizeof *sync);
  const int file = sync != NULL ? open(h5->temporary, O_WRONLY | O_CLOEXEC) : -1;
  if (file < 0) {
    pcn_free(sync);
    return;
  }
  sync->request.aio_fildes = file;
  sync->request.aio_sigevent.sigev_notify = SIGEV_NONE;
  if (aio_fsync(O_SYNC, &sync->request) != 0) {
    close(file);
    pcn_free(sync);
    return;
  }
  h5->sync = sync;
}

int pcn_h5_sync_end(pcn_h5 *h5) {
  pcn_h5_sync *sync = h5->sync;
  if (sync == NULL) {
    return 0;
  }
  const struct aiocb *const list[1] = {&sync->request};
  while (aio_error(&sync->request) == EINPROGRESS) {
    aio_suspend(list, 1, NULL);
  }
  const int failed = aio_error(&sync->request);
  aio_return(&sync->request);
  close(sync->request.aio_fildes);
  pcn_free(sync);
  h5->sync = NULL;
  return failed != EINVAL ? failed : 0;  // some file systems cannot
}
