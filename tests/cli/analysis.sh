#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gamma, dvh, validate, plot: answers, exit statuses, files, and what they say about bad input.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_inputs
call 0 run plan.yaml -o d.h5 --quiet
sed 's/1.0e+9/1.04e+9/' plan.yaml >more.yaml
call 0 run more.yaml -o more.h5 --quiet

# gamma: a dose against itself, 4 % more against it, criteria with and without their units.
call 0 gamma d.h5 d.h5 --dose 2% --distance 2mm --json
has out '"pass_rate_pct": 100'
has out '"mean": 0'
has out '"max": 0'
call 0 gamma d.h5 d.h5 --dose 2 --distance '2 mm' --threshold 10%
has out "pass rate    100.000 %"
call 0 gamma more.h5 d.h5 --dose 3% --distance 1mm --quiet --pass 1%
call 1 gamma more.h5 d.h5 --dose 1% --distance 1mm --pass 99%
has out "2.0000 (the search ends there)"
call 0 gamma d.h5 more.h5 -o map.h5 --local
has out "written      map.h5"
call 0 info map.h5
has out "gamma index"
call 0 gamma d.h5 map.h5 --quiet
has err "map.h5 in 1: numbers are compared as they are"
call 0 gamma d.h5 d.h5 --from 0,-20,0 --to 0,20,0 --json
has out '"points": 41'
error 3 "got -2 %" gamma d.h5 d.h5 --dose=-2%
error 3 "got 0 mm" gamma d.h5 d.h5 --distance 0mm
error 2 "--dose: got '2mm'" gamma d.h5 d.h5 --dose 2mm
error 2 "no --to" gamma d.h5 d.h5 --from 0,0,0
error 3 "nothing.h5" gamma d.h5 nothing.h5
error 3 "not an HDF5 file" gamma w.yaml d.h5
sed 's/size: \[24, 24, 24\], spacing_mm: \[2, 2, 2\], centre_mm: \[0, 0, 0\]/size: [24, 24, 24], spacing_mm: [2, 2, 2], centre_mm: [500, 0, 0]/; s/sphere: {centre_mm: \[0, 0, 0\]/sphere: {centre_mm: [500, 0, 0]/' w.yaml >far.yaml
call 0 phantom far.yaml -o far.h5 --quiet
sed 's/isocenter_mm: \[0, 0, 0\]/isocenter_mm: [500, 0, 0]/' plan.yaml >far-plan.yaml
call 0 run far-plan.yaml --phantom far.h5 -o far-dose.h5 --quiet
error 3 "do not overlap along x" gamma far-dose.h5 d.h5

# dvh: the target's volume, keys, curves; structures by name.
call 0 dvh d.h5 --json
for key in D95 D50 D5 D2 D98 mean min max volume_cm3; do
  has out "\"$key\": "
done
call 0 dvh d.h5 --structure target --isodose 0.001 --geud 8 --ntcp 0.5,0.2,1 --tcp 1e6,0.3,10 --fractions 5
has out "Paddick"
has out "gEUD"
has out "NTCP"
has out "TCP"
sed 's/collapsed-cone/pencil-beam, reach_mm: 20/; s/x: \[-10, 10\]/x: [-23, -20]/' plan.yaml >narrow.yaml
sed 's/centre_mm: \[0, 0, 0\], radius_mm: 8/centre_mm: [18, 0, 0], radius_mm: 5/' w.yaml >aside.yaml
call 0 phantom aside.yaml -o aside.h5 --quiet
call 0 run narrow.yaml -o narrow.h5 --quiet
call 0 dvh narrow.h5 --phantom aside.h5
verify "HI without dose: $(cat out)" grep -q "^  target .*  -$" out
has out "# HI is - where"
call 0 dvh narrow.h5 --phantom aside.h5 --json
has out '"homogeneity": null'
call 0 dvh d.h5 --csv --bin 0.001
verify "csv: $(head -n 1 out)" [ "$(head -n 1 out)" = "dose,target" ]
verify "csv: starts at 100 %" [ "$(sed -n 2p out)" = "0,100" ]
error 3 "got 'tumour', expected one of: target" dvh d.h5 --structure tumour
error 3 "outside the dose grid" dvh d.h5 --phantom far.h5
error 2 "exclude each other" dvh d.h5 --csv --json

# validate: a case against itself, a case that fails, bad cases.
mkdir -p self/case
cp plan.yaml self/case/plan.yaml
cp w.h5 self/case/w.h5
cp d.h5 self/case/reference.h5
printf 'case: self\nlimits:\n  - {figure: gamma_mean, max: 0, source: the same dose}\n' >self/case/criteria.yaml
call 0 validate self/case
has out "1 of 1 cases passed"
call 0 validate self --json
has out '"gamma_mean": 0'
has out '"passed": true'
cp more.yaml self/case/plan.yaml
call 1 validate self/case
has out "FAIL  gamma_mean"
has out "the same dose"
has out "0 of 1 cases passed"
sed 's/photon-collapsed-cone/proton-pencil-beam/' plan.yaml >self/case/plan.yaml
call 3 validate self/case
has err "self/case/plan.yaml: beam AP: machine ideal-mohan-6mv makes photons"
sed '/^phantom/d' plan.yaml >self/case/plan.yaml
call 3 validate self/case
has err "self/case/plan.yaml: phantom: got none"
cp more.yaml self/case/plan.yaml
error 3 "expected one with plan.yaml" validate nowhere
mkdir -p empty
error 3 "without plan.yaml" validate empty
printf 'case: self\nlimits:\n  - {figure: gamma_mean, max: 0}\n' >self/case/criteria.yaml
call 3 validate self/case
has err "criteria.yaml:3"
has err "source"
rm self/case/criteria.yaml self/case/reference.h5
call 3 validate self/case
has err "reference.h5: missing"

# plot: each kind of picture, the script, bad names. Without gnuplot only the script.
call 0 plot d.h5 --script d.gp
verify "no script" grep -q multiplot d.gp
error 3 "expected .png, .svg or .pdf" plot d.h5 -o d.jpg
error 2 "no picture" plot d.h5
error 2 "--isodoses" plot d.h5 -o d.png --isodoses 20,x
error 3 "inside the dose" plot d.h5 -o d.png --at 900,0,0
if command -v gnuplot >/dev/null 2>&1; then
  for kind in png svg pdf; do
    call 0 plot d.h5 -o "it's a picture.$kind" --quiet
    verify "no $kind" [ -s "it's a picture.$kind" ]
  done
  verify "something is left over" [ -z "$(find . -name '*.partial')" ]
  cp d.h5 self/case/reference.h5
  cp plan.yaml self/case/plan.yaml
  call 0 validate self/case --plot self.svg --script self.gp
  verify "no picture of the case" [ -s self.svg ]
  cp "$source/phantoms/cases/golden-6mv-3x3/criteria.yaml" "$source/phantoms/cases/golden-6mv-3x3/points.csv" self/case/
  rm self/case/reference.h5
  sed -i 's/at_mm: \[0, 100, 0\]/at_mm: [0, 0, 0]/' self/case/criteria.yaml
  call 1 validate self/case --plot points.png
  verify "no picture of the points" [ -s points.png ]
fi
finish
