#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds every shipped phantom recipe and calculates its plan on a coarse grid.
# usage: recipes.sh PENCONE SOURCE_ROOT
set -eu
pencone=$1
phantoms=$2/phantoms
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

for recipe in "$phantoms"/*.yaml; do
  name=$(basename "$recipe" .yaml)
  plan=$phantoms/plans/$name.yaml
  if ! "$pencone" phantom "$recipe" -o "$folder/$name.h5" >"$folder/log" 2>&1; then
    echo "FAIL $name: recipe"
    cat "$folder/log"
    failed=1
  elif [ ! -f "$plan" ]; then
    echo "FAIL $name: no plan $plan"
    failed=1
  else
    sed 's/^beams:/dose_grid: {spacing_mm: [10, 10, 10]}\nbeams:/' "$plan" >"$folder/$name.yaml"
    if "$pencone" run "$folder/$name.yaml" --phantom "$folder/$name.h5" -o "$folder/dose.h5" >"$folder/log" 2>&1; then
      echo "PASS $name: $(sed -n 's/^largest dose *//p' "$folder/log")"
    else
      echo "FAIL $name: plan"
      cat "$folder/log"
      failed=1
    fi
  fi
  rm -f "$folder/$name.h5" "$folder/dose.h5"
done
exit "$failed"
