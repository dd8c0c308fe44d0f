/*
 * The level-state recurrence of example.c and fixtures_example.c, forward and backward, for one head of one sequence. Included twice, once for each type:
 * REAL is the type, NAME(x) the name of x for it, EXP its exponential.
 *
 * One state [K,V] for each level, and at step t, with z trailing zero bits in t (t >= 1):
 *   1. merge       M_(z+1) = S_0 + ... + S_z, M_0 = ... = M_z = 0; levels above stay
 *   2. transition  S_l = (I - beta_t k_t k_t^T) diag(exp(g_t)) M_l for every level
 *   3. insert      S_0 = k_t w_t^T, w_t = beta_t v_t (v_t without the delta rule)
 *   4. read        o_t = scale * sum_l lambda[t,l] S_l^T q_t
 * A flat system keeps one level, which is never merged and added to in step 3.
 */

#ifndef LLA_EXAMPLE_KERNEL_H
#define LLA_EXAMPLE_KERNEL_H
/* The level into which those below it merge before token t; 0 where none do. */
static int64_t merged_level_of(int64_t t, int is_flat) {
  int64_t level = 1;
  if (is_flat || t == 0) return 0;
  for (; t % 2 == 0; t /= 2) level++;
  return level;
}
#endif

/* One head. Row t of x lies at x + t * x_step. */
typedef struct NAME(head) {
  int64_t T, K, V, L, position; /* position: tokens seen before the first */
  int is_flat;
  REAL scale;
  const REAL *q, *k, *v, *g, *beta, *lambda; /* NULL: g 0, beta none, lambda 1 */
  int64_t qk_step, v_step, g_step, beta_step, lambda_step;
  int64_t g_channel; /* step from one channel's log decay to the next: 0 where all share one */
  REAL *dq, *dk, *dv, *dg, *dbeta, *dlambda; /* gradients, with the same steps; they are added to */
} NAME(head);

static REAL NAME(dot)(const REAL *a, const REAL *b, int64_t count) {
  REAL sum = 0;
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

static void NAME(add)(REAL *to, REAL factor, const REAL *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += factor * from[i];
}

static REAL NAME(log_decay)(const NAME(head) *x, int64_t t, int64_t i) { return x->g ? x->g[t * x->g_step + i * x->g_channel] : 0; }


/* Steps 1 and 2 on states [L,K,V]; alive[l] says whether level l holds anything. `decayed` [L,K,V], where it is not NULL, keeps what the
 * delta rule starts from: diag(exp(g)) M. */
static void NAME(advance)(const NAME(head) *x, int64_t t, REAL *states, char *alive, REAL *decayed, REAL *erased) {
  const int64_t K = x->K, V = x->V, size = K * V, merged = merged_level_of(x->position + t, x->is_flat);
  const REAL *k = x->k + t * x->qk_step;
  if (merged > 0) {
    REAL *target = states + merged * size;
    memset(target, 0, (size_t)size * sizeof *target);
    alive[merged] = 0;
    for (int64_t l = 0; l < merged; l++) {
      if (alive[l]) NAME(add)(target, 1, states + l * size, size);
      alive[merged] |= alive[l];
    }
  }
  if (!x->is_flat) {
    /* all of them are empty now; level 0 is the new token's */
    for (int64_t l = 0; l < (merged > 0 ? merged : 1); l++) alive[l] = 0;
    memset(states, 0, (size_t)((merged > 0 ? merged : 1) * size) * sizeof *states);
  }
  for (int64_t l = 0; l < x->L; l++) {
    REAL *S = states + l * size;
    if (!alive[l]) continue;
    for (int64_t i = 0; i < K; i++) {
      const REAL alpha = EXP(NAME(log_decay)(x, t, i));
      for (int64_t j = 0; j < V; j++) S[i * V + j] *= alpha;
    }
    if (decayed) memcpy(decayed + l * size, S, (size_t)size * sizeof *S);
    if (!x->beta) continue;
    /* erased = S^T k, what the state holds for this key */
    for (int64_t j = 0; j < V; j++) erased[j] = 0;
    for (int64_t i = 0; i < K; i++) NAME(add)(erased, k[i], S + i * V, V);
    for (int64_t i = 0; i < K; i++) NAME(add)(S + i * V, -x->beta[t * x->beta_step] * k[i], erased, V);
  }
}

/* Step 3. */
static void NAME(insert)(const NAME(head) *x, int64_t t, REAL *states, char *alive) {
  const REAL *k = x->k + t * x->qk_step, *v = x->v + t * x->v_step;
  const REAL beta = x->beta ? x->beta[t * x->beta_step] : 1;
  for (int64_t i = 0; i < x->K; i++)
    for (int64_t j = 0; j < x->V; j++) states[i * x->V + j] += k[i] * (beta * v[j]);
  alive[0] = 1;
}

static REAL NAME(factor)(const NAME(head) *x, int64_t t, int64_t l) {
  return x->scale * (x->lambda ? x->lambda[t * x->lambda_step + l] : 1);
}

/* Step 4. An empty level is not read: not even a NaN in its lambda may reach o. */
static void NAME(read)(const NAME(head) *x, int64_t t, const REAL *states, const char *alive, REAL *o) {
  const REAL *q = x->q + t * x->qk_step;
  for (int64_t j = 0; j < x->V; j++) o[j] = 0;
  for (int64_t l = 0; l < x->L; l++) {
    if (!alive[l]) continue;
    for (int64_t i = 0; i < x->K; i++) NAME(add)(o, NAME(factor)(x, t, l) * q[i], states + (l * x->K + i) * x->V, x->V);
  }
}

/* Which levels of a state hold anything: those of zeros are empty. */
static void NAME(find_alive)(const NAME(head) *x, const REAL *states, char *alive) {
  const int64_t size = x->K * x->V;
  for (int64_t l = 0; l < x->L; l++) {
    alive[l] = 0;
    for (int64_t i = 0; i < size; i++) alive[l] |= states[l * size + i] != 0;
  }
}

/* o, rows v_step apart, and the states [L,K,V], which are taken over; shown, where it is not NULL: a copy of them after each step,
 * shown_step apart. work [V + L]. */
static void NAME(forward_head)(const NAME(head) *x, REAL *o, REAL *states, REAL *shown, int64_t shown_step, REAL *erased, char *alive) {
  NAME(find_alive)(x, states, alive);
  for (int64_t t = 0; t < x->T; t++) {
    NAME(advance)(x, t, states, alive, NULL, erased);
    NAME(insert)(x, t, states, alive);
    NAME(read)(x, t, states, alive, o + t * x->v_step);
    if (shown) memcpy(shown + t * shown_step, states, (size_t)(x->L * x->K * x->V) * sizeof *states);
  }
}

/* What the backward remembers of each step. */
typedef struct NAME(memory) {
  REAL *decayed; /* [T,L,K,V] diag(exp(g_t)) M_l */
  REAL *after;   /* [T,L,K,V] S_l */
  char *had;     /* [T,L] whether level l was alive before step 3 */
} NAME(memory);

/* The transition of one level, backwards: dS [K,V], the gradient by S = (I - beta k k^T) N with N = diag(alpha) M, becomes that by M. */
static void NAME(transition_backward)(const NAME(head) *x, int64_t t, const REAL *N, int has_state, REAL *dS, REAL *erased, REAL *along) {
  const int64_t K = x->K, V = x->V;
  const REAL *k = x->k + t * x->qk_step;
  if (x->beta) {
    const REAL beta = x->beta[t * x->beta_step];
    /* S = N - beta k r^T with r = N^T k; along = dS^T k */
    for (int64_t j = 0; j < V; j++) along[j] = erased[j] = 0;
    for (int64_t i = 0; i < K; i++) NAME(add)(along, k[i], dS + i * V, V);
    if (has_state) {
      for (int64_t i = 0; i < K; i++) NAME(add)(erased, k[i], N + i * V, V);
      x->dbeta[t * x->beta_step] -= NAME(dot)(along, erased, V);
      for (int64_t i = 0; i < K; i++)
        x->dk[t * x->qk_step + i] -= beta * (NAME(dot)(dS + i * V, erased, V) + NAME(dot)(N + i * V, along, V));
    }
    for (int64_t i = 0; i < K; i++) NAME(add)(dS + i * V, -beta * k[i], along, V);
  }
  for (int64_t i = 0; i < K; i++) {
    /* N = exp(g) M: dg = dN . N, and a reset, exp(g) = 0, has no gradient */
    if (x->g && has_state) x->dg[t * x->g_step + i * x->g_channel] += NAME(dot)(dS + i * V, N + i * V, V);
    const REAL alpha = EXP(NAME(log_decay)(x, t, i));
    for (int64_t j = 0; j < V; j++) dS[i * V + j] *= alpha;
  }
}

/* Adds the gradients, given d_o, rows v_step apart, and d_states [L,K,V], which becomes that of the initial state. states [L,K,V] is the
 * initial state and is taken over. */
static void NAME(backward_head)(const NAME(head) *x, const REAL *d_o, REAL *d_states, REAL *states, NAME(memory) memory, REAL *erased,
                                REAL *along, char *alive) {
  const int64_t K = x->K, V = x->V, L = x->L, size = K * V;
  NAME(find_alive)(x, states, alive);
  for (int64_t t = 0; t < x->T; t++) {
    NAME(advance)(x, t, states, alive, memory.decayed + t * L * size, erased);
    memcpy(memory.had + t * L, alive, (size_t)L);
    NAME(insert)(x, t, states, alive);
    memcpy(memory.after + t * L * size, states, (size_t)(L * size) * sizeof *states);
  }
  for (int64_t t = x->T - 1; t >= 0; t--) {
    const REAL *q = x->q + t * x->qk_step, *k = x->k + t * x->qk_step, *v = x->v + t * x->v_step, *d = d_o + t * x->v_step;
    const REAL beta = x->beta ? x->beta[t * x->beta_step] : 1;
    const char *had = memory.had + t * L;
    /* 4. o_t = scale sum_l lambda[t,l] S_l^T q_t */
    for (int64_t l = 0; l < L; l++) {
      const REAL *S = memory.after + (t * L + l) * size;
      for (int64_t i = 0; i < K; i++) {
        NAME(add)(d_states + l * size + i * V, NAME(factor)(x, t, l) * q[i], d, V);
        if (!had[l] && l > 0) continue;
        const REAL read = NAME(dot)(S + i * V, d, V);
        x->dq[t * x->qk_step + i] += NAME(factor)(x, t, l) * read;
        if (x->lambda) x->dlambda[t * x->lambda_step + l] += x->scale * q[i] * read;
      }
    }
    /* 3. S_0 += k (beta v)^T */
    for (int64_t i = 0; i < K; i++) {
      const REAL *row = d_states + i * V;
      REAL written = NAME(dot)(row, v, V);
      x->dk[t * x->qk_step + i] += beta * written;
      if (x->beta) x->dbeta[t * x->beta_step] += k[i] * written;
      NAME(add)(x->dv + t * x->v_step, beta * k[i], row, V);
    }
    /* level 0 of a log-linear system held nothing before it */
    if (!x->is_flat) memset(d_states, 0, (size_t)size * sizeof *d_states);
    /* 2. */
    for (int64_t l = x->is_flat ? 0 : 1; l < L; l++)
      NAME(transition_backward)(x, t, memory.decayed + (t * L + l) * size, had[l], d_states + l * size, erased, along);
    /* 1. each of S_0, ..., S_z went into M_(z+1), and what was at that level is gone */
    const int64_t merged = merged_level_of(x->position + t, x->is_flat);
    if (merged == 0) continue;
    for (int64_t l = 0; l < merged; l++) memcpy(d_states + l * size, d_states + merged * size, (size_t)size * sizeof *d_states);
    memset(d_states + merged * size, 0, (size_t)size * sizeof *d_states);
  }
}

/* The head h of sequence i, without gradients. */
static NAME(head) NAME(head_of)(const lla_case *c, int64_t i, int64_t h) {
  const int64_t group = h * c->G / c->H, first = lla_sequence_of(c, i).first;
  NAME(head) x;
  memset(&x, 0, sizeof x);
  x.T = lla_sequence_of(c, i).length;
  x.K = c->K;
  x.V = c->V;
  x.L = c->L;
  x.position = c->position[i];
  x.is_flat = c->lambda.AT == NULL;
  x.scale = (REAL)c->scale;
  x.qk_step = c->G * c->K;
  x.v_step = c->H * c->V;
  x.q = c->q.AT + (first * c->G + group) * c->K;
  x.k = c->k.AT + (first * c->G + group) * c->K;
  x.v = c->v.AT + (first * c->H + h) * c->V;
  if (c->g.AT) {
    /* a log decay for each head [H], each token [B,T,H], or each channel [B,T,H,K] */
    const int64_t width = c->g.rank == 4 ? c->K : 1;
    x.g_step = c->g.rank == 1 ? 0 : c->H * width;
    x.g_channel = c->g.rank == 4;
    x.g = c->g.AT + first * x.g_step + h * width;
  }
  x.beta_step = c->H;
  if (c->beta.AT) x.beta = c->beta.AT + first * c->H + h;
  x.lambda_step = c->H * c->L;
  if (c->lambda.AT) x.lambda = c->lambda.AT + (first * c->H + h) * c->L;
  return x;
}

/* The initial state [L,K,V] of head h of sequence i: levels that are not given are zeros. */
static void NAME(load_state)(const lla_case *c, int64_t i, int64_t h, REAL *states) {
  const int64_t size = c->K * c->V, given = c->initial_state.AT ? c->initial_state.shape[2] : 0;
  memset(states, 0, (size_t)(c->L * size) * sizeof *states);
  if (given > 0) memcpy(states, c->initial_state.AT + (i * c->H + h) * given * size, (size_t)(given * size) * sizeof *states);
}

static const char *NAME(forward)(const lla_case *c, lla_outputs *out) {
  const int64_t size = c->L * c->K * c->V;
  REAL *erased = (REAL *)malloc((size_t)c->V * sizeof *erased);
  char *alive = (char *)malloc((size_t)c->L);
  if (erased && alive) {
    for (int64_t i = 0; i < c->n; i++) {
      for (int64_t h = 0; h < c->H; h++) {
        NAME(head) x = NAME(head_of)(c, i, h);
        REAL *states = out->final_state.AT + (i * c->H + h) * size;
        NAME(load_state)(c, i, h, states);
        const int64_t first = lla_sequence_of(c, i).first * c->H + h;
        REAL *shown = out->states.AT ? out->states.AT + first * size : NULL;
        NAME(forward_head)(&x, out->o.AT + first * c->V, states, shown, c->H * size, erased, alive);
      }
    }
  }
  const char *why = erased && alive ? NULL : "out of memory";
  free(erased);
  free(alive);
  return why;
}

/* Fills a gradient with zeros, to be added to. */
static void NAME(clear)(lla_result *result) {
  size_t count = 1;
  for (int i = 0; i < result->rank; i++) count *= (size_t)result->shape[i];
  if (result->AT) memset(result->AT, 0, count * sizeof *result->AT);
}

static const char *NAME(backward)(const lla_case *c, lla_gradients *out) {
  const int64_t size = c->K * c->V, all = c->L * size, T = c->T > 0 ? c->T : 1;
  const int64_t given = c->initial_state.AT ? c->initial_state.shape[2] : 0;
  lla_result *results[] = {&out->q, &out->k, &out->v, &out->g, &out->beta, &out->lambda, &out->initial_state};
  for (size_t i = 0; i < sizeof results / sizeof *results; i++) NAME(clear)(results[i]);
  NAME(memory) memory = {(REAL *)malloc((size_t)(T * all) * sizeof(REAL)), (REAL *)malloc((size_t)(T * all) * sizeof(REAL)),
                         (char *)malloc((size_t)(T * c->L))};
  REAL *states = (REAL *)malloc((size_t)(2 * all + 2 * c->V) * sizeof *states), *d_states = states + all;
  char *alive = (char *)malloc((size_t)c->L);
  const int fits = memory.decayed && memory.after && memory.had && states && alive;
  for (int64_t i = 0; fits && i < c->n; i++) {
    for (int64_t h = 0; h < c->H; h++) {
      NAME(head) x = NAME(head_of)(c, i, h);
      const int64_t o_at = (lla_sequence_of(c, i).first * c->H + h) * c->V;
      /* the gradients lie as their inputs do */
      x.dq = out->q.AT + (x.q - c->q.AT);
      x.dk = out->k.AT + (x.k - c->k.AT);
      x.dv = out->v.AT + (x.v - c->v.AT);
      if (x.g) x.dg = out->g.AT + (x.g - c->g.AT);
      if (x.beta) x.dbeta = out->beta.AT + (x.beta - c->beta.AT);
      if (x.lambda) x.dlambda = out->lambda.AT + (x.lambda - c->lambda.AT);
      NAME(load_state)(c, i, h, states);
      if (c->d_final_state.AT) memcpy(d_states, c->d_final_state.AT + (i * c->H + h) * all, (size_t)all * sizeof *d_states);
      else memset(d_states, 0, (size_t)all * sizeof *d_states);
      NAME(backward_head)(&x, c->d_o.AT + o_at, d_states, states, memory, states + 2 * all, states + 2 * all + c->V, alive);
      if (given > 0)
        memcpy(out->initial_state.AT + (i * c->H + h) * given * size, d_states, (size_t)(given * size) * sizeof *d_states);
    }
  }
  free(memory.decayed);
  free(memory.after);
  free(memory.had);
  free(states);
  free(alive);
  return fits ? NULL : "out of memory";
}
