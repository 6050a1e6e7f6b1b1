// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_VERSION_H
#define PENCONE_VERSION_H

#if defined(_WIN32)
#define PENCONE_API
#else
#define PENCONE_API __attribute__((visibility("default")))
#endif

#define PENCONE_VERSION_MAJOR 0
#define PENCONE_VERSION_MINOR 1
#define PENCONE_VERSION_PATCH 0
#define PENCONE_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/// Version of the library that was linked, as text ("0.1.0"). Compare with PENCONE_VERSION, the
/// version of the headers. Static storage, never NULL. Any thread.
PENCONE_API const char *pencone_version(void);

/// Source revision the library was built from ("unknown" outside a git checkout). Static storage.
PENCONE_API const char *pencone_commit(void);

#ifdef __cplusplus
}
#endif
#endif
