#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A decimal comma in the locale changes neither what is read nor what is written.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
german=$(locale -a 2>/dev/null | grep -i -m 1 '^de_DE.utf-\?8$' || true)
[ -n "$german" ] || echo "no German locale here: its name alone is tried"
make_inputs
call 0 run plan.yaml -o c.h5 --quiet
call 0 profile c.h5 --from 0,-2.5,0.5 --to 0,2.5,0.5 --step 0.5 --csv
mv out c.csv
call 0 info machine ideal-mohan-6mv
mv out c.txt
export LC_ALL="${german:-de_DE.UTF-8}"
call 0 run plan.yaml -o de.h5 --quiet
call 0 profile de.h5 --from 0,-2.5,0.5 --to 0,2.5,0.5 --step 0.5 --csv
verify "profile differs: $(head -n 3 out)" cmp -s out c.csv
call 0 info machine ideal-mohan-6mv
verify "info differs" cmp -s out c.txt
error 2 "expected three numbers" profile de.h5 --from 0,0 --to 0,2,0
finish
