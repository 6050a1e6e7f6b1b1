#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pictures of docs/theory/proton.md: a Bragg peak and a spread-out peak, LET and RBE-weighted dose, and a spot
# between lung and bone.
# usage: protons.sh PENCONE      (from the top of the tree; needs gnuplot)
set -e
pencone=$1
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/water.yaml" <<'END'
recipe: water
grid: {size: [61, 200, 61], spacing_mm: [2, 1, 2], centre_mm: [0, 100, 0]}
background: water
END
"$pencone" phantom "$work/water.yaml" -o "$work/water.h5" --quiet
"$pencone" sobp --range 150 --width 1 --size 60 --phantom water.h5 -o "$work/peak.yaml" --quiet
"$pencone" sobp --range 150 --width 50 --size 60 --phantom water.h5 -o "$work/field.yaml" --quiet
sed 's/proton-pencil-beam}/proton-pencil-beam, rbe: mcnamara, alpha_beta_gy: 2, fractions: 1}/' "$work/field.yaml" > "$work/rbe.yaml"
for plan in peak field rbe; do
  "$pencone" run "$work/$plan.yaml" -o "$work/$plan.h5" --quiet
  "$pencone" profile "$work/$plan.h5" --from 0,0.5,0 --to 0,180,0 > "$work/$plan.txt"
done
for volume in let rbe_dose; do
  "$pencone" profile "$work/rbe.h5" --from 0,0.5,0 --to 0,180,0 --volume "$volume" > "$work/$volume.txt"
done
gnuplot <<END
set terminal pngcairo size 900,480 font 'sans,13' background '#ffffff'
set output 'docs/images/proton-peaks.png'
set border linecolor rgb '#404040'
set tics nomirror
set grid linecolor rgb '#e0e0e0'
set key left top Left reverse
set xlabel 'depth in water (mm)'
set ylabel 'dose on the axis (Gy)'
set xrange [0:180]
set yrange [0:2.4]
plot '$work/field.txt' using 1:5 with lines linewidth 2 linecolor rgb '#c0392b' title 'field of 60 mm, peak spread over 50 mm', \
     '$work/peak.txt' using 1:5 with lines linewidth 2 linecolor rgb '#2c6fbb' title 'the deepest peak alone'
set output 'docs/images/proton-let.png'
set y2tics
set ylabel 'dose on the axis (Gy, Gy (RBE))'
set y2label 'LET (keV/{/Symbol m}m)'
set yrange [0:4]
set y2range [0:16]
plot '$work/rbe_dose.txt' using 1:5 with lines linewidth 2 linecolor rgb '#2c6fbb' title 'RBE-weighted dose, McNamara, 2 Gy', \
     '$work/field.txt' using 1:5 with lines linewidth 2 linecolor rgb '#c0392b' title 'dose', \
     '<paste $work/let.txt $work/rbe.txt' using 1:(\$10 > 0.02 ? \$5 : 1/0) axes x1y2 with lines linewidth 2 dashtype 2 \
       linecolor rgb '#404040' title 'LET where the dose is 1 % or more (right scale)'
END
"$pencone" run phantoms/cases/proton-half-slab-150mev/plan.yaml -o "$work/half.h5" --quiet
"$pencone" plot "$work/half.h5" --at 0,90,0 -o docs/images/proton-half-slab.png --title 'A spot of 150 MeV between lung and bone' --quiet
