// SPDX-License-Identifier: Apache-2.0
// Physics data, built into the library: the files of lib/data as text.
#ifndef PCN_DATA_H
#define PCN_DATA_H

#include <stddef.h>

/// Text of an embedded file ("spectra.csv", "machines/ideal-co60.yaml"), followed by a zero byte that
/// does not count; NULL when there is none. Static storage.
const char *pcn_data_find(const char *name, size_t *bytes);

/// Number of embedded files, and the name of the i-th (NULL outside the range).
int pcn_data_count(void);
const char *pcn_data_name(int i);

#endif
