/*
 * A worked example: every recurrence, flat and log-linear, as one state for each level, forward and backward, in float and in double.
 *
 *     cc -O2 -o example example.c -lm
 *     lla gate -- ./example
 *
 * The kernel is in example_kernel.h, which is read twice here, once for each type.
 */
#define LLA_ADAPTER_IMPLEMENTATION
#include "lla_adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL float
#define NAME(x) x##_float
#define EXP expf
#define AT f32
#include "example_kernel.h"
#undef REAL
#undef NAME
#undef EXP
#undef AT

#define REAL double
#define NAME(x) x##_double
#define EXP exp
#define AT f64
#include "example_kernel.h"

static const char *forward(const lla_case *c, lla_outputs *out) {
  return c->v.f32 ? forward_float(c, out) : forward_double(c, out);
}

static const char *backward(const lla_case *c, lla_gradients *out) {
  return c->v.f32 ? backward_float(c, out) : backward_double(c, out);
}

int main(void) {
  static lla_program program; /* all zeros */
  program.name = "C example";
  program.systems =
      "linear retention mamba2 gla deltanet gated-deltanet kimi-delta log-linear-linear log-linear-retention log-linear-mamba2 "
      "log-linear-gla log-linear-deltanet log-linear-gated-deltanet log-linear-kimi-delta";
  program.dtypes = "float64 float32";
  program.state = program.packed = program.groups = program.resets = program.growth = program.strong_beta = 1;
  program.intermediates = "states";
  program.forward = forward;
  program.backward = backward;
  return lla_serve(&program);
}
