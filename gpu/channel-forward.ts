/**
 * The chunked form for decays that each channel has on its own: gated linear attention. The steps are those of scalar-forward.ts; a decay
 * stands inside the inner product of a query and a key, so what was one number a head is one a channel. Levels are taken one after the
 * other, so that no buffer of tokens grows with their number: O(T (K + C)) for each head, beside the states of chunks.
 */
import type { Operand, Resident } from './kernel.ts';
import { channelBetween } from './kernels/channel-between.ts';
import { channelCarries } from './kernels/channel-carries.ts';
import { channelContentReadings } from './kernels/channel-content-readings.ts';
import { channelFinalContent } from './kernels/channel-final-content.ts';
import { channelFinalNodes } from './kernels/channel-final-nodes.ts';
import { channelFinalTokens } from './kernels/channel-final-tokens.ts';
import { channelHalves } from './kernels/channel-halves.ts';
import { channelLeaves } from './kernels/channel-leaves.ts';
import { channelNodes } from './kernels/channel-nodes.ts';
import { channelOwnScores } from './kernels/channel-own-scores.ts';
import { channelPrefixes } from './kernels/channel-prefixes.ts';
import { channelReach } from './kernels/channel-reach.ts';
import { channelRead } from './kernels/channel-read.ts';
import { channelReadContent } from './kernels/channel-read-content.ts';
import { channelReadings } from './kernels/channel-readings.ts';
import { channelScores } from './kernels/channel-scores.ts';
import { channelStarts } from './kernels/channel-starts.ts';
import { channelTails } from './kernels/channel-tails.ts';
import { inside } from './kernels/inside.ts';
import { weights } from './kernels/weights.ts';
import { type Call, inTurn, type Operands } from './step.ts';

/** What chunks read of earlier chunks: scalar-forward.ts, with a decay for each channel in place of one for each head. */
export interface Hierarchy {
  leaf: Resident;
  node: Resident;
  /** [chunks][slots·H·K] */
  reach: Resident;
  between: Resident;
}

/** What tokens read of the incoming state. */
export interface Content {
  /** [chunks][H·K] */
  start: Resident;
  /** [T][H·K] */
  reading: Resident;
}

export interface Forward {
  /** [T][H·K] */
  prefix: Resident;
  tail: Resident;
  /** [T][H·C] */
  scores: Resident;
  weights: Resident;
  hierarchy: Hierarchy | null;
  content: Content | null;
  /** [T][H·V] */
  o: Resident;
}

/** The numbers of the levels inside a chunk, but for the token itself. */
export const levelsInside = ({ plan }: Call): number[] => Array.from({ length: plan.sizes.blocks - 1 }, (_, b) => b);

/** [T][H·K]: see channel-halves.ts */
export const halves = ({ run, plan }: Call, { g }: Operands, b: number): Promise<Resident> =>
  run('half', channelHalves, [plan.sizes.H * plan.sizes.K, plan.tokens], g, plan.token, plan.block, b);

/** [T][H·K]: see channel-readings.ts */
export const readings = (
  { run, plan }: Call,
  x: Operands,
  prefix: Resident,
  { between }: Hierarchy,
  e: number,
): Promise<Resident> => {
  const { token, reads, sizes, tokens } = plan;
  return run('reading', channelReadings, [sizes.H * sizes.K, tokens], prefix, between, token, reads, e, x.scale);
};

async function scoresOf(call: Call, x: Operands): Promise<Resident> {
  const { run, plan } = call;
  const { token, bits } = plan;
  const size = [plan.sizes.H * plan.sizes.C, plan.tokens];
  let score = await run('own-scores', channelOwnScores, size, x.q, x.k, token, x.scale);
  for (const b of levelsInside(call)) {
    const half = await halves(call, x, b);
    score = await run(inTurn('scores', b), channelScores, size, score, x.q, x.k, half, token, bits, b, x.scale);
  }
  return score;
}

async function hierarchyOf({ run, plan }: Call, x: Operands, prefix: Resident, tail: Resident): Promise<Hierarchy> {
  const { H, K, V } = plan.sizes;
  const { slots, chunk, within, node, reads, chunks } = plan;
  const size = [slots * H * K, chunks];
  const leaf = await run('leaf', channelLeaves, [V, H * K, chunks], x.k, x.v, tail, chunk);
  const reach = await run('reach', channelReach, size, prefix, chunk, within, node);
  const state = await run('node', channelNodes, [V, H * K, plan.nodes], leaf, reach, node);
  const between = await run('between', channelBetween, size, prefix, chunk, reads, node);
  return { leaf, node: state, reach, between };
}

async function contentOf({ run, plan }: Call, x: Operands, prefix: Resident): Promise<Content | null> {
  if (x.content === null) return null;
  const width = plan.sizes.H * plan.sizes.K;
  const start = await run('start', channelStarts, [width, plan.chunks], prefix, plan.chunk);
  const size = [width, plan.tokens];
  const reading = await run('content-reading', channelContentReadings, size, prefix, start, plan.token, x.scale);
  return { start, reading };
}

export async function channelForward(call: Call, x: Operands): Promise<Forward> {
  const { run, plan } = call;
  const { H, C, K, V } = plan.sizes;
  const { tokens, token, bits, reads, slots } = plan;
  const prefix = await run('prefix', channelPrefixes, [H * K, tokens], x.g, token);
  const tail = await run('tail', channelTails, [H * K, tokens], x.g, token);
  const scores = await scoresOf(call, x);
  const weight = await run('weights', weights, [H * C, tokens], scores, x.lambda, token, bits);
  const size = [H * V, tokens];
  let o = await run('inside', inside, size, weight, x.v, token);
  const hierarchy = slots > 0 ? await hierarchyOf(call, x, prefix, tail) : null;
  for (let e = 0; hierarchy && e < slots; e++) {
    const reading = await readings(call, x, prefix, hierarchy, e);
    o = await run(inTurn('read', e), channelRead, size, o, x.q, hierarchy.node, reading, x.lambda, token, reads, e);
  }
  const content = await contentOf(call, x, prefix);
  if (content) {
    const { reading } = content;
    const state = x.state as Operand;
    const table = x.content as Operand;
    const operands = [o, x.q, state, reading, x.lambda, table, token];
    o = await run('read-content', channelReadContent, size, ...operands, x.stateLevels);
  }
  return { prefix, tail, scores, weights: weight, hierarchy, content, o };
}

/** Decays to the end of each sequence: from the nodes that its last chunk reads, or from its start. [n][slots·H·K] and [n][H·K] */
export const nodeCarries = ({ run, plan }: Call, { prefix }: Forward, { between }: Hierarchy): Promise<Resident> => {
  const { slots, sizes, sequences, sequence } = plan;
  return run('carry', channelCarries, [slots * sizes.H * sizes.K, sequences], prefix, between, sequence);
};

export const contentCarries = ({ run, plan }: Call, { prefix }: Forward, { start }: Content): Promise<Resident> => {
  const { sizes, sequences, sequence } = plan;
  return run('content-carry', channelCarries, [sizes.H * sizes.K, sequences], prefix, start, sequence);
};

/** The state after the last token of each sequence, [n][H·L·K][V]; zeros where a sequence is empty. */
export async function channelState(call: Call, x: Operands, f: Forward): Promise<Resident> {
  const { run, plan } = call;
  const { H, L, K, V } = plan.sizes;
  const { sequence, reads, slots, finalLevel, sequences } = plan;
  const size = [V, H * L * K, sequences];
  let state = await run('final-tokens', channelFinalTokens, size, x.k, x.v, f.tail, finalLevel, sequence);
  if (f.hierarchy) {
    const carry = await nodeCarries(call, f, f.hierarchy);
    state = await run('final-nodes', channelFinalNodes, size, state, f.hierarchy.node, carry, sequence, reads, slots);
  }
  if (f.content) {
    const carry = await contentCarries(call, f, f.content);
    const operands = [state, x.state as Operand, carry, x.contentOfState as Operand, sequence];
    state = await run('final-content', channelFinalContent, size, ...operands, x.stateLevels);
  }
  return state;
}
