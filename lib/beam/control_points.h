// SPDX-License-Identifier: Apache-2.0
// A beam's steps: checks, and the groups of them that are one calculation.
#ifndef PCN_CONTROL_POINTS_H
#define PCN_CONTROL_POINTS_H

#include <pencone/beam.h>

/// The one step of a beam without control points: its own angles and field, weight 1.
pencone_control_point pcn_control_point_of(const pencone_beam *beam);

/// Checks angles (-360 to 360), weight (>= 0) and, unless the weight is 0, the field (more than zero size).
/// @param what  names the step in messages: "beam AP". @return PENCONE_OK, E_RANGE.
pencone_status pcn_control_point_check(pencone_context *ctx, const char *what,
                                       const pencone_control_point *point);

/// The beam as calculations: one for each pair of gantry and couch angles, in the order in which these come
/// first, with the steps of weight > 0 that share it. A beam without control points is its own only group;
/// one with a fluence map has the map's openings for steps there.
typedef struct pcn_beam_groups {
  int count;
  pencone_beam *beam;            ///< angles of the group's first step; name and machine borrowed
  pencone_control_point *point;  ///< steps, group by group; the beams point into it
} pcn_beam_groups;

/// @param[out] out  freed by pcn_beam_groups_free(). @return PENCONE_OK, E_MEMORY.
pencone_status pcn_beam_groups_make(pencone_context *ctx, const pencone_beam *beam, pcn_beam_groups *out);
void pcn_beam_groups_free(pcn_beam_groups *groups);

/// Number of groups, without making them.
int pcn_beam_groups_count(const pencone_beam *beam);

/// The farthest that an open corner of the beam lies from the axis in the isocentre plane, mm.
double pcn_beam_reach(const pencone_beam *beam);

#endif
