// SPDX-License-Identifier: Apache-2.0
#ifndef PENCONE_ANALYSIS_H
#define PENCONE_ANALYSIS_H

#include <pencone/dose.h>

#ifdef __cplusplus
extern "C" {
#endif

// Judging a dose: profiles, gamma, dose-volume histograms, beam metrics, comparison with a reference.
// Methods and sources: docs/theory/gamma.md, dvh.md, metrics.md. Option structs start from their
// ..._DEFAULT; result structs need struct_size set the same way. Results do not depend on the number
// of threads.

// --- profiles ----------------------------------------------------------------------------------

/// Samples a dose along a straight line, both ends included.
/// @param from_mm, to_mm  patient axes. @param count  number of samples, 2 or more
/// @param[out] distance_mm, dose  count values each; dose is NaN outside the grid; distance_mm may be NULL
/// @return PENCONE_OK, E_ARGUMENT or E_RANGE (from and to are the same point).
PENCONE_API pencone_status pencone_profile_sample(pencone_context *ctx, const pencone_dose *dose,
                                                  const double from_mm[3], const double to_mm[3],
                                                  size_t count, double *distance_mm, double *values);

/// What a lateral profile tells. Lengths in mm along the profile, NaN where the profile does not show it.
typedef struct pencone_profile_metrics {
  size_t struct_size;
  double field_mm;           ///< width at half of the dose in the middle between the two half-dose edges
  double left_mm, right_mm;  ///< the two half-dose edges
  double penumbra_left_mm, penumbra_right_mm;  ///< 80 % to 20 % of the same dose
  double flatness_pct;                         ///< 100 (max - min) / (max + min) inside 80 % of the field
  double symmetry_pct;  ///< largest 100 |D(x) - D(-x)| / D(centre) inside 80 % of the field
} pencone_profile_metrics;

#define PENCONE_PROFILE_METRICS_INIT \
  { sizeof(pencone_profile_metrics), 0, 0, 0, 0, 0, 0, 0 }

/// Field size, penumbra, flatness and symmetry of a lateral profile. Between samples the dose is linear.
/// @param x_mm  rising positions. @param dose  finite, the same count. @param count  5 or more
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (positions that do not rise, a value that is not finite, no dose).
PENCONE_API pencone_status pencone_profile_measure(pencone_context *ctx, const double *x_mm,
                                                   const double *dose, size_t count,
                                                   pencone_profile_metrics *out);

/// What a depth dose tells. Depths in mm, NaN where the curve does not reach the level.
typedef struct pencone_depth_metrics {
  size_t struct_size;
  double dmax_mm, dose_max;  ///< depth and height of the maximum (parabola through the three top samples)
  double d20_d10;            ///< D(200 mm) / D(100 mm)
  double tpr20_10;           ///< 1.2661 d20_d10 - 0.0595 (IAEA TRS-398: 10 x 10 field, SSD 100 cm)
  double r90_mm, r80_mm, r50_mm, r20_mm;  ///< distal depths at these percentages of the maximum
  double distal_falloff_mm;               ///< r20 - r80
  double sobp_width_mm;                   ///< between the proximal and the distal 90 % depths
} pencone_depth_metrics;

#define PENCONE_DEPTH_METRICS_INIT \
  { sizeof(pencone_depth_metrics), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/// Maximum, beam quality and ranges of a depth dose curve; arguments and errors as pencone_profile_measure().
PENCONE_API pencone_status pencone_depth_measure(pencone_context *ctx, const double *depth_mm,
                                                 const double *dose, size_t count,
                                                 pencone_depth_metrics *out);

/// TPR20,10 from two set-ups with the detector at the isocentre: dose under 200 mm over dose under 100 mm
/// of water. NaN when the second is not > 0. Any thread.
PENCONE_API double pencone_tpr20_10(double dose_200mm, double dose_100mm);

// --- gamma -------------------------------------------------------------------------------------

/// Criterion and method of a gamma evaluation (Low et al. 1998, doi:10.1118/1.598248). Each reference
/// point above the threshold looks for the evaluated dose that is nearest to it in dose and distance.
typedef struct pencone_gamma_options {
  size_t struct_size;
  double dose_pct;     ///< dose difference criterion, > 0 to 100: of the normalisation, or of the local dose
  double distance_mm;  ///< distance criterion, > 0 to 100
  int local;           ///< 1: per cent of the reference dose at each point
  double threshold_pct;     ///< points below this share of the normalisation are not judged, 0 to 100
  double normalisation_gy;  ///< what 100 % is (a prescription); 0: the reference's maximum
  double max_gamma;         ///< the search ends here: larger values are reported as this, above 1 to 5
  int steps;                ///< lattice steps per distance_mm, 1 to 50
  int refine;               ///< 1: ends with a closed-form step from the best lattice position
  const float
      *relative_sigma;  ///< 1 sigma of each reference voxel over its dose: widens the dose criterion; or NULL
} pencone_gamma_options;

#define PENCONE_GAMMA_OPTIONS_DEFAULT \
  { sizeof(pencone_gamma_options), 3.0, 3.0, 0, 10.0, 0.0, 2.0, 10, 1, 0 }

enum { PENCONE_GAMMA_BINS = 20 };

/// Outcome of a gamma evaluation.
typedef struct pencone_gamma_result {
  size_t struct_size;
  size_t points;   ///< reference points that were judged
  size_t passed;   ///< of these, gamma <= 1
  size_t outside;  ///< points above the threshold outside the evaluated grid: not judged
  double pass_rate_pct, mean, max;
  double normalisation;                    ///< the dose that is 100 %
  double bin_width;                        ///< of the histogram: max_gamma / PENCONE_GAMMA_BINS
  uint64_t histogram[PENCONE_GAMMA_BINS];  ///< points per bin
} pencone_gamma_result;

// clang-format off
#define PENCONE_GAMMA_RESULT_INIT {sizeof(pencone_gamma_result), 0, 0, 0, 0, 0, 0, 0, 0, {0}}
// clang-format on

/// Gamma of an evaluated dose against a reference; the grids may differ. The evaluated dose is trilinear
/// between voxel centres, searched on a lattice of distance_mm / steps, nearest first. The result is
/// never below the true minimum, and above it by at most sqrt(3)/(2 steps) sqrt(1 + (G distance/dose)^2),
/// G the steepest gradient near; on straight gradients refine makes it exact (docs/theory/gamma.md).
/// @param options  NULL: 3 %, 3 mm, global, threshold 10 %
/// @param[out] map  one value per reference voxel, NaN where not judged; may be NULL
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (a criterion outside its range, a dose that is not finite, a
/// reference without dose), E_SHAPE (the grids do not overlap), E_MEMORY, E_CANCELLED.
PENCONE_API pencone_status pencone_gamma_compute(pencone_context *ctx, const pencone_dose *evaluated,
                                                 const pencone_dose *reference,
                                                 const pencone_gamma_options *options, float *map,
                                                 pencone_gamma_result *result);

/// A curve: count rising positions in mm and a dose for each.
typedef struct pencone_curve {
  size_t count;
  const double *position_mm;
  const double *dose;
} pencone_curve;

/// Gamma along a profile, exact for curves of straight pieces (Ju et al. 2008, doi:10.1118/1.2836952).
/// max_gamma, steps, refine and relative_sigma of the options are not used.
/// @param[out] gamma  one value per reference position, NaN where not judged; may be NULL
/// @return as pencone_gamma_compute().
PENCONE_API pencone_status pencone_gamma_compute_profile(pencone_context *ctx, const pencone_curve *evaluated,
                                                         const pencone_curve *reference,
                                                         const pencone_gamma_options *options, double *gamma,
                                                         pencone_gamma_result *result);

// --- dose-volume histograms --------------------------------------------------------------------

/// Dose in a structure: samples sorted by dose. Immutable once created; any number of threads may read it.
typedef struct pencone_dvh pencone_dvh;

/// Collects the dose in a structure. The structure's voxels may be of another grid than the dose; each is
/// divided to the dose's spacing and inside a piece the dose is linear. Voxels with a share between 0 and
/// 255 are cut by a plane that leaves that share inside.
/// @param grid, mask  the structure: uint8, C order, 0 outside, 255 inside (pencone_phantom_structure_mask())
/// @param[out] out  owned by the caller
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (a dose that is not finite, an empty structure), E_SHAPE (the
/// structure leaves the dose grid: the share is in the text), E_MEMORY.
PENCONE_API pencone_status pencone_dvh_create(pencone_context *ctx, const pencone_dose *dose,
                                              const pencone_grid *grid, const uint8_t *mask,
                                              pencone_dvh **out);
PENCONE_API void pencone_dvh_destroy(pencone_dvh *dvh);

/// The usual figures of a structure.
typedef struct pencone_dvh_summary {
  size_t struct_size;
  double volume_cm3;
  double min, max, mean;         ///< Gy
  double d2, d5, d50, d95, d98;  ///< Gy: the least dose to the hottest 2 % ... 98 % of the volume
  double homogeneity;            ///< (D2 - D98) / D50, ICRU Report 83; NaN when D50 is 0 or below D2 / 1000
} pencone_dvh_summary;

#define PENCONE_DVH_SUMMARY_INIT \
  { sizeof(pencone_dvh_summary), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

PENCONE_API void pencone_dvh_summarise(const pencone_dvh *dvh, pencone_dvh_summary *out);

/// D_x: the least dose (Gy) to the hottest volume_pct of the structure; NaN outside 0 to 100. Any thread.
PENCONE_API double pencone_dvh_dose_at(const pencone_dvh *dvh, double volume_pct);

/// V_d: the share of the structure, in per cent, that receives dose_gy or more. Any thread.
PENCONE_API double pencone_dvh_volume_at(const pencone_dvh *dvh, double dose_gy);

/// Generalised equivalent uniform dose (sum v D^a)^(1/a) in Gy (Niemierko 1999); a = 1: the mean. a not 0;
/// for a < 0 a cold spot of zero dose gives 0. NaN for a = 0. Any thread.
PENCONE_API double pencone_dvh_geud(const pencone_dvh *dvh, double a);

/// Normal tissue complication probability Phi((gEUD(1/n) - td50)/(m td50)), 0 to 1 (Lyman 1985, Kutcher
/// and Burman 1989, doi:10.1016/0360-3016(89)90972-3). NaN unless n, m, td50 > 0.
PENCONE_API double pencone_dvh_ntcp_lkb(const pencone_dvh *dvh, double n, double m, double td50_gy);

/// What a Poisson tumour control probability needs.
typedef struct pencone_tcp_model {
  double clonogens_per_cm3;
  double alpha_per_gy;
  double alpha_beta_gy;
  double fractions;  ///< the dose is given in this many equal parts
} pencone_tcp_model;

/// Tumour control probability: product over the volume of exp(-N v exp(-alpha D (1 + d/(alpha/beta)))),
/// d = D / fractions. 0 to 1; NaN for parameters that are not > 0.
PENCONE_API double pencone_dvh_tcp_poisson(const pencone_dvh *dvh, const pencone_tcp_model *model);

/// Dose in 2 Gy fractions of the same effect: D (d + ab)/(2 + ab). NaN unless alpha_beta_gy > 0.
PENCONE_API double pencone_eqd2(double dose_gy, double dose_per_fraction_gy, double alpha_beta_gy);

/// How well an isodose fits a target.
typedef struct pencone_conformity {
  size_t struct_size;
  double target_cm3, isodose_cm3, both_cm3;
  double paddick;  ///< both^2 / (target isodose), 1 is perfect (doi:10.3171/jns.2000.93.supplement_3.0219)
  double rtog;     ///< isodose / target (doi:10.1016/0360-3016(93)90548-A)
} pencone_conformity;

#define PENCONE_CONFORMITY_INIT \
  { sizeof(pencone_conformity), 0, 0, 0, 0, 0 }

/// Conformity of the isodose to a target; arguments and errors as pencone_dvh_create(). An isodose that is
/// nowhere reached gives 0 for both indices.
PENCONE_API pencone_status pencone_conformity_measure(pencone_context *ctx, const pencone_dose *dose,
                                                      const pencone_grid *grid, const uint8_t *target,
                                                      double isodose_gy, pencone_conformity *out);

// --- comparison with a reference ---------------------------------------------------------------

/// A dose on a rectilinear grid with its uncertainty, for instance Monte Carlo. Immutable once created.
typedef struct pencone_reference pencone_reference;

typedef struct pencone_reference_desc {
  size_t struct_size;
  int64_t size[3];              ///< voxels along x, y, z
  const double *edges_mm[3];    ///< size + 1 rising edges along x, y, z
  const float *dose;            ///< voxel means, C order [z][y][x], finite
  const float *relative_sigma;  ///< 1 sigma over the dose, >= 0; NULL: no uncertainty
  const char *units;            ///< as the dose's; NULL: "Gy"
  const char *quantity;         ///< NULL: "unspecified"
} pencone_reference_desc;

// clang-format off
#define PENCONE_REFERENCE_DESC_DEFAULT \
  {sizeof(pencone_reference_desc), {0, 0, 0}, {0, 0, 0}, 0, 0, 0, 0}
// clang-format on

/// Creates a reference from values; all are copied. @param[out] out owned by the caller.
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (edges that do not rise, values that are not finite, no voxel
/// above zero) or E_MEMORY. From a file: pencone_reference_read() in io.h.
PENCONE_API pencone_status pencone_reference_create(pencone_context *ctx, const pencone_reference_desc *desc,
                                                    pencone_reference **out);

/// Makes a reference without uncertainty from a dose (another program's, or an older version's).
PENCONE_API pencone_status pencone_reference_from_dose(pencone_context *ctx, const pencone_dose *dose,
                                                       pencone_reference **out);
PENCONE_API void pencone_reference_destroy(pencone_reference *reference);

/// The reference's values; pointers stay valid until it is destroyed.
PENCONE_API const pencone_reference_desc *pencone_reference_describe(const pencone_reference *reference);

/// Mean of a dose over each reference voxel, weighted by overlap; a voxel that leaves the grid counts its
/// inner part, one without overlap is NaN. @param[out] mean  one value per reference voxel
/// @return PENCONE_OK, E_ARGUMENT, E_SHAPE (no overlap at all), E_MEMORY.
PENCONE_API pencone_status pencone_reference_average(pencone_context *ctx, const pencone_reference *reference,
                                                     const pencone_dose *dose, float *mean);

/// How to compare. Reference voxels count when their centre is inside the computed grid by the margins
/// (from the outermost voxel centres) and sigma is below max_sigma.
typedef struct pencone_compare_options {
  size_t struct_size;
  pencone_gamma_options gamma;  ///< normalisation_gy 0: the mean of the highest 1/2000 voxels (20 at least)
  double margin_low_mm[3], margin_high_mm[3];
  double max_sigma;        ///< relative; 0: no limit
  double flat_pct_per_mm;  ///< a region is flat where the gradient is below this share of the maximum
  double scale;            ///< factor on the computed dose; 0: fitted (1 / absolute ratio)
} pencone_compare_options;

// clang-format off
#define PENCONE_COMPARE_OPTIONS_DEFAULT \
  {sizeof(pencone_compare_options), {sizeof(pencone_gamma_options), 2.0, 2.0, 0, 10.0, 0.0, 2.0, 5, 0, 0}, \
   {10, 0, 10}, {10, 10, 10}, 0.03, 1.0, 1.0}
// clang-format on

/// Outcome of a comparison. "High" is the region above half of the maximum where the dose is flat, or all
/// of it where fewer than 50 voxels are flat.
typedef struct pencone_compare_result {
  size_t struct_size;
  double reference_max;   ///< robust maximum of the reference: 100 %
  double absolute_ratio;  ///< computed over reference in the high region, weighted by 1/variance
  double scale;           ///< factor that was used for all figures below
  size_t high_points;
  int high_is_flat;              ///< 0: the high region has gradients
  double mean_pct, rms_pct;      ///< local difference, computed over reference - 1, in the high region
  double rms_noise_removed_pct;  ///< sqrt(rms^2 - mean sigma^2), 0 when noise explains all
  double max_pct;                ///< largest local difference (signed) in the high region
  double sigma_pct;              ///< rms of the reference's sigma in the high region
  pencone_gamma_result gamma;
} pencone_compare_result;

#define PENCONE_COMPARE_RESULT_INIT \
  { sizeof(pencone_compare_result), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, PENCONE_GAMMA_RESULT_INIT }

/// Compares a computed dose with a reference: absolute ratio, local differences, gamma. Gamma takes the
/// overlap mean at the reference voxel itself and the trilinear dose around it.
/// @param options  NULL: 2 %, 2 mm, threshold 10 %
/// @param[out] gamma_map  one value per reference voxel, NaN where not judged; may be NULL
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (a criterion outside its range, a dose that is not finite, a
/// reference of zero dose), E_SHAPE (no voxel left to compare), E_MEMORY, E_CANCELLED.
PENCONE_API pencone_status pencone_reference_compare(pencone_context *ctx, const pencone_reference *reference,
                                                     const pencone_dose *dose,
                                                     const pencone_compare_options *options, float *gamma_map,
                                                     pencone_compare_result *result);

/// A figure of a comparison by its name: points, absolute_ratio, mean_pct, rms_pct, rms_noise_removed_pct,
/// max_pct, sigma_pct, confidence_pct (|mean| + 1.5 standard deviations without the reference's noise),
/// gamma_pass_pct, gamma_mean, gamma_max. Name of the i-th, NULL outside the range. Any thread.
PENCONE_API int pencone_compare_figure_count(void);
PENCONE_API const char *pencone_compare_figure_name(int i);

/// Value of a figure; NaN for an unknown name. Any thread.
PENCONE_API double pencone_compare_figure(const pencone_compare_result *result, const char *name);

/// A bound on a figure of a comparison, with the source of the number.
typedef struct pencone_limit {
  const char *figure;
  double min, max;  ///< both included; infinite where there is no bound
  const char *source;
} pencone_limit;

/// A dose that is known at a point, for instance measured.
typedef struct pencone_expectation {
  const char *name;
  double xyz_mm[3];
  double expected;     ///< in the unit of the normalisation, as a rule per cent
  double tolerance;    ///< the same unit
  double distance_mm;  ///< or: the expected dose occurs this near along an axis; 0: no such way out
  const char *source;
} pencone_expectation;

/// What was found at the point of an expectation.
typedef struct pencone_finding {
  double computed;    ///< in the unit of the normalisation; NaN outside the grid
  double difference;  ///< computed - expected
  int passed;
} pencone_finding;

/// Where the computed dose is set to a known value.
typedef struct pencone_normalisation {
  double xyz_mm[3];
  double value;
} pencone_normalisation;

/// Compares a computed dose, normalised at a point, with expectations.
/// @param[out] findings  one per expectation
/// @return PENCONE_OK, E_ARGUMENT, E_RANGE (no dose at the point of normalisation).
PENCONE_API pencone_status pencone_expectation_compare(pencone_context *ctx, const pencone_dose *dose,
                                                       const pencone_normalisation *normalisation,
                                                       const pencone_expectation *expectations, size_t count,
                                                       pencone_finding *findings);

/// When a case is passed. Read by pencone_criteria_read() in io.h; immutable.
typedef struct pencone_criteria pencone_criteria;

typedef struct pencone_criteria_desc {
  size_t struct_size;
  const char *name;
  pencone_compare_options compare;
  int limit_count;
  const pencone_limit *limits;
  pencone_normalisation normalisation;
  int expectation_count;
  const pencone_expectation *expectations;
} pencone_criteria_desc;

/// The criteria's values; pointers stay valid until they are destroyed.
PENCONE_API const pencone_criteria_desc *pencone_criteria_describe(const pencone_criteria *criteria);
PENCONE_API void pencone_criteria_destroy(pencone_criteria *criteria);

#ifdef __cplusplus
}
#endif
#endif
