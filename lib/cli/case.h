// SPDX-License-Identifier: Apache-2.0
// A validation case: a folder with plan.yaml, the phantom it names, reference.h5 and/or a table of expected
// doses, and criteria.yaml.
#ifndef CLI_CASE_H
#define CLI_CASE_H

#include "command.h"

/// A case, what was calculated, and how it was judged.
typedef struct cli_case {
  char *folder;
  const char *name;            ///< from the criteria, else the folder's own
  pencone_criteria *criteria;  ///< NULL: the folder has none, the built-in limits count
  const pencone_limit *limits;
  int limit_count;
  pencone_compare_options compare;
  pencone_reference *reference;  ///< NULL: only expectations
  pencone_dose *dose;
  pencone_compare_result result;  ///< meaningful with a reference
  pencone_finding *findings;      ///< one per expectation
  double isocenter_mm[3];         ///< of the plan's first beam
  int depth_axis, depth_sign;     ///< patient axis nearest to that beam's direction
  double seconds;                 ///< of the calculation
  int failed;                     ///< limits and expectations that were not met
} cli_case;

/// The criteria's values; NULL without criteria.
const pencone_criteria_desc *cli_case_criteria(const cli_case *c);

/// 1 when the i-th limit is met.
int cli_case_meets(const cli_case *c, int limit);

/// Reads, calculates and judges. @return CLI_OK, CLI_FAILED (not passed), or another exit status after a
/// message
int cli_case_run(cli_session *session, const char *folder, cli_case *c);

/// Frees what a case holds. The case may be zero.
void cli_case_free(cli_case *c);

/// The case folders meant by an operand: itself, or the folders in it that hold a plan.yaml, sorted by name.
/// @param[out] folders  count texts, freed by cli_case_free_list(). @return CLI_GO_ON or an exit status
int cli_case_find(cli_session *session, const char *operand, char ***folders, int *count);
void cli_case_free_list(char **folders, int count);

#endif
