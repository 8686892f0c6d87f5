// SPDX-License-Identifier: Apache-2.0
// From C++: std::unique_ptr holds what the library makes, an exception carries its message. LeNet-5 with seeded weights on a
// batch.
#include <lanewise.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

void check(lw_status status) {
  if (status != LW_OK) throw std::runtime_error(lw_error_message());
}

struct Destroy {
  void operator()(lw_context *context) const { lw_context_destroy(context); }
  void operator()(lw_plan *plan) const { lw_plan_destroy(plan); }
};
using Context = std::unique_ptr<lw_context, Destroy>;

// A plan with its workspace. The context must outlive it.
class Network {
public:
  Network(lw_context *context, const char *name, const lw_weights &weights, int64_t batch) : workspace_(nullptr, {context}) {
    const lw_net *net = lw_net_builtin(name);
    lw_plan_options options = {};
    options.batch = batch;
    lw_plan *plan = nullptr;
    check(lw_plan_create(context, net, &weights, &options, &plan));
    plan_.reset(plan);
    void *workspace = nullptr;
    check(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace));
    workspace_.reset(workspace);
    inputs_ = net->c * net->h * net->w;
  }
  int64_t inputs() const { return inputs_; }
  std::vector<float> operator()(const std::vector<float> &x) {
    if (x.size() != static_cast<size_t>(lw_plan_batch(plan_.get()) * inputs_))
      throw std::invalid_argument("x has the wrong size");
    std::vector<float> y(static_cast<size_t>(lw_plan_batch(plan_.get()) * lw_plan_outputs(plan_.get())));
    check(lw_plan_run(plan_.get(), x.data(), y.data(), workspace_.get()));
    return y;
  }

private:
  struct Release {
    lw_context *context;
    void operator()(void *pointer) const { lw_release(context, pointer); }
  };
  std::unique_ptr<lw_plan, Destroy> plan_;
  std::unique_ptr<void, Release> workspace_;
  int64_t inputs_ = 0;
};

} // namespace

int main() try {
  if (lw_version() / 100 != LW_VERSION / 100) throw std::runtime_error("compiled against another version");
  lw_context_options options = {};
  options.threads = 2;
  lw_context *made = nullptr;
  check(lw_context_create(&options, &made));
  const Context context(made);

  const uint64_t seed = 1;
  const int64_t batch = 4;
  Network lenet(context.get(), "lenet5", lw_weights_seeded(&seed), batch);
  std::vector<float> x(static_cast<size_t>(batch * lenet.inputs()));
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i % 28) / 28;
  const std::vector<float> y = lenet(x);
  std::printf("%zu logits, the first %a\n", y.size(), static_cast<double>(y[0]));
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "lenet: %s\n", error.what());
  return 1;
}
