// SPDX-License-Identifier: Apache-2.0
#include "commission/proton_water.h"

#include <gsl/gsl_integration.h>
#include <math.h>
#include <pencone/commission.h>
#include <string.h>

#include "base/base.h"
#include "commission/least_squares.h"
#include "num/constants.h"

enum { STEPS = PCN_PROTON_STEPS, NODES = 5 };
static const double proton_mass_mev = 938.27208816;  // CODATA 2018
static const double bethe_mev_cm2_mol =
    0.307075;  // 4 pi N_A r_e^2 m_e c^2, PDG 2022 (doi:10.1093/ptep/ptac097)
static const double last_mev = 2, last_range_g_cm2 = 0.007564;  // PSTAR, NIST; 0.08 mm
// Water by weight (H2O). The excitation energies are those of the elements, to which the shell corrections
// were fitted; they serve nothing else.
static const struct {
  double z, a, share, excitation_ev;
} atoms[2] = {{1, 1.008, 0.1119, 19.2}, {8, 15.999, 0.8881, 95}};
static const double scattering_length_g_cm2 = 46.88;  // of water, Gottschalk 2010 (doi:10.1118/1.3264177)
static const double excitation_range_ev[2] = {60, 90}, energy_range_mev[2] = {10, 300};

// Eq. 7: Barkas and Berger 1964 (NASA SP-3013), per atom, for beta * gamma of 0.13 and more; below, where it
// would turn over, its value there goes on as the energy.
static double shell(double excitation_ev, double beta_gamma2) {
  const double lowest = 0.13 * 0.13, x = fmax(beta_gamma2, lowest), i2 = excitation_ev * excitation_ev;
  const double square = 0.422377 / x + 0.0304043 / (x * x) - 0.00038106 / (x * x * x);
  const double cube = 3.858019 / x - 0.1667989 / (x * x) + 0.00157955 / (x * x * x);
  return (square * 1e-6 * i2 + cube * 1e-9 * i2 * excitation_ev) * fmin(1, beta_gamma2 / lowest);
}

// Eq. 6. The density effect begins at 1 GeV in water (Sternheimer 1984, doi:10.1016/0092-640X(84)90002-0).
double pcn_proton_bethe(double excitation_ev, double energy_mev) {
  const double gamma = 1 + energy_mev / proton_mass_mev, bg2 = gamma * gamma - 1,
               beta2 = bg2 / (gamma * gamma);
  const double ratio = PCN_ELECTRON_MASS_MEV / proton_mass_mev;
  const double largest_mev = 2 * PCN_ELECTRON_MASS_MEV * bg2 / (1 + 2 * gamma * ratio + ratio * ratio);
  const double i_mev = 1e-6 * excitation_ev;
  const double logarithm = 0.5 * log(2 * PCN_ELECTRON_MASS_MEV * bg2 * largest_mev / (i_mev * i_mev)) - beta2;
  double sum = 0;
  for (int k = 0; k < 2; k++) {
    sum += atoms[k].share * (atoms[k].z * logarithm - shell(atoms[k].excitation_ev, bg2)) / atoms[k].a;
  }
  return bethe_mev_cm2_mol / beta2 * sum;
}

// Eq. 10: Bohr's straggling with its relativistic factor, MeV2 cm2/g.
static double bohr(double energy_mev) {
  const double gamma = 1 + energy_mev / proton_mass_mev, beta2 = 1 - 1 / (gamma * gamma);
  const double z_over_a = atoms[0].share * atoms[0].z / atoms[0].a + atoms[1].share * atoms[1].z / atoms[1].a;
  return bethe_mev_cm2_mol * PCN_ELECTRON_MASS_MEV * z_over_a * gamma * gamma * (1 - 0.5 * beta2);
}

static double momentum_times_speed(double energy_mev) {
  return energy_mev * (energy_mev + 2 * proton_mass_mev) / (energy_mev + proton_mass_mev);
}

// Rossi's scattering power: the whole variance of the angle, single scatters of large angle included.
static double rossi(double energy_mev) {
  const double pv = momentum_times_speed(energy_mev);
  return (15.0 / pv) * (15.0 / pv) / scattering_length_g_cm2;
}

// Eq. 11: differential Moliere scattering power (Gottschalk 2010), rad2 cm2/g of one plane.
static double scattering_power(double energy_mev, double first_mev) {
  const double pv = momentum_times_speed(energy_mev), first = momentum_times_speed(first_mev),
               ratio = pv / first;
  const double slowed = log10(fmax(1 - ratio * ratio, 1e-6)), here = log10(pv);
  const double factor = 0.5244 + 0.1975 * slowed + 0.2320 * here - 0.0098 * here * slowed;
  return fmax(0, factor) * rossi(energy_mev);
}

/// Moments of angle and place, and what else adds up on the way.
typedef struct travel {
  double path, depth, bent, angle2, product, place2, variance;
} travel;

// One step from energy a down to b, by Gauss-Legendre over the energy.
static void step(const gsl_integration_glfixed_table *rule, double excitation_ev, const double energy_mev[3],
                 travel *t) {
  double path = 0, variance = 0, power = 0, whole = 0;
  for (size_t k = 0; k < NODES; k++) {
    double e = 0, weight = 0;
    gsl_integration_glfixed_point(energy_mev[1], energy_mev[0], k, &e, &weight, rule);
    const double s = pcn_proton_bethe(excitation_ev, e);
    path += weight / s;
    variance += weight * bohr(e) / (s * s * s);
    power += weight / s * scattering_power(e, energy_mev[2]);
    whole += weight / s * rossi(e);
  }
  const double t_mean = power / path;
  // Eq. 9: the mean cosine of the angle in space, exp(-variance of a plane), is of all scatters, also the
  // rare ones.
  t->depth += path * exp(-t->bent - 0.5 * whole);
  t->bent += whole;
  t->place2 += 2 * t->product * path + t->angle2 * path * path + t_mean * path * path * path / 3;
  t->product += t->angle2 * path + 0.5 * t_mean * path * path;
  t->angle2 += power;
  t->path += path;
  t->variance += variance;
}

pencone_status pcn_proton_slow(pencone_context *ctx, double excitation_ev, double energy_mev,
                               pcn_slowing *out) {
  gsl_integration_glfixed_table *rule = gsl_integration_glfixed_table_alloc(NODES);
  PCN_CHECK(ctx, rule != NULL, PENCONE_E_MEMORY, "protons: no memory for a rule of %d nodes", (int)NODES);
  travel t = {0, 0, 0, 0, 0, 0, 0};
  const double top = pow(energy_mev, 1.77), low = pow(last_mev, 1.77);  // steps of about equal length
  out->energy_mev[0] = energy_mev;
  out->path_g_cm2[0] = out->depth_g_cm2[0] = 0;
  for (int i = 1; i <= STEPS; i++) {
    out->energy_mev[i] = i < STEPS ? pow(top + (low - top) * i / STEPS, 1 / 1.77) : last_mev;
    step(rule, excitation_ev, (const double[3]){out->energy_mev[i - 1], out->energy_mev[i], energy_mev}, &t);
    out->path_g_cm2[i] = t.path;
    out->depth_g_cm2[i] = t.depth;
  }
  gsl_integration_glfixed_table_free(rule);
  out->straggling_g_cm2 = sqrt(t.variance);
  out->scattering_g_cm2 = sqrt(t.place2);
  return PENCONE_OK;
}

static pencone_status projected(pencone_context *ctx, double excitation_ev, double energy_mev,
                                double *range_g_cm2) {
  pcn_slowing *s = pcn_alloc(ctx, 1, sizeof *s);
  if (s == NULL) {
    return PENCONE_E_MEMORY;
  }
  const pencone_status status = pcn_proton_slow(ctx, excitation_ev, energy_mev, s);
  *range_g_cm2 = s->depth_g_cm2[STEPS] + last_range_g_cm2;
  pcn_free(s);
  return status;
}

pencone_status pcn_proton_energy(pencone_context *ctx, double excitation_ev, double range_g_cm2,
                                 double *energy_mev) {
  double low = energy_range_mev[0], high = energy_range_mev[1];
  for (int i = 0; i < 40; i++) {
    const double middle = 0.5 * (low + high);
    double range = 0;
    PCN_TRY(projected(ctx, excitation_ev, middle, &range));
    *(range < range_g_cm2 ? &low : &high) = middle;
  }
  *energy_mev = 0.5 * (low + high);
  PCN_CHECK(ctx, high < energy_range_mev[1] && low > energy_range_mev[0], PENCONE_E_RANGE,
            "protons: range: got %g g/cm2, expected that of %g to %g MeV", range_g_cm2, energy_range_mev[0],
            energy_range_mev[1]);
  return PENCONE_OK;
}

static pencone_status fill(pencone_context *ctx, double excitation_ev, double energy_mev, pcn_slowing *s,
                           pencone_proton_water *out) {
  const double loss_per_g_cm2 = 0.012;  // Bortfeld 1997 (doi:10.1118/1.598116), eq. 12
  PCN_TRY(pcn_proton_slow(ctx, excitation_ev, energy_mev, s));
  out->stopping_mev_cm2_g = pcn_proton_bethe(excitation_ev, energy_mev);
  out->csda_range_g_cm2 = s->path_g_cm2[STEPS] + last_range_g_cm2;
  out->projected_range_g_cm2 = s->depth_g_cm2[STEPS] + last_range_g_cm2;
  out->straggling_g_cm2 = s->straggling_g_cm2;
  out->scattering_g_cm2 = s->scattering_g_cm2;
  out->primaries = 1 / (1 + loss_per_g_cm2 * out->csda_range_g_cm2);
  return PENCONE_OK;
}

pencone_status pencone_proton_water_at(pencone_context *ctx, double excitation_ev, double energy_mev,
                                       pencone_proton_water *out) {
  PCN_CHECK(ctx, out != NULL && out->struct_size == sizeof *out, PENCONE_E_ARGUMENT,
            "protons: got no place for the result, or one of another size, expected one");
  PCN_CHECK(ctx, excitation_ev >= excitation_range_ev[0] && excitation_ev <= excitation_range_ev[1],
            PENCONE_E_RANGE, "protons: mean excitation energy: got %g eV, expected %g to %g", excitation_ev,
            excitation_range_ev[0], excitation_range_ev[1]);
  PCN_CHECK(ctx, energy_mev >= energy_range_mev[0] && energy_mev <= energy_range_mev[1], PENCONE_E_RANGE,
            "protons: energy: got %g MeV, expected %g to %g", energy_mev, energy_range_mev[0],
            energy_range_mev[1]);
  pcn_gsl_handler *handler = NULL;
  PCN_TRY(pcn_gsl_enter(ctx, &handler));
  pcn_slowing *s = pcn_alloc(ctx, 1, sizeof *s);
  const pencone_status status = s != NULL ? fill(ctx, excitation_ev, energy_mev, s, out) : PENCONE_E_MEMORY;
  pcn_free(s);
  pcn_gsl_leave(handler);
  return status;
}
