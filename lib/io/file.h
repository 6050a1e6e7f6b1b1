// SPDX-License-Identifier: Apache-2.0
// Text files and paths.
#ifndef PCN_FILE_H
#define PCN_FILE_H

#include <pencone/context.h>

/// Reads a whole file of at most 64 MiB; a zero byte follows the text and does not count.
/// @param[out] text  freed by pcn_free(). @return PENCONE_OK, E_FILE or E_MEMORY; the text begins with the
/// path.
pencone_status pcn_file_read(pencone_context *ctx, const char *path, char **text, size_t *bytes);

/// A path as written in a file: an absolute one as it is, a relative one from that file's folder.
/// @return the path, freed by pcn_free(); NULL without memory.
char *pcn_file_beside(pencone_context *ctx, const char *file, const char *path);

#endif
