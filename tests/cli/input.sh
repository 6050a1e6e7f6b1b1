#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input: one line with file, line or dataset, value and expectation; exit 3; nothing written.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_inputs
cp plan.yaml good.yaml

# plan_with WHAT TEXT SED: the plan after an edit is refused; the message holds "bad.yaml:" and the text.
plan_with() {
  sed -e "$3" good.yaml >bad.yaml
  cmp -s bad.yaml good.yaml && fail "$1: the edit changes nothing"
  error 3 "$2" run bad.yaml -o bad.h5
  has err "bad.yaml"
  verify "$1: an output was written" [ ! -e bad.h5 ]
  rm -f bad.h5
}

plan_with "unknown key" "bad.yaml:6:" 's/  - name: AP/  - name: AP\n    colour: red/'
plan_with "misspelt key" "gantri_deg" 's/gantry_deg/gantri_deg/'
plan_with "key at the top" "bad.yaml:4:" 's/^beams:/dosegrid: 2\nbeams:/'
plan_with "key twice" "gantry_deg" 's/    gantry_deg: 0/    gantry_deg: 0\n    gantry_deg: 90/'
plan_with "no machine" "machine" '/machine:/d'
plan_with "missing machine" "bad.yaml:6:" 's/ideal-mohan-6mv/ideal-mohan-7mv/'
plan_with "machine file" "none.yaml" 's/ideal-mohan-6mv/.\/none.yaml/'
plan_with "missing engine" "bad.yaml:3:" 's/collapsed-cone/collapsed-zone/'
plan_with "engine option" "directons" 's/cone}/cone, directons: 48}/'
plan_with "option out of range" "directions" 's/cone}/cone, directions: -3}/'
plan_with "field of zero size" "field" 's/x: \[-10, 10\]/x: [10, 10]/'
plan_with "field turned round" "field" 's/x: \[-10, 10\]/x: [10, -10]/'
plan_with "angle" "gantry" 's/gantry_deg: 0/gantry_deg: 1000/'
plan_with "not a number" "bad.yaml:8:" 's/gantry_deg: 0/gantry_deg: left/'
plan_with "nan" "bad.yaml:8:" 's/gantry_deg: 0/gantry_deg: .nan/'
plan_with "no fluence" "fluence" '/fluence/d'
plan_with "fluence of zero" "fluence" 's/1.0e+9/0/'
plan_with "two numbers" "isocenter_mm" 's/\[0, 0, 0\]/[0, 0]/'
# shellcheck disable=SC2016 # the dollar is sed's
plan_with "no beams" "beams" '/^beams/,$d'
plan_with "broken YAML" "bad.yaml:" 's/plan: cli-test/plan: [cli-test/'
plan_with "beam that misses" "AP" 's/\[0, 0, 0\]/[500, 0, 0]/'
plan_with "source in the phantom" "AP" 's/\[0, 0, 0\]/[0, 1000, 0]/'
plan_with "dose spacing" "spacing" 's/^beams:/dose_grid: {spacing_mm: [0, 2, 2]}\nbeams:/'
plan_with "dose box outside" "box" 's/^beams:/dose_grid: {box_mm: {min: [900, 0, 0], max: [950, 9, 9]}}\nbeams:/'
plan_with "second beam of a name" "AP" 's/^    fluence.*/&\n  - {name: AP, machine: ideal-co60, isocenter_mm: [0, 0, 0], gantry_deg: 0, field_mm: {x: [-9, 9], y: [-9, 9]}, fluence_per_cm2: 1}/'
plan_with "not in this version" "monitor_units" 's/fluence_per_cm2/monitor_units/'

sed 's/w.h5/none.h5/' good.yaml >bad.yaml
error 3 "none.h5: cannot be opened" run bad.yaml -o bad.h5
sed '/phantom/d' good.yaml >bad.yaml
error 3 "expected the key 'phantom' or the option --phantom" run bad.yaml -o bad.h5
error 3 "none.yaml" run none.yaml
error 3 "plan.yaml" run plan.yaml --phantom plan.yaml -o bad.h5
has err "plan.yaml"
error 3 "budget" run plan.yaml --memory 10K -o bad.h5
printf 'plan: a\nphantom: \304\n' >latin1.yaml
error 3 "latin1.yaml:2: not valid YAML" run latin1.yaml -o bad.h5
: >empty.yaml
error 3 "empty.yaml" run empty.yaml -o bad.h5

# phantom_with HOW TEXT: a phantom file damaged in this way is refused.
phantom_with() {
  cp w.h5 bad-phantom.h5
  "$spoil" bad-phantom.h5 "$1" || fail "spoil $1"
  error 3 "bad-phantom.h5: " run plan.yaml --phantom bad-phantom.h5 -o bad.h5
  has err "$2"
  error 3 "bad-phantom.h5: " info bad-phantom.h5
  verify "$1: an output was written" [ ! -e bad.h5 ]
  rm -f bad.h5
}

phantom_with spacing-zero "spacing"
phantom_with spacing-negative "spacing"
phantom_with spacing-nan "spacing"
phantom_with no-spacing "spacing_mm"
phantom_with size "size"
phantom_with shape "/pencone/density"
phantom_with density-nan "nan"
phantom_with density-negative "-1"
phantom_with density-heavy "1e+06"
phantom_with hu "5000"
phantom_with material "200"
phantom_with units "kg/m3"
phantom_with version "99"
phantom_with format "recipes"
phantom_with foreign "/pencone"

head -c 3000 w.h5 >truncated.h5
error 3 "truncated.h5" run plan.yaml --phantom truncated.h5 -o bad.h5
error 3 "truncated.h5" info truncated.h5
printf 'not HDF5 at all\n' >text.h5
error 3 "text.h5" run plan.yaml --phantom text.h5 -o bad.h5
: >empty.h5
error 3 "empty.h5" run plan.yaml --phantom empty.h5 -o bad.h5
error 3 "empty.h5" info empty.h5
error 3 "plan.yaml" profile plan.yaml --from 0,0,0 --to 0,1,0
error 3 "w.h5" profile w.h5 --from 0,0,0 --to 0,1,0
error 3 "none.h5" info none.h5
error 3 "ideal-none" info machine ideal-none
mkdir sub
error 3 "sub" info sub

# A wrong checksum in one object of a dose file: our line alone, though HDF5 1.10 has more to say at the end, and nothing
# is taken for left out.
call 0 run plan.yaml -o d.h5 --beams -q
echo leak:libhdf5 >hdf5.supp # the memory that it loses, for the leak sanitizer
LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$PWD/hdf5.supp:print_suppressions=0"
export LSAN_OPTIONS
for object in /pencone /pencone/dose /pencone/beams /pencone/beams/AP /pencone/beams/AP/dose /pencone/provenance \
  /pencone/density /pencone/material /pencone/structures /pencone/structures/target; do
  cp d.h5 bad-dose.h5
  "$spoil" bad-dose.h5 $object || fail "spoil $object"
  error 3 "bad-dose.h5: $object: " info bad-dose.h5
  error 3 "bad-dose.h5: $object: " dvh bad-dose.h5
done
unset LSAN_OPTIONS

# Recipes.
error 3 "none.yaml" phantom none.yaml -o bad.h5
error 3 "plan.yaml" phantom plan.yaml -o bad.h5
recipe_with() {
  sed -e "$2" w.yaml >bad.yaml
  cmp -s bad.yaml w.yaml && fail "recipe: the edit $2 changes nothing"
  error 3 "$1" phantom bad.yaml -o bad.h5
  has err "bad.yaml"
  verify "$2: an output was written" [ ! -e bad.h5 ]
  rm -f bad.h5
}
recipe_with "bad.yaml:4:" 's/^objects:/colour: red\nobjects:/'
recipe_with "jelly" 's/lung/jelly/'
recipe_with "spacing" 's/\[2, 2, 2\]/[2, 0, 2]/'
recipe_with "spacing" 's/\[2, 2, 2\]/[2, -2, 2]/'
recipe_with "size" 's/24, 24, 24/24, 0, 24/'
recipe_with "density_g_cm3" 's/0.3/-0.3/'
recipe_with "radius" 's/radius_mm: 8/radius_mm: 0/'
recipe_with "box" 's/max_mm: \[10/max_mm: [-20/'
recipe_with "origin_mm" 's/, centre_mm: .0, 0, 0.//;1,2s/}/}/'
verify "an output was written" [ ! -e bad.h5 ]
finish
