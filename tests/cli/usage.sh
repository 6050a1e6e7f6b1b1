#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Help, and what is said to wrong use.
# shellcheck source=tests/cli/check.sh
. "$(dirname "$0")/check.sh"

# Help teaches: what, an example, units.
call 0 --help
has out "Usage: pencone COMMAND"
has out "Units:"
has out "Exit status:"
has out "PENCONE_ISA"
for command in phantom run dij sobp profile gamma dvh validate plot machine info; do
  call 0 "$command" --help
  has out "Usage: pencone $command "
  has out "Examples:"
  has out "  pencone $command "
  has out "--help"
  cp out long
  call 0 "$command" -h
  verify "$command -h differs from --help" cmp -s out long
  call 0 help "$command"
  verify "help $command differs from --help" cmp -s out long
  widest=$(awk '{ if (length > w) w = length } END { print w }' long)
  verify "$command --help: a line of $widest characters" [ "$widest" -le 84 ]
done
call 0 --version
has out "pencone "

# Without arguments: the same overview, as an error.
call 2
has err "Usage: pencone COMMAND"

error 2 "did you mean 'run'" rum
error 2 "unknown command 'frobnicate'" frobnicate
error 2 "not part of version" exercise
error 2 "options follow the command" --quiet run
error 2 "did you mean '--threads'" run plan.yaml --thraeds 2
error 2 "unknown or ambiguous option '--frobnicate'" run plan.yaml --frobnicate
error 2 "unknown option '-z'" run -z plan.yaml
error 2 "expected pencone run PLAN.yaml" run
error 2 "'two.yaml' is too much" run plan.yaml two.yaml
error 2 "--json takes no value" run plan.yaml --json=yes
error 2 "expected --threads N" run plan.yaml --threads
error 2 "got '0', expected a whole number from 1 to 1024" run plan.yaml --threads 0
error 2 "got '1.5'" run plan.yaml --threads 1.5
error 2 "got 'many'" run plan.yaml --threads many
error 2 "got '1025'" run plan.yaml --threads=1025
error 2 "from 0 to 2147483647" dij plan.yaml --seed -3
error 2 "--range and --width are needed" sobp --range 150
error 2 "--json needs -o" sobp --range 150 --width 50 --json
error 2 "expected a size such as 500M or 2G" run plan.yaml --memory lots
error 2 "got '2X'" run plan.yaml --memory 2X
error 2 "got '-1G'" run plan.yaml --memory -1G
error 2 "got ''" run plan.yaml --memory ''
error 2 "got an empty text" run plan.yaml -o ''
error 2 "say where to, as -o" phantom recipe.yaml
error 2 "no --from" profile d.h5 --to 1,2,3
error 2 "no --to" profile d.h5 --from 1,2,3
error 2 "expected three numbers in mm" profile d.h5 --from 1,2 --to 1,2,3
error 2 "expected three numbers in mm" profile d.h5 --from 1,2,3,4 --to 1,2,3
error 2 "expected three numbers in mm" profile d.h5 --from 1,,3 --to 1,2,3
error 2 "expected three numbers in mm" profile d.h5 --from 1,nan,3 --to 1,2,3
error 2 "expected three numbers in mm" profile d.h5 --from "1, 2,3" --to 1,2,3
error 2 "the same point" profile d.h5 --from 1,2,3 --to 1,2,3
error 2 "--step: got '0'" profile d.h5 --from 1,2,3 --to 1,2,4 --step 0
error 2 "--step: got '-1'" profile d.h5 --from 1,2,3 --to 1,2,4 --step -1
error 2 "at most 1000000" profile d.h5 --from 0,0,0 --to 0,0,1000 --step 0.0001
error 2 "exclude each other" profile d.h5 --from 1,2,3 --to 1,2,4 --csv --json
error 2 "did you mean 'engines'" info engine
error 2 "which machine" info machine
error 2 "is too much" info engines all
finish
