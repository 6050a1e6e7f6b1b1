// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_STATUS_H
#define PENCONE_STATUS_H

#include <pencone/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Every outcome a call can have: X(NAME, value, meaning). Values are fixed for ever; 0 is success.
/// The numbers behind a failure are in pencone_context_error().
#define PENCONE_STATUS_MAP(X) X(OK, 0, "success") PENCONE_STATUS_FAILURES(X)
#define PENCONE_STATUS_FAILURES(X)                                         \
  X(E_ARGUMENT, 1, "a caller's argument is wrong")                         \
  X(E_MEMORY, 2, "the system has no memory left")                          \
  X(E_BUDGET, 3, "the calculation needs more than the memory budget")      \
  X(E_FILE, 4, "a file cannot be opened, read or written")                 \
  X(E_FORMAT, 5, "a file is not what it should be")                        \
  X(E_RANGE, 6, "a value is outside its valid range")                      \
  X(E_SHAPE, 7, "array shapes or grids do not agree")                      \
  X(E_MISSING, 8, "a named machine, engine, material or object is absent") \
  X(E_GEOMETRY, 9, "the beam and the phantom do not meet")                 \
  X(E_CANCELLED, 10, "cancelled by the progress callback")                 \
  X(E_NUMERIC, 11, "a numerical procedure failed")                         \
  X(E_UNSUPPORTED, 12, "not supported by this engine or build")            \
  X(E_INTERNAL, 13, "a defect in the library")

typedef enum pencone_status {
  PENCONE_OK = 0  // apart: C++98 wants no comma behind the last
#define PENCONE_STATUS_ENUM(name, value, text) , PENCONE_##name = value
  PENCONE_STATUS_FAILURES(PENCONE_STATUS_ENUM)
#undef PENCONE_STATUS_ENUM
} pencone_status;

/// Name of a status ("PENCONE_E_RANGE"); "PENCONE_E_?" for an unknown value. Static storage.
PENCONE_API const char *pencone_status_name(pencone_status status);

/// One-line meaning of a status. Static storage, never NULL.
PENCONE_API const char *pencone_status_text(pencone_status status);

#ifdef __cplusplus
}
#endif
#endif
