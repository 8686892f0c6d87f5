/* SPDX-License-Identifier: Apache-2.0
 * Networks' parameters in safetensors files: written, found by name, checked against the network, packed into plans. */
#include "tests/kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"
#include "tests/safetensors_bytes.h"
#include "tests/weights_file.h"

/* ------------------------------------------------------------------------------------------------------- whole networks */

/* The outputs of one pass over a seeded image; free them. */
static float *outputs(const lw_net *net, const lw_weights *weights, const char *isa, int threads) {
  lw_context *context;
  lw_plan *plan;
  void *workspace;
  const int64_t inputs = net->c * net->h * net->w;
  must(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa}, &context));
  must(lw_plan_create(context, net, weights, NULL, &plan));
  must(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace));
  float *x = malloc((size_t)inputs * sizeof *x), *y = malloc((size_t)lw_plan_outputs(plan) * sizeof *y);
  lw_kaiming_uniform(seed, 1000, 6, 0, inputs, x);
  must(lw_plan_run(plan, x, y, workspace));
  lw_release(context, workspace);
  lw_plan_destroy(plan);
  lw_context_destroy(context);
  free(x);
  return y;
}

static void same_outputs(const lw_net *net, const lw_weights *a, const lw_weights *b) {
  static const struct {
    const char *isa;
    int threads;
  } runs[] = {{"ref", 2}, {NULL, 1}, {NULL, 3}};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    float *y = outputs(net, a, runs[i].isa, runs[i].threads), *z = outputs(net, b, runs[i].isa, runs[i].threads);
    assert_true(y[0] == y[0]);
    assert_memory_equal(y, z, 10 * sizeof *y);
    free(y);
    free(z);
  }
}

static void check_tensor(const lw_safetensors *f, const lw_net *net, int tensor, lw_dtype dtype) {
  lw_parameter_info p;
  lw_tensor_info t;
  size_t i;
  must(lw_net_parameter(net, tensor, &p));
  must(lw_safetensors_find(f, p.name, &i));
  assert_int_equal(i, tensor); /* in the network's order */
  must(lw_safetensors_tensor(f, i, &t));
  assert_true(t.dtype == dtype && t.rank == p.rank && t.count == p.count);
  assert_memory_equal(t.shape, p.shape, (size_t)p.rank * sizeof *p.shape);
  assert_int_equal((uintptr_t)t.data % (dtype == LW_F32 ? 4 : 2), 0);
  float *got = malloc((size_t)p.count * sizeof *got), *want = malloc((size_t)p.count * sizeof *want);
  must(lw_safetensors_read(f, i, 0, p.count, got));
  lw_kaiming_uniform(seed, tensor, p.fan_in, 0, p.count, want);
  for (int64_t k = 0; k < p.count; k++) want[k] = rounded_to(dtype, want[k]);
  assert_memory_equal(got, want, (size_t)p.count * sizeof *got);
  free(got);
  free(want);
}

static void test_round_trip(void **state) {
  (void)state;
  const lw_weights seeded = lw_weights_seeded(&seed);
  for (size_t n = 0; lw_net_builtin_at(n); n++)
    for (int dtype = LW_F32; dtype <= LW_BF16; dtype++) {
      const lw_net *net = lw_net_builtin_at(n);
      lw_weights weights;
      int count;
      if (strcmp(net->name, "vgg16") == 0) continue; /* half a gigabyte: test_vgg16 */
      must(lw_safetensors_save(path, net, &seeded, (lw_dtype)dtype));
      lw_safetensors *f = open_file();
      must(lw_weights_safetensors(f, net, &weights));
      must(lw_net_parameter_tensors(net, &count));
      assert_int_equal(lw_safetensors_count(f), count);
      for (int i = 0; i < count; i++) check_tensor(f, net, i, (lw_dtype)dtype);
      assert_true((weights.map(weights.user, net, 0, "conv1.weight", 150) != NULL) ==
                  (dtype == LW_F32 && strcmp(net->name, "lenet5") == 0));
      if (dtype == LW_F32) { /* from the mapping, then through a buffer */
        same_outputs(net, &weights, &seeded);
        same_outputs(net, &(lw_weights){.read = weights.read, .user = weights.user}, &seeded);
        lw_safetensors_close(f);
        continue;
      }
      float *tensors[16] = {0}; /* the rounded values */
      for (int i = 0; i < count; i++) {
        lw_tensor_info t;
        must(lw_safetensors_tensor(f, (size_t)i, &t));
        tensors[i] = malloc((size_t)t.count * sizeof(float));
        must(lw_safetensors_read(f, (size_t)i, 0, t.count, tensors[i]));
      }
      const lw_weights arrays = lw_weights_arrays((const float *const *)tensors);
      same_outputs(net, &weights, &arrays);
      for (int i = 0; i < count; i++) free(tensors[i]);
      lw_safetensors_close(f);
    }
}

/* --------------------------------------------------------------------------------------------------------------- VGG16 */

typedef struct named {
  const char *name, *shape;
  int64_t count;
} named;

/* torchvision.models.vgg16().state_dict(), without the biases; */
static const named convolutions[] = {
    {"features.0", "64,3,3,3", 1728},        {"features.2", "64,64,3,3", 36864},      {"features.5", "128,64,3,3", 73728},
    {"features.7", "128,128,3,3", 147456},   {"features.10", "256,128,3,3", 294912},  {"features.12", "256,256,3,3", 589824},
    {"features.14", "256,256,3,3", 589824},  {"features.17", "512,256,3,3", 1179648}, {"features.19", "512,512,3,3", 2359296},
    {"features.21", "512,512,3,3", 2359296}, {"features.24", "512,512,3,3", 2359296}, {"features.26", "512,512,3,3", 2359296},
    {"features.28", "512,512,3,3", 2359296}};
static const named torchvision[] = {
    {"classifier.0", "4096,25088", 102760448}, {"classifier.3", "4096,4096", 16777216}, {"classifier.6", "1000,4096", 4096000}};
/* timm.create_model("vgg16").state_dict() */
static const named timm[] = {{"pre_logits.fc1", "4096,512,7,7", 102760448},
                             {"pre_logits.fc2", "4096,4096,1,1", 16777216},
                             {"head.fc", "1000,4096", 4096000}};

static int64_t add_layer(char *header, size_t room, const named *n, int64_t at) {
  const size_t length = strlen(header);
  const long long outputs = atoll(n->shape), middle = at + n->count * 4, end = middle + outputs * 4;
  snprintf(header + length, room - length,
           "%s\"%s.weight\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%lld,%lld]},"
           "\"%s.bias\":{\"dtype\":\"F32\",\"shape\":[%lld],\"data_offsets\":[%lld,%lld]}",
           at ? "," : "{", n->name, n->shape, (long long)at, middle, n->name, outputs, middle, end);
  return end;
}

/* The whole of VGG16 in a file with holes: zeros, but for the last bias. */
static void vgg16_file(const named *classifier, int with_last) {
  char header[8192] = "";
  const float last = .5f;
  int64_t end = 0;
  for (size_t i = 0; i < 13; i++) end = add_layer(header, sizeof header, &convolutions[i], end);
  for (size_t i = 0; i < (with_last ? 3 : 2); i++) end = add_layer(header, sizeof header, &classifier[i], end);
  strcat(header, "}");
  file_bytes b = make_file(header, 0, NULL, 0);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(b.bytes, 1, b.size, file), b.size);
  assert_int_equal(fseek(file, (long)((int64_t)b.size + end) - 4, SEEK_SET), 0);
  assert_int_equal(fwrite(&last, 4, 1, file), 1);
  assert_int_equal(fclose(file), 0);
  free(b.bytes);
}

static void test_vgg16(void **state) {
  (void)state;
  const lw_net *vgg16 = lw_net_builtin("vgg16");
  lw_weights weights = {0};
  float v[2];
  for (int k = 0; k < 2; k++) {
    vgg16_file(k ? timm : torchvision, 1);
    lw_safetensors *f = open_file();
    must(lw_weights_safetensors(f, vgg16, &weights));
    must(weights.read(weights.user, vgg16, 31, "classifier.6.bias", 998, 2, v));
    assert_true(v[0] == 0 && v[1] == .5f);
    refused(weights.read(weights.user, vgg16, 31, "classifier.6.bias", 999, 2, v), LW_BAD_ARGUMENT, "has 1000 values", __LINE__);
    refused(weights.read(weights.user, vgg16, 31, "classifier.9.bias", 0, 1, v), LW_BAD_FILE, "no tensor \"classifier.9.bias\"",
            __LINE__);
    lw_safetensors_close(f);
    vgg16_file(k ? timm : torchvision, 0);
    f = open_file();
    refused(lw_weights_safetensors(f, vgg16, &weights), LW_BAD_FILE,
            "does not fit network vgg16: missing: classifier.6.weight, classifier.6.bias", __LINE__);
    lw_safetensors_close(f);
  }
}

/* timm's names and shapes give the same pass: a network of VGG16's kinds, small. */
static void test_timm(void **state) {
  (void)state;
  static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "features.0", .out = 20, .kernel = 3, .pad = 1},
                                    {.kind = LW_LAYER_RELU, .name = "features.1"},
                                    {.kind = LW_LAYER_MAX_POOL2D, .name = "features.2", .kernel = 2},
                                    {.kind = LW_LAYER_LINEAR, .name = "classifier.0", .out = 37},
                                    {.kind = LW_LAYER_RELU, .name = "classifier.1"},
                                    {.kind = LW_LAYER_LINEAR, .name = "classifier.3", .out = 16},
                                    {.kind = LW_LAYER_LINEAR, .name = "classifier.6", .out = 10}};
  static const lw_net net = {"vgg16", 3, 6, 10, layers, 7}, other = {"vgg", 3, 6, 10, layers, 7};
  static const named names[] = {{"features.0", "20,3,3,3", 540},
                                {"pre_logits.fc1", "37,20,3,5", 11100},
                                {"pre_logits.fc2", "16,37,1,1", 592},
                                {"head.fc", "10,16", 160}};
  const lw_weights seeded = lw_weights_seeded(&seed);
  char header[2048] = "";
  int64_t end = 0, at = 0;
  for (int i = 0; i < 4; i++) end = add_layer(header, sizeof header, &names[i], end);
  float *data = malloc((size_t)end);
  for (int i = 0; i < 8; i++) {
    lw_parameter_info p;
    must(lw_net_parameter(&net, i, &p));
    must(seeded.read(seeded.user, &net, i, p.name, 0, p.count, data + at));
    at += p.count;
  }
  assert_int_equal(at * 4, end);
  strcat(header, "}");
  for (size_t padding = 0; padding < 4; padding++) { /* data at any alignment: mapped or read */
    file_bytes b = make_file(header, padding, data, (size_t)end);
    lw_safetensors *f;
    lw_weights weights;
    must(lw_safetensors_open_memory(b.bytes, b.size, &f));
    must(lw_weights_safetensors(f, &net, &weights));
    same_outputs(&net, &weights, &seeded);
    refused(lw_weights_safetensors(f, &other, &weights), LW_BAD_FILE, "missing: classifier.0.weight", __LINE__);
    lw_safetensors_close(f);
    free(b.bytes);
  }
  free(data);
}

/* Four dimensions that are not the layer's input in its order are no linear weight. */
static void test_timm_shapes(void **state) {
  (void)state;
  static const lw_layer layer = {.kind = LW_LAYER_LINEAR, .name = "classifier.0", .out = 2, .no_bias = 1};
  static const lw_net net = {"vgg16", 3, 4, 5, &layer, 1};
  static const struct {
    const char *shape, *message;
    int count;
  } cases[] = {{"2,3,4,5", NULL, 120},
               {"2,60", NULL, 120},
               {"2,60,1,1", "[2, 60, 1, 1]", 120},
               {"2,3,5,4", "[2, 3, 5, 4]", 120},
               {"2,4,3,5", "[2, 4, 3, 5]", 120},
               {"1,3,4,5", "[1, 3, 4, 5]", 60},
               {"2,1,4,5", "[2, 1, 4, 5]", 40},
               {"2,3,3,5", "[2, 3, 3, 5]", 90},
               {"2,3,4,1", "[2, 3, 4, 1]", 24},
               {"2,3,4,5,1", "[2, 3, 4, 5, 1]", 120},
               {"60,2", "[60, 2]", 120}};
  static const float data[120];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char header[128], message[128];
    lw_safetensors *f;
    lw_weights weights;
    snprintf(header, sizeof header, "{\"pre_logits.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,%d]}}",
             cases[i].shape, cases[i].count * 4);
    snprintf(message, sizeof message, "vgg16: wrong shape: pre_logits.fc1.weight is %s instead of [2, 60]", cases[i].message);
    file_bytes b = make_file(header, 0, data, (size_t)cases[i].count * 4);
    must(lw_safetensors_open_memory(b.bytes, b.size, &f));
    const lw_status status = lw_weights_safetensors(f, &net, &weights);
    if (cases[i].message)
      refused(status, LW_BAD_FILE, message, __LINE__);
    else
      must(status);
    lw_safetensors_close(f);
    free(b.bytes);
  }
}

/* ------------------------------------------------------------------------------------------------------ what does not fit */

static void test_misfits(void **state) {
  (void)state;
  const lw_weights seeded = lw_weights_seeded(&seed);
  const lw_net *lenet5 = lw_net_builtin("lenet5"), *mlp = lw_net_builtin("mlp"), *vgg16 = lw_net_builtin("vgg16");
  lw_weights weights = {0};
  int count;
  must(lw_safetensors_save(path, lenet5, &seeded, LW_F32));
  lw_safetensors *f = open_file();
  refused(
      lw_weights_safetensors(f, mlp, &weights), LW_BAD_FILE,
      ": does not fit network mlp: wrong shape: fc1.weight is [120, 400] instead of [300, 784], fc1.bias is [120] instead of "
      "[300], fc2.weight is [84, 120] instead of [100, 300], fc2.bias is [84] instead of [100], fc3.weight is [10, 84] instead "
      "of [10, 100]; surplus: conv1.weight, conv1.bias, conv2.weight, conv2.bias",
      __LINE__);
  assert_non_null(strstr(lw_error_message(), path));
  refused(lw_weights_safetensors(f, vgg16, &weights), LW_BAD_FILE, "surplus: conv1.weight, ", __LINE__);
  must(lw_net_parameter_tensors(vgg16, &count));
  for (int i = 0; i < count; i++) { /* all 32 of them */
    lw_parameter_info p;
    must(lw_net_parameter(vgg16, i, &p));
    refused(LW_BAD_FILE, LW_BAD_FILE, p.name, __LINE__);
  }
  assert_null(weights.read);
  refused(lw_weights_safetensors(NULL, mlp, &weights), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  refused(lw_weights_safetensors(f, NULL, &weights), LW_BAD_ARGUMENT, "net is NULL", __LINE__);
  refused(lw_weights_safetensors(f, mlp, NULL), LW_BAD_ARGUMENT, "weights is NULL", __LINE__);
  static const lw_layer twice[] = {{.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 6, .kernel = 5},
                                   {.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 6, .kernel = 5}};
  refused(lw_weights_safetensors(f, &(lw_net){"twice", 1, 28, 28, twice, 2}, &weights), LW_BAD_ARGUMENT,
          "network twice has two parameters conv1.weight", __LINE__);
  refused(lw_safetensors_save(path, &(lw_net){"twice", 1, 28, 28, twice, 2}, &seeded, LW_F32), LW_BAD_ARGUMENT,
          "network twice has two parameters conv1.weight", __LINE__);
  lw_safetensors_close(f);

  /* More than a message holds: as many as fit, and how many are left. */
  static char header[1 << 20];
  strcpy(header, "{");
  for (int i = 0; i < 5000; i++)
    snprintf(header + strlen(header), 100, "%s\"layer.%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
             i ? "," : "", i);
  strcat(header, "}");
  file_bytes b = make_file(header, 0, NULL, 0);
  must(lw_safetensors_open_memory(b.bytes, b.size, &f));
  refused(lw_weights_safetensors(f, mlp, &weights), LW_BAD_FILE, "surplus: layer.0, ", __LINE__);
  const char *and = strstr(lw_error_message(), " and "), *last = strstr(lw_error_message(), " more");
  assert_true(and&&last && last[5] == 0 && strlen(lw_error_message()) > LW_MESSAGE_SIZE - 600);
  const long more = atol(and+5);
  long named_ones = 0;
  for (const char *p = lw_error_message(); (p = strstr(p, "layer.")); p++) named_ones++;
  assert_int_equal(named_ones + more, 5000);
  /* What is left out of one list leaves no room for the next, which would lack its heading. */
  char names[60][LW_LAYER_NAME_MAX + 1];
  lw_layer layers[60];
  for (int i = 0; i < 60; i++) {
    snprintf(names[i], sizeof names[i], "%0*d", LW_LAYER_NAME_MAX, i);
    layers[i] = (lw_layer){.kind = LW_LAYER_LINEAR, .name = names[i], .out = 1, .no_bias = 1};
  }
  refused(lw_weights_safetensors(f, &(lw_net){"long", 1, 1, 1, layers, 60}, &weights), LW_BAD_FILE, "long: missing: 000",
          __LINE__);
  assert_null(strstr(lw_error_message(), "layer."));
  long missing = 0;
  for (const char *p = lw_error_message(); (p = strstr(p, ".weight")); p++) missing++;
  assert_int_equal(missing + atol(strstr(lw_error_message(), " and ") + 5), 5060);
  lw_safetensors_close(f);
  free(b.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_vgg16),   cmocka_unit_test(test_timm),
      cmocka_unit_test(test_timm_shapes), cmocka_unit_test(test_misfits),
  };
  return cmocka_run_group_tests_name("weights", tests, make_weights_folder, remove_folder);
}
