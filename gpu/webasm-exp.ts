/**
 * exp on webasm, written out in the code of a kernel. gpu.js calls Math.exp for it, from WebAssembly into JavaScript and back, once for
 * each of four neighbours (docs/gpujs-notes.md, 16). Here e^x = 2^n e^r with r = x - n ln 2 and |r| <= ln 2 / 2, and a polynomial for
 * e^r (Cephes, expf): within two units in the last place, as float32 libraries have it. One number and four take the same steps, so
 * they are the same numbers. Below -104 it is 0, above 89 Infinity, of NaN NaN.
 */
import type { Emitter, Generator, Node } from './webasm-generator.ts';

/** Where 2^n is in no doubt 0, or beyond the largest float32. */
const LEAST = -105;
const MOST = 89;
/** ln 2 in two parts: n times the first is exact. */
const LN2 = [0.693359375, -2.1219444e-4];
const POLYNOMIAL = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** The same steps for one number and for four. */
interface Steps {
  type: 'f32' | 'v128';
  integer: 'i32' | 'v128';
  number(value: number): Emitter;
  whole(value: number): Emitter;
  add(): Emitter;
  sub(): Emitter;
  mul(): Emitter;
  min(): Emitter;
  max(): Emitter;
  nearest(): Emitter;
  toInteger(): Emitter;
  addIntegers(): Emitter;
  subIntegers(): Emitter;
  shiftLeft(by: number): Emitter;
  shiftRight(by: number): Emitter;
  /** Bits of an integer as those of a number. */
  asNumber(): Emitter;
}

const one = (em: Emitter): Steps => ({
  type: 'f32',
  integer: 'i32',
  number: (value) => em.f32Const(value),
  whole: (value) => em.i32Const(value),
  add: () => em.f32Add(),
  sub: () => em.f32Sub(),
  mul: () => em.f32Mul(),
  min: () => em.f32Min(),
  max: () => em.f32Max(),
  nearest: () => em.f32Nearest(),
  toInteger: () => em.i32TruncSatF32S(),
  addIntegers: () => em.i32Add(),
  subIntegers: () => em.i32Sub(),
  shiftLeft: (by) => em.i32Const(by).i32Shl(),
  shiftRight: (by) => em.i32Const(by).i32ShrS(),
  asNumber: () => em.f32ReinterpretI32(),
});

const four = (em: Emitter): Steps => ({
  type: 'v128',
  integer: 'v128',
  number: (value) => em.v128ConstF32x4(value, value, value, value),
  whole: (value) => em.v128ConstI32x4(value, value, value, value),
  add: () => em.f32x4Add(),
  sub: () => em.f32x4Sub(),
  mul: () => em.f32x4Mul(),
  min: () => em.f32x4Min(),
  max: () => em.f32x4Max(),
  nearest: () => em.f32x4Nearest(),
  toInteger: () => em.i32x4TruncSatF32x4S(),
  addIntegers: () => em.i32x4Add(),
  subIntegers: () => em.i32x4Sub(),
  shiftLeft: (by) => em.i32Const(by).i32x4Shl(),
  shiftRight: (by) => em.i32Const(by).i32x4ShrS(),
  asNumber: () => em,
});

/** Puts e^x where x is. */
function emitExp(em: Emitter, steps: Steps): void {
  const [n, r, k] = [em.addLocal(steps.type), em.addLocal(steps.type), em.addLocal(steps.integer)];
  steps.number(LEAST);
  steps.max();
  steps.number(MOST);
  steps.min().localTee(r);
  steps.number(Math.LOG2E);
  steps.mul();
  steps.nearest().localSet(n);
  em.localGet(r);
  for (const part of LN2) {
    em.localGet(n);
    steps.number(part);
    steps.mul();
    steps.sub();
  }
  em.localSet(r);
  steps.number(POLYNOMIAL[0]);
  for (const coefficient of POLYNOMIAL.slice(1)) {
    em.localGet(r);
    steps.mul();
    steps.number(coefficient);
    steps.add();
  }
  em.localGet(r);
  steps.mul().localGet(r);
  steps.mul().localGet(r);
  steps.add();
  steps.number(1);
  steps.add();
  // 2^n is two factors: n itself may be too large or too small for an exponent
  const power = (): void => {
    steps.whole(127);
    steps.addIntegers();
    steps.shiftLeft(23);
    steps.asNumber();
    steps.mul();
  };
  em.localGet(n);
  steps.toInteger().localTee(k);
  steps.shiftRight(1);
  power();
  em.localGet(k).localGet(k);
  steps.shiftRight(1);
  steps.subIntegers();
  power();
}

const isNumber = (generator: Generator, node: Node): boolean => ['Number', 'Float'].includes(generator.getType(node));

const taught = new WeakSet<object>();

/** Teaches gpu.js's generator of code; once, however often it is called. */
export function teachExp({ WebAssemblyFunctionNode }: { WebAssemblyFunctionNode: unknown }): void {
  const { prototype } = WebAssemblyFunctionNode as { prototype: Generator };
  if (taught.has(prototype)) return;
  taught.add(prototype);
  const { emitMathCall, vMathCall } = prototype;

  prototype.emitMathCall = function exp(this: Generator, name, node) {
    const [x] = node.arguments as Node[];
    if (name !== 'exp' || !isNumber(this, x)) return emitMathCall.call(this, name, node);
    this.coerce(this.expression(x), 'f32');
    emitExp(this.em, one(this.em));
    return 'f32';
  };

  prototype.vMathCall = function expOfFour(this: Generator, name, node) {
    const [x] = node.arguments as Node[];
    if (name !== 'exp' || !isNumber(this, x)) return vMathCall.call(this, name, node);
    this.vCoerce(this.vexpr(x), 'vf32');
    emitExp(this.em, four(this.em));
    return 'vf32';
  };
}
