// SPDX-License-Identifier: Apache-2.0
// Which volume of a dose file a command works on: the dose, or another one, of the plan or of one beam.
#ifndef CLI_VOLUME_H
#define CLI_VOLUME_H

#include "command.h"

/// Zero-initialise; the command line sets name and beam.
typedef struct cli_volume {
  const char *name;    ///< "let", "rbe_dose"; NULL: the dose
  const char *beam;    ///< NULL: of the plan
  double least_share;  ///< LET is read as 0 where the dose is below this share of its largest
} cli_volume;

#define CLI_OPTION_VOLUME(v)                                                                       \
  {                                                                                                \
    "volume", 0, CLI_TEXT, "NAME",                                                                 \
        "let or rbe_dose of protons in place of the dose; 'pencone info' lists what a file holds", \
        &(v)->name, 0, 0                                                                           \
  }
#define CLI_OPTION_BEAM(v) \
  { "beam", 'b', CLI_TEXT, "NAME", "of this beam alone; 'pencone run --beams' keeps them", &(v)->beam, 0, 0 }

/// 1 for LET, a ratio and no dose: where the dose is small it says nothing, and no model of dose takes it.
int cli_volume_is_let(const cli_volume *volume);

/// What stands at the axis of a picture: "dose", "LET", "RBE-weighted dose".
const char *cli_volume_label(const cli_volume *volume);

/// Reads a dose file with the volume in the place of the dose, and its unit and quantity; the quantity names
/// the beam.
/// @param[out] dose  owned by the caller, also after a failure, then perhaps NULL
/// @return CLI_GO_ON or, after a message, an exit status
int cli_volume_read(cli_session *session, const char *file, const cli_volume *volume, pencone_dose **dose);

#endif
