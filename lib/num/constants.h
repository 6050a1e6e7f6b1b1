// SPDX-License-Identifier: Apache-2.0
// Physical constants, CODATA 2018 (doi:10.1103/RevModPhys.93.025010).
#ifndef PCN_CONSTANTS_H
#define PCN_CONSTANTS_H

#define PCN_PI 3.14159265358979323846
#define PCN_GY_PER_MEV_G 1.602176634e-10  ///< 1 MeV/g in Gy (exact)
#define PCN_ELECTRON_MASS_MEV 0.51099895  ///< m_e c^2

static inline double pcn_radians(double degrees) {
  return degrees * (PCN_PI / 180.0);
}

#endif
