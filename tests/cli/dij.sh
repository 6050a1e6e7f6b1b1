#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Influence matrices: the three formats read back by other means, weights, resuming, bad input.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_inputs

# Two beams of 16 and 32 bixels.
cat >dij.yaml <<'END'
plan: dij-test
phantom: w.h5
engine: {name: photon-pencil-beam}
dose_grid: {spacing_mm: [3, 3, 3]}
beams:
  - name: AP
    machine: ideal-mohan-6mv
    isocenter_mm: [0, 0, 0]
    gantry_deg: 0
    field_mm: {x: [-10, 10], y: [-10, 10]}
    fluence_per_cm2: 1.0e+9
    bixel_mm: 5
  - name: left
    machine: ideal-mohan-6mv
    isocenter_mm: [0, 0, 0]
    gantry_deg: 90
    field_mm: {x: [-10, 10], y: [-10, 10]}
    fluence_per_cm2: 2.0e+9
    bixel_mm: [2.5, 5]
END

# read_back ARGUMENT...: an independent reader finds nothing wrong; without h5py there is none.
read_back() {
  /usr/bin/python3 -c 'import h5py, numpy' 2>/dev/null || return 0
  verify "read_dij.py $*" /usr/bin/python3 "$source/tests/cli/read_dij.py" "$@"
}

# --- formats
call 0 dij dij.yaml -o m.h5 --threshold 0
has out "48 in 2 beams"
has out "ns per entry"
has out "lost dose    0 %"
call 0 run dij.yaml -o forward.h5 -q
call 0 run dij.yaml --from-dij m.h5 -o weighted.h5
has out "weights      the plan's own"
read_back pencone m.h5 weighted.h5 forward.h5
call 0 dij dij.yaml -q
call 0 run dij.yaml --from-dij dij.dij.h5 -q
read_back pencone dij.dij.h5 dij.dose.h5
call 0 dij dij.yaml --format fred -o m.bin -q
read_back fred m.bin dij.dij.h5
call 0 dij dij.yaml --format portpy -o Test_Patient_1 -q
verify "PortPy: something was said: $(cat err)" [ ! -s err ]
read_back portpy Test_Patient_1 dij.dij.h5
verify "a part is left over" [ -z "$(find . -name '*part*')" ]

call 0 dij dij.yaml -o s.h5 --threshold 0.01 --sample --seed 3 --json
has out '"sampling": true'
has out '"columns": 48'
call 0 info s.h5
has out "threshold    0.01 of a column's largest, sampled below"
call 0 info s.h5 --json
has out '"columns": 48'
call 0 dij dij.yaml -o t.h5 --structure target --json
mask=$(grep '"entries"' out | tr -cd 0-9)
call 0 info dij.dij.h5 --json
all=$(grep '"entries"' out | tr -cd 0-9)
verify "--structure: $mask entries, without $all" [ "$mask" -lt $((all / 10)) ]
for threads in 1 2 5; do
  call 0 dij dij.yaml -o "t$threads.h5" -q --threads $threads
  read_back same "t$threads.h5" dij.dij.h5
done

# --- weights
awk 'BEGIN { print "beam,weight"; for (i = 0; i < 48; ++i) print (i < 16 ? "0,1.0e9" : "1,2.0e9") }' >w.csv
call 0 run dij.yaml --from-dij dij.dij.h5 --weights w.csv -o again.h5
has out "weights      w.csv"
call 0 gamma again.h5 dij.dose.h5 --dose 0.001% --distance 0.01mm
has out "100.000 %"
head -n 13 w.csv >short.csv
error 3 "short.csv: got 12 weights, expected 48" run dij.yaml --from-dij dij.dij.h5 --weights short.csv -o bad.h5
sed 's/2.0e9/-1/' w.csv >negative.csv
error 3 "negative.csv" run dij.yaml --from-dij dij.dij.h5 --weights negative.csv -o bad.h5
has err "weight of column 16: got -1"
error 3 "none.csv" run dij.yaml --from-dij dij.dij.h5 --weights none.csv -o bad.h5
error 3 "plan.yaml" run plan.yaml --from-dij dij.dij.h5 -o bad.h5
sed 's/bixel_mm: 5/bixel_mm: [2.5, 10]/' dij.yaml >other.yaml
error 3 "column 0: got a beamlet at -7.5, -7.5 mm" run other.yaml --from-dij dij.dij.h5 -o bad.h5
sed 's/gantry_deg: 90/gantry_deg: 80/' dij.yaml >turned.yaml
error 3 "beam left: got gantry 90" run turned.yaml --from-dij dij.dij.h5 -o bad.h5
sed 's/gantry_deg: 90/gantry_deg: -270/' dij.yaml >turned.yaml
call 0 run turned.yaml --from-dij dij.dij.h5 -o turned.h5 -q
sed 's/ideal-mohan-6mv/ideal-mohan-15mv/' dij.yaml >machine.yaml
error 3 "machine_sha256" run machine.yaml --from-dij dij.dij.h5 -o bad.h5
sed 's/2.0e9/1e300/' w.csv >huge.csv
error 3 "huge.csv: dose: voxel" run dij.yaml --from-dij dij.dij.h5 --weights huge.csv -o bad.h5
sed 's/1.0e+9/1.0e+300/' dij.yaml >huge.yaml
error 3 "the weights are too large" run huge.yaml -o bad.h5 -q
error 3 "forward.h5" run dij.yaml --from-dij forward.h5 -o bad.h5
error 2 "--weights needs the matrix" run dij.yaml --weights w.csv -o bad.h5
error 2 "--beams and --quality" run dij.yaml --from-dij dij.dij.h5 --beams -o bad.h5
call 2 run dij.yaml --from-dij dij.dij.h5 -o dij.dij.h5
has err "overwrite the input dij.dij.h5"
verify "an output of bad weights" [ ! -e bad.h5 ]

# --- fluence maps: one pixel of 4 x 2, at the largest x and the smallest y; its bixel makes its dose
"$spoil" map.h5 map
sed '/name: left/,$d;s/bixel_mm.*/fluence_map: map.h5/' dij.yaml >map.yaml
sed 's/fluence_map.*/bixel_mm: [5, 10]/;s/x: \[-10/x: [5/;s/y: \[-10, 10/y: [-10, 0/' map.yaml >pixel.yaml
for engine in photon-pencil-beam photon-collapsed-cone; do
  sed -i "s/engine:.*/engine: {name: $engine}/" map.yaml pixel.yaml
  call 0 run map.yaml -o map_dose.h5
  has out "fluence map of 4 x 2 pixels"
  call 0 run pixel.yaml -o pixel.h5 -q
  call 0 gamma map_dose.h5 pixel.h5 --dose 0.2% --distance 0.01mm
  has out "100.000 %"
  call 0 dij map.yaml -o map_matrix.h5 --threshold 0 --json
  has out '"columns": 8'
  call 0 run map.yaml --from-dij map_matrix.h5 -o map_product.h5 -q
  call 0 gamma map_product.h5 map_dose.h5 --dose 0.02% --distance 0.01mm
  has out "100.000 %"
done
sed 's/fluence_map.*/&\n    bixel_mm: 4/' map.yaml >bad.yaml
error 3 "does not divide the fluence map's pixels of 5 mm" dij bad.yaml -o bad.h5 -q
sed 's/map.h5/none.h5/' map.yaml >bad.yaml
error 3 "none.h5" run bad.yaml -o bad.h5 -q
"$spoil" negative.h5 map-negative
sed 's/map.h5/negative.h5/' map.yaml >bad.yaml
error 3 "negative.h5: /fluence_map: beam AP: fluence map: pixel (2, 1): got -1, expected 0 or more" run bad.yaml -o bad.h5 -q
has err "bad.yaml:$(grep -n fluence_map bad.yaml | cut -d: -f1): "
sed 's/photon-collapsed-cone/photon-superposition/' map.yaml >bad.yaml
error 3 "expected photon-collapsed-cone or photon-pencil-beam" run bad.yaml -o bad.h5 -q

# --- bad input
plan_with() {
  sed -e "$3" dij.yaml >bad.yaml
  cmp -s bad.yaml dij.yaml && fail "$1: the edit changes nothing"
  error 3 "$2" dij bad.yaml -o bad.h5 -q
  has err "bad.yaml"
  verify "$1: an output was written" [ -z "$(find . -name 'bad.h5*')" ]
}
plan_with "width that does not divide" "not a whole part of the field of 20 mm" 's/bixel_mm: 5/bixel_mm: 7/'
plan_with "no bixels" "beam left: it has no bixels" '/bixel_mm: \[/d'
plan_with "width of zero" "bixel_mm: got 0" 's/bixel_mm: 5/bixel_mm: 0/'
plan_with "engine without beamlets" "makes no influence matrices" 's/photon-pencil-beam/photon-superposition/'
sed 's/^structures:/&\n  - {box: {min_mm: [20, 20, 20], max_mm: [24, 24, 24]}, name: corner}/' w.yaml >corner.yaml
call 0 phantom corner.yaml -o corner.h5 -q
error 3 "all 48 columns are empty" dij dij.yaml -p corner.h5 --structure corner --threshold 0.5 -o bad.h5 -q
error 3 "--structure: got 'tumour'" dij dij.yaml --structure tumour -o bad.h5 -q
error 3 "budget" dij dij.yaml --memory 100K -o bad.h5 -q
error 2 "did you mean 'portpy'" dij dij.yaml --format porty -o bad.h5
error 2 "threshold" dij dij.yaml --threshold 2 -o bad.h5
error 3 "a name that is there" dij dij.yaml --format portpy -o Test_Patient_1
call 0 dij dij.yaml --format portpy -o folder -q
has err "only folders with 'Patient'"
sed 's/bixel_mm: 5/bixel_mm: 4/' dij.yaml >four.yaml
call 0 dij four.yaml --format portpy -o Four_Patient_1 -q
has err "off PortPy's lattice"
verify "an output of bad input" [ -z "$(find . -name 'bad.h5*')" ]

# --- resuming: 256 bixels in blocks of some 2 MB, the file too large for the limit after a few of them
sed '/name: left/,$d;s/bixel_mm.*/bixel_mm: 2.5/;s/\[3, 3, 3\]/[2, 2, 2]/;s/\[-10, 10\]/[-20, 20]/g' dij.yaml >fine.yaml
call 0 dij fine.yaml -o whole.h5 -q
for format in pencone fred portpy; do
  rm -f cut
  name=cut
  [ $format = portpy ] && name=Cut_Patient_1
  (
    trap '' XFSZ
    ulimit -f 12000 # 6 or 12 MB: some shells count in 512 bytes, some in 1024
    exec "$pencone" dij fine.yaml --format $format -o $name -q
  ) 2>err
  verify "$format: exit status of a full disk" [ $? -eq 4 ]
  has err "cannot be written: File too large"
  has err "of 256 columns are in $name.part, --resume goes on"
  verify "$format: half a file has the name of a whole one" [ ! -e $name ]
  error 3 "an earlier run has begun" dij fine.yaml --format $format -o $name -q
  error 3 "another threshold" dij fine.yaml --format $format -o $name --resume --threshold 0.5 -q
  call 0 dij fine.yaml --format $format -o $name --resume
  has out "are there, from an earlier run"
  verify "$format: a part is left over" [ -z "$(find . -name '*.part*')" ]
  case $format in
    pencone) read_back same cut whole.h5 ;;
    fred) read_back fred cut whole.h5 ;;
    portpy) read_back portpy Cut_Patient_1 whole.h5 ;;
  esac
done

# Killed at a moment of its own choice, again and again.
rm -f cut.h5
for seconds in 0.3 0.6 0.9 1.2 1.5; do
  timeout -s KILL $seconds "$pencone" dij fine.yaml -o cut.h5 -q --resume 2>err
  [ -e cut.h5 ] && break
done
call 0 dij fine.yaml -o cut.h5 --resume -q
read_back same cut.h5 whole.h5
finish
