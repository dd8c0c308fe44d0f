/* A program whose author has made a mistake: ./wrong WAY [DTYPE]. It has linear attention, and answers zeros. */
#define LLA_ADAPTER_IMPLEMENTATION
#include "lla_adapter.h"

#include <string.h>

static const char *way;
static int calls;

static const char *forward(const lla_case *c, lla_outputs *out) {
  const int64_t size = c->B * c->T * c->H * c->V;
  double *o = out->o.f64;
  calls++;
  /* formats of 16 bits: v comes back */
  if (strcmp(way, "float") == 0)
    for (int64_t i = 0; i < size; i++) out->o.f32[i] = c->v.f32[i];
  if (strcmp(way, "bits") == 0)
    for (int64_t i = 0; i < size; i++) out->o.u16[i] = c->v.u16[i];
  if (!o) return NULL;
  if (strcmp(way, "adds") == 0)
    for (int64_t i = 0; i < size; i++) o[i] += 1;
  else
    for (int64_t i = strcmp(way, "leaves two") == 0 ? 2 : 0; i < size; i++) o[i] = 0;
  if (strcmp(way, "refuses") == 0) return "K above \"4\"\n";
  if (strcmp(way, "writes v") == 0) ((double *)c->v.f64)[5] = 1;
  if (strcmp(way, "writes before q") == 0) ((double *)c->q.f64)[-1] = 1;
  if (strcmp(way, "writes behind o") == 0) o[size + 2] = 1;
  if (strcmp(way, "reads behind k") == 0) o[0] = c->k.f64[c->B * c->T * c->G * c->K];
  if (strcmp(way, "differs") == 0) o[3] = calls;
  return NULL;
}

int main(int count, char **arguments) {
  static lla_program program;
  way = count > 1 ? arguments[1] : "";
  program.name = "C \"test\"";
  program.systems = "linear";
  program.dtypes = count > 2 ? arguments[2] : "float64";
  program.groups = 1;
  program.forward = forward;
  program.repeat = strcmp(way, "differs") == 0;
  program.numbers = strcmp(way, "bits") == 0 ? LLA_AS_SENT : LLA_BY_DTYPE;
  if (strcmp(way, "chunks of 48") == 0) program.chunk_size = 48;
  return lla_serve(&program);
}
