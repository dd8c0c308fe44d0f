/*
 * A worked example: a kernel against fixtures that are compiled in. The kernel is that of example.c, called as the gate calls it.
 *
 *     lla fixtures export --format c fixtures      (brings lla_fixtures.h)
 *     cc -O2 -I DIRECTORY_OF_LLA_FIXTURES_H -o fixtures_example fixtures_example.c -lm
 *     ./fixtures_example
 *
 * It ends with 0 where every case is right, else it prints the worst element of the first wrong tensor and ends with 1. In one of your own,
 * forward, backward and why_not are what changes.
 */
#define LLA_ADAPTER_IMPLEMENTATION
#include "lla_adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lla_fixtures.h"

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

static const char *forward(const lla_case *c, lla_outputs *out) { return c->v.f32 ? forward_float(c, out) : forward_double(c, out); }

static const char *backward(const lla_case *c, lla_gradients *out) {
  return c->v.f32 ? backward_float(c, out) : backward_double(c, out);
}

/* Why the kernel is not asked this fixture; NULL where it is. */
static const char *why_not(const lla_fixture *f) {
  if (f->error_argument) return "it does not check its input";
  if (strcmp(f->system, "softmax") == 0) return "it has no softmax";
  if (strcmp(f->structure, "weak") != 0 || f->base != 2) return "it knows one structure of levels";
  return NULL;
}

/* ---- memory of one case ---- */

static void *kept[64];
static int kept_count;

static void *keep(size_t size) {
  void *memory = malloc(size > 0 ? size : 1);
  if (!memory || kept_count == 64) {
    fputs("out of memory\n", stderr);
    exit(2);
  }
  return kept[kept_count++] = memory;
}

static void release(void) {
  while (kept_count > 0) free(kept[--kept_count]);
}

/* ---- from fixtures to the kernel's types, float but in cases of float64 ---- */

static int is_double(const lla_fixture *f) { return strcmp(f->dtype, "float64") == 0; }

static lla_tensor tensor_of(const lla_fixture *f, const lla_fixture_input *in) {
  lla_tensor tensor;
  memset(&tensor, 0, sizeof tensor);
  if (!in->data) return tensor;
  tensor.rank = in->rank;
  memcpy(tensor.shape, in->shape, sizeof tensor.shape);
  if (is_double(f)) {
    tensor.f64 = in->data;
    return tensor;
  }
  const int64_t size = lla_fixture_size(in->rank, in->shape);
  float *narrow = (float *)keep((size_t)size * sizeof *narrow);
  for (int64_t i = 0; i < size; i++) narrow[i] = (float)in->data[i]; /* exact */
  tensor.f32 = narrow;
  return tensor;
}

/* A buffer for what is expected, full of NaN. */
static lla_result result_of(const lla_fixture *f, const lla_fixture_result *wanted) {
  lla_result result;
  memset(&result, 0, sizeof result);
  if (!wanted->expected) return result;
  const int64_t size = lla_fixture_size(wanted->rank, wanted->shape);
  result.rank = wanted->rank;
  memcpy(result.shape, wanted->shape, sizeof result.shape);
  if (is_double(f)) result.f64 = (double *)keep((size_t)size * sizeof *result.f64);
  else result.f32 = (float *)keep((size_t)size * sizeof *result.f32);
  for (int64_t i = 0; i < size; i++) {
    if (result.f64) result.f64[i] = NAN;
    else result.f32[i] = NAN;
  }
  return result;
}

static lla_case case_of(const lla_fixture *f) {
  lla_case c;
  memset(&c, 0, sizeof c);
  c.system = f->system;
  c.dtype = f->dtype;
  c.scale = f->scale;
  c.structure = f->structure;
  c.base = f->base;
  c.position = f->position;
  c.cu_seqlens = f->cu_seqlens;
  c.chunk_size = f->chunk_size;
  c.wants_gradients = f->wants_gradients;
  c.B = f->B;
  c.T = f->T;
  c.H = f->H;
  c.G = f->G;
  c.K = f->K;
  c.V = f->V;
  c.L = f->L;
  c.n = f->n;
  c.q = tensor_of(f, &f->inputs.q);
  c.k = tensor_of(f, &f->inputs.k);
  c.v = tensor_of(f, &f->inputs.v);
  c.g = tensor_of(f, &f->inputs.g);
  c.beta = tensor_of(f, &f->inputs.beta);
  c.lambda = tensor_of(f, &f->inputs.lambda);
  c.initial_state = tensor_of(f, &f->inputs.initial_state);
  c.d_o = tensor_of(f, &f->d_o);
  c.d_final_state = tensor_of(f, &f->d_final_state);
  return c;
}

/* Whether an answer is right; prints what is not. */
static int is_right(const lla_fixture *f, const char *tensor, const lla_result *answer) {
  const lla_fixture_result *wanted = lla_fixture_result_of(f, tensor);
  if (!wanted) return 1;
  const int64_t size = lla_fixture_size(wanted->rank, wanted->shape);
  double *wide = (double *)keep((size_t)size * sizeof *wide);
  for (int64_t i = 0; i < size; i++) wide[i] = answer->f64 ? answer->f64[i] : (double)answer->f32[i];
  lla_fixture_mismatch worst;
  if (lla_fixture_check(f, tensor, wide, &worst) == 0) return 1;
  lla_fixture_print(stdout, f, &worst);
  return 0;
}

/* Whether all of a case is right. */
static int run(const lla_fixture *f) {
  const lla_case c = case_of(f);
  lla_outputs out; /* steps on the way are not asked for */
  memset(&out, 0, sizeof out);
  out.o = result_of(f, &f->o);
  out.final_state = result_of(f, &f->final_state);
  const char *error = forward(&c, &out);
  lla_gradients d;
  memset(&d, 0, sizeof d);
  if (!error && f->wants_gradients) {
    d.q = result_of(f, &f->gradients.q);
    d.k = result_of(f, &f->gradients.k);
    d.v = result_of(f, &f->gradients.v);
    d.g = result_of(f, &f->gradients.g);
    d.beta = result_of(f, &f->gradients.beta);
    d.lambda = result_of(f, &f->gradients.lambda);
    d.initial_state = result_of(f, &f->gradients.initial_state);
    error = backward(&c, &d);
  }
  if (error) {
    printf("%s: %s\n", f->name, error);
    return 0;
  }
  return is_right(f, "o", &out.o) && is_right(f, "finalState", &out.final_state) && is_right(f, "gradients.q", &d.q) &&
         is_right(f, "gradients.k", &d.k) && is_right(f, "gradients.v", &d.v) && is_right(f, "gradients.g", &d.g) &&
         is_right(f, "gradients.beta", &d.beta) && is_right(f, "gradients.lambda", &d.lambda) &&
         is_right(f, "gradients.initialState", &d.initial_state);
}

int main(void) {
  long right = 0, skipped = 0;
  for (size_t i = 0; i < lla_fixture_count(); i++) {
    const lla_fixture *f = lla_fixture_at(i);
    if (why_not(f)) {
      skipped++;
      continue;
    }
    if (!run(f)) return 1;
    release();
    right++;
  }
  printf("%ld right, %ld skipped\n", right, skipped);
  return right > 0 ? 0 : 2; /* what was not asked is not right */
}
