// SPDX-License-Identifier: Apache-2.0
// Dose along a straight line.
#include <math.h>
#include <pencone/analysis.h>

#include "base/base.h"
#include "num/vec3.h"

static int finite3(const double a[3]) {
  return isfinite(a[0]) && isfinite(a[1]) && isfinite(a[2]);
}

pencone_status pencone_profile_sample(pencone_context *ctx, const pencone_dose *dose, const double from_mm[3],
                                      const double to_mm[3], size_t count, double *distance_mm,
                                      double *values) {
  PCN_CHECK(ctx, dose != NULL && from_mm != NULL && to_mm != NULL && values != NULL, PENCONE_E_ARGUMENT,
            "profile: got dose %s, from %s, to %s, values %s, expected all of them", dose ? "given" : "NULL",
            from_mm ? "given" : "NULL", to_mm ? "given" : "NULL", values ? "given" : "NULL");
  PCN_CHECK(ctx, count >= 2, PENCONE_E_ARGUMENT, "profile: got %zu samples, expected 2 or more", count);
  PCN_CHECK(ctx, finite3(from_mm) && finite3(to_mm), PENCONE_E_RANGE,
            "profile: got from %g,%g,%g to %g,%g,%g mm, expected finite coordinates", from_mm[0], from_mm[1],
            from_mm[2], to_mm[0], to_mm[1], to_mm[2]);
  const pcn_vec3 from = pcn_v3_from(from_mm);
  const pcn_vec3 to = pcn_v3_from(to_mm);
  const double length = pcn_v3_length(pcn_v3_sub(to, from));
  PCN_CHECK(ctx, length > 0, PENCONE_E_RANGE,
            "profile: got from = to = %g,%g,%g mm, expected two different points", from.x, from.y, from.z);
  for (size_t i = 0; i < count; ++i) {
    // A weighted mean of the ends: both are met exactly, without a rounding error that grows along the line.
    const double t = (double)i / (double)(count - 1);
    const pcn_vec3 p = pcn_v3_add(pcn_v3_scale(from, 1 - t), pcn_v3_scale(to, t));
    const double xyz[3] = {p.x, p.y, p.z};
    values[i] = pencone_dose_at(dose, xyz);
    if (distance_mm != NULL) {
      distance_mm[i] = t * length;
    }
  }
  return PENCONE_OK;
}
