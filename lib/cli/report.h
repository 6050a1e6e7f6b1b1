// SPDX-License-Identifier: Apache-2.0
// How grids, phantoms, doses and beams are told, as text for people and as JSON for programs.
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <pencone/pencone.h>

#include "command.h"
#include "json.h"

/// "label       text" lines.
void cli_line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// "123 MB". @return text
const char *cli_bytes(char *text, size_t size, uint64_t bytes);

/// "folder/plan.yaml" with an ending of its own: "folder/plan.dose.h5". @return text to free, NULL without
/// memory
char *cli_output_name(const char *plan_path, const char *ending);

/// "0.3 to 1", or "1" when both are the same. @return text
const char *cli_range(char *text, size_t size, double low, double high);

void cli_put_grid(const char *label, const pencone_grid *grid);
void cli_json_grid(cli_json *json, const char *key, const pencone_grid *grid);

/// Largest value of an array on a grid and the centre of its voxel. @return the value
double cli_maximum(const pencone_grid *grid, const float *values, double xyz_mm[3]);

void cli_put_phantom(const pencone_phantom *phantom);
void cli_json_phantom(cli_json *json, const pencone_phantom *phantom);

void cli_put_beam(const pencone_beam *beam);
void cli_json_beam(cli_json *json, const pencone_beam *beam);

/// Name of a quantity as dose files write it.
const char *cli_quantity(pencone_quantity quantity);

/// Every option of the plan's engine with the value it has, set or default: "key=value key=value". @return
/// text
const char *cli_engine_options(char *text, size_t size, const pencone_plan *plan);

/// Mean photon energy of a machine's spectrum, MeV.
double cli_mean_energy_mev(const pencone_machine_desc *machine);

#endif
