/* SPDX-License-Identifier: Apache-2.0
 * The shipped networks, each one static layer table and nothing else. */
#include <string.h>
#include "lanewise.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CONV(id, channels, size, padding)                                                                                        \
  { .kind = LW_LAYER_CONV2D, .name = id, .out = channels, .kernel = size, .pad = padding }
#define RELU(id)                                                                                                                 \
  { .kind = LW_LAYER_RELU, .name = id }
#define TANH(id)                                                                                                                 \
  { .kind = LW_LAYER_TANH, .name = id }
#define MAX_POOL(id)                                                                                                             \
  { .kind = LW_LAYER_MAX_POOL2D, .name = id, .kernel = 2 }
#define AVG_POOL(id)                                                                                                             \
  { .kind = LW_LAYER_AVG_POOL2D, .name = id, .kernel = 2 }
#define LINEAR(id, outputs)                                                                                                      \
  { .kind = LW_LAYER_LINEAR, .name = id, .out = outputs }
#define DROPOUT(id)                                                                                                              \
  { .kind = LW_LAYER_DROPOUT, .name = id, .probability = .5f }

/* LeNet-5 as it is taught today: ReLU and max pooling. */
static const lw_layer lenet5[] = {
    CONV("conv1", 6, 5, 2), RELU("relu1"), MAX_POOL("pool1"), CONV("conv2", 16, 5, 0), RELU("relu2"),     MAX_POOL("pool2"),
    LINEAR("fc1", 120),     RELU("relu3"), LINEAR("fc2", 84), RELU("relu4"),           LINEAR("fc3", 10),
};

/* LeNet-5 nearer to LeCun et al., Gradient-based learning applied to document recognition, 1998: tanh and average pooling; C3 is
 * connected to all maps, sub-sampling has no weights, the last layer is linear. */
static const lw_layer lenet5_1998[] = {
    CONV("c1", 6, 5, 2), TANH("tanh1"), AVG_POOL("s2"),   CONV("c3", 16, 5, 0), TANH("tanh2"),        AVG_POOL("s4"),
    LINEAR("c5", 120),   TANH("tanh3"), LINEAR("f6", 84), TANH("tanh4"),        LINEAR("output", 10),
};

/* Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2014, configuration D. Names are
 * torchvision's, so that its weights fit. */
static const lw_layer vgg16[] = {
    CONV("features.0", 64, 3, 1),
    RELU("features.1"),
    CONV("features.2", 64, 3, 1),
    RELU("features.3"),
    MAX_POOL("features.4"),
    CONV("features.5", 128, 3, 1),
    RELU("features.6"),
    CONV("features.7", 128, 3, 1),
    RELU("features.8"),
    MAX_POOL("features.9"),
    CONV("features.10", 256, 3, 1),
    RELU("features.11"),
    CONV("features.12", 256, 3, 1),
    RELU("features.13"),
    CONV("features.14", 256, 3, 1),
    RELU("features.15"),
    MAX_POOL("features.16"),
    CONV("features.17", 512, 3, 1),
    RELU("features.18"),
    CONV("features.19", 512, 3, 1),
    RELU("features.20"),
    CONV("features.21", 512, 3, 1),
    RELU("features.22"),
    MAX_POOL("features.23"),
    CONV("features.24", 512, 3, 1),
    RELU("features.25"),
    CONV("features.26", 512, 3, 1),
    RELU("features.27"),
    CONV("features.28", 512, 3, 1),
    RELU("features.29"),
    MAX_POOL("features.30"),
    LINEAR("classifier.0", 4096),
    RELU("classifier.1"),
    DROPOUT("classifier.2"),
    LINEAR("classifier.3", 4096),
    RELU("classifier.4"),
    DROPOUT("classifier.5"),
    LINEAR("classifier.6", 1000),
};

/* The small network of the lecture notes, for 32x32 colour images in 10 classes. */
static const lw_layer net[] = {
    CONV("conv1", 64, 5, 0), RELU("relu1"),     MAX_POOL("pool1"), CONV("conv2", 128, 5, 0),
    RELU("relu2"),           MAX_POOL("pool2"), LINEAR("fc", 10),
};

/* The fully connected network that a CNN is compared with. */
static const lw_layer mlp[] = {LINEAR("fc1", 300), RELU("relu1"), LINEAR("fc2", 100), RELU("relu2"), LINEAR("fc3", 10)};

static const lw_net nets[] = {
    {"lenet5", 1, 28, 28, lenet5, COUNT(lenet5)}, {"lenet5_1998", 1, 28, 28, lenet5_1998, COUNT(lenet5_1998)},
    {"vgg16", 3, 224, 224, vgg16, COUNT(vgg16)},  {"net", 3, 32, 32, net, COUNT(net)},
    {"mlp", 1, 28, 28, mlp, COUNT(mlp)},
};

const lw_net *lw_net_builtin_at(size_t i) { return i < COUNT(nets) ? &nets[i] : NULL; }

const lw_net *lw_net_builtin(const char *name) {
  for (size_t i = 0; name && i < COUNT(nets); i++)
    if (strcmp(name, nets[i].name) == 0) return &nets[i];
  return NULL;
}
