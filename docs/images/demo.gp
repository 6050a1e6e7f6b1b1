# SPDX-License-Identifier: Apache-2.0
# The picture of ./demo: dose in the slab phantom as a map and on the axis, with the Monte Carlo beside it.
# usage: gnuplot -c demo.gp FOLDER NX NY SPACING_MM X0_MM Y0_MM MAX
#   FOLDER holds map.bin (float32, NY rows of NX), axis.dat (y, dose, Monte Carlo, sigma); demo.png goes there
folder = ARG1; nx = int(ARG2); ny = int(ARG3); step = ARG4 + 0.0; x0 = ARG5 + 0.0; y0 = ARG6 + 0.0; top = ARG7 + 0.0

set terminal pngcairo size 1200,560 font 'sans,13' background '#ffffff'
set output folder.'/demo.png'
grey = '#404040'
set border linecolor rgb grey
set tics textcolor rgb grey nomirror
map = sprintf("'%s/map.bin' binary array=(%d,%d) format='%%float32' dx=%g dy=%g origin=(%g,%g)", \
              folder, nx, ny, step, step, x0, y0)

set multiplot layout 1,2 title 'Pencone: 6 MV, 5 x 5 cm^2, water - aluminium - lung - water' font 'sans,16'

set title 'Dose, collapsed cone (% of maximum)'
set xlabel 'x (mm)'
set ylabel 'depth y (mm)'
set xrange [-60:60]
set yrange [200:0]
set cbrange [0:100]
set colorbox
set palette defined (0 '#0b1026', 10 '#1d3b6e', 30 '#1c7c8c', 50 '#3fae6a', 70 '#c9d24a', 90 '#f39a2d', 100 '#d7301f')
do for [depth in '30 50 120'] {
  set arrow from graph 0, first depth to graph 1, first depth nohead front linecolor rgb '#ffffff' dashtype 3
}
set label 1 'water' at -57,16 front textcolor rgb '#ffffff'
set label 2 'aluminium' at -57,41 front textcolor rgb '#ffffff'
set label 3 'lung' at -57,86 front textcolor rgb '#ffffff'
set label 4 'water' at -57,161 front textcolor rgb '#ffffff'
eval "plot ".map." using (100*$1/top) with image notitle"
unset label 1; unset label 2; unset label 3; unset label 4
unset arrow

set title 'On the beam axis'
set xlabel 'depth y (mm)'
set ylabel 'dose (10^{-12} Gy cm^2 per photon)'
set xrange [0:300]
set yrange [0:*]
set key top right
set grid linecolor rgb '#dddddd'
do for [depth in '30 50 120'] {
  set arrow from first depth, graph 0 to first depth, graph 1 nohead back linecolor rgb '#999999' dashtype 3
}
plot folder.'/axis.dat' using 1:(1e12*$3):(1e12*$4) with yerrorbars pointtype 7 pointsize 0.5 \
       linecolor rgb '#d7301f' title 'Monte Carlo (EGSnrc), 1 {/Symbol s}', \
     folder.'/axis.dat' using 1:(1e12*$2) with lines linewidth 2 linecolor rgb '#1d3b6e' title 'Pencone'
unset multiplot
