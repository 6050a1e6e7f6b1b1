#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --json prints one valid document with stable keys. Without Python only the keys are looked for.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
python=$(command -v python3 || true)

# json KEY...: the file out is JSON and its top level has the keys.
json() {
  for key; do
    has out "\"$key\":"
  done
  [ -z "$python" ] && return
  if "$python" - "$@" <<'END'
import json, sys
def refuse(word):
    raise ValueError(word)
document = json.load(open("out", encoding="utf-8"), parse_constant=refuse)
missing = [key for key in sys.argv[1:] if key not in document]
sys.exit(f"missing at the top: {missing}" if missing else 0)
END
  then
    pass
  else
    fail "not valid JSON: $(cat out)"
  fi
}

make_inputs
call 0 phantom w.yaml -o w.h5 --json
json output kind grid density_min_g_cm3 materials structures
call 0 run plan.yaml -o d.h5 --beams --json
json plan plan_file phantom engine options beams grid voxels memory_bytes threads seconds read_seconds \
  write_seconds max_dose \
  max_position_mm units quantity normalisation output
call 0 profile d.h5 --from 0,-5000,0 --to 0,0,0 --step 50 --json
json file units quantity from_mm to_mm step_mm distance_mm dose
has out "null"
if [ -n "$python" ]; then
  verify "profile arrays" "$python" -c 'import json
d = json.load(open("out"))
assert len(d["dose"]) == len(d["distance_mm"]) == 101 and d["distance_mm"][1] == 50
assert d["dose"][0] is None and d["dose"][-1] > 0'
fi
call 0 info d.h5 --json
json file kind grid units quantity normalisation max_dose max_position_mm beams provenance structures
call 0 info w.h5 --json
json file kind grid density_min_g_cm3 density_max_g_cm3 mass_g materials structures
call 0 info plan.yaml --json
json file kind plan phantom engine options quantity dose_grid beams
call 0 info engines --json
json engines
call 0 info machines --json
json machines
call 0 info machine ideal-mohan-6mv --json
json name sha256 sad_mm mean_energy_mev edges_mev weight
call 0 info materials --json
json materials

# Texts with quotes, line feeds and bytes that are no UTF-8.
odd=$(printf 'a "b"\\ \t\001 \351 \303\251.yaml')
cp plan.yaml "$odd"
call 0 info "$odd" --json
json file kind
has out "\\t\\u0001"
has out "\\ufffd"

# Nothing on standard output when it fails.
error 3 "none.h5" info none.h5 --json
error 3 "w.h5" profile w.h5 --from 0,0,0 --to 0,1,0 --json
finish
