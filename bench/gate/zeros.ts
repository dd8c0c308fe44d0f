/**
 * A program under the gate that does nothing: zeros of the right shapes, at once. What a run with it takes is the gate's own time.
 * Says what its answers took, call by call, in the file that BENCH_TIMES names.
 */
import { readSync, writeFileSync, writeSync } from 'node:fs';
import { elements } from '../../reference/tensor.ts';

const LARGEST_READ = 2 ** 20;
/** Zeros to answer with; grows with the largest answer. */
let zeros = Buffer.alloc(2 ** 20);

export interface Header {
  name: string;
  shape: number[];
}

interface Question {
  id: number;
  case: { system: string; cuSeqlens?: number[] };
  tensors: Header[];
}

/** The tensors that answer a case, in float64. */
export function answersOf({ case: { system, cuSeqlens }, tensors }: Pick<Question, 'case' | 'tensors'>): Header[] {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const [B, , H, V] = shapes.get('v') as number[];
  const [, , , K] = shapes.get('k') as number[];
  const L = shapes.get('lambda')?.[3] ?? 1;
  const answers: Header[] = [{ name: 'o', shape: shapes.get('v') as number[] }];
  const n = cuSeqlens ? cuSeqlens.length - 1 : B;
  if (system !== 'softmax') answers.push({ name: 'finalState', shape: [n, H, L, K, V] });
  if (shapes.has('cotangents.o')) {
    const inputs = tensors.filter(({ name }) => !name.startsWith('cotangents.'));
    answers.push(...inputs.map(({ name, shape }) => ({ name: `gradients.${name}`, shape })));
  }
  return answers;
}

/** Blocks until file descriptor 3 has more; false at its end. */
function read(held: { bytes: Buffer }, piece: Buffer): boolean {
  const count = readSync(3, piece);
  if (count > 0) held.bytes = Buffer.concat([held.bytes, piece.subarray(0, count)]);
  return count > 0;
}

function write(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(4, bytes, at);
}

function serve(systems: string[], times: string | undefined): void {
  const piece = Buffer.alloc(LARGEST_READ);
  const held = { bytes: Buffer.alloc(0) };
  const calls: [seconds: number][] = [];
  for (;;) {
    let end = held.bytes.indexOf(10);
    while (end < 0 && read(held, piece)) end = held.bytes.indexOf(10);
    if (end < 0) break;
    const message = JSON.parse(held.bytes.subarray(0, end).toString('utf8'));
    held.bytes = held.bytes.subarray(end + 1);
    if (message.type === 'bye') break;
    if (message.type === 'describe') {
      const able = ['gradients', 'state', 'packed', 'groups', 'structures', 'resets', 'growth', 'strongBeta'];
      const description = { type: 'description', version: 1, name: 'zeros', systems, dtypes: ['float64'] };
      write(
        Buffer.from(`${JSON.stringify({ ...description, ...Object.fromEntries(able.map((each) => [each, true])) })}\n`),
      );
      continue;
    }
    const size = (headers: Header[]): number => headers.reduce((sum, { shape }) => sum + 8 * elements(shape), 0);
    const behind = size(message.tensors);
    while (held.bytes.length < behind && read(held, piece));
    held.bytes = held.bytes.subarray(behind);
    const start = performance.now();
    const answers = answersOf(message);
    const tensors = answers.map((answer) => ({ ...answer, dtype: 'float64' }));
    const bytes = size(answers);
    if (bytes > zeros.length) zeros = Buffer.alloc(2 * bytes);
    calls.push([(performance.now() - start) / 1000]);
    const line = Buffer.from(`${JSON.stringify({ type: 'answer', id: message.id, tensors })}\n`);
    write(Buffer.concat([line, zeros.subarray(0, bytes)]));
  }
  const { user, system } = process.cpuUsage();
  if (times !== undefined) writeFileSync(times, JSON.stringify({ cpu: (user + system) / 1e6, calls }));
}

// as a program it has its systems for arguments
if (process.argv[1]?.endsWith('zeros.js')) serve(process.argv.slice(2), process.env.BENCH_TIMES);
