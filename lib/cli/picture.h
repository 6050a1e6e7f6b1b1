// SPDX-License-Identifier: Apache-2.0
// Pictures through gnuplot: a script with its data inside, run or kept. Colours are Okabe and Ito's, told
// apart by colour-blind readers (https://jfly.uni-koeln.de/color/), and differ in grey.
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include <stdio.h>

#include "command.h"

/// What the user wants: a picture, the script that makes it, or both.
typedef struct cli_picture_request {
  const char *output;  ///< .png, .svg or .pdf; NULL: no picture
  const char *script;  ///< NULL: the script is removed after use
} cli_picture_request;

/// A script being written.
typedef struct cli_picture {
  const cli_picture_request *request;
  FILE *out;
  char *path;       ///< of the script
  char *temporary;  ///< of the picture until it is complete
} cli_picture;

/// The i-th colour as "#rrggbb", repeating.
const char *cli_picture_colour(int i);

/// Colour of a share from 0 to 1 on a scale that grows lighter evenly. @param[out] rgb 0 to 255 each
void cli_picture_scale(double share, int rgb[3]);

/// Checks the ending of the picture's name. @return CLI_GO_ON or an exit status after a message
int cli_picture_check(cli_session *session, const cli_picture_request *request, const char *const *inputs,
                      int input_count);

/// Begins the script: terminal of width x height pixels at 96 per inch, fonts, line types, the palette.
/// @return CLI_GO_ON or an exit status after a message
int cli_picture_open(cli_session *session, const cli_picture_request *request, int width, int height,
                     cli_picture *picture);

/// A text in single quotes as gnuplot reads it.
void cli_picture_text(cli_picture *picture, const char *text);

/// Begins "$name << EOD"; lines of numbers follow on picture->out; ends the block.
void cli_picture_data(cli_picture *picture, const char *name);
void cli_picture_data_end(cli_picture *picture);

/// Ends the script, runs gnuplot, moves the picture to its place. outcome: CLI_GO_ON, or what went wrong
/// before: then nothing is drawn. @return outcome or an exit status after a message
int cli_picture_close(cli_session *session, cli_picture *picture, int outcome);

#endif
