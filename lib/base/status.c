// SPDX-License-Identifier: Apache-2.0
#include <pencone/status.h>

const char *pencone_status_name(pencone_status status) {
  switch (status) {
#define PCN_STATUS_NAME(name, value, text) \
  case PENCONE_##name:                     \
    return "PENCONE_" #name;
    PENCONE_STATUS_MAP(PCN_STATUS_NAME)
#undef PCN_STATUS_NAME
  }
  return "PENCONE_E_?";
}

const char *pencone_status_text(pencone_status status) {
  switch (status) {
#define PCN_STATUS_TEXT(name, value, text) \
  case PENCONE_##name:                     \
    return text;
    PENCONE_STATUS_MAP(PCN_STATUS_TEXT)
#undef PCN_STATUS_TEXT
  }
  return "unknown status";
}
