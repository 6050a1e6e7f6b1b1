// SPDX-License-Identifier: Apache-2.0
// Outlines of structures in the view of a beam, from which PortPy chooses beamlets around its target: corners
// (x, y) in the isocentre plane, collimator axes, mm, as /BEV_structure_contour_points/STRUCTURE/Segment-N.
#include <stdio.h>

#include "base/base.h"
#include "dij_portpy.h"
#include "geom/silhouette.h"

static const char folder[] = "/BEV_structure_contour_points";

static pencone_status write_parts(const pcn_portpy *p, const pcn_h5 *h5, const char *group,
                                  pcn_silhouette *shadow) {
  int corners = 0;
  double *xy_mm = NULL;
  PCN_TRY(pcn_silhouette_outline(p->ctx, shadow, &corners, &xy_mm));
  for (int part = 0; corners > 0; ++part) {
    char object[PCN_H5_NAME + 64];
    snprintf(object, sizeof object, "%s/Segment-%d", group, part);
    const pencone_status status = pcn_h5_write_table(h5, object, H5T_NATIVE_DOUBLE, corners, 2, xy_mm);
    pcn_free(xy_mm);
    PCN_TRY(status);
    PCN_TRY(pcn_silhouette_outline(p->ctx, shadow, &corners, &xy_mm));
  }
  return PENCONE_OK;
}

static pencone_status write_structure(const pcn_portpy *p, const pcn_h5 *h5, const pcn_frame *frame, int i,
                                      const char *name) {
  char group[PCN_H5_NAME + 32];
  pcn_silhouette shadow;
  PCN_TRY(pcn_silhouette_make(p->ctx, frame, &pencone_phantom_describe(p->phantom)->grid,
                              pencone_phantom_structure_mask(p->phantom, i), PCN_PORTPY_INSIDE, &shadow));
  snprintf(group, sizeof group, "%s/%s", folder, name);
  pencone_status status = pcn_h5_make_group(h5, group);
  status = status == PENCONE_OK ? write_parts(p, h5, group, &shadow) : status;
  pcn_silhouette_free(&shadow);
  return status;
}

pencone_status pcn_portpy_outlines(const pcn_portpy *p, const pcn_h5 *h5, int beam) {
  const pencone_beam *b = pencone_plan_beam(p->plan, beam);
  const pcn_frame frame = pcn_frame_make(b->isocenter_mm, pencone_machine_describe(b->machine)->sad_mm,
                                         b->gantry_deg, b->collimator_deg, b->couch_deg);
  PCN_TRY(pcn_h5_make_group(h5, folder));
  pcn_name *names = pcn_portpy_names(p);
  pencone_status status = names != NULL ? PENCONE_OK : PENCONE_E_MEMORY;
  for (int i = 0; i < pencone_phantom_structure_count(p->phantom) && status == PENCONE_OK; ++i) {
    status = write_structure(p, h5, &frame, i, names[i].text);
  }
  pcn_free(names);
  return status;
}
