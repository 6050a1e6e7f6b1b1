#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The way through the pages of docs/README.md: its commands run as they stand, and its numbers are those that come out.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
mkdir bin && ln -s "$pencone" bin/pencone && ln -s "$source/phantoms" phantoms
PATH=$PWD/bin:$PATH
sed -n '/^```sh$/,/^```$/p' "$source/docs/README.md" | sed '/^```/d' >course
verify "no commands in docs/README.md" [ "$(wc -l <course)" -gt 30 ]
if ! command -v gnuplot >/dev/null 2>&1; then
  sed -i '/^pencone plot/d' course
fi
sh -e course >out 2>err </dev/null
status=$?
verify "the course ends with $status: $(cat err)" [ "$status" -eq 0 ]

# near WHAT VALUE EXPECTED TOLERANCE
near() {
  verify "$1: $2, the page says $3" awk -v x="$2" -v wanted="$3" -v tolerance="$4" \
    'BEGIN { exit !(x - wanted <= tolerance && wanted - x <= tolerance) }'
}
dose_at() { # FILE DEPTH
  awk -F, -v depth="$2" '$3 == depth { print $5 }' "$1"
}
near "maximum" "$(sed -n 's/.* Gy at \([0-9.]*\) mm;.*/\1/p' depth.txt)" 15.7 0.05
near "width" "$(sed -n 's/.*field \([0-9.]*\) mm from.*/\1/p' across.txt)" 110 0.5
near "pencil beam over collapsed cone in lung" \
  "$(awk -v p="$(dose_at pencil.csv 100)" -v c="$(dose_at cone.csv 100)" 'BEGIN { print 100 * (p / c - 1) }')" 8 0.6
near "range" "$(sed -n 's/.*R80 \([0-9.]*\),.*/\1/p' peak.txt)" 158.0 0.05
finish
