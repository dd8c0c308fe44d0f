/**
 * The chunked form for scalar decays: linear attention, retention, Mamba-2. The steps are those of reference/chunked.ts, all chunks, heads
 * and levels of a step at once.
 */
import type { Operand, Resident } from './kernel.ts';
import { addRows } from './kernels/add-rows.ts';
import { between } from './kernels/between.ts';
import { carries } from './kernels/carries.ts';
import { chunkKeys } from './kernels/chunk-keys.ts';
import { coefficients } from './kernels/coefficients.ts';
import { contentCarries } from './kernels/content-carries.ts';
import { contentCoefficients } from './kernels/content-coefficients.ts';
import { contentReadings } from './kernels/content-readings.ts';
import { dotRows } from './kernels/dot-rows.ts';
import { finalContent } from './kernels/final-content.ts';
import { finalNodes } from './kernels/final-nodes.ts';
import { finalTokens } from './kernels/final-tokens.ts';
import { inside } from './kernels/inside.ts';
import { leafRows } from './kernels/leaf-rows.ts';
import { leaves } from './kernels/leaves.ts';
import { nodes } from './kernels/nodes.ts';
import { prefixes } from './kernels/prefixes.ts';
import { reach } from './kernels/reach.ts';
import { read } from './kernels/read.ts';
import { readContent } from './kernels/read-content.ts';
import { readRows } from './kernels/read-rows.ts';
import { readings } from './kernels/readings.ts';
import { scores } from './kernels/scores.ts';
import { scoresOfRows } from './kernels/scores-of-rows.ts';
import { starts } from './kernels/starts.ts';
import { suffixes } from './kernels/suffixes.ts';
import { tails } from './kernels/tails.ts';
import { weights } from './kernels/weights.ts';
import { type RowBlocks, rowBlocksOf } from './plan.ts';
import type { Call, Operands } from './step.ts';

/** Log decays inside chunks and their exponentials. */
export interface Decays {
  prefix: Resident;
  suffix: Resident;
  tail: Resident;
}

/** What chunks read of earlier chunks. */
export interface Hierarchy {
  leaf: Resident;
  node: Resident;
  reach: Resident;
  between: Resident;
  reading: Resident;
  coefficient: Resident;
}

/** What tokens read of the incoming state. */
export interface Content {
  start: Resident;
  reading: Resident;
  coefficient: Resident;
}

export interface Forward {
  decays: Decays;
  scores: Resident;
  weights: Resident;
  hierarchy: Hierarchy | null;
  content: Content | null;
  /** [T][H·V] */
  o: Resident;
}

export async function decaysOf({ plan, run }: Call, { g }: Operands): Promise<Decays> {
  const { tokens, token, block, sizes } = plan;
  const size = [sizes.H * sizes.blocks, tokens];
  const prefix = await run('prefix', prefixes, size, g, token, block);
  const suffix = await run('suffix', suffixes, size, g, token, block);
  return { prefix, suffix, tail: await run('tail', tails, [sizes.H, tokens], suffix) };
}

/** Four rows of a result a thread: where that is possible, and four divide the key's channels. */
const byFour = ({ computesFour, plan }: Call): boolean => computesFour && plan.sizes.K % 4 === 0;

async function leavesOf(call: Call, x: Operands, tail: Resident): Promise<Resident> {
  const { run, plan } = call;
  const { H, K, V } = plan.sizes;
  const { chunk, chunks } = plan;
  if (!byFour(call)) return run('leaf', leaves, [V, H * K, chunks], x.k, x.v, tail, chunk);
  return run('leaf', leafRows, [V, (H * K) / 4, chunks], x.k, x.v, tail, chunk);
}

async function scoresOf(
  { run, plan }: Call,
  x: Operands,
  { prefix, suffix }: Decays,
  four: RowBlocks | null,
): Promise<Resident> {
  const { H, G, K, C } = plan.sizes;
  const { tokens, token, bits } = plan;
  const size = [H * C, tokens];
  const keys = await run('chunk-keys', chunkKeys, [C, G * K, plan.chunks], x.k, plan.chunk, token);
  if (!four) return run('scores', scores, size, x.q, keys, prefix, suffix, token, bits, x.scale);
  const dots = await run('dot-rows', dotRows, [H * C, four.blocks], x.q, keys, token, four.rows);
  return run('scores', scoresOfRows, size, dots, prefix, suffix, token, four.place, bits, x.scale);
}

async function hierarchyOf(call: Call, x: Operands, { prefix, tail }: Decays): Promise<Hierarchy> {
  const { run, plan } = call;
  const { H, K, V } = plan.sizes;
  const { slots, chunk, within, node, token, reads, tokens, chunks } = plan;
  const leaf = await leavesOf(call, x, tail);
  const ahead = await run('reach', reach, [H * slots, chunks], prefix, chunk, within, node, slots);
  const state = await run('node', nodes, [V, H * K, plan.nodes], leaf, ahead, node, slots);
  const gap = await run('between', between, [H * slots, chunks], prefix, chunk, reads, node, slots);
  const size = [H * slots, tokens];
  const reading = await run('reading', readings, size, prefix, gap, token, reads, slots, x.scale);
  const coefficient = await run('coefficient', coefficients, size, reading, x.lambda, token, reads, slots);
  return { leaf, node: state, reach: ahead, between: gap, reading, coefficient };
}

async function contentOf({ run, plan }: Call, x: Operands, { prefix }: Decays): Promise<Content | null> {
  if (x.content === null) return null;
  const { H } = plan.sizes;
  const size = [H * x.stateLevels, plan.tokens];
  const start = await run('start', starts, [H, plan.chunks], prefix, plan.chunk);
  const reading = await run(
    'content-reading',
    contentReadings,
    size,
    prefix,
    start,
    plan.token,
    x.stateLevels,
    x.scale,
  );
  const coefficient = await run(
    'content-coefficient',
    contentCoefficients,
    size,
    reading,
    x.lambda,
    x.content,
    x.stateLevels,
  );
  return { start, reading, coefficient };
}

export async function scalarForward(call: Call, x: Operands): Promise<Forward> {
  const { run, plan } = call;
  const { H, C, V } = plan.sizes;
  const { tokens, token, bits, reads, slots } = plan;
  const decays = await decaysOf(call, x);
  const four = byFour(call) ? rowBlocksOf(plan) : null;
  const score = await scoresOf(call, x, decays, four);
  const weight = await run('weights', weights, [H * C, tokens], score, x.lambda, token, bits);
  let o = await run('inside', inside, [H * V, tokens], weight, x.v, token);
  const hierarchy = slots > 0 ? await hierarchyOf(call, x, decays) : null;
  if (hierarchy && four) {
    const { node, coefficient } = hierarchy;
    const size = [H * V, four.blocks];
    const rows = await run('read-rows', readRows, size, x.q, node, coefficient, token, four.rows, reads, slots);
    o = await run('read', addRows, [H * V, tokens], o, rows, four.place);
  } else if (hierarchy) {
    o = await run('read', read, [H * V, tokens], o, x.q, hierarchy.node, hierarchy.coefficient, token, reads, slots);
  }
  const content = await contentOf(call, x, decays);
  if (content) {
    const { coefficient } = content;
    o = await run(
      'read-content',
      readContent,
      [H * V, tokens],
      o,
      x.q,
      x.state as Operand,
      coefficient,
      token,
      x.stateLevels,
    );
  }
  return { decays, scores: score, weights: weight, hierarchy, content, o };
}

/** The state after the last token of each sequence, [n][H·L·K][V]; zeros where a sequence is empty. */
export async function scalarState(call: Call, x: Operands, f: Forward): Promise<Resident> {
  const { run, plan } = call;
  const { H, L, K, V } = plan.sizes;
  const { sequence, reads, slots, sequences } = plan;
  const { prefix, tail } = f.decays;
  const size = [V, H * L * K, sequences];
  let state = await run('final-tokens', finalTokens, size, x.k, x.v, tail, plan.finalTokens);
  if (f.hierarchy) {
    const { between, node } = f.hierarchy;
    const carry = await run('carry', carries, [H * slots, sequences], prefix, between, sequence, reads, slots);
    state = await run('final-nodes', finalNodes, size, state, node, carry, sequence, reads, slots);
  }
  if (f.content) {
    const carry = await run('content-carry', contentCarries, [H, sequences], prefix, f.content.start, sequence);
    state = await run(
      'final-content',
      finalContent,
      size,
      state,
      x.state as Operand,
      carry,
      x.contentOfState as Operand,
      sequence,
      x.stateLevels,
    );
  }
  return state;
}
