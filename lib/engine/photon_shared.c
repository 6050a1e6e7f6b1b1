// SPDX-License-Identifier: Apache-2.0
#include "engine/photon_shared.h"

#include "photon/tables.h"

pencone_status pcn_photon_shared_make(pencone_context *ctx, const pcn_job *job, void *shared) {
  return pcn_photon_tables_make(ctx, job->beam->machine, pcn_plan_option_number(job->plan, "kernel_depth_cm"),
                                shared);
}

void pcn_photon_shared_free(void *shared) {
  pcn_photon_tables_free(shared);
}
