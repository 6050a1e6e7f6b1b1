# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# What the scripts beside this one share. usage in them: . "$(dirname "$0")/check.sh"
# Their arguments: the command, the spoiler of HDF5 files, the source folder.
set -u
case $1 in
  /*) pencone=$1 ;;
  *) pencone=$PWD/$1 ;;
esac
case $2 in
  /*) spoil=$2 ;;
  *) spoil=$PWD/$2 ;;
esac
source=$3 # for the scripts
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0
failed=0

pass() {
  passed=$((passed + 1))
}

fail() {
  failed=$((failed + 1))
  echo "FAILED: $*"
}

# verify MESSAGE COMMAND...: the command must succeed.
verify() {
  message=$1
  shift
  if "$@"; then
    pass
  else
    fail "$message"
  fi
}

# call STATUS ARGUMENT...: runs the command; its output goes to the files out and err.
call() {
  wanted=$1
  shift
  "$pencone" "$@" >out 2>err </dev/null
  status=$?
  if [ "$status" -eq "$wanted" ]; then
    pass
  else
    fail "pencone $*: exit status $status, expected $wanted"
    cat err
  fi
}

# has FILE TEXT: the file contains the text.
has() {
  if grep -qF -e "$2" "$1"; then
    pass
  else
    fail "'$2' is not in '$1', which holds:"
    cat "$1"
  fi
}

# error STATUS TEXT ARGUMENT...: fails with one line that begins with "pencone: " and contains the text
# (status 2: a second line says where help is); prints nothing else.
error() {
  wanted=$1
  text=$2
  shift 2
  call "$wanted" "$@"
  has err "$text"
  lines=$(wc -l <err)
  [ "$wanted" -eq 2 ] && has err "Try 'pencone" && lines=$((lines - 1))
  if [ "$lines" -eq 1 ] && head -n 1 err | grep -q '^pencone: ' && [ ! -s out ]; then
    pass
  else
    fail "pencone $*: expected one line of error and no output, got:"
    cat err out
  fi
}

# A small water phantom, w.h5, and a plan for it, plan.yaml.
make_inputs() {
  make_recipe
  make_plan photon-collapsed-cone
  call 0 phantom w.yaml -o w.h5
}

make_recipe() {
  cat >w.yaml <<'END'
recipe: cli-test
grid: {size: [24, 24, 24], spacing_mm: [2, 2, 2], centre_mm: [0, 0, 0]}
background: water
objects:
  - box: {min_mm: [-10, 0, -10], max_mm: [10, 10, 10]}
    material: lung
    density_g_cm3: 0.3
structures:
  - {sphere: {centre_mm: [0, 0, 0], radius_mm: 8}, name: target}
END
}

# make_plan ENGINE: the plan as text in the file plan.yaml, one key per line for sed.
make_plan() {
  cat >plan.yaml <<END
plan: cli-test
phantom: w.h5
engine: {name: $1}
beams:
  - name: AP
    machine: ideal-mohan-6mv
    isocenter_mm: [0, 0, 0]
    gantry_deg: 0
    field_mm: {x: [-10, 10], y: [-10, 10]}
    fluence_per_cm2: 1.0e+9
END
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit $?
}
