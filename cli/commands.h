/* SPDX-License-Identifier: Apache-2.0
 * The list of subcommands: a row here and a file <name>.c make one. */
#ifndef LANEWISE_CLI_COMMANDS_H
#define LANEWISE_CLI_COMMANDS_H

#include "cli/cli.h"

#define CLI_COMMANDS                                                                                                             \
  COMMAND(info, "the machine, its instruction sets, the kernels chosen")                                                         \
  COMMAND(classify, "what a network sees in images")                                                                             \
  COMMAND(train, "teaches a network a data set: weights, checkpoints, learning curve")                                           \
  COMMAND(evaluate, "a network's accuracy on a data set")                                                                        \
  COMMAND(digits, "the built-in data set as MNIST-format files")                                                                 \
  COMMAND(filter, "image operators and filters on an image file")                                                                \
  COMMAND(features, "a picture of what the layers of a network make of an image")                                                \
  COMMAND(plan, "a network's steps, kernels, shapes, work and memory")                                                           \
  COMMAND(init, "random weights as a file, to try things with")                                                                  \
  COMMAND(conform, "every kernel against the reference, bit for bit or within its bound")                                        \
  COMMAND(accuracy, "how far a network's results are from the true ones, layer by layer, and from its bounds")                   \
  COMMAND(compare, "two benchmark results: faster, slower or cannot tell")

#define COMMAND(name, summary) int cli_##name(int argc, char **argv);
CLI_COMMANDS
#undef COMMAND

#endif
