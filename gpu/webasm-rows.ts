/**
 * Where a thread on webasm computes four numbers, they go into four rows. gpu.js puts them beside each other (docs/gpujs-notes.md, 17), so
 * four neighbours' numbers are stored one by one, and what reads a row of them finds every fourth number. This is for bodies of kernel.ts
 * alone, which Device marks by their last argument.
 */
import type { Emitter, Generator } from './webasm-generator.ts';

/** The last argument of a body: rows, or layers, that are computed. */
export const ROWS_ASKED = 'rowsAsked';

const NUMBERS = 4;
const BYTES = 4;

const isOurs = ({ argumentNames }: Generator): boolean => argumentNames.at(-1) === ROWS_ASKED;

/** Leaves where the first of a thread's numbers goes: its row is the first of four. */
const emitPlace = (em: Emitter, { dataIndex, threadX }: { dataIndex: number; threadX: number }): Emitter =>
  em
    .globalGet(dataIndex)
    .i32Const(NUMBERS)
    .i32Mul()
    .globalGet(threadX)
    .i32Const(NUMBERS - 1)
    .i32Mul()
    .i32Sub()
    .i32Const(Math.log2(BYTES))
    .i32Shl();

const taught = new WeakSet<object>();

/** Teaches gpu.js's generator of code; once, however often it is called. */
export function teachRows({ WebAssemblyFunctionNode }: { WebAssemblyFunctionNode: unknown }): void {
  const { prototype } = WebAssemblyFunctionNode as { prototype: Generator };
  if (taught.has(prototype)) return;
  taught.add(prototype);
  const { emitComponentAddress, vStoreOutput } = prototype;

  prototype.emitComponentAddress = function place(this: Generator, dataIndex, numbers, number) {
    if (numbers !== NUMBERS || !this.assembler || !isOurs(this)) {
      emitComponentAddress.call(this, dataIndex, numbers, number);
      return;
    }
    emitPlace(this.em, this.assembler.globals)
      .i32Const(number * this.output[0] * BYTES)
      .i32Add();
  };

  prototype.vStoreOutput = function store(this: Generator, numbers) {
    if (numbers.length !== NUMBERS || !isOurs(this)) {
      vStoreOutput.call(this, numbers);
      return;
    }
    if (this.vMaskDepth > 0 || this.vRetMask !== -1) {
      throw new Error('webasm: a thread that computes four numbers returns them where its neighbours do');
    }
    const { em, assembler, output } = this;
    const place = em.addLocal('i32');
    emitPlace(em, assembler.globals).localSet(place);
    numbers.forEach((number, row) => {
      em.localGet(place)
        .localGet(number)
        .v128Store(assembler.layout.outputOffset + row * output[0] * BYTES, 2);
    });
  };
}
