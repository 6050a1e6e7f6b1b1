#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plans of protons: made by pencone sobp, LET and RBE beside the dose, matrices of spots, bad input, a full disk.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_recipe
call 0 phantom w.yaml -o w.h5

cat >good.yaml <<'END'
plan: protons
phantom: w.h5
engine: {name: proton-pencil-beam}
beams:
  - name: AP
    machine: generic-proton
    isocenter_mm: [0, 0, 0]
    gantry_deg: 0
    range_shifter_mm: 40
    layers:
      - energy_mev: 100
        spots:
          - [0, 0, 1.0e+8]
          - [5, 0, 1.0e+8]
      - energy_mev: 90
        spots:
          - [0, 5, 1.0e+8]
END

# --- a plan from a range and a width
sobp="sobp --range 40 --width 20 --size 20 --range-shifter 40"
# shellcheck disable=SC2086 # words, also below
call 0 $sobp --machine generic-proton -p w.h5 -o s.yaml
has out "flatness"
has s.yaml 'phantom: "w.h5"'
call 0 info s.yaml
call 0 $sobp
has out 'machine: "ideal-proton"'
call 0 $sobp -p 'a"b\c.h5' -o quoted.yaml -q
has quoted.yaml 'phantom: "a\"b\\c.h5"'
error 3 "a\"b\\c.h5: cannot be opened" run quoted.yaml -o bad.h5
error 3 "expected 70 to 230 MeV" sobp --range 30 --width 20
error 3 "makes photons" sobp --range 150 --width 50 --machine ideal-mohan-6mv
error 3 "got 'nothing'" sobp --range 150 --width 50 --machine nothing
error 3 "width of 200 mm" sobp --range 150 --width 200
error 3 "-150 to 150 and -200 to 200 of machine generic-proton" sobp --range 150 --width 50 --size 500 --machine generic-proton
error 3 "expected an existing folder" $sobp -o none/s.yaml
error 3 "the output is a folder" $sobp -o .
cp "$source/lib/data/machines/generic-proton.yaml" own.yaml
call 2 $sobp --machine ./own.yaml -o own.yaml
has err "overwrite the input"
cp s.yaml kept.yaml
(
  trap '' XFSZ
  ulimit -f 1
  exec "$pencone" $sobp -o kept.yaml
) >out 2>err
verify "sobp: exit status of a full disk" [ $? -eq 4 ]
has err "kept.yaml: cannot be written: File too large"
verify "a full disk changes the plan that was there" cmp -s s.yaml kept.yaml

# --- what a plan says of them
sed 's/    layers:/    aperture: {field_mm: {x: [-15, 20], y: [-12, 12]}, distance_mm: 60}\n&/' good.yaml >told.yaml
call 0 info told.yaml
has out "range shifter: 40 mm of pmma"
has out "aperture: 4 corners, X -15 to 20, Y -12 to 12 mm, 60 mm before the isocentre"
has out "layer 1: 100 MeV, 2 spots, 2e+08 protons"
has out "layer 2: 90 MeV, 1 spot, 1e+08 protons"
call 0 info told.yaml --json
has out '"range_shifter_material": "pmma"'
has out '"aperture_distance_mm": 60'
has out '"protons": 200000000'
verify "JSON of a plan with protons" python3 -m json.tool out /dev/null

# --- LET and RBE
sed 's/beam}/beam, let: yes, rbe: wedenberg}/' good.yaml >let.yaml
call 0 run let.yaml -o let.h5 -q
call 0 info let.h5
has out "keV/um"
has out "wedenberg"
has out "let: largest"
has out "rbe_dose: largest"
call 0 info let.h5 --json
has out '"units": "keV/um"'
call 0 profile let.h5 --from 0,-20,0 --to 0,20,0 --volume let --csv
has out "z_mm,let_keV/um"
verify "LET is no LET: $(tail -n 1 out)" awk -F, 'NR > 1 && $5 > 20 { exit 1 } $5 > 1 { n++ } END { exit n < 10 }' out
call 0 profile let.h5 --from 0,-20,0 --to 0,20,0 --volume rbe_dose
has out "Gy (RBE)"

# --- the same in every command that reads a dose: what is drawn or counted is said
sed 's/AP/PA/; s/gantry_deg: 0/gantry_deg: 180/' let.yaml | sed -n '/- name/,$p' | cat let.yaml - >two.yaml
call 0 run two.yaml -o two.h5 --beams -q
call 0 plot two.h5 --script let.gp --volume let -q
has let.gp "keV/um, dose-averaged LET in water"
has let.gp "set ylabel 'LET / %'"
has let.gp "LET-volume histograms"
call 0 plot two.h5 --script rbe.gp --volume rbe_dose -q
has rbe.gp "Gy (RBE), RBE-weighted dose, Wedenberg"
has rbe.gp "set ylabel 'RBE-weighted dose / %'"
call 0 plot two.h5 --script beam.gp --volume let --beam PA -q
has beam.gp "all charged particles, beam PA"
call 0 dvh two.h5 --volume let
has out "keV/um"
call 0 dvh two.h5 --volume let --csv
verify "csv: $(head -n 1 out)" [ "$(head -n 1 out)" = "let,target" ]
call 0 dvh two.h5 --volume rbe_dose --ntcp 0.5,0.2,1 --json
has out '"units": "Gy (RBE)"'
has out '"NTCP"'
error 2 "figures of a dose, got --volume let" dvh two.h5 --volume let --geud 2
# The doses of the beams add up to that of the plan; RBE-weighted dose is larger than dose.
mean() {
  "$pencone" dvh "$@" --json | sed -n 's/.*"mean": \([^,]*\).*/\1/p'
}
verify "beams do not add up to the plan" awk -v a="$(mean two.h5 --beam AP)" -v b="$(mean two.h5 --beam PA)" \
  -v sum="$(mean two.h5)" 'BEGIN { exit !(a > 0 && b > 0 && (a + b) / sum - 1 < 1e-5 && (a + b) / sum - 1 > -1e-5) }'
verify "RBE-weighted dose is no larger than the dose" awk -v rbe="$(mean two.h5 --volume rbe_dose)" \
  -v dose="$(mean two.h5)" 'BEGIN { exit !(rbe > dose) }'
call 0 profile two.h5 --from 0,-20,0 --to 0,20,0 --beam PA
has out "dose to medium, beam PA"
call 0 gamma two.h5 let.h5 --volume let --json
has out '"units": "keV/um"'
call 0 gamma two.h5 two.h5 --beam AP
has out "beam AP"
call 3 gamma two.h5 let.h5 --beam AP
has err "let.h5: --beam: got 'AP', expected a file with beams"
error 3 "two.h5: --beam: got 'LL', expected one of: AP, PA" dvh two.h5 --beam LL
error 3 "got 'rbe_dose' of beam AP" plot two.h5 --script bad.gp --volume rbe_dose --beam AP
error 3 "got a Monte Carlo reference, which holds dose" gamma two.h5 "$source/phantoms/cases/water-6mv-3x3/reference.h5" --volume let

# --- influence matrices
call 0 run good.yaml -o d.h5 -q
error 3 "d.h5: --volume: got 'let', expected a volume of the file" profile d.h5 --from 0,-20,0 --to 0,20,0 --volume let
call 0 dij good.yaml -o m.h5 -q
call 0 run good.yaml --from-dij m.h5 -o again.h5 -q
call 0 gamma again.h5 d.h5 --dose 0.01% --distance 0.1mm --pass 100%
call 0 dij good.yaml --format fred -o m.bin -q
error 3 "spots of protons" dij good.yaml --format portpy -o Bad_Patient_1 -q
error 3 'let.yaml: option rbe: got "wedenberg", expected "none"' dij let.yaml -o bad.h5
error 3 "neither LET nor RBE" run let.yaml --from-dij m.h5 -o bad.h5
sed 's/beam}/beam, let: primaries}/' good.yaml >primaries.yaml
error 3 'option let: got "primaries", expected "no"' dij primaries.yaml -o bad.h5
error 3 "m.bin: not an HDF5 file" run good.yaml --from-dij m.bin -o bad.h5
head -c 4000 m.h5 >cut.h5
error 3 "cut.h5: cannot be opened as HDF5" run good.yaml --from-dij cut.h5 -o bad.h5
printf '1\nnan\n3\n' >nan.csv
error 3 "nan.csv:2: weight: got 'nan'" run good.yaml --from-dij m.h5 --weights nan.csv -o bad.h5

# --- bad input
plan_with() {
  sed -e "$2" good.yaml >bad.yaml
  cmp -s bad.yaml good.yaml && fail "the edit $2 changes nothing"
  error 3 "$1" run bad.yaml -o bad.h5 -q
  has err "bad.yaml"
}
plan_with "bad.yaml:15: layer: got the unknown key 'energi_mev'" 's/energy_mev: 90/energi_mev: 90/'
plan_with "protons: got -1e+08" 's/5, 0, 1/5, 0, -1/'
plan_with "got (290, 0) mm, expected -150 to 150" 's/\[5, 0/[290, 0/'
plan_with "energy_mev: got 20, expected 70 to 230" 's/100$/20/'
plan_with "which are 117.0 mm of water, expected less than the range" 's/_mm: 40/_mm: 100/'
plan_with "range_shifter_mm: got -20" 's/_mm: 40/_mm: -20/'
plan_with "got 'wood', expected pmma, water" 's/_mm: 40/&\n    range_shifter_material: wood/'
aperture() {
  plan_with "$1" "s/_mm: 40/&\n    aperture: $2/"
}
aperture "bad.yaml:10: aperture: got none, expected one of 'field_mm' and 'points_mm'" '{distance_mm: 80}'
aperture "'distance_mm'" '{field_mm: {x: [-9, 9], y: [-9, 9]}}'
aperture "got x from 9 to -9" '{distance_mm: 80, field_mm: {x: [9, -9], y: [-9, 9]}}'
aperture "an outline of 2 points, expected 3 to 1000" '{distance_mm: 80, points_mm: [[0, 0], [1, 1]]}'
aperture "edges from point 1 and from point 3 that cross" '{distance_mm: 80, points_mm: [[-9, -9], [9, 9], [9, -9], [-9, 9]]}'
aperture "expected 250 or less: the range shifter is there" '{distance_mm: 280, field_mm: {x: [-9, 9], y: [-9, 9]}}'
aperture "the beam meets matter there" '{distance_mm: 0, field_mm: {x: [-9, 9], y: [-9, 9]}}'
aperture "it stops all spots" '{distance_mm: 80, field_mm: {x: [90, 99], y: [-9, 9]}}'
aperture "unknown key 'thickness_mm'" '{distance_mm: 80, thickness_mm: 65, field_mm: {x: [-9, 9], y: [-9, 9]}}'
sed -e 's/1.0e+8/0/' good.yaml >zero.yaml
error 3 "zero.yaml" run zero.yaml -o bad.h5 -q
has err "beam AP: protons: got 0 in each of its spots"
call 0 dij zero.yaml -o zero.h5 -q
plan_with "'fluence_per_cm2' and 'layers'" 's/_mm: 40/&\n    fluence_per_cm2: 3/'
plan_with "layers of spots, but machine ideal-mohan-6mv is a photon machine" 's/generic-proton/ideal-mohan-6mv/'
plan_with "engine photon-pencil-beam calculates photons" 's/proton-pencil-beam/photon-pencil-beam/'
plan_with 'option rbe: got "cheese", expected none|constant' 's/beam}/beam, rbe: cheese}/'
plan_with "got a list of 2, expected a list of 3 numbers" 's/\[0, 5, 1.0e+8\]/[0, 5]/'
plan_with "got '.nan', expected a number" 's/0, 5, 1.0e+8/0, 5, .nan/'
verify "left over: $(find . -name 'bad.h5*' -o -name '*part*' -o -name 'Bad*')" [ -z "$(find . -name 'bad.h5*' -o -name '*part*' -o -name 'Bad*')" ]

# --- a full disk
for command in "run good.yaml" "dij good.yaml" "gamma d.h5 d.h5" "phantom w.yaml"; do
  (
    trap '' XFSZ
    ulimit -f 8
    exec "$pencone" $command -o full.h5 -q
  ) >out 2>err
  verify "$command: exit status of a full disk" [ $? -eq 4 ]
  has err "cannot be written: File too large"
  verify "$command: something is left over" [ -z "$(find . -name 'full*')" ]
done
(
  trap '' XFSZ
  ulimit -f 1
  exec "$pencone" plot d.h5 --script full.gp
) >out 2>err
verify "plot: exit status of a full disk" [ $? -eq 4 ]
verify "plot: something is left over" [ -z "$(find . -name 'full*')" ]
finish
