#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is told and written, and that an existing output survives a failure.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_inputs
has out "g/cm3"
has out "written"

call 0 run plan.yaml --threads 2
has out "photon-collapsed-cone"
has out "ideal-mohan-6mv"
has out "dose grid"
has out "memory"
has out "largest dose"
has out "written      plan.dose.h5"
verify "no plan.dose.h5" [ -s plan.dose.h5 ]

call 0 run plan.yaml -o quiet.h5 --quiet
verify "--quiet printed something" [ ! -s out ]
verify "--quiet printed something" [ ! -s err ]

# The plan names its phantom from its own folder; the default output lies beside the plan.
mkdir -p other
call 0 run "$folder/plan.yaml" -o other/d.h5
cd other || exit 1
call 0 run ../plan.yaml
verify "default output elsewhere" [ ! -e plan.dose.h5 ]
verify "default output not beside the plan" [ -e ../plan.dose.h5 ]
cd ..

# Profile: the numbers, the heading, and the parts of beams.
call 0 profile quiet.h5 --from 0,-5,0 --to 0,5,0 --step 2.5
verify "profile: $(cat out)" [ "$(grep -vc '^#' out)" -eq 5 ]
call 0 profile quiet.h5 --from 0,-5,0 --to 0,5,0 --step 3 --csv
verify "csv: $(head -n 1 out)" [ "$(head -n 1 out)" = "distance_mm,x_mm,y_mm,z_mm,dose_Gy" ]
verify "csv: steps are made smaller to fit" [ "$(wc -l <out)" -eq 6 ]
call 0 profile quiet.h5 --from 0,-5000,0 --to 0,0,0 --step 1000 --csv --quiet
verify "outside is nan: $(cat out)" [ "$(grep -c ',nan$' out)" -eq 5 ]
error 3 "misses the dose" profile quiet.h5 --from 900,0,0 --to 900,10,0
call 0 run plan.yaml -o beams.h5 --beams --quiet
call 0 info beams.h5
has out "AP: largest"
has out "structures   target"
has out "made by"
has out "(--full shows them)"
call 0 info beams.h5 --full
has out "plan: cli-test"
call 0 info w.h5
has out "phantom"
PENCONE_ISA=baseline
export PENCONE_ISA
call 0 run plan.yaml -o isa.h5 -q
unset PENCONE_ISA
call 0 info isa.h5
verify "provenance: the instruction set asked for" grep -q "^  isa  *baseline$" out
call 0 info plan.yaml
has out "ideal-mohan-6mv"
call 0 info w.yaml
has out "recipe"
call 0 info engines
has out "photon-superposition"
has out "default"
has out "doi"
call 0 info machines
has out "ideal-co60"
call 0 info machine ideal-mohan-6mv
has out "MeV"
call 0 info materials
has out "cortical-bone"

# The same bits whatever the number of threads.
for n in 1 2 5; do
  call 0 run plan.yaml -o "threads-$n.h5" --threads "$n" --quiet
  call 0 profile "threads-$n.h5" --from 0,-20,0 --to 0,20,0 --csv
  mv out "threads-$n.csv"
done
verify "2 threads change the dose" cmp -s threads-1.csv threads-2.csv
verify "5 threads change the dose" cmp -s threads-1.csv threads-5.csv

# An existing output stays as it was when something fails.
printf 'precious\n' >kept.h5
untouched() {
  verify "the existing output was changed by: $*" [ "$(cat kept.h5)" = precious ]
  leftover=$(find . -name '*kept.h5?*' -o -name '*trial*' -o -name '*tmp*')
  verify "left over: $leftover" [ -z "$leftover" ]
}
sed 's/gantry_deg: 0/gantry_deg: left/' plan.yaml >bad.yaml
error 3 "bad.yaml:8:" run bad.yaml -o kept.h5
untouched bad plan
error 3 "budget" run plan.yaml -o kept.h5 --memory 1K
untouched small budget
sed 's/\[0, 0, 0\]/[500, 0, 0]/' plan.yaml >bad.yaml
error 3 "AP" run bad.yaml -o kept.h5
untouched beam that misses
error 3 "none.h5" run plan.yaml -o kept.h5 --phantom none.h5
untouched missing phantom
error 3 "bad.yaml" phantom bad.yaml -o kept.h5
untouched bad recipe
call 0 run plan.yaml -o kept.h5 --quiet
call 0 info kept.h5

# Outputs that cannot be are refused before the calculation.
error 3 "cannot be written" run plan.yaml -o none/d.h5
error 3 "is a folder" run plan.yaml -o other
error 3 "cannot be written" phantom w.yaml -o none/w.h5
call 2 run plan.yaml -o w.h5
has err "would overwrite the input"
call 2 run plan.yaml -o plan.yaml
has err "would overwrite the input"
call 2 phantom w.yaml -o ./w.yaml
has err "would overwrite the input"
call 0 info w.h5
if [ "$(id -u)" -ne 0 ]; then
  mkdir locked
  chmod a-w locked
  error 3 "cannot be written" run plan.yaml -o locked/d.h5
fi
if [ -c /dev/full ]; then
  "$pencone" info materials >/dev/full 2>err
  verify "a full standard output is not noticed" [ $? -eq 4 ]
  has err "standard output"
fi
finish
