#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pencone machine fit: from measured depth doses to a machine that a plan takes; or that this build cannot.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"

table=$source/phantoms/measured/6mv.csv

call 0 machine --help
has out "Usage: pencone machine fit MEASURED.csv"
has out "field_x_mm,field_y_mm,ssd_mm,depth_mm,dose"
error 2 "expected pencone machine fit" machine
error 2 "'show': expected pencone machine fit" machine show "$table" -o m.yaml --energy 6
error 2 "say where to, as -o machine.yaml" machine fit "$table" --energy 6
error 2 "say the nominal voltage in MV, as --energy 6" machine fit "$table" -o m.yaml
error 2 "got '25'" machine fit "$table" -o m.yaml --energy 25

if "$pencone" machine fit "$table" -o m.yaml --energy 6 >out 2>err; then
  has m.yaml 'machine: "fitted"'
  has out "100 x 100          900"
  has out "all: rms"
  call 0 info m.yaml
  has out "fitted"
  grep -v '^100,' "$table" | head -n 15 >short.csv # small field, down to 10 cm
  call 0 machine fit short.csv -o n.yaml --energy 6 --name our-6mv --beyond 15 --json
  has out '"rms_pct"'
  has out '"curves"'
  has n.yaml 'machine: "our-6mv"'
  # The machine is one that plans take.
  call 0 phantom "$source/phantoms/water-tank.yaml" -o water.h5
  cat >plan.yaml <<PLAN
plan: fitted
phantom: water.h5
engine: {name: photon-pencil-beam}
beams:
  - {name: AP, machine: m.yaml, isocenter_mm: [0, 0, 0], gantry_deg: 0, field_mm: {x: [-50, 50], y: [-50, 50]}, fluence_per_cm2: 1.0}
PLAN
  call 0 run plan.yaml -o d.h5
  printf 'field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,20,100\n50,50,900,30,-1\n' >bad.csv
  error 3 "bad.csv:3: dose: got -1" machine fit bad.csv -o x.yaml --energy 6
  verify "a failed fit leaves a file" [ ! -e x.yaml ]
  printf 'field_x_mm,field_y_mm,ssd_mm,depth_mm,dose\n50,50,900,20,100\n50,50,900,30,90\n' >few.csv
  error 3 "few.csv: photon fit: depth dose 1" machine fit few.csv -o x.yaml --energy 6
  sed 's/-1$/nan/' bad.csv >nan.csv
  error 3 "nan.csv:3: dose: got 'nan', expected a number" machine fit nan.csv -o x.yaml --energy 6
  sed 's/ssd_mm/ssd/' bad.csv >head.csv
  error 3 "head.csv:1: first row: got another name in column 3" machine fit head.csv -o x.yaml --energy 6
  # Kernels of the pencil beam, from tissue-phantom ratios and output factors.
  ratios=$source/phantoms/measured/6mv-tpr.csv factors=$source/phantoms/measured/6mv-output.csv
  call 0 machine fit "$ratios" --output-factors "$factors" --spectrum ideal-mohan-6mv -o k.yaml --name kernels
  has out "times those of the spectrum"
  has out "100 x 100          TPR"
  has k.yaml "pencil_beam:"
  has k.yaml "with what the head scatters"
  call 0 info k.yaml
  has out "measured kernels: 4 terms"
  call 0 machine fit "$ratios" --output-factors "$factors" --energy 6 -o k.yaml --json
  has out '"kernel_factor_max"'
  has out '"mean_energy_mev"'
  sed 's/m.yaml/k.yaml/' plan.yaml >kernels.yaml
  call 0 run kernels.yaml -o k.h5
  sed 's/photon-pencil-beam/photon-pencil-beam, lateral_scaling: "yes"/' kernels.yaml >scaled.yaml
  call 0 run scaled.yaml -o k.h5
  error 3 "tpr.csv: photon fit: curve 1: got tissue-phantom ratios" machine fit "$ratios" -o x.yaml --energy 6
  error 2 "there is nothing left to fit" machine fit "$ratios" -o x.yaml --spectrum ideal-mohan-6mv
  error 2 "say the nominal voltage" machine fit "$ratios" --output-factors "$factors" -o x.yaml
  grep -v '^50,' "$ratios" | grep -v '^200,' >one.csv
  grep -v '^50,' "$factors" | grep -v '^200,' >of.csv
  error 3 "one.csv: kernel fit: got 1 field size (the first 100 x 100 mm), expected 3 or more" \
    machine fit one.csv --output-factors of.csv -o x.yaml --energy 6
  error 3 "of.csv:4: output factor: got none for 50 x 50 mm" machine fit "$ratios" --output-factors of.csv -o x.yaml --energy 6
  sed 's/,150,0.812/,50,0.812/' "$ratios" >order.csv
  error 3 "order.csv:7: depth_mm: got 50, expected more than the 100 before" \
    machine fit order.csv --output-factors "$factors" -o x.yaml --energy 6
  sed 's/,1.098$/,9.8/' "$factors" >wrong.csv
  error 3 "do table and output factors belong together?" \
    machine fit "$ratios" --output-factors wrong.csv -o x.yaml --spectrum ideal-mohan-6mv
  call 2 machine fit "$ratios" --output-factors of.csv -o of.csv --energy 6
  has err "would overwrite the input"
  : >empty.csv
  error 3 "empty.csv: got no rows" machine fit empty.csv -o x.yaml --energy 6
  error 3 "none.csv: cannot be opened" machine fit none.csv -o x.yaml --energy 6
  call 2 machine fit few.csv -o few.csv --energy 6
  has err "would overwrite the input"
else
  call 2 machine fit "$table" -o m.yaml --energy 6
  has err "this build is without commissioning"
  has err "-Dcommissioning=enabled"
  verify "a file was made" [ ! -e m.yaml ]
  if command -v ldd >/dev/null; then
    verify "the command links GSL" [ "$(ldd "$pencone" | grep -c libgsl)" -eq 0 ]
  fi
fi
finish
