/**
 * The backward pass of scalar-forward.ts. What a pair of a source s and a reader t gives to a decay g_r, t >= r > s, is summed over such
 * pairs, in groups by where they lie, never as a difference of two larger sums.
 */
import type { Operand, Resident } from './kernel.ts';
import { add } from './kernels/add.ts';
import { addHeads } from './kernels/add-heads.ts';
import { addReading } from './kernels/add-reading.ts';
import { chunkSums } from './kernels/chunk-sums.ts';
import { contentCarries } from './kernels/content-carries.ts';
import { contentCoefficients } from './kernels/content-coefficients.ts';
import { contentDots } from './kernels/content-dots.ts';
import { contentFromEnd } from './kernels/content-from-end.ts';
import { contentGradients } from './kernels/content-gradients.ts';
import { contentToEnd } from './kernels/content-to-end.ts';
import { crossings } from './kernels/crossings.ts';
import { decayGradients } from './kernels/decay-gradients.ts';
import { earlierChunks } from './kernels/earlier-chunks.ts';
import { ends } from './kernels/ends.ts';
import { finalKeys } from './kernels/final-keys.ts';
import { finalTails } from './kernels/final-tails.ts';
import { finalValues } from './kernels/final-values.ts';
import { joinParts } from './kernels/join-parts.ts';
import { keyGradients } from './kernels/key-gradients.ts';
import { lambdaContent } from './kernels/lambda-content.ts';
import { lambdaInside } from './kernels/lambda-inside.ts';
import { lambdaSlots } from './kernels/lambda-slots.ts';
import { laterChunks } from './kernels/later-chunks.ts';
import { leafGradients } from './kernels/leaf-gradients.ts';
import { leafKeys } from './kernels/leaf-keys.ts';
import { leafValues } from './kernels/leaf-values.ts';
import { project } from './kernels/project.ts';
import { projectContent } from './kernels/project-content.ts';
import { queryDots } from './kernels/query-dots.ts';
import { queryGradients } from './kernels/query-gradients.ts';
import { readerDots } from './kernels/reader-dots.ts';
import { rights } from './kernels/rights.ts';
import { rowCrossings } from './kernels/row-crossings.ts';
import { scoreGradients } from './kernels/score-gradients.ts';
import { slotDots } from './kernels/slot-dots.ts';
import { sourceColumns } from './kernels/source-columns.ts';
import { sourceDots } from './kernels/source-dots.ts';
import { transpose } from './kernels/transpose.ts';
import { valueDots } from './kernels/value-dots.ts';
import { valueGradients } from './kernels/value-gradients.ts';
import { weightGradients } from './kernels/weight-gradients.ts';
import { wholeCrossings } from './kernels/whole-crossings.ts';
import { zeros } from './kernels/zeros.ts';
import type { Content, Forward, Hierarchy } from './scalar-forward.ts';
import { type Call, type Gradients, inTurn, type Operands } from './step.ts';

/** What one kind of source gives to the gradients, beside what is inside chunks. Rows [H·K] are by head. */
interface Part {
  /** [T][H·K] */
  q?: Resident;
  k?: Resident;
  /** [T][H·V] */
  v?: Resident;
  /** [T][H]: q · dq and k · dk of what crosses the beginning and the end of a chunk */
  queryDots?: Resident;
  keyDots?: Resident;
  /** [chunks][H]: what crosses a whole chunk */
  whole?: Resident;
  /** [T][H·slots], dots by slot for dlambda */
  dots?: Resident;
}

/** Dots and query gradients, slot by slot: z is what a slot's state gives. */
async function bySlot(
  { run, plan }: Call,
  name: string,
  slots: number,
  x: Operands,
  { reading, coefficient }: { reading: Resident; coefficient: Resident },
  z: (e: number) => Promise<Resident>,
): Promise<{ dots: Resident; q: Resident }> {
  const { H, K } = plan.sizes;
  let dots = reading;
  let q: Resident | null = null;
  for (let e = 0; e < slots; e++) {
    const projected = await z(e);
    dots = await run(
      inTurn(`${name}-dots`, e),
      slotDots,
      [H * slots, plan.tokens],
      dots,
      x.q,
      projected,
      reading,
      e,
      slots,
    );
    q = await run(
      inTurn(`${name}-queries`, e),
      addReading,
      [H * K, plan.tokens],
      q ?? projected,
      projected,
      coefficient,
      e,
      slots,
    );
  }
  return { dots, q: q as Resident };
}

async function hierarchyBackward(call: Call, x: Operands, f: Forward, s: Hierarchy, dO: Operand): Promise<Part> {
  const { run, plan } = call;
  const { H, K, V } = plan.sizes;
  const { slots, token, reads, within, node, chunk, tokens, chunks } = plan;
  const { tail } = f.decays;
  const transposed = await run('node-transposed', transpose, [K, H * V, plan.nodes], s.node);
  const { dots, q } = await bySlot(call, 'slot', slots, x, s, (e) =>
    run('project', project, [H * K, tokens], transposed, dO, token, reads, e),
  );
  const parts = await run('dnode-parts', rights, [V, H * K, plan.parts], x.q, dO, s.coefficient, plan.part, slots);
  const dNode = await run('dnode', joinParts, [V, H * K, plan.nodes], parts, node);
  const dLeaf = await run('dleaf', leafGradients, [V, H * K, chunks], dNode, s.reach, within, slots);
  const v = await run('leaf-values', leafValues, [H * V, tokens], x.k, tail, dLeaf, token);
  const dLeafTransposed = await run('dleaf-transposed', transpose, [K, H * V, chunks], dLeaf);
  const k = await run('leaf-keys', leafKeys, [H * K, tokens], x.v, tail, dLeafTransposed, token);
  const queries = await run('query-dots', queryDots, [H, tokens], dots, x.lambda, token, reads, slots);
  const keys = await run('key-dots', valueDots, [H, tokens], x.v, v);
  const columns = await run(
    'source-columns',
    sourceColumns,
    [V, H * slots, chunks],
    s.leaf,
    dNode,
    s.reach,
    within,
    slots,
  );
  const source = await run('source-dots', sourceDots, [H * slots, chunks], columns);
  const reader = await run('reader-dots', readerDots, [H * slots, chunks], dots, x.lambda, chunk, reads, slots);
  const whole = await run('whole', wholeCrossings, [H, chunks], source, reader, within, reads, node, slots);
  return { q, k, v, queryDots: queries, keyDots: keys, whole, dots };
}

async function contentBackward(call: Call, x: Operands, c: Content, dO: Operand): Promise<Part> {
  const { run, plan } = call;
  const { H, K } = plan.sizes;
  const { token, chunk, tokens, chunks } = plan;
  const levels = x.stateLevels;
  const { dots, q } = await bySlot(call, 'content', levels, x, c, (l) =>
    run('project-content', projectContent, [H * K, tokens], x.state as Operand, dO, token, l, levels),
  );
  const queries = await run(
    'content-query-dots',
    contentDots,
    [H, tokens],
    dots,
    x.lambda,
    x.content as Operand,
    levels,
  );
  const sums = await run('content-chunk-sums', chunkSums, [H, chunks], queries, chunk);
  const whole = await run('content-whole', laterChunks, [H, chunks], sums, chunk);
  return { q, queryDots: queries, whole, dots };
}

async function finalBackward(call: Call, x: Operands, f: Forward, dState: Operand): Promise<Part> {
  const { run, plan } = call;
  const { H, K, V } = plan.sizes;
  const { token, chunk, tokens, chunks, finalLevel } = plan;
  const end = await run('end', ends, [H, chunks], f.decays.prefix, chunk);
  const tail = await run('final-tail', finalTails, [H, tokens], f.decays.suffix, end, token);
  const v = await run('final-values', finalValues, [H * V, tokens], x.k, tail, dState, token, finalLevel);
  const k = await run('final-keys', finalKeys, [H * K, tokens], x.v, tail, dState, token, finalLevel);
  const keys = await run('final-key-dots', valueDots, [H, tokens], x.v, v);
  const sums = await run('final-chunk-sums', chunkSums, [H, chunks], keys, chunk);
  const whole = await run('final-whole', earlierChunks, [H, chunks], sums, chunk);
  return { k, v, keyDots: keys, whole };
}

/** The incoming state's own gradient, and what it hands to the final one across every chunk. */
async function stateBackward(
  { run, plan }: Call,
  x: Operands,
  f: Forward,
  c: Content,
  dO: Operand,
  dState: Operand | null,
): Promise<{ initialState: Resident; part: Part }> {
  const { H, K, V } = plan.sizes;
  const { sequence, sequences, chunk, chunks, tokens } = plan;
  const levels = x.stateLevels;
  const content = x.contentOfState as Operand;
  const size = [V, H * levels * K, sequences];
  const coefficient = await run(
    'state-coefficient',
    contentCoefficients,
    [H * levels, tokens],
    c.reading,
    x.lambda,
    content,
    levels,
  );
  let initialState = await run('dstate', contentGradients, size, x.q, dO, coefficient, sequence, levels);
  if (!dState) return { initialState, part: {} };
  const carry = await run('dstate-carry', contentCarries, [H, sequences], f.decays.prefix, c.start, sequence);
  initialState = await run('dstate-end', contentFromEnd, size, initialState, dState, carry, content, sequence, levels);
  const whole = await run(
    'content-to-end',
    contentToEnd,
    [H, chunks],
    x.state as Operand,
    dState,
    carry,
    content,
    sequence,
    chunk,
    levels,
  );
  return { initialState, part: { whole } };
}

export async function scalarBackward(
  call: Call,
  x: Operands,
  f: Forward,
  dO: Operand,
  dState: Operand | null,
): Promise<Gradients> {
  const { run, plan } = call;
  const { H, G, C, K, V, L, lifted } = plan.sizes;
  const { tokens, chunks, token, bits, block, reads, slots } = plan;
  const { prefix, suffix } = f.decays;
  const dP = await run('dweights', weightGradients, [H * C, tokens], dO, x.v, token);
  const dA = await run('dscores', scoreGradients, [H * C, tokens], dP, x.lambda, prefix, suffix, token, bits, x.scale);
  let q = await run('dq', queryGradients, [G * K, tokens], dA, x.k, token);
  let k = await run('dk', keyGradients, [G * K, tokens], dA, x.q, token);
  let v = await run('dv', valueGradients, [H * V, tokens], f.weights, dO, token);
  const rows = await run('row-crossings', rowCrossings, [H * C, tokens], dP, f.weights, token);
  let g = await run('crossings', crossings, [H, tokens], rows, token);

  const parts: Part[] = [];
  const hierarchy = f.hierarchy && (await hierarchyBackward(call, x, f, f.hierarchy, dO));
  const content = f.content && (await contentBackward(call, x, f.content, dO));
  if (hierarchy) parts.push(hierarchy);
  if (content) parts.push(content);
  if (dState) parts.push(await finalBackward(call, x, f, dState));
  const state = f.content && (await stateBackward(call, x, f, f.content, dO, dState));
  if (state) parts.push(state.part);

  /** The sum of one field of the parts; null where none has it. */
  const sumOf = async (field: keyof Part, size: number[]): Promise<Resident | null> => {
    let sum: Resident | null = null;
    for (const [i, part] of parts.entries()) {
      const next = part[field];
      if (next) sum = sum ? await run(`${field}-sum-${i}`, add, size, sum, next) : next;
    }
    return sum;
  };
  const queries = await sumOf('q', [H * K, tokens]);
  if (queries) q = await run('dq-heads', addHeads, [G * K, tokens], q, queries);
  const keys = await sumOf('k', [H * K, tokens]);
  if (keys) k = await run('dk-heads', addHeads, [G * K, tokens], k, keys);
  const values = await sumOf('v', [H * V, tokens]);
  if (values) v = await run('dv-sum', add, [H * V, tokens], v, values);
  if (parts.length > 0) {
    const byQuery = (await sumOf('queryDots', [H, tokens])) ?? (await run('no-query-dots', zeros, [H, tokens]));
    const byKey = (await sumOf('keyDots', [H, tokens])) ?? (await run('no-key-dots', zeros, [H, tokens]));
    const whole = (await sumOf('whole', [H, chunks])) ?? (await run('no-whole', zeros, [H, chunks]));
    g = await run('dg', decayGradients, [H, tokens], g, byQuery, byKey, whole, token);
  }

  const gradients: Gradients = { q, k, v, g };
  if (state) gradients.initialState = state.initialState;
  if (lifted === 0) return gradients;
  let lambda = await run('dlambda', lambdaInside, [H * L, tokens], dP, f.scores, token, block);
  if (hierarchy?.dots) {
    lambda = await run('dlambda-slots', lambdaSlots, [H * L, tokens], lambda, hierarchy.dots, token, reads, slots);
  }
  if (content?.dots) {
    const table = x.content as Operand;
    lambda = await run('dlambda-content', lambdaContent, [H * L, tokens], lambda, content.dots, table, x.stateLevels);
  }
  return { ...gradients, lambda };
}
