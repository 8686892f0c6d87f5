/* SPDX-License-Identifier: Apache-2.0
 * The command line of `lanewise train`. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/train.h"

/* Keys of options without a short form. */
enum {
  KEY_MOMENTUM = 0x700,
  KEY_WEIGHT_DECAY,
  KEY_NESTEROV,
  KEY_SCHEDULE,
  KEY_SMOOTHING,
  KEY_CLASS_WEIGHTS,
  KEY_VALIDATION,
  KEY_AUGMENT,
  KEY_PATIENCE,
  KEY_RESUME,
  KEY_RESTART,
  KEY_CURVE,
  KEY_LIMIT
};

static const char *const schedule_names[] = {[TRAIN_LINEAR] = "linear", [TRAIN_CONSTANT] = "constant"};

const char *train_schedule_name(train_schedule schedule) { return schedule_names[schedule]; }

static train_schedule read_schedule(const char *text) {
  for (int s = TRAIN_LINEAR; s <= TRAIN_CONSTANT; s++)
    if (strcmp(text, schedule_names[s]) == 0) return (train_schedule)s;
  exit(cli_usage("--schedule is \"%s\", expected linear or constant", text));
}

/* "shift=2,rotate=10,flip,crop=4,noise=0.1". What fits the images is known later. */
static void read_augment(char *text, train_options *o) {
  enum { SHIFT, ROTATE, FLIP, CROP, NOISE };
  char *const names[] = {"shift", "rotate", "flip", "crop", "noise", NULL};
  char *value;
  o->is_augmented = 1;
  while (*text) {
    char *const item = text;
    const int which = getsubopt(&text, names, &value);
    if (which < 0)
      exit(cli_usage("--augment has \"%s\", expected shift=PIXELS, rotate=DEGREES, flip, crop=PIXELS or noise=DEVIATION", item));
    if (!value != (which == FLIP))
      exit(cli_usage("--augment: %s %s", names[which], value ? "takes no number" : "needs a number"));
    switch (which) {
    case SHIFT: o->augment.shift = (float)cli_real("--augment shift", value, 0, 1e4); break;
    case ROTATE: o->augment.rotate = (float)cli_real("--augment rotate", value, 0, 90); break;
    case FLIP: o->augment.flip = 1; break;
    case CROP: o->augment.crop = cli_option("--augment crop", value, 0, INT32_MAX); break;
    case NOISE: o->augment.noise = (float)cli_real("--augment noise", value, 0, 1e6); break;
    }
  }
}

static void add_curve(train_options *o, const char *path) {
  const char *problem = train_curve_problem(path);
  if (problem) exit(cli_usage("--curve is \"%s\", %s", path, problem));
  if (o->curve_count == TRAIN_CURVES) exit(cli_usage("--curve is given more than %d times", TRAIN_CURVES));
  o->curves[o->curve_count++] = path;
}

static void read_validation(train_options *o, const char *text) {
  o->validate_on_test = strcmp(text, "test") == 0;
  o->validation = o->validate_on_test ? 0 : cli_real("--validation", text, 0, 1);
}

static void check(struct argp_state *state, const train_options *o) {
  if (!o->net) argp_error(state, "NET is missing");
  if (o->sgd.nesterov && o->sgd.momentum == 0) argp_error(state, "--nesterov needs --momentum");
  if ((o->resume || o->restart) && !o->save) argp_error(state, "--%s needs --save", o->resume ? "resume" : "restart");
  if (o->resume && o->restart) argp_error(state, "--resume and --restart exclude each other");
  for (int i = 0; i < o->curve_count; i++)
    if (o->save && strcmp(o->curves[i], o->save) == 0) argp_error(state, "--curve and --save are both \"%s\"", o->save);
  if (o->patience && o->validation == 0 && !o->validate_on_test) argp_error(state, "--patience needs a --validation");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  train_options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->machine; return 0;
  case 'd': o->data = arg; return 0;
  case 'e': o->epochs = cli_option("--epochs", arg, 1, 1000000); return 0;
  case 'b': o->batch = cli_option("--batch", arg, 1, 65536); return 0;
  case 'l': o->sgd.lr = (float)cli_real("--lr", arg, 0, (double)FLT_MAX); return 0;
  case 'm': o->mode = cli_mode("--mode", arg); return 0;
  case KEY_MOMENTUM: o->sgd.momentum = (float)cli_real("--momentum", arg, 0, 1); return 0;
  case KEY_WEIGHT_DECAY: o->sgd.weight_decay = (float)cli_real("--weight-decay", arg, 0, (double)FLT_MAX); return 0;
  case KEY_NESTEROV: o->sgd.nesterov = 1; return 0;
  case KEY_SCHEDULE: o->schedule = read_schedule(arg); return 0;
  case KEY_SMOOTHING: o->label_smoothing = (float)cli_real("--label-smoothing", arg, 0, 1); return 0;
  case KEY_CLASS_WEIGHTS: o->class_weights = arg; return 0;
  case KEY_VALIDATION: read_validation(o, arg); return 0;
  case KEY_AUGMENT: read_augment(arg, o); return 0;
  case KEY_PATIENCE: o->patience = cli_option("--patience", arg, 1, 1000000); return 0;
  case KEY_LIMIT: o->limit = cli_option("--limit", arg, 1, INT64_MAX); return 0;
  case 'S': o->seed = (uint64_t)cli_option("--seed", arg, 0, INT64_MAX); return 0;
  case 's': o->save = arg; return 0;
  case KEY_RESUME: o->resume = 1; return 0;
  case KEY_RESTART: o->restart = 1; return 0;
  case KEY_CURVE: add_curve(o, arg); return 0;
  case ARGP_KEY_ARG:
    if (o->net) argp_error(state, "\"%s\" is one argument too many", arg);
    if (!(o->net = cli_net("NET", arg))) exit(CLI_USAGE);
    return 0;
  case ARGP_KEY_END: check(state, o); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option list[] = {
    {NULL, 0, NULL, 0, "Data:", 1},
    {"data", 'd', "WHERE", 0,
     "\"digits\", the built-in data set (default), or a folder with MNIST-format files or CIFAR-10's binary version. Images of "
     "another shape than the network's are resized, as `classify` does it",
     1},
    {"validation", KEY_VALIDATION, "SHARE", 0,
     "This share of the training images is set apart, by the seed, to validate on (default: 0.1, and 0.2 where there is only one "
     "half, which then is also what the result is judged by); 0: none; \"test\": validate on the test half",
     1},
    {"limit", KEY_LIMIT, "N", 0, "Only the first N training images", 1},
    {"augment", KEY_AUGMENT, "LIST", 0,
     "Change every image at random before it is learnt: shift=PIXELS, rotate=DEGREES, crop=PIXELS (whole pixels), flip (left to "
     "right), noise=DEVIATION (of values 0 to 1)",
     1},
    {"class-weights", KEY_CLASS_WEIGHTS, "LIST", 0,
     "What a mistake costs, by class: \"auto\" (the rarer a class, the more: images / (classes * images of the class)), numbers "
     "with commas between them, or a file of numbers",
     1},
    {NULL, 0, NULL, 0, "Learning:", 2},
    {"epochs", 'e', "N", 0, "How often every image is learnt (default: 8)", 2},
    {"batch", 'b', "N", 0, "Images per step (default: 32)", 2},
    {"lr", 'l', "RATE", 0, "Learning rate (default: 0.05)", 2},
    {"schedule", KEY_SCHEDULE, "NAME", 0,
     "linear (default): the learning rate falls, step by step, to 0 at the end of the last epoch; constant: it stays", 2},
    {"momentum", KEY_MOMENTUM, "SHARE", 0, "Momentum (default: 0.9)", 2},
    {"nesterov", KEY_NESTEROV, NULL, 0, "Nesterov's momentum", 2},
    {"weight-decay", KEY_WEIGHT_DECAY, "RATE", 0, "Weight decay (default: 0.001)", 2},
    {"label-smoothing", KEY_SMOOTHING, "SHARE", 0, "Spread this share of a label evenly over all classes (default: 0)", 2},
    {"patience", KEY_PATIENCE, "N", 0, "Stop when the validation loss has not fallen for N epochs", 2},
    {"mode", 'm', "NAME", 0,
     "exact (default) or fast: Winograd's convolutions, and their gradients to data, where they pay. Either gives the same bits "
     "on "
     "every ISA and thread count",
     2},
    {"seed", 'S', "N", 0, "Of everything random: first weights, division of the data, order, augmentation, dropout (default: 1)",
     2},
    {NULL, 0, NULL, 0, "Results:", 3},
    {"save", 's', "FILE", 0,
     "Weights as safetensors with PyTorch's names: of the epoch with the least validation loss so far (without validation: of "
     "the "
     "last epoch). Beside it FILE.checkpoint, from which --resume goes on",
     3},
    {"resume", KEY_RESUME, NULL, 0, "Go on where FILE.checkpoint is, with the results of a run that was never interrupted", 3},
    {"restart", KEY_RESTART, NULL, 0, "Begin anew, although FILE.checkpoint has a run that has not come to its end", 3},
    {"curve", KEY_CURVE, "FILE", 0,
     "Learning curve, written anew after every epoch: .svg, .html, or .csv with every digit; may be given several times", 3},
    {0}};
static const struct argp_child children[] = {{&cli_machine_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = list,
    .parser = parse,
    .children = children,
    .args_doc = "NET",
    .doc =
        "Teaches a network a data set by stochastic gradient descent on the cross-entropy of its scores. The same options give "
        "the same weights, bit for bit, on every machine, instruction set and number of threads. A line for every epoch goes "
        "to stdout, a progress bar to a terminal behind stderr.\v"
        "Ctrl-C (or SIGTERM, SIGHUP) ends the step that runs, saves FILE.checkpoint and exits with 128 + the signal's number; "
        "the same command with --resume then goes on. Threads and ISA may be others; so may --epochs with a constant "
        "learning rate, --patience and --curve. A loss that is no number ends the run with exit code 1, and FILE and "
        "FILE.checkpoint stay as the last epoch left them.\n\n"
        "Examples:\n"
        "  lanewise train lenet5 --data digits --save m.safetensors\n"
        "  lanewise train lenet5 --data mnist --augment shift=2,rotate=10 --save m.safetensors --curve m.svg --curve m.csv\n"
        "  lanewise train net --data cifar10 --augment flip,crop=4 --epochs 20 --patience 3 --save net.safetensors\n"
        "  lanewise classify --weights m.safetensors digit.png"};

void train_options_parse(int argc, char **argv, train_options *options) { argp_parse(&argp, argc, argv, 0, NULL, options); }
