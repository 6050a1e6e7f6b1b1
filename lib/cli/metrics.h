// SPDX-License-Identifier: Apache-2.0
// What a profile tells about the beam, as text and as JSON.
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include "command.h"
#include "json.h"

/// Both readings of a line of dose: as a depth dose and as a cross profile.
typedef struct cli_metrics {
  pencone_depth_metrics depth;  ///< NaN where the line cannot tell
  pencone_profile_metrics profile;
} cli_metrics;

/// Measures the part of the line that lies in the dose (values that are not NaN). Never fails: what cannot be
/// measured is NaN.
cli_metrics cli_measure(cli_session *session, const double *distance_mm, const double *dose, size_t count);

void cli_put_metrics(const cli_metrics *metrics, const char *units);
void cli_json_metrics(cli_json *json, const cli_metrics *metrics);

#endif
