#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C and SIGTERM end a calculation with exit status 4, quickly and without a half file.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"
make_inputs
# The slow engine on a fine grid: minutes if nobody stopped it.
make_plan photon-superposition
sed -i 's/^beams:/dose_grid: {spacing_mm: [1, 1, 1]}\nbeams:/' plan.yaml

# interrupted SIGNAL OUTPUT: `timeout` sends the signal after a second, and a deadly one 20 s later.
interrupted() {
  timeout -k 20 -s "$1" 1 "$pencone" run plan.yaml -o "$2" --threads 1 >out 2>err
  status=$?
  # timeout itself answers 124 when the time was up, whatever the command returned.
  verify "SIG$1: status $status, expected 124 from timeout: $(cat err)" [ "$status" -eq 124 ]
  has err "interrupted"
  has err "nothing was written"
  leftover=$(find . -newer plan.yaml -type f ! -name out ! -name err ! -name status)
  verify "SIG$1: left over: $leftover" [ -z "$leftover" ]
}

# status_of SIGNAL: the exit status that timeout hides. timeout signals the shell and its whole group, so a wait can be
# cut short more than once: it is taken up again as long as the child is there.
status_of() {
  # shellcheck disable=SC2016 # for the inner shell
  timeout -k 20 -s "$1" 1 sh -c '"$1" run plan.yaml -o new.h5 --threads 1 >out 2>err & child=$!
    trap "kill -TERM $child" INT TERM
    wait $child; status=$?
    while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
    echo $status >status' sh "$pencone"
  verify "SIG$1: exit status $(cat status), expected 4" [ "$(cat status)" = 4 ]
  verify "SIG$1: a file was written" [ ! -e new.h5 ]
}

printf 'precious\n' >kept.h5
sleep 0.1
touch plan.yaml
interrupted INT new.h5
interrupted TERM new.h5
interrupted INT kept.h5
status_of TERM
verify "the existing output was changed" [ "$(cat kept.h5)" = precious ]
finish
