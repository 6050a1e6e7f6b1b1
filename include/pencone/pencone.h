// SPDX-License-Identifier: Apache-2.0
// Pencone: radiation-therapy dose calculation. Units everywhere: mm, g/cm3, MeV, Gy; angles in degrees
// where a name ends in _deg. Order of use: context, phantom, machine, plan, engine, dose.
#ifndef PENCONE_PENCONE_H
#define PENCONE_PENCONE_H

#include <pencone/analysis.h>
#include <pencone/beam.h>
#include <pencone/context.h>
#include <pencone/dij.h>
#include <pencone/dose.h>
#include <pencone/engine.h>
#include <pencone/grid.h>
#include <pencone/io.h>
#include <pencone/machine.h>
#include <pencone/material.h>
#include <pencone/phantom.h>
#include <pencone/plan.h>
#include <pencone/sobp.h>
#include <pencone/status.h>
#include <pencone/version.h>

#endif
