// SPDX-License-Identifier: Apache-2.0
// Machines and built-in spectra.
#include "base/base.h"
#include "beam/machine.h"
#include "beam/spectrum.h"
#include "unit.h"

static const double edges[] = {0, 1, 4};
static const double weight[] = {1, 3};

static pencone_machine_desc small(void) {
  pencone_machine_desc desc = PENCONE_MACHINE_DESC_DEFAULT;
  desc.name = "small";
  desc.bins = 2;
  desc.edges_mev = edges;
  desc.weight = weight;
  return desc;
}

static pencone_machine *make(pencone_context *ctx, const pencone_machine_desc *desc) {
  pencone_machine *machine = NULL;
  assert_int_equal(pencone_machine_create(ctx, desc, &machine), PENCONE_OK);
  assert_non_null(machine);
  return machine;
}

static void values_are_copied_and_normalised(void **state) {
  pencone_machine_desc desc = small();
  pencone_machine *machine = make(*state, &desc);
  const pencone_machine_desc *got = pencone_machine_describe(machine);
  assert_string_equal(got->name, "small");
  assert_string_equal(got->description, "");
  assert_ptr_not_equal(got->edges_mev, edges);
  assert_memory_equal(got->edges_mev, edges, sizeof edges);
  assert_true(got->weight[0] == 0.25 && got->weight[1] == 0.75);
  assert_true(got->sad_mm == 1000 && got->bins == 2 && got->struct_size == sizeof *got);
  pencone_machine_destroy(machine);
  pencone_machine_destroy(NULL);
  assert_null(pencone_machine_describe(NULL));
}

static void same_hash(pencone_context *ctx, const pencone_machine_desc *desc, int expected) {
  const pencone_machine_desc plain = small();
  pencone_machine *a = make(ctx, &plain), *b = make(ctx, desc);
  assert_int_equal(strlen(pencone_machine_sha256(a)), 64);
  assert_int_equal(strcmp(pencone_machine_sha256(a), pencone_machine_sha256(b)) == 0, expected);
  pencone_machine_destroy(a);
  pencone_machine_destroy(b);
}

static void the_hash_is_of_what_decides_the_dose(void **state) {
  pencone_machine_desc desc = small();
  desc.name = "other";
  desc.description = "text";
  const double thrice[] = {0.3, 0.9};
  desc.weight = thrice;
  same_hash(*state, &desc, 1);
  const double other_edges[] = {0, 1, 4.0000001}, other_weight[] = {1, 3.0000001};
  desc = small();
  desc.edges_mev = other_edges;
  same_hash(*state, &desc, 0);
  desc = small();
  desc.weight = other_weight;
  same_hash(*state, &desc, 0);
  desc = small();
  desc.sad_mm = 1000.5;
  same_hash(*state, &desc, 0);
}

static void rejects(pencone_context *ctx, const pencone_machine_desc *desc, pencone_status status,
                    const char *text) {
  pencone_machine *machine = (pencone_machine *)ctx;  // anything but NULL
  assert_int_equal(pencone_machine_create(ctx, desc, &machine), status);
  assert_null(machine);
  assert_error_has(ctx, text);
}

static void bad_values_say_what(void **state) {
  pencone_context *ctx = *state;
  pencone_machine_desc desc = small();
  assert_int_equal(pencone_machine_create(ctx, &desc, NULL), PENCONE_E_ARGUMENT);
  rejects(ctx, NULL, PENCONE_E_ARGUMENT, "NULL");
  desc.struct_size = 4;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "struct_size: got 4");
  desc = small();
  desc.name = "";
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "name");
  const double sads[] = {99, 10001, NAN, -1000};
  for (int i = 0; i < 4; i++) {
    desc = small();
    desc.sad_mm = sads[i];
    rejects(ctx, &desc, PENCONE_E_RANGE, "sad_mm");
  }
  desc = small();
  desc.bins = 0;
  rejects(ctx, &desc, PENCONE_E_RANGE, "bins: got 0");
  desc.bins = 1001;
  rejects(ctx, &desc, PENCONE_E_RANGE, "bins: got 1001");
  desc = small();
  desc.weight = NULL;
  rejects(ctx, &desc, PENCONE_E_ARGUMENT, "spectrum");
}

static void bad_spectra_say_where(void **state) {
  static const double bad_edges[][3] = {{-0.1, 1, 4}, {0, 0, 4},   {0, 4, 1},
                                        {0, 1, 20.5}, {0, NAN, 4}, {0, 1, INFINITY}};
  static const double bad_weights[][2] = {{-1, 3}, {1, NAN}, {0, 0}, {1, INFINITY}, {1.7e308, 1.7e308}};
  for (size_t i = 0; i < sizeof bad_edges / sizeof bad_edges[0]; i++) {
    pencone_machine_desc desc = small();
    desc.edges_mev = bad_edges[i];
    rejects(*state, &desc, PENCONE_E_RANGE, "spectrum edge");
  }
  for (size_t i = 0; i < sizeof bad_weights / sizeof bad_weights[0]; i++) {
    pencone_machine_desc desc = small();
    desc.weight = bad_weights[i];
    rejects(*state, &desc, PENCONE_E_RANGE, "photons");
  }
}

static void bad_spots_say_what(void **state) {
  pencone_context *ctx = *state;
  pencone_spot_optics spots[2] = {{70, 6, 5, 0.5}, {230, 3, 2, 0.3}};
  pencone_machine_desc good = small(), desc;
  good.modality = PENCONE_PROTON;
  good.optics_count = 2;
  good.optics = spots;
  pencone_machine *machine = make(ctx, &good);
  spots[1].sigma_mm = 4;  // the machine has a copy
  assert_close(pencone_machine_describe(machine)->optics[1].sigma_mm, 3, 0);
  pencone_machine *other = make(ctx, &good);
  assert_string_not_equal(pencone_machine_sha256(machine), pencone_machine_sha256(other));
  pencone_machine_destroy(machine);
  pencone_machine_destroy(other);
  desc = good;
  desc.scan_sad_mm[1] = 999;
  rejects(ctx, &desc, PENCONE_E_RANGE, "scanning magnet of y to isocentre: got 999 mm");
  desc = good;
  desc.spot_limit_mm[0] = 0;
  rejects(ctx, &desc, PENCONE_E_RANGE, "limit of spots along x: got 0 mm");
  desc = good;
  desc.range_shifter_distance_mm = NAN;
  rejects(ctx, &desc, PENCONE_E_RANGE, "range shifter to isocentre");
  spots[1].energy_mev = 70;
  rejects(ctx, &good, PENCONE_E_RANGE, "energy_mev 2: got 70, expected above 70");
  good.optics_count = 1;
  rejects(ctx, &good, PENCONE_E_ARGUMENT, "got 1, expected 2 to 100");
  good.optics_count = 0;  // then the single spot counts
  rejects(ctx, &good, PENCONE_E_RANGE, "spot sigma_mm: got 0");
}

static void clones_are_equal_and_independent(void **state) {
  pencone_machine_desc desc = small();
  const double thirds[] = {1, 6.1};
  desc.description = "a text";
  desc.weight = thirds;
  pencone_machine *machine = make(*state, &desc), *clone = NULL;
  assert_int_equal(pcn_machine_clone(*state, machine, &clone), PENCONE_OK);
  const pencone_machine_desc *a = pencone_machine_describe(machine), *b = pencone_machine_describe(clone);
  assert_memory_equal(a->weight, b->weight, sizeof thirds);
  assert_ptr_not_equal(a->weight, b->weight);
  char sha256[65];
  memcpy(sha256, pencone_machine_sha256(machine), sizeof sha256);
  pencone_machine_destroy(machine);
  assert_string_equal(b->name, "small");
  assert_string_equal(b->description, "a text");
  assert_string_equal(pencone_machine_sha256(clone), sha256);
  pencone_machine_destroy(clone);
  assert_int_equal(pcn_machine_clone(*state, NULL, &clone), PENCONE_E_ARGUMENT);
  assert_null(clone);
}

static void no_memory_is_an_error(void **state) {
  pencone_context *ctx = *state;
  const pencone_machine_desc desc = small();
  pencone_machine *machine = NULL, *clone = NULL;
  pencone_status status = PENCONE_E_MEMORY;
  int failures = 0;
  for (; status != PENCONE_OK; failures++) {
    pcn_alloc_fail_after(ctx, failures);
    status = pencone_machine_create(ctx, &desc, &machine);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && machine == NULL));
  }
  assert_int_equal(failures, 7);  // six allocations, then success
  status = PENCONE_E_MEMORY;
  for (failures = 0; status != PENCONE_OK; failures++) {
    pcn_alloc_fail_after(ctx, failures);
    status = pcn_machine_clone(ctx, machine, &clone);
    assert_true(status == PENCONE_OK || (status == PENCONE_E_MEMORY && clone == NULL));
  }
  assert_int_equal(failures, 7);
  pencone_machine_destroy(machine);
  pencone_machine_destroy(clone);
  status = PENCONE_E_MEMORY;
  for (failures = 0; status != PENCONE_OK; failures++) {
    pcn_spectrum spectrum;
    pcn_alloc_fail_after(ctx, failures);
    status = pcn_spectrum_load(ctx, "mohan6", &spectrum);
    pcn_spectrum_free(&spectrum);
  }
  assert_int_equal(failures, 3);
  pcn_alloc_fail_after(ctx, -1);
}

// Mean energies of the photons as the makers of the Monte Carlo sampled them, MeV (lib/data/spectra.csv).
static void spectra_have_their_mean_energies(void **state) {
  static const struct {
    const char *name;
    int bins;
    double photon_mean, energy_mean;
  } expected[] = {{"mohan4", 16, 1.4448, 1.8958},
                  {"mohan6", 24, 1.8985, 2.6567},
                  {"mohan10", 20, 2.8014, 4.3670},
                  {"mohan15", 58, 4.0551, 6.3885},
                  {"co60", 27, 1.0555, 1.1693}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    pcn_spectrum s;
    assert_int_equal(pcn_spectrum_load(*state, expected[i].name, &s), PENCONE_OK);
    assert_int_equal(s.bins, expected[i].bins);
    double n = 0, e1 = 0, e2 = 0;
    for (int b = 0; b < s.bins; b++) {
      const double middle = 0.5 * (s.edges_mev[b] + s.edges_mev[b + 1]);
      n += s.weight[b];
      e1 += s.weight[b] * middle;
      e2 += s.weight[b] * middle * middle;
    }
    assert_close(n, 1, 1e-6);
    assert_near(e1 / n, expected[i].photon_mean, 2e-4);
    assert_near(e2 / e1, expected[i].energy_mean, 1e-3);
    pcn_spectrum_free(&s);
    assert_null(s.edges_mev);
  }
}

static void unknown_spectra_list_the_known(void **state) {
  pcn_spectrum s;
  const char *const bad[] = {"mohan7", "", "spectrum"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(pcn_spectrum_load(*state, bad[i], &s), PENCONE_E_MISSING);
    assert_error_has(*state, "co60 bareco60 mohan4 mohan6 mohan10 mohan15");
    pcn_spectrum_free(&s);
  }
  assert_int_equal(pcn_spectrum_load(*state, NULL, &s), PENCONE_E_ARGUMENT);
  assert_int_equal(pcn_spectrum_load(*state, "co60", NULL), PENCONE_E_ARGUMENT);
  pcn_spectrum_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_TEST(values_are_copied_and_normalised),
      UNIT_TEST(the_hash_is_of_what_decides_the_dose),
      UNIT_TEST(bad_values_say_what),
      UNIT_TEST(bad_spectra_say_where),
      UNIT_TEST(bad_spots_say_what),
      UNIT_TEST(clones_are_equal_and_independent),
      UNIT_TEST(no_memory_is_an_error),
      UNIT_TEST(spectra_have_their_mean_energies),
      UNIT_TEST(unknown_spectra_list_the_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
