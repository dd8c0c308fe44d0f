/**
 * The backward pass of delta-forward.ts: the transpose of each of its steps, in reverse.
 *   4. and 3. what the queries get, slot by slot from the highest, and on the way what the buckets of each slot get
 *   2. what a bucket gets as half of another one, from the highest slot down to the chunks
 *   1. through A, the queries, the keys and the transition of each chunk to X, q k^T and k, and through X to N = beta k k^T
 * The queries of every slot are kept from the forward pass, O(T K log N) numbers for N chunks.
 */
import { type Forward, finalRows } from './delta-forward.ts';
import type { Operand, Resident } from './kernel.ts';
import { deltaBetaGradient } from './kernels/delta-beta-gradient.ts';
import { deltaContentLambda } from './kernels/delta-content-lambda.ts';
import { deltaContentQueries } from './kernels/delta-content-queries.ts';
import { deltaContentReadings } from './kernels/delta-content-readings.ts';
import { deltaCorrectionsGradient } from './kernels/delta-corrections-gradient.ts';
import { deltaDots } from './kernels/delta-dots.ts';
import { deltaGGradient } from './kernels/delta-g-gradient.ts';
import { deltaInverseGradient } from './kernels/delta-inverse-gradient.ts';
import { deltaInverseRight } from './kernels/delta-inverse-right.ts';
import { deltaKGradient } from './kernels/delta-k-gradient.ts';
import { deltaKInside } from './kernels/delta-k-inside.ts';
import { deltaKThrough } from './kernels/delta-k-through.ts';
import { deltaKeysFinal } from './kernels/delta-keys-final.ts';
import { deltaKeysGradient } from './kernels/delta-keys-gradient.ts';
import { deltaKeysScaled } from './kernels/delta-keys-scaled.ts';
import { deltaLambdaNodes } from './kernels/delta-lambda-nodes.ts';
import { deltaLeavesFinal } from './kernels/delta-leaves-final.ts';
import { deltaNodesFinal } from './kernels/delta-nodes-final.ts';
import { deltaNodesReaders } from './kernels/delta-nodes-readers.ts';
import { deltaNodesTree } from './kernels/delta-nodes-tree.ts';
import { deltaOverlapsGradient } from './kernels/delta-overlaps-gradient.ts';
import { deltaPhiDots } from './kernels/delta-phi-dots.ts';
import { deltaProductsGradient } from './kernels/delta-products-gradient.ts';
import { deltaQGradient } from './kernels/delta-q-gradient.ts';
import { deltaQueriesScaled } from './kernels/delta-queries-scaled.ts';
import { deltaReadBackward } from './kernels/delta-read-backward.ts';
import { deltaReturns } from './kernels/delta-returns.ts';
import { deltaRowsBackward } from './kernels/delta-rows-backward.ts';
import { deltaRowsContent } from './kernels/delta-rows-content.ts';
import { deltaStateFinal } from './kernels/delta-state-final.ts';
import { deltaStateReaders } from './kernels/delta-state-readers.ts';
import { deltaStrengths } from './kernels/delta-strengths.ts';
import { deltaStrengthsFinal } from './kernels/delta-strengths-final.ts';
import { deltaStrengthsGradient } from './kernels/delta-strengths-gradient.ts';
import { deltaWritesGradient } from './kernels/delta-writes-gradient.ts';
import { lambdaInside } from './kernels/lambda-inside.ts';
import { rowCrossings } from './kernels/row-crossings.ts';
import { scoreGradients } from './kernels/score-gradients.ts';
import { weightGradients } from './kernels/weight-gradients.ts';
import { zeros } from './kernels/zeros.ts';
import { type Call, type Gradients, inTurn, type Operands } from './step.ts';

/** The gradient of the final state, and the rows that read it. */
interface Final {
  dState: Operand;
  rows: Resident[];
}

/** What comes back to the chunks from above. */
interface Above {
  /** By the queries at their chunks' starts, [T][H·K] */
  query: Resident;
  /** By [phi | S] of each chunk, [chunks][H·K][K+V] */
  leaf: Resident;
  /** [T][H·L]; null for a flat system. */
  lambda: Resident | null;
}

/** By the queries at the start of their sequences. */
async function queriesAtStart({ run, plan }: Call, x: Operands, dO: Operand): Promise<Resident> {
  const { H, K } = plan.sizes;
  const size = [H * K, plan.tokens];
  if (x.content === null) return run('delta-no-query', zeros, size);
  const state = x.state as Operand;
  const step = 'delta-content-queries';
  return run(step, deltaContentQueries, size, dO, state, x.lambda, x.content, plan.token, x.stateLevels);
}

/** By the rows of the final state at the start of their sequences. */
async function rowsAtStart({ run, plan }: Call, x: Operands, { dState }: Final): Promise<Resident> {
  const { H, K } = plan.sizes;
  const size = [K, H * K, plan.sequences];
  if (x.content === null) return run('delta-no-rows', zeros, size);
  const state = x.state as Operand;
  return run('delta-rows-content', deltaRowsContent, size, dState, state, x.content, plan.sequence, x.stateLevels);
}

/** By lambda, from inside chunks and from the incoming state. */
async function lambdaOf({ run, plan }: Call, x: Operands, f: Forward, dO: Operand, dWeights: Resident) {
  const { H, L } = plan.sizes;
  const { tokens, token, block } = plan;
  const size = [H * L, tokens];
  const inside = await run('delta-lambda-inside', lambdaInside, size, dWeights, f.scores, token, block);
  if (x.content === null) return inside;
  const reading = await run(
    'delta-content-readings',
    deltaContentReadings,
    [H * x.stateLevels, tokens],
    f.query[f.buckets.slots],
    dO,
    x.state as Operand,
    x.content,
    token,
    x.stateLevels,
  );
  return run('delta-content-lambda', deltaContentLambda, size, inside, reading, x.content, x.stateLevels);
}

/** Steps 4 to 2. */
async function aboveOf(
  call: Call,
  x: Operands,
  f: Forward,
  dO: Operand,
  dWeights: Resident,
  final: Final | null,
): Promise<Above> {
  const { run, plan } = call;
  const { H, K, V, L, lifted } = plan.sizes;
  const { tokens, token, sequence, sequences, chunk, chunks } = plan;
  const { slots, reads, bucket, buckets } = f.buckets;
  let query = await queriesAtStart(call, x, dO);
  let rows = final && (await rowsAtStart(call, x, final));
  let lambda = lifted ? await lambdaOf(call, x, f, dO, dWeights) : null;
  let leaf: Resident | null = null;
  for (let e = slots - 1; e >= 0; e--) {
    // a step's result is overwritten when it runs again, so neighbouring slots are two steps
    const node = f.node[e];
    const size = [K + V, H * K, buckets[e]];
    const above: Resident | null = leaf;
    leaf = await run(
      inTurn('delta-nodes-readers', e),
      deltaNodesReaders,
      size,
      f.query[e],
      query,
      x.lambda,
      dO,
      bucket[e],
      e,
    );
    if (final && rows) {
      const { dState } = final;
      const step = inTurn('delta-nodes-final', e);
      leaf = await run(step, deltaNodesFinal, size, leaf, final.rows[e], rows, dState, bucket[e], e);
      const back = inTurn('delta-rows-backward', e);
      rows = await run(back, deltaRowsBackward, [K, H * K, sequences], rows, node, dState, sequence, reads, e);
    }
    if (above) leaf = await run(inTurn('delta-nodes-tree', e), deltaNodesTree, size, leaf, node, above, bucket[e]);
    const returned = await run('delta-returns', deltaReturns, [H * K, tokens], dO, node, token, reads, e);
    if (lambda) {
      const step = inTurn('delta-lambda-nodes', e);
      lambda = await run(step, deltaLambdaNodes, [H * L, tokens], lambda, f.query[e], returned, token, reads, e);
    }
    query = await run(
      inTurn('delta-read-backward', e),
      deltaReadBackward,
      [H * K, tokens],
      query,
      returned,
      node,
      x.lambda,
      token,
      reads,
      e,
    );
  }
  leaf = leaf as Resident;
  if (rows) leaf = await run('delta-leaves-final', deltaLeavesFinal, [K + V, H * K, chunks], leaf, rows, chunk);
  return { query, leaf, lambda };
}

/** By the keys at their chunks' ends and by w = beta v. */
async function writesOf({ run, plan }: Call, f: Forward, dO: Operand, dLeaf: Resident, final: Final | null) {
  const { H, K, V } = plan.sizes;
  const { tokens, token, chunk, finalLevel } = plan;
  const [keys, values] = [
    [H * K, tokens],
    [H * V, tokens],
  ];
  const key = await run('delta-keys-gradient', deltaKeysGradient, keys, dLeaf, f.strength, token);
  const step = 'delta-strengths-gradient';
  const strength = await run(step, deltaStrengthsGradient, values, f.weights, dO, f.key, dLeaf, token);
  if (final === null) return { key, strength };
  const { dState } = final;
  return {
    key: await run('delta-keys-final', deltaKeysFinal, keys, key, dState, f.strength, finalLevel, token, chunk),
    strength: await run(
      'delta-strengths-final',
      deltaStrengthsFinal,
      values,
      strength,
      f.key,
      dState,
      finalLevel,
      token,
      chunk,
    ),
  };
}

/** d exp(sum) = exp(sum) for every g in the sum: what each product gives to the tokens that its segment crosses. */
async function decaysBackward(
  { run, plan }: Call,
  f: Forward,
  dWeights: Resident,
  dQuery: Resident,
  dKey: Resident,
  dLeaf: Resident,
): Promise<Resident> {
  const { H, C } = plan.sizes;
  const { tokens, token, chunks } = plan;
  const crossing = await run('delta-crossings', rowCrossings, [H * C, tokens], dWeights, f.weights, token);
  const queryDot = await run('delta-query-dots', deltaDots, [H, tokens], f.query[0], dQuery);
  const keyDot = await run('delta-key-dots', deltaDots, [H, tokens], f.key, dKey);
  const phiDot = await run('delta-phi-dots', deltaPhiDots, [H, chunks], dLeaf, f.node[0]);
  return run('delta-g-gradient', deltaGGradient, [H, tokens], crossing, queryDot, keyDot, phiDot, token);
}

/** By the incoming state, [n][H·stateLevels·K][V] */
async function stateBackward({ run, plan }: Call, x: Operands, f: Forward, dO: Operand, final: Final | null) {
  const { H, K, V } = plan.sizes;
  const { sequence, sequences } = plan;
  const { slots } = f.buckets;
  const content = x.contentOfState as Operand;
  const levels = x.stateLevels;
  const size = [V, H * levels * K, sequences];
  const read = await run(
    'delta-state-readers',
    deltaStateReaders,
    size,
    f.query[slots],
    x.lambda,
    dO,
    content,
    sequence,
    levels,
  );
  if (final === null) return read;
  const { dState, rows } = final;
  return run('delta-state-final', deltaStateFinal, size, read, rows[slots], dState, content, sequence, levels);
}

export async function deltaBackward(
  call: Call,
  x: Operands,
  f: Forward,
  dO: Operand,
  dState: Operand | null,
): Promise<Gradients> {
  const { run, plan } = call;
  const { H, G, C, K, V } = plan.sizes;
  const { tokens, token, bits } = plan;
  const { prefix, suffix, tail } = f.decays;
  const { inverse, product, correction } = f;
  const { q, k, v, lambda, scale } = x;
  const beta = x.beta as Operand;
  const [pairs, rows] = [
    [H * C, tokens],
    [H * K, tokens],
  ];
  const final = dState && { dState, rows: await finalRows(call, f) };
  const dWeights = await run('delta-weights-gradient', weightGradients, pairs, dO, f.strength, token);
  const above = await aboveOf(call, x, f, dO, dWeights, final);
  const write = await writesOf(call, f, dO, above.leaf, final);

  // through A, the queries, the keys and phi
  const step = 'delta-scores-gradient';
  const dB = await run(step, scoreGradients, pairs, dWeights, lambda, prefix, suffix, token, bits, scale);
  const dQuery = await run('delta-queries-scaled', deltaQueriesScaled, rows, above.query, prefix, scale);
  const dKey = await run('delta-keys-scaled', deltaKeysScaled, rows, write.key, tail);
  const dR = await run('delta-products-gradient', deltaProductsGradient, pairs, dB, inverse, dQuery, correction, token);
  const dU = await run(
    'delta-corrections-gradient',
    deltaCorrectionsGradient,
    rows,
    product,
    dQuery,
    k,
    above.leaf,
    prefix,
    token,
  );

  // through X to N
  const dX = await run('delta-inverse-gradient', deltaInverseGradient, pairs, k, dKey, product, dB, dU, beta, token);
  const right = await run('delta-inverse-right', deltaInverseRight, pairs, dX, inverse, token);
  const dN = await run('delta-overlaps-gradient', deltaOverlapsGradient, pairs, inverse, right, token);

  const dWrite = await run('delta-writes-gradient', deltaWritesGradient, rows, inverse, dU, dN, k, token);
  const through = await run(
    'delta-k-through',
    deltaKThrough,
    rows,
    inverse,
    dKey,
    above.leaf,
    correction,
    prefix,
    token,
  );
  const inside = await run('delta-k-inside', deltaKInside, rows, through, dR, q, dN, beta, k, token);
  const groups = [G * K, tokens];
  const gradients: Gradients = {
    q: await run('delta-q-gradient', deltaQGradient, groups, dQuery, dR, k, token),
    k: await run('delta-k-gradient', deltaKGradient, groups, inside, dWrite, beta),
    v: await run('delta-v-gradient', deltaStrengths, [H * V, tokens], beta, write.strength),
    g: await decaysBackward(call, f, dWeights, above.query, write.key, above.leaf),
    beta: await run('delta-beta-gradient', deltaBetaGradient, [H, tokens], dWrite, k, write.strength, v),
  };
  if (above.lambda) gradients.lambda = above.lambda;
  if (x.state) gradients.initialState = await stateBackward(call, x, f, dO, final);
  return gradients;
}
