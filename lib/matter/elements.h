// SPDX-License-Identifier: Apache-2.0
// The chemical elements that tissues and phantoms are made of.
// A: standard atomic weights 2021, conventional values where an interval is given (Prohaska et al. 2022,
//    doi:10.1515/pac-2019-0603).
// I: mean excitation energies for Bragg additivity (ICRU Report 37, 1984, and 49, 1993): of the element in a
//    liquid or solid compound (1.13 times the element's, except H, C, N, O, Cl), and of the element itself.
#ifndef PCN_ELEMENTS_H
#define PCN_ELEMENTS_H

typedef struct pcn_element {
  const char *symbol;
  int z;
  double a;              ///< g/mol
  double i_compound_ev;  ///< as a part of a compound or tissue
  double i_element_ev;   ///< as the only element of a solid
} pcn_element;

static const pcn_element pcn_elements[] = {
    {"H", 1, 1.008, 19.2, 19.2},      {"C", 6, 12.011, 81.0, 78.0},     {"N", 7, 14.007, 82.0, 82.0},
    {"O", 8, 15.999, 106.0, 95.0},    {"Na", 11, 22.990, 168.0, 149.0}, {"Mg", 12, 24.305, 176.0, 156.0},
    {"Al", 13, 26.982, 188.0, 166.0}, {"P", 15, 30.974, 195.0, 173.0},  {"S", 16, 32.06, 203.0, 180.0},
    {"Cl", 17, 35.45, 180.0, 174.0},  {"Ar", 18, 39.95, 212.0, 188.0},  {"K", 19, 39.098, 215.0, 190.0},
    {"Ca", 20, 40.078, 216.0, 191.0}, {"Ti", 22, 47.867, 263.0, 233.0}, {"Fe", 26, 55.845, 323.0, 286.0},
    {"Zn", 30, 65.38, 373.0, 330.0}};

enum { PCN_ELEMENT_COUNT = sizeof pcn_elements / sizeof pcn_elements[0] };

#endif
