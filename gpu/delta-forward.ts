/**
 * The chunked form for the delta rule, F_t = exp(g_t) (I - beta_t k_t k_t^T): DeltaNet and Gated DeltaNet. The steps are those of
 * reference/chunked.ts, all chunks, heads and buckets of a step at once.
 *   1. inside chunks: X = (I + N)^-1, N the products beta_t k_t k_s^T below the diagonal (the WY form), and from it the pairs A, the keys
 *      carried to the chunk's end, the queries read back to its start and the transition over it
 *   2. a tree of buckets [phi | S]: the transition over a bucket and its state, each from its halves
 *   3. slot by slot each query is read back through the bucket that it reads, so log N passes, and none of them holds [T,K,V]
 *   4. after the last slot a query is read back to the start of its sequence, where the incoming state is
 * X carries no decays: where beta_t |k_t|^2 is far above 2 it grows inside a chunk even if the decays would have kept the products small,
 * and the differences of step 1 cancel. The bounds allow for it; smaller chunks cancel less.
 * The final state is read the same way, by K rows that start as the unit vectors at the end of a sequence.
 */
import { type BucketPlan, bucketPlanOf } from './bucket-plan.ts';
import type { Operand, Resident } from './kernel.ts';
import { deltaCorrections } from './kernels/delta-corrections.ts';
import { deltaFinalContent } from './kernels/delta-final-content.ts';
import { deltaFinalNodes } from './kernels/delta-final-nodes.ts';
import { deltaFinalRows } from './kernels/delta-final-rows.ts';
import { deltaFinalRowsStart } from './kernels/delta-final-rows-start.ts';
import { deltaFinalTokens } from './kernels/delta-final-tokens.ts';
import { deltaInverse } from './kernels/delta-inverse.ts';
import { deltaInverseHalf } from './kernels/delta-inverse-half.ts';
import { deltaInverseStart } from './kernels/delta-inverse-start.ts';
import { deltaKeys } from './kernels/delta-keys.ts';
import { deltaLeaves } from './kernels/delta-leaves.ts';
import { deltaMerges } from './kernels/delta-merges.ts';
import { deltaOverlaps } from './kernels/delta-overlaps.ts';
import { deltaProducts } from './kernels/delta-products.ts';
import { deltaQueries } from './kernels/delta-queries.ts';
import { deltaReadContent } from './kernels/delta-read-content.ts';
import { deltaReadNodes } from './kernels/delta-read-nodes.ts';
import { deltaReadQueries } from './kernels/delta-read-queries.ts';
import { deltaScores } from './kernels/delta-scores.ts';
import { deltaStrengths } from './kernels/delta-strengths.ts';
import { inside } from './kernels/inside.ts';
import { weights } from './kernels/weights.ts';
import { type Decays, decaysOf } from './scalar-forward.ts';
import { type Call, inTurn, type Operands } from './step.ts';

export interface Forward {
  decays: Decays;
  buckets: BucketPlan;
  /** w = beta v, [T][H·V] */
  strength: Resident;
  /** X, R = q k^T on and below the diagonal, A, lambda A: [T][H·C] */
  inverse: Resident;
  product: Resident;
  scores: Resident;
  weights: Resident;
  /** [T][H·K] */
  correction: Resident;
  key: Resident;
  /** For each slot [T][H·K]: queries before they are read back through it, and at last to the start of the sequence. */
  query: Resident[];
  /** For each slot [buckets][H·K][K+V]: [phi | S] */
  node: Resident[];
  /** [T][H·V] */
  o: Resident;
}

/** X in log2 C rounds: blocks of one position are 1, and blocks double. */
async function inverseOf({ plan, run }: Call, overlap: Resident): Promise<Resident> {
  const { tokens, token, bits, block, sizes } = plan;
  const size = [sizes.H * sizes.C, tokens];
  let inverse = await run('delta-inverse-start', deltaInverseStart, size, overlap, token, bits);
  for (let level = 2; level < sizes.blocks; level++) {
    const half = await run('delta-inverse-half', deltaInverseHalf, size, overlap, inverse, token, bits, block, level);
    const step = inTurn('delta-inverse', level);
    inverse = await run(step, deltaInverse, size, inverse, half, token, bits, block, level);
  }
  return inverse;
}

/** [phi | S] of the buckets of every slot. */
async function nodesOf({ plan, run }: Call, { buckets, bucket, slots }: BucketPlan, leaf: Resident) {
  const { H, K, V } = plan.sizes;
  const node = [leaf];
  for (let e = 1; e < slots; e++) {
    node.push(await run(`delta-node-${e}`, deltaMerges, [K + V, H * K, buckets[e]], node[e - 1], bucket[e]));
  }
  return node;
}

export async function deltaForward(call: Call, x: Operands): Promise<Forward> {
  const { run, plan } = call;
  const { H, C, K, V } = plan.sizes;
  const { tokens, token, chunk, chunks, bits } = plan;
  const beta = x.beta as Operand;
  const buckets = bucketPlanOf(plan);
  const { slots, reads } = buckets;
  const decays = await decaysOf(call, x);
  const { prefix, suffix, tail } = decays;
  const [pairs, rows] = [
    [H * C, tokens],
    [H * K, tokens],
  ];
  const overlap = await run('delta-overlap', deltaOverlaps, pairs, x.k, beta, token);
  const inverse = await inverseOf(call, overlap);
  const product = await run('delta-product', deltaProducts, pairs, x.q, x.k, token);
  const scores = await run('delta-scores', deltaScores, pairs, product, inverse, prefix, suffix, token, bits, x.scale);
  const weight = await run('weights', weights, pairs, scores, x.lambda, token, bits);
  const strength = await run('delta-strength', deltaStrengths, [H * V, tokens], beta, x.v);
  let o = await run('inside', inside, [H * V, tokens], weight, strength, token);

  const correction = await run('delta-correction', deltaCorrections, rows, inverse, beta, x.k, token);
  const key = await run('delta-key', deltaKeys, rows, inverse, x.k, tail, token);
  const query = [await run('delta-query', deltaQueries, rows, x.q, product, correction, prefix, token, x.scale)];
  const size = [K + V, H * K, chunks];
  const leaf = await run('delta-leaf', deltaLeaves, size, x.k, correction, key, strength, prefix, chunk);
  const node = await nodesOf(call, buckets, leaf);
  for (let e = 0; e < slots; e++) {
    const step = inTurn('delta-read-nodes', e);
    o = await run(step, deltaReadNodes, [H * V, tokens], o, query[e], node[e], x.lambda, token, reads, e);
    query.push(await run(`delta-query-${e}`, deltaReadQueries, rows, query[e], node[e], token, reads, e));
  }
  if (x.content) {
    const state = x.state as Operand;
    o = await run(
      'delta-read-content',
      deltaReadContent,
      [H * V, tokens],
      o,
      query[slots],
      state,
      x.lambda,
      x.content,
      token,
      x.stateLevels,
    );
  }
  return { decays, buckets, strength, inverse, product, scores, weights: weight, correction, key, query, node, o };
}

/** For each slot [n][H·K][K]: the unit vectors at the end of each sequence, read back to where that slot reads, at last to its start. */
export async function finalRows({ plan, run }: Call, { node, buckets }: Forward): Promise<Resident[]> {
  const { H, K } = plan.sizes;
  const { sequence, sequences } = plan;
  const size = [K, H * K, sequences];
  const rows = [await run('delta-final-rows', deltaFinalRowsStart, size, node[0], sequence)];
  for (let e = 0; e < buckets.slots; e++) {
    rows.push(await run(`delta-final-rows-${e}`, deltaFinalRows, size, rows[e], node[e], sequence, buckets.reads, e));
  }
  return rows;
}

/** The state after the last token of each sequence, [n][H·L·K][V]; zeros where a sequence is empty. */
export async function deltaState(call: Call, x: Operands, f: Forward): Promise<Resident> {
  const { run, plan } = call;
  const rows = await finalRows(call, f);
  const { H, L, K, V } = plan.sizes;
  const { sequence, sequences, finalLevel } = plan;
  const { slots, reads } = f.buckets;
  const size = [V, H * L * K, sequences];
  let state = await run('delta-final-tokens', deltaFinalTokens, size, f.key, f.strength, finalLevel, sequence);
  for (let e = 0; e < slots; e++) {
    const step = inTurn('delta-final-nodes', e);
    state = await run(step, deltaFinalNodes, size, state, rows[e], f.node[e], sequence, reads, e);
  }
  if (x.state === null) return state;
  return run(
    'delta-final-content',
    deltaFinalContent,
    size,
    state,
    rows[slots],
    x.state,
    x.contentOfState as Operand,
    sequence,
    x.stateLevels,
  );
}
