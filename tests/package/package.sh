#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the build into a folder of its own and builds and runs a consumer against it.
# usage: package.sh HOW BUILD_FOLDER PREFIX LIBDIR COMPILER...
#   HOW: pkgconfig, static or cmake; PREFIX and LIBDIR as meson was told; exit 77: a tool is missing
set -eu
how=$1 build=$2 prefix=$3 libdir=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
work=${build:?}/tests/package/${how:?}
destination=$work/destination
installed=$destination$prefix

# Asks pkg-config about the tree where it stands now, not where it was meant for.
ask_pkgconfig() {
  PKG_CONFIG_PATH=$installed/$libdir/pkgconfig pkg-config --define-variable=prefix="$installed" "$@" pencone
}

# Nothing of an earlier run may stand in for what is missing now.
rm -rf "$work"
mkdir -p "$work"
meson install -C "$build" --no-rebuild --quiet --destdir "$destination" >"$work/install.log" 2>&1 || {
  cat "$work/install.log"
  exit 1
}

case $how in
  pkgconfig)
    command -v pkg-config >/dev/null || exit 77
    # shellcheck disable=SC2046 # lists of words on purpose
    "$@" -Wall -Wextra -Werror "$here/consumer.c" -o "$work/consumer" $(ask_pkgconfig --cflags --libs) -lm
    ;;
  static)
    command -v pkg-config >/dev/null || exit 77
    # The archive by its path, so that the shared library beside it is not taken.
    others=$(ask_pkgconfig --static --libs | tr ' ' '\n' | grep -v '^-lpencone$' | tr '\n' ' ')
    # shellcheck disable=SC2046,SC2086
    "$@" "$here/consumer.c" -o "$work/consumer" $(ask_pkgconfig --cflags) \
      "$installed/$libdir/libpencone.a" $others -lm
    ;;
  cmake)
    command -v cmake >/dev/null || exit 77
    # shellcheck disable=SC2015 # the log is wanted if either fails
    cmake -G Ninja -S "$here" -B "$work/build" -DCMAKE_C_COMPILER="$1" -DCMAKE_PREFIX_PATH="$installed" \
      -DCMAKE_BUILD_TYPE=Release >"$work/cmake.log" 2>&1 &&
      cmake --build "$work/build" >>"$work/cmake.log" 2>&1 || {
      cat "$work/cmake.log"
      exit 1
    }
    cp "$work/build/consumer" "$work/consumer"
    ;;
  *)
    echo "package.sh: unknown way $how" >&2
    exit 2
    ;;
esac

if [ "$how" = static ]; then
  "$work/consumer"
else
  LD_LIBRARY_PATH=$installed/$libdir "$work/consumer"
fi
# The installed command, where the build has one, must find its library and its data too.
if [ -x "$installed/bin/pencone" ]; then
  LD_LIBRARY_PATH=$installed/$libdir "$installed/bin/pencone" info machines
fi
