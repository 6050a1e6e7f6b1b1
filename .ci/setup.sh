# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Set-up shared by ./check and ./demo: finds out what is missing and installs it with apt-get.
# To be sourced by a POSIX shell whose current folder is the top of the tree.

missing=   # packages to install
reasons=   # one line each: what for

has_command() {
  command -v "$1" >/dev/null 2>&1
}

# One of the named pkg-config modules is there.
has_module() {
  for module in "$@"; do
    pkg-config --exists "$module" 2>/dev/null && return 0
  done
  return 1
}

# A program of one line that includes HEADER compiles and links: COMPILER HEADER [FLAG...]
can_build() {
  compiler=$1
  header=$2
  shift 2
  has_command "$compiler" || return 1
  scratch=$(mktemp) || return 1
  printf '#include <%s>\nint main(void) { return 0; }\n' "$header" |
    "$compiler" -x c - -o "$scratch" "$@" >/dev/null 2>&1
  built=$?
  rm -f "$scratch"
  return $built
}

has_universal_ctags() {
  ctags --version 2>/dev/null | grep -q 'Universal Ctags'
}

# The python3 of the system, which the scripts name by its path, has a module.
has_python_module() {
  /usr/bin/python3 -c "import $1" 2>/dev/null
}

# want PACKAGE REASON TEST...: notes the package unless the test succeeds.
want() {
  package=$1
  reason=$2
  shift 2
  "$@" && return 0
  missing="$missing $package"
  reasons="$reasons$(printf '  %-18s %s' "$package" "$reason")
"
}

# What ./demo and ./check both need.
want_build_tools() {
  want gcc "C compiler with OpenMP" has_command gcc
  want libc6-dev "headers of the C library" can_build gcc stdio.h
  # Without it meson takes lib64, where nothing on Debian looks for libraries.
  if has_command dpkg; then
    want dpkg-dev "tells meson Debian's folder for libraries" has_command dpkg-architecture
  fi
  want meson "build system (brings ninja and python3)" has_command meson
  want pkg-config "finds libraries" has_command pkg-config
  want libhdf5-dev "phantom and dose files" has_module hdf5-serial hdf5
  want libyaml-dev "plans, recipes and machines" has_module yaml-0.1
  want libkissfft-dev "convolution by FFT" has_module kissfft-float
  want hdf5-tools "h5dump: looks into dose files without Pencone" has_command h5dump
  want gnuplot-nox "pictures" has_command gnuplot
}

# What ./check needs on top.
want_test_tools() {
  want libcmocka-dev "unit tests" has_module cmocka
  want valgrind "counts instructions: bench/guard" has_command valgrind
  want git "list of the files that the gates look at" has_command git
  want binutils "symbol tables for the gates" has_command nm
  want universal-ctags "lengths of functions for the gates" has_universal_ctags
  want g++ "public headers in C++" has_command g++
  want cmake "a consumer that finds Pencone by CMake" has_command cmake
  want python3-h5py "files read back by an independent HDF5 binding" has_python_module h5py
}

# What the second compiler and commissioning need.
want_all_variants() {
  want libgsl-dev "commissioning (fits)" has_module gsl
  want clang "second compiler" has_command clang
  want libomp-dev "OpenMP of the second compiler" can_build clang omp.h -fopenmp
}

# Installs what is missing; needs neither network nor rights when nothing is.
install_missing() {
  if [ -z "$missing" ]; then
    echo "set-up: everything is there"
    return 0
  fi
  echo "set-up: these Debian packages are missing and will be installed with apt-get:"
  printf '%s' "$reasons"
  if ! has_command apt-get; then
    echo "set-up: there is no apt-get here. Install the packages above, or what your system calls them," >&2
    echo "        by hand and run this script again." >&2
    return 1
  fi
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    if ! has_command sudo; then
      echo "set-up: this needs root, and there is no sudo. As root run:" >&2
      echo "        apt-get update && apt-get install --no-install-recommends$missing" >&2
      return 1
    fi
    as_root=sudo
    echo "set-up: sudo may ask for your password"
  fi
  mkdir -p build
  echo "set-up: installing; what apt-get says is in build/set-up.log"
  # shellcheck disable=SC2086 # a list of words on purpose
  {
    $as_root apt-get update ||
      echo "set-up: apt-get update failed; going on with the lists there are" >&2
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null
  } >build/set-up.log || {
    echo "set-up: apt-get could not install:$missing" >&2
    return 1
  }
  missing=
  reasons=
}

# configure FOLDER OPTION...: meson setup, or the same options again in a folder that is there.
configure() {
  folder=$1
  shift
  if [ -f "$folder/meson-private/coredata.dat" ]; then
    meson setup --reconfigure "$@" "$folder"
  else
    meson setup "$@" "$folder"
  fi
}
