// The program's side of the gate's protocol (docs/protocol.md) for Node, one file without dependencies: copy it beside your code.
//
//   import { serve } from './lla-adapter.mjs';
//   serve({ name: 'my kernel', systems: ['mamba2'], dtypes: ['float32'], gradients: true }, async (c) => {
//     // c.system, c.scale, c.position, c.cuSeqlens, c.structure, c.chunkSize, c.dtype; c.inputs.q.shape, c.inputs.q.data, …
//     // c.intermediates: names of steps on the way that lla debug asks for, out of the description's `intermediates`
//     return { o: { shape, data }, finalState: { shape, data }, gradients: { q: { shape, data } }, intermediates: { states: { shape, data } } };
//   });
//
// Tensors are row-major. Data come as Float64Array, Float32Array or, for float16 and bfloat16, as a Float32Array of the same values, and
// are answered as any of the first two. What is printed breaks nothing: messages have pipes of their own.
import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const VERSION = 1;
const BYTES = { float64: 8, float32: 4, float16: 2, bfloat16: 2 };

function fromBits16(bits, dtype) {
  if (dtype === 'bfloat16') return new Float32Array(new Uint32Array([bits << 16]).buffer)[0];
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

function decode(bytes, dtype) {
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  if (dtype === 'float64') return new Float64Array(copy);
  if (dtype === 'float32') return new Float32Array(copy);
  return Float32Array.from(new Uint16Array(copy), (bits) => fromBits16(bits, dtype));
}

/** Lines, and numbers of bytes, of a stream. */
async function* reader(stream) {
  let rest = Buffer.alloc(0);
  let wanted = yield;
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const end = wanted === 'line' ? rest.indexOf(10) + 1 : rest.length >= wanted ? wanted : -1;
      if (wanted === 'line' ? end === 0 : end < 0) break;
      const piece = rest.subarray(0, end);
      rest = rest.subarray(end);
      wanted = yield piece;
    }
  }
}

function send(message, parts = []) {
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), ...parts]);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(4, bytes, at);
    } catch (error) {
      // the pipe is full for the moment
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function answer(id, { o, finalState, gradients = {}, intermediates = {} }, shown) {
  const named = [
    ['o', o],
    ['finalState', finalState],
  ].filter(([, value]) => value !== undefined);
  for (const [name, value] of Object.entries(gradients)) named.push([`gradients.${name}`, value]);
  for (const name of shown) if (intermediates[name]) named.push([`intermediates.${name}`, intermediates[name]]);
  const tensors = named.map(([name, { shape, data }]) => {
    if (data instanceof Float64Array || data instanceof Float32Array) {
      return { name, dtype: data instanceof Float64Array ? 'float64' : 'float32', shape: [...shape] };
    }
    throw new TypeError(`${name}.data has to be a Float64Array or a Float32Array`);
  });
  send(
    { type: 'answer', id, tensors },
    named.map(([, { data }]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
}

/**
 * Answers the gate until it says good-bye.
 * @param description what docs/protocol.md asks for (`large: false` where cases of the sizes of real kernels take too long); version is filled in
 * @param answerCase (case) => answer, or a promise of one; what it throws is the case's error
 */
export async function serve(description, answerCase) {
  try {
    fstatSync(3);
    fstatSync(4);
  } catch {
    console.error(`This program is started by the gate: npx lla gate -- node ${process.argv[1]}`);
    process.exit(2);
  }
  const pieces = reader(new Socket({ fd: 3, readable: true, writable: false }));
  await pieces.next();
  const take = async (wanted) => (await pieces.next(wanted)).value;
  for (;;) {
    const line = await take('line');
    if (line === undefined) process.exit(0);
    const message = JSON.parse(line.toString('utf8'));
    const tensors = {};
    for (const { name, dtype, shape } of message.tensors ?? []) {
      const bytes = shape.reduce((product, size) => product * size, BYTES[dtype]);
      tensors[name] = { shape, dtype, data: decode(bytes > 0 ? await take(bytes) : Buffer.alloc(0), dtype) };
    }
    if (message.type === 'bye') process.exit(0);
    if (message.type === 'describe') send({ type: 'description', version: VERSION, ...description });
    if (message.type !== 'case') continue;
    const { 'cotangents.o': o, 'cotangents.finalState': finalState, ...inputs } = tensors;
    const intermediates = message.intermediates ?? [];
    const c = { ...message.case, dtype: message.dtype, inputs, intermediates, cotangents: o && { o, finalState } };
    try {
      answer(message.id, await answerCase(c), intermediates);
    } catch (error) {
      send({ type: 'error', id: message.id, message: String(error?.stack ?? error).slice(0, 10000) });
    }
  }
}
