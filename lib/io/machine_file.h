// SPDX-License-Identifier: Apache-2.0
#ifndef PCN_MACHINE_FILE_H
#define PCN_MACHINE_FILE_H

/// 1 when a machine is named by a path (it has a slash or ends in .yaml or .yml), 0 for a shipped name.
int pcn_machine_is_path(const char *name_or_path);

#endif
