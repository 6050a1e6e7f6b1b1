// SPDX-License-Identifier: Apache-2.0
#include <pencone/version.h>

#include "pcn_commit.h"

const char *pencone_version(void) {
  return PENCONE_VERSION;
}

const char *pencone_commit(void) {
  return PCN_COMMIT;
}
