// SPDX-License-Identifier: Apache-2.0
// Beam metrics of a profile.
#include "metrics.h"

#include <math.h>

#include "report.h"

cli_metrics cli_measure(cli_session *session, const double *distance_mm, const double *dose, size_t count) {
  cli_metrics m = {.depth = {sizeof(pencone_depth_metrics), NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN},
                   .profile = {sizeof(pencone_profile_metrics), NAN, NAN, NAN, NAN, NAN, NAN, NAN}};
  size_t first = 0, last = count;
  while (first < count && isnan(dose[first])) {
    ++first;
  }
  while (last > first && isnan(dose[last - 1])) {
    --last;
  }
  // Lines that are too short or hold no dose leave the values as they are.
  (void)pencone_depth_measure(session->ctx, distance_mm + first, dose + first, last - first, &m.depth);
  (void)pencone_profile_measure(session->ctx, distance_mm + first, dose + first, last - first, &m.profile);
  pencone_context_clear_error(session->ctx);
  return m;
}

static double penumbra(const pencone_profile_metrics *p) {
  return 0.5 * (p->penumbra_left_mm + p->penumbra_right_mm);
}

void cli_put_metrics(const cli_metrics *metrics, const char *units) {
  const pencone_depth_metrics *d = &metrics->depth;
  const pencone_profile_metrics *p = &metrics->profile;
  printf("# as a depth dose: maximum %.6g %s at %.2f mm; D20/D10 %.4f, TPR20,10 %.4f\n", d->dose_max, units,
         d->dmax_mm, d->d20_d10, d->tpr20_10);
  printf("#   R90 %.2f, R80 %.2f, R50 %.2f, R20 %.2f mm; fall-off 80-20 %% %.2f mm; 90-90 %% %.2f mm\n",
         d->r90_mm, d->r80_mm, d->r50_mm, d->r20_mm, d->distal_falloff_mm, d->sobp_width_mm);
  printf("# as a cross profile: field %.2f mm from %.2f to %.2f mm; penumbra 80-20 %% %.2f and %.2f mm\n",
         p->field_mm, p->left_mm, p->right_mm, p->penumbra_left_mm, p->penumbra_right_mm);
  printf("#   flatness %.2f %%, symmetry %.2f %%\n", p->flatness_pct, p->symmetry_pct);
}

void cli_json_metrics(cli_json *json, const cli_metrics *metrics) {
  const pencone_depth_metrics *d = &metrics->depth;
  const pencone_profile_metrics *p = &metrics->profile;
  cli_json_number(json, "dmax_mm", d->dmax_mm, 9);
  cli_json_number(json, "dose_max", d->dose_max, 9);
  cli_json_number(json, "D20_D10", d->d20_d10, 9);
  cli_json_number(json, "TPR20_10", d->tpr20_10, 9);
  cli_json_number(json, "R90_mm", d->r90_mm, 9);
  cli_json_number(json, "R80_mm", d->r80_mm, 9);
  cli_json_number(json, "R50_mm", d->r50_mm, 9);
  cli_json_number(json, "R20_mm", d->r20_mm, 9);
  cli_json_number(json, "distal_falloff_mm", d->distal_falloff_mm, 9);
  cli_json_number(json, "sobp_width_mm", d->sobp_width_mm, 9);
  cli_json_number(json, "field_mm", p->field_mm, 9);
  cli_json_number(json, "left_mm", p->left_mm, 9);
  cli_json_number(json, "right_mm", p->right_mm, 9);
  cli_json_number(json, "penumbra_mm", penumbra(p), 9);
  cli_json_number(json, "penumbra_left_mm", p->penumbra_left_mm, 9);
  cli_json_number(json, "penumbra_right_mm", p->penumbra_right_mm, 9);
  cli_json_number(json, "flatness_pct", p->flatness_pct, 9);
  cli_json_number(json, "symmetry_pct", p->symmetry_pct, 9);
}
