/**
 * The gradients of channel-forward.ts. A pair s < t gives to the log decays of its segment (s, t] alone, so each level adds up
 * what crosses a token in its own blocks, and nothing is taken back by a difference of sums over more than that.
 */
import {
  type Content,
  contentCarries,
  type Forward,
  type Hierarchy,
  halves,
  levelsInside,
  nodeCarries,
  readings,
} from './channel-forward.ts';
import type { Operand, Resident } from './kernel.ts';
import { add } from './kernels/add.ts';
import { channelChunkSums } from './kernels/channel-chunk-sums.ts';
import { channelContentLevels } from './kernels/channel-content-levels.ts';
import { channelContentQueries } from './kernels/channel-content-queries.ts';
import { channelCrossings } from './kernels/channel-crossings.ts';
import { channelDecayGradients } from './kernels/channel-decay-gradients.ts';
import { channelFinalContentSpanned } from './kernels/channel-final-content-spanned.ts';
import { channelFinalKeys } from './kernels/channel-final-keys.ts';
import { channelFinalNodeGradients } from './kernels/channel-final-node-gradients.ts';
import { channelFinalSpanned } from './kernels/channel-final-spanned.ts';
import { channelFinalStateGradients } from './kernels/channel-final-state-gradients.ts';
import { channelFinalValues } from './kernels/channel-final-values.ts';
import { channelGroupSums } from './kernels/channel-group-sums.ts';
import { channelLeafGradients } from './kernels/channel-leaf-gradients.ts';
import { channelLeafKeys } from './kernels/channel-leaf-keys.ts';
import { channelLeafValues } from './kernels/channel-leaf-values.ts';
import { channelNodeGradients } from './kernels/channel-node-gradients.ts';
import { channelOwnGradients } from './kernels/channel-own-gradients.ts';
import { channelPulls } from './kernels/channel-pulls.ts';
import { channelReaders } from './kernels/channel-readers.ts';
import { channelSides } from './kernels/channel-sides.ts';
import { channelSlotLevels } from './kernels/channel-slot-levels.ts';
import { channelSlotQueries } from './kernels/channel-slot-queries.ts';
import { channelSlotScaled } from './kernels/channel-slot-scaled.ts';
import { channelSources } from './kernels/channel-sources.ts';
import { channelSpanned } from './kernels/channel-spanned.ts';
import { channelStateGradients } from './kernels/channel-state-gradients.ts';
import { lambdaInside } from './kernels/lambda-inside.ts';
import { laterChunks } from './kernels/later-chunks.ts';
import { valueGradients } from './kernels/value-gradients.ts';
import { weightGradients } from './kernels/weight-gradients.ts';
import { weights } from './kernels/weights.ts';
import { zeros } from './kernels/zeros.ts';
import { type Call, type Gradients, inTurn, type Operands } from './step.ts';

/** Gradients while they are added up. */
interface Sums {
  /** [T][H·K]: from inside chunks, and from outside */
  ownQ: Resident;
  ownK: Resident;
  farQ: Resident;
  farK: Resident;
  /** [T][H·V] */
  v: Resident;
  /** [T][H·K]: from inside chunks */
  g: Resident;
  /** [chunks][H·K]: what each decay of a chunk has of segments that span the chunk */
  spanned: Resident;
  /** [T][H·L]; null for a flat system, which has no level scales */
  lambda: Resident | null;
  state?: Resident;
}

/** What is given: the gradients by the outputs and, or not, by the final state. */
interface Given {
  dO: Operand;
  dState: Operand | null;
}

/** Pairs of tokens in one chunk. */
async function insideBackward(
  call: Call,
  x: Operands,
  f: Forward,
  { dO }: Given,
): Promise<Omit<Sums, 'farQ' | 'farK' | 'spanned'>> {
  const { run, plan } = call;
  const { H, C, K, V, L, lifted } = plan.sizes;
  const { tokens, token, bits, block } = plan;
  const size = [H * K, tokens];
  const dP = await run('pair-gradients', weightGradients, [H * C, tokens], dO, x.v, token);
  const dA = await run('score-gradients', weights, [H * C, tokens], dP, x.lambda, token, bits);
  const v = await run('value-gradients', valueGradients, [H * V, tokens], f.weights, dO, token);
  let ownQ = await run('own-q', channelOwnGradients, size, dA, x.k, token, x.scale);
  let ownK = await run('own-k', channelOwnGradients, size, dA, x.q, token, x.scale);
  let g = await run('zero-g', zeros, size);
  for (const b of levelsInside(call)) {
    const half = await halves(call, x, b);
    const pull = await run('pull', channelPulls, size, dA, x.q, x.k, half, token, block, b, x.scale);
    ownQ = await run(inTurn('sum-q', b), channelSides, size, ownQ, pull, token, block, b, 1);
    ownK = await run(inTurn('sum-k', b), channelSides, size, ownK, pull, token, block, b, 0);
    g = await run(inTurn('sum-g', b), channelCrossings, size, g, pull, x.q, x.k, token, block, b);
  }
  const lambda = lifted
    ? await run('level-gradients', lambdaInside, [H * L, tokens], dP, f.scores, token, block)
    : null;
  return { ownQ, ownK, g, v, lambda };
}

/** The incoming state: what is read of it, and its own gradient. */
async function contentBackward(call: Call, x: Operands, f: Forward, content: Content, d: Sums, { dO, dState }: Given) {
  const { run, plan } = call;
  const { H, K, V, L } = plan.sizes;
  const { tokens, token, chunk, chunks, sequence, sequences } = plan;
  const { reading } = content;
  const { q, lambda, stateLevels: levels } = x;
  const [state, table, own] = [x.state, x.content, x.contentOfState] as Operand[];
  const [rows, states] = [
    [H * K, chunks],
    [V, H * levels * K, sequences],
  ];
  const read = [state, dO, reading, lambda, table, token];
  d.farQ = await run('content-queries', channelContentQueries, [H * K, tokens], ...read, levels);
  const reader = await run('content-reader', channelChunkSums, rows, q, d.farQ, chunk);
  d.spanned = await run('content-spanned', laterChunks, rows, reader, chunk);
  d.state = await run('state', channelStateGradients, states, q, reading, lambda, dO, own, sequence, levels);
  if (d.lambda) {
    const operands = [d.lambda, q, reading, state, dO, table, token];
    d.lambda = await run('content-levels', channelContentLevels, [H * L, tokens], ...operands, levels);
  }
  if (dState) {
    const carry = await contentCarries(call, f, content);
    const spanning = [d.spanned, state, dState, carry, own, chunk];
    d.spanned = await run('final-content-spanned', channelFinalContentSpanned, rows, ...spanning, levels);
    const ending = [d.state, dState, carry, own, sequence];
    d.state = await run('final-state', channelFinalStateGradients, states, ...ending, levels);
  }
}

/** The gradients by queries and level scales of what tokens read at slot e. Returns its sums over each chunk, [chunks][H·K]. */
async function queriesBackward(
  call: Call,
  x: Operands,
  node: Resident,
  reading: Resident,
  e: number,
  d: Sums,
  dO: Operand,
) {
  const { run, plan } = call;
  const { H, K, L } = plan.sizes;
  const { tokens, token, chunk, chunks, reads } = plan;
  const size = [H * K, tokens];
  const query = await run('slot-queries', channelSlotQueries, size, node, dO, reading, token, reads, e);
  const scaled = await run('slot-scaled', channelSlotScaled, size, query, x.lambda, token, reads, e);
  d.farQ = await run(inTurn('far-q', e), add, size, d.farQ, scaled);
  if (d.lambda) {
    const operands = [d.lambda, query, x.q, token, reads];
    d.lambda = await run(inTurn('slot-levels', e), channelSlotLevels, [H * L, tokens], ...operands, e);
  }
  return run('slot-reader', channelChunkSums, [H * K, chunks], x.q, scaled, chunk);
}

/** What chunks read of earlier chunks, one slot after the other. Returns the gradient by the leaves. */
async function hierarchyBackward(call: Call, x: Operands, f: Forward, y: Hierarchy, d: Sums, { dO, dState }: Given) {
  const { run, plan } = call;
  const { H, K, V } = plan.sizes;
  const { slots, node, nodes, chunk, chunks, reads, within } = plan;
  const carry = dState && (await nodeCarries(call, f, y));
  const [rows, leaves, states] = [
    [H * K, chunks],
    [V, H * K, chunks],
    [V, H * K, nodes],
  ];
  let dLeaf = await run('zero-leaf', zeros, leaves);
  for (let e = 0; e < slots; e++) {
    const reading = await readings(call, x, f.prefix, y, e);
    const reader = await queriesBackward(call, x, y.node, reading, e, d, dO);
    const given = await run('readers', channelReaders, leaves, x.q, reading, x.lambda, dO, chunk, reads, e);
    let dNode = await run('node-gradients', channelNodeGradients, states, given, node, e);
    if (dState && carry) {
      const ending = [dNode, dState, carry, node, chunk];
      dNode = await run('final-node-gradients', channelFinalNodeGradients, states, ...ending, e);
      const spanning = [d.spanned, y.node, dState, carry, reads, chunk];
      d.spanned = await run(inTurn('final-spanned', e), channelFinalSpanned, rows, ...spanning, e);
    }
    dLeaf = await run(inTurn('leaf-gradients', e), channelLeafGradients, leaves, dLeaf, dNode, y.reach, within, e);
    const source = await run('sources', channelSources, rows, y.leaf, dNode, y.reach, within, e);
    const spanning = [d.spanned, source, reader, within, reads, node];
    d.spanned = await run(inTurn('spanned', e), channelSpanned, rows, ...spanning, e);
  }
  return dLeaf;
}

export async function channelBackward(
  call: Call,
  x: Operands,
  f: Forward,
  dO: Operand,
  dState: Operand | null,
): Promise<Gradients> {
  const { run, plan } = call;
  const { H, G, K, V } = plan.sizes;
  const { tokens, token, chunk, chunks, finalLevel } = plan;
  const given = { dO, dState };
  const size = [H * K, tokens];
  const far = await run('zero-far', zeros, size);
  const spanned = await run('zero-spanned', zeros, [H * K, chunks]);
  const d: Sums = { ...(await insideBackward(call, x, f, given)), farQ: far, farK: far, spanned };
  if (f.content) await contentBackward(call, x, f, f.content, d, given);
  if (f.hierarchy) {
    const dLeaf = await hierarchyBackward(call, x, f, f.hierarchy, d, given);
    d.farK = await run('leaf-keys', channelLeafKeys, size, x.v, f.tail, dLeaf, token);
    d.v = await run('leaf-values', channelLeafValues, [H * V, tokens], d.v, x.k, f.tail, dLeaf, token);
  }
  if (dState) {
    const operands = [f.tail, dState, finalLevel, token, chunk];
    d.farK = await run('final-keys', channelFinalKeys, size, d.farK, x.v, ...operands);
    d.v = await run('final-values', channelFinalValues, [H * V, tokens], d.v, x.k, ...operands);
  }
  return {
    q: await run('q', channelGroupSums, [G * K, tokens], d.ownQ, d.farQ),
    k: await run('k', channelGroupSums, [G * K, tokens], d.ownK, d.farK),
    v: d.v,
    g: await run('g', channelDecayGradients, size, d.g, d.spanned, d.farQ, d.farK, x.q, x.k, token),
    lambda: d.lambda ?? undefined,
    initialState: d.state,
  };
}
