// SPDX-License-Identifier: Apache-2.0
// An engine made ready, for the files that calculate with it.
#ifndef PCN_ENGINE_STATE_H
#define PCN_ENGINE_STATE_H

#include "beam/control_points.h"
#include "engine/engine_type.h"

/// One beam made ready: a state for each gantry and couch angle.
typedef struct pcn_beam_states {
  pcn_beam_groups groups;
  void **state;
} pcn_beam_states;

/// What the beams of one machine share.
typedef struct pcn_shared_tables {
  const char *sha256;  ///< the machine's; borrowed
  void *tables;
} pcn_shared_tables;

struct pencone_engine {
  const pcn_engine_type *type;
  const pencone_plan *plan;        ///< borrowed
  const pencone_phantom *phantom;  ///< borrowed
  pcn_medium medium;               ///< on the calculation grid: the whole phantom
  pcn_box rows;                    ///< of the dose: the calculation grid or a box of it
  int machines;
  pcn_shared_tables *machine;  ///< room for one per beam
  int beams;
  pcn_beam_states *beam;
};

#endif
