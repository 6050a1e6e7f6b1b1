// SPDX-License-Identifier: Apache-2.0
// Our files in other programs, and theirs in ours: h5py, VTK, Octave where they are installed, else skipped.
#define _XOPEN_SOURCE 700
#include <sys/wait.h>

#include "unit_io.h"

// The python3 of the system: the one Debian's modules belong to.
static const char python[] = "/usr/bin/python3";

// What scripts begin with: h5py or the end; the group of a phantom of 3 x 2 x 1 voxels in file f.
#define H5PY                             \
  "import sys\n"                         \
  "try:\n    import h5py, numpy as np\n" \
  "except ImportError:\n    sys.exit(77)\n"
#define PHANTOM                                                                     \
  "p = f.create_group('pencone')\n"                                                 \
  "p.attrs.update(format='pencone-phantom', format_version=1, frame='DICOM-LPS',\n" \
  "               size_xyz=[3, 2, 1], spacing_mm=[1.0, 2.0, 3.0], origin_mm=[0.0, 0.0, 0.0])\n"

/// Exit status of a program, its output thrown away unless it fails.
static int run(const unit_files *f, const char *program, const char *script, const char *argument) {
  char command[1000];
  snprintf(command, sizeof command, "%s %s %s >%s 2>&1", program, script, argument, unit_path(f, "out.txt"));
  const int status = system(command);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code != 0 && code != 77) {
    size_t count = 0;
    unsigned char *text = unit_read(unit_path(f, "out.txt"), &count);
    print_error("%s: exit status %d\n%.*s\n", command, code, (int)count, (const char *)text);
    free(text);
  }
  return code;
}

static void write_dose(const unit_files *f, const char *name) {
  const pencone_grid grid = unit_grid();
  pencone_phantom *phantom = unit_phantom(f->ctx);
  pencone_dose *dose = unit_dose(f->ctx, &grid);
  assert_int_equal(pencone_dose_write(f->ctx, unit_path(f, name), dose, phantom), PENCONE_OK);
  pencone_dose_destroy(dose);
  pencone_phantom_destroy(phantom);
}

/// Runs a Python script on a dose file; the script ends with 77 where its module is missing.
static void check_in_python(const unit_files *f, const char *script) {
  char path[2 * UNIT_PATH], dose[2 * UNIT_PATH];
  snprintf(path, sizeof path, "%s", unit_write_text(f, "check.py", script));
  snprintf(dose, sizeof dose, "%s", unit_path(f, "d.h5"));
  if (access(python, X_OK) != 0) {
    skip();
  }
  write_dose(f, "d.h5");
  const int code = run(f, python, path, dose);
  if (code == 77) {
    skip();
  }
  assert_int_equal(code, 0);
}

static void h5py_reads_ours(void **state) {
  check_in_python(*state, H5PY
                  "f = h5py.File(sys.argv[1], 'r')\n"
                  "p = f['pencone']\n"
                  "assert p.attrs['format'] == 'pencone-dose', p.attrs['format']\n"
                  "assert p.attrs['format_version'] == 1 and p.attrs['frame'] == 'DICOM-LPS'\n"
                  "assert list(p.attrs['size_xyz']) == [4, 3, 2]\n"
                  "d = p['dose']\n"
                  "assert d.shape == (2, 3, 4) and d.dtype == np.float32 and d.attrs['units'] == 'Gy cm2'\n"
                  "assert d[1, 2, 3] == np.float32(1e-12) * np.float32(24) / np.float32(3)\n"
                  "assert d == f['ITKImage/0/VoxelData'] and d == f['VTKHDF/PointData/dose']\n"
                  "assert p['hu'].dtype == np.int16 and p['hu'][0, 0, 1] == -850\n"
                  "assert p['material'].attrs['names'] == 'water,lung,cortical-bone'\n"
                  "assert p['structures/zeta'].attrs['type'] == 'PTV'\n"
                  "assert p['structures/lung_left'].attrs['name'] == 'lung/left'\n"
                  "assert list(p['provenance'].attrs) == ['version', 'plan', 'engine']\n"
                  "assert p['beams/zebra/dose'][0, 0, 2] == 1\n");
}

static void vtk_reads_ours(void **state) {
  check_in_python(*state,
                  "import sys\n"
                  "try:\n    from vtkmodules.vtkIOHDF import vtkHDFReader\n"
                  "except ImportError:\n    sys.exit(77)\n"
                  "r = vtkHDFReader()\n"
                  "r.SetFileName(sys.argv[1])\n"
                  "r.Update()\n"
                  "image = r.GetOutput()\n"
                  "assert image.GetDimensions() == (4, 3, 2), image.GetDimensions()\n"
                  "assert image.GetSpacing() == (2.5, 2.0, 3.0)\n"
                  "assert abs(image.GetOrigin()[0] + 50.1) < 1e-12\n"
                  "data = image.GetPointData()\n"
                  "assert data.GetArray('hu').GetTuple1(1) == -850\n"
                  "assert abs(data.GetArray('dose').GetTuple1(23) - 8e-12) < 1e-18\n"
                  "assert data.GetArray('structure zeta').GetTuple1(3) == 30\n");
}

static void octave_reads_ours(void **state) {
  const unit_files *f = *state;
  char script[2 * UNIT_PATH], text[1000];
  if (system("command -v octave-cli >/dev/null 2>&1") != 0) {
    skip();
  }
  write_dose(f, "d.h5");
  snprintf(text, sizeof text,
           "s = load('-hdf5', '%s');\n"
           "d = s.pencone.dose;\n"
           "assert(size(d), [4 3 2]);\n"
           "assert(abs(d(4, 3, 2) - 8e-12) < 1e-18);\n"
           "assert(double(s.pencone.hu(2, 1, 1)), -850);\n",
           unit_path(f, "d.h5"));
  snprintf(script, sizeof script, "%s", unit_write_text(f, "check.m", text));
  assert_int_equal(run(f, "octave-cli --no-history --norc", script, ""), 0);
}

// As h5py writes by itself: variable-length texts, an array of names, int64 scalars, big-endian and chunked
// data.
static void ours_reads_h5py(void **state) {
  const unit_files *f = *state;
  check_in_python(
      f, H5PY
      "f = h5py.File(sys.argv[1], 'w')\n"
      "p = f.create_group('pencone')\n"
      "p.attrs['format'] = 'pencone-phantom'\n"
      "p.attrs['format_version'] = 1\n"
      "p.attrs['frame'] = np.bytes_('DICOM-LPS')\n"
      "p.attrs['size_xyz'] = np.array([3, 2, 1], '>i4')\n"
      "p.attrs['spacing_mm'] = [1.0, 2.0, 3.0]\n"
      "p.attrs['origin_mm'] = [0, 0, 0]\n"
      "p.create_dataset('density', data=np.arange(6, dtype='>f8').reshape(1, 2, 3), chunks=True,\n"
      "                 compression='gzip', shuffle=True)\n"
      "m = p.create_dataset('material', data=np.array([[[0, 1, 0], [1, 0, 1]]], 'u1'))\n"
      "m.attrs['names'] = ['water', 'lung']\n"
      "s = p.create_dataset('structures/target', data=np.full((1, 2, 3), 255, 'u1'))\n"
      "s.attrs['colour'] = [255, 0, 0]\n"
      "s.attrs['type'] = 'PTV'\n"
      "f.close()\n");
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "d.h5"), &phantom), PENCONE_OK);
  const pencone_phantom_desc *desc = pencone_phantom_describe(phantom);
  assert_int_equal(desc->grid.size[0], 3);
  assert_true(desc->density[5] == 5);
  assert_int_equal(desc->material_count, 2);
  assert_string_equal(desc->material_names[1], "lung");
  assert_string_equal(pencone_phantom_structure_name(phantom, 0), "target");
  assert_string_equal(pencone_phantom_structure_type(phantom, 0), "PTV");
  assert_null(pencone_phantom_structure_colour(phantom, 0));
  pencone_phantom_destroy(phantom);
}

// The newest layout of files that h5py knows: superblock 3, attributes and chunks in other trees.
static void ours_reads_the_latest_layout(void **state) {
  const unit_files *f = *state;
  check_in_python(
      f,
      H5PY "f = h5py.File(sys.argv[1], 'w', libver='latest')\n" PHANTOM
           "p.create_dataset('density', data=np.arange(6, dtype='f4').reshape(1, 2, 3), chunks=(1, 1, 3))\n"
           "f.close()\n"
           "assert open(sys.argv[1], 'rb').read()[8] == 3\n");
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "d.h5"), &phantom), PENCONE_OK);
  assert_true(pencone_phantom_describe(phantom)->density[5] == 5);
  pencone_phantom_destroy(phantom);
}

// HDF5 has no booleans: h5py writes an enum. True is inside, all of the voxel.
static void ours_reads_booleans(void **state) {
  const unit_files *f = *state;
  check_in_python(f, H5PY "f = h5py.File(sys.argv[1], 'w')\n" PHANTOM
                          "p['density'] = np.ones((1, 2, 3), 'f4')\n"
                          "p['material'] = np.arange(6).reshape(1, 2, 3) == 1\n"
                          "p['material'].attrs['names'] = ['water', 'lung']\n"
                          "p['structures/target'] = np.arange(6).reshape(1, 2, 3) > 3\n"
                          "f.close()\n");
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "d.h5"), &phantom), PENCONE_OK);
  static const uint8_t mask[] = {0, 0, 0, 0, 255, 255}, material[] = {0, 1, 0, 0, 0, 0};
  assert_memory_equal(pencone_phantom_structure_mask(phantom, 0), mask, sizeof mask);
  assert_memory_equal(pencone_phantom_describe(phantom)->material, material, sizeof material);
  pencone_phantom_destroy(phantom);
}

// h5py brings a filter of its own that HDF5 does not have.
static void a_missing_filter_is_named(void **state) {
  const unit_files *f = *state;
  check_in_python(f, H5PY "f = h5py.File(sys.argv[1], 'w')\n" PHANTOM
                          "p.create_dataset('density', data=np.ones((1, 2, 3), 'f4'), compression='lzf')\n"
                          "f.close()\n");
  pencone_phantom *phantom = NULL;
  assert_int_equal(pencone_phantom_read(f->ctx, unit_path(f, "d.h5"), &phantom), PENCONE_E_FORMAT);
  assert_non_null(
      strstr(pencone_context_error(f->ctx), "/pencone/density: compressed by HDF5's filter 32000 (lzf)"));
}

static void ours_reads_a_reference(void **state) {
  const unit_files *f = *state;
  check_in_python(f, H5PY
                  "f = h5py.File(sys.argv[1], 'w')\n"
                  "p = f.create_group('pencone')\n"
                  "p.attrs['format'] = 'pencone-reference'\n"
                  "p.attrs['format_version'] = 1\n"
                  "p.attrs['frame'] = 'DICOM-LPS'\n"
                  "p['x_edges_mm'] = [0.0, 1.0, 3.0]\n"
                  "p['y_edges_mm'] = [0.0, 1.0]\n"
                  "p['z_edges_mm'] = [0.0, 5.0]\n"
                  "p['dose'] = np.array([[[1, 2]]], 'f4')\n"
                  "p['dose'].attrs['units'] = 'Gy cm2'\n"
                  "p['relative_sigma'] = np.array([[[0.1, 0.2]]], 'f4')\n"
                  "f.close()\n");
  pencone_reference *reference = NULL;
  assert_int_equal(pencone_reference_read(f->ctx, unit_path(f, "d.h5"), &reference), PENCONE_OK);
  const pencone_reference_desc *desc = pencone_reference_describe(reference);
  assert_int_equal(desc->size[0], 2);
  assert_true(desc->edges_mm[0][2] == 3 && desc->dose[1] == 2 && desc->relative_sigma[1] == 0.2F);
  assert_string_equal(desc->units, "Gy cm2");
  pencone_reference_destroy(reference);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT_FILES_TEST(h5py_reads_ours),        UNIT_FILES_TEST(vtk_reads_ours),
      UNIT_FILES_TEST(octave_reads_ours),      UNIT_FILES_TEST(ours_reads_h5py),
      UNIT_FILES_TEST(ours_reads_a_reference), UNIT_FILES_TEST(ours_reads_the_latest_layout),
      UNIT_FILES_TEST(ours_reads_booleans),    UNIT_FILES_TEST(a_missing_filter_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
