#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# with_engine.sh PENCONE CASE ENGINE: validates a shipped case with another engine than its plan's.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$2" "$work/case"
sed "s/^engine: .*/engine: {name: $3}/" "$2/plan.yaml" > "$work/case/plan.yaml"
"$1" validate --details "$work/case"
