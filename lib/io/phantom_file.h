// SPDX-License-Identifier: Apache-2.0
// The datasets of a phantom inside a group, as phantom and dose files hold them.
#ifndef PCN_PHANTOM_FILE_H
#define PCN_PHANTOM_FILE_H

#include <pencone/phantom.h>

#include "h5.h"

/// Checks the head of a file of ours: group /pencone, format, version, frame.
/// @param format  wanted; @param other  also welcome, or NULL. @param[out] is_other  which it was; may be
/// NULL
pencone_status pcn_head_check(const pcn_h5 *h5, const char *format, const char *other, int *is_other);

/// Begins a file of ours: group /pencone with its head and grid.
pencone_status pcn_head_write(const pcn_h5 *h5, const char *format, const pencone_grid *grid);

/// Writes hu, density, material and structures into a group that is there.
/// @param view  1: also show them in VTK, under their names (pcn_views_begin() came before)
pencone_status pcn_phantom_write_into(const pcn_h5 *h5, const char *group, const pencone_phantom *phantom,
                                      int view);

#endif
