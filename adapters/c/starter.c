/*
 * My kernel under the laws of log-linear attention:
 *
 *     cc -O2 -o my_kernel my_kernel.c -lm
 *     npx lla gate -- ./my_kernel
 *
 * It passes as it is: plain loops for linear attention and log-linear Mamba-2. Put your kernel where it says EDIT.
 */
#define LLA_ADAPTER_IMPLEMENTATION
#include "lla_adapter.h"

#include <math.h>

/* Which level query t reads position s < t from: the bit length of t xor s; 0 is t itself. */
static int level_of(int64_t t, int64_t s) {
  int level = 0;
  for (int64_t rest = t ^ s; rest > 0; rest >>= 1) level++;
  return level;
}

/* EDIT 1: call your kernel here. In comes what lla_case says, out goes o [B,T,H,V], all of it. */
static const char *forward(const lla_case *c, lla_outputs *out) {
  const float *q = c->q.f32, *k = c->k.f32, *v = c->v.f32;
  const float *g = c->g.f32, *lambda = c->lambda.f32; /* NULL where the system has none */
  for (int64_t b = 0; b < c->B; b++) {
    for (int64_t h = 0; h < c->H; h++) {
      for (int64_t t = 0; t < c->T; t++) {
        /* row of token t of head h in [B,T,H,...]; q and k have as many heads, until EDIT 2 says groups */
        const int64_t row = (b * c->T + t) * c->H + h;
        float *o = out->o.f32 + row * c->V, log_decay = 0;
        for (int64_t j = 0; j < c->V; j++) o[j] = 0;
        for (int64_t s = t; s >= 0; s--) {
          const int64_t from = (b * c->T + s) * c->H + h;
          float weight = (float)c->scale * (lambda ? lambda[row * c->L + level_of(t, s)] : 1), product = 0;
          for (int64_t i = 0; i < c->K; i++) product += q[row * c->K + i] * k[from * c->K + i];
          weight *= product * expf(log_decay); /* decayed by g_{s+1} + ... + g_t */
          for (int64_t j = 0; j < c->V; j++) o[j] += weight * v[from * c->V + j];
          if (g) log_decay += g[from];
        }
      }
    }
  }
  return NULL; /* or why this case cannot be answered */
}

int main(void) {
  static lla_program program; /* all zeros */
  /* EDIT 2: what your kernel is and can do; only that is asked for */
  program.name = "my kernel";
  program.systems = "linear log-linear-mamba2"; /* as `npx lla systems` lists them */
  program.dtypes = "float32";                   /* float64 float32 tf32 bfloat16 float16 */
  program.forward = forward;
  /* program.backward = backward;                  gradients */
  /* program.state = 1;                            initial and final states */
  /* program.packed = 1;                           sequences packed into one row */
  /* program.groups = 1;                           fewer heads of q and k than of v */
  /* program.resets = program.growth = 1;          log decays of -infinity; positive ones */
  /* program.limits.K.multiple_of = 16;            the sizes that it takes */
  /* program.repeat = 1;                           call everything twice, and fail when a bit differs */
  return lla_serve(&program);
}
