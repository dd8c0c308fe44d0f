/**
 * Kernels of gpu.js on webasm, all over one memory. gpu.js gives each kernel a memory of its own, so results are copied out and in between
 * kernels, and each one's threads are called by messages (docs/gpujs-notes.md, 15). Here steps are noted when they are asked for, and
 * computed together when a result is: gpu.js translates each body and assembles its module, with the places of its operands in the one
 * memory; then threads walk through all modules. A series with the same steps and sizes is assembled once.
 */
import { elements } from '../reference/tensor.ts';
import { controlWords, type Series, type Step, threadsOf, WebAssembly } from './webasm-threads.ts';

/** What is used of a gpu.js kernel that is not run by gpu.js. */
export interface Assembler {
  output: number[];
  threadDim: number[] | null;
  argumentNames: string[];
  argumentTypes: string[];
  componentCount: number;
  usedMathImports: Set<string> | null;
  setupConstants(): void;
  setupArguments(operands: unknown[]): void;
  validateSettings(operands: unknown[]): void;
  translateSource(): boolean;
  _assembleModule(
    layout: Layout,
    cells: number,
    isShared: boolean,
  ): { bytes: Uint8Array; initial: number; maximum: number };
}

/** Where a module finds its operands and puts its result, in bytes. */
interface Layout {
  arrays: Record<string, { index: number; offset: number; dims: number[]; flatLength: number }>;
  scalars: Record<string, { index: number; offset: number; type: string }>;
  constantArrays: Record<string, never>;
  outputOffset: number;
  totalBytes: number;
}

/** What a step leaves: its numbers when it has been computed, until a step of that name is computed again. */
export interface Result {
  place: string;
  data: Float32Array | null;
}

type Numbers = Float32Array | Float64Array;

/** Numbers from elsewhere, or of an earlier step, in a buffer of this size. */
export interface Source {
  from: Numbers | Result;
  size: number[];
}

export interface Asked {
  /** Results of the same name are written to the same place. */
  step: string;
  kernel: Assembler;
  output: number[];
  operands: (Source | number)[];
}

interface Noted extends Asked {
  result: Result;
  bytes: number;
}

/** A series that was assembled, and where everything is in its memory. */
interface Assembled {
  series: Series;
  hosts: number[];
  scalars: { offset: number; isFloat: boolean }[];
  places: Map<string, number>;
  floats: Float32Array;
  integers: Int32Array;
}

/** Bytes of results that a series has at most, unless one step has more. */
const MOST_BYTES = 2 ** 29;
/** Bytes of memory of all series that are kept, unless the last one alone has more. */
const MOST_KEPT = 2 ** 30;
/** A step is taken in this many pieces, of no fewer cells than that. */
const GRAINS = 16;
const LEAST_GRAIN = 1024;

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

const isResult = (from: Source['from']): from is Result => 'place' in from;

const isComputed = ({ from }: Source): boolean => !isResult(from) || from.data !== null;

/** The numbers of a source that is computed. */
const numbersOf = ({ from }: Source): Numbers => (isResult(from) ? (from.data as Float32Array) : from);

const ids = new WeakMap<object, number>();
let lastId = 0;

function idOf(object: object): number {
  const id = ids.get(object) ?? ++lastId;
  ids.set(object, id);
  return id;
}

/** The buffers that a series brings along, each once. */
function hostsOf(steps: readonly Noted[]): { hosts: Source[]; indexOf: Map<Source, number> } {
  const hosts: Source[] = [];
  const indexOf = new Map<Source, number>();
  const known = new Map<string, number>();
  for (const { operands } of steps) {
    for (const operand of operands) {
      if (typeof operand === 'number' || !isComputed(operand)) continue;
      const key = `${idOf(numbersOf(operand))}|${operand.size}`;
      const index = known.get(key) ?? hosts.push(operand) - 1;
      known.set(key, index);
      indexOf.set(operand, index);
    }
  }
  return { hosts, indexOf };
}

/** Which steps there are: two series with the same steps do the same with other numbers. */
const signatureOf = (steps: readonly Noted[], indexOf: Map<Source, number>): string =>
  steps
    .map(({ kernel, output, operands, result }) => {
      const sources = operands.map((operand) =>
        typeof operand === 'number'
          ? 'n'
          : `${indexOf.get(operand) ?? (operand.from as Result).place}x${operand.size.join('x')}`,
      );
      return [idOf(kernel), output.join('x'), result.place, ...sources].join(' ');
    })
    .join('\n');

/** Has gpu.js translate a body, once: module by module only sizes and places differ. */
function translate({ kernel, output, operands }: Asked, toInput: (size: number[]) => unknown): void {
  kernel.output = output;
  if (kernel.threadDim) return;
  const typical = operands.map((operand) => (typeof operand === 'number' ? operand : toInput(operand.size)));
  kernel.setupConstants();
  kernel.setupArguments(typical);
  kernel.validateSettings(typical);
  if (!kernel.translateSource()) throw new Error('webasm: gpu.js does not translate what a kernel returns');
}

const threeOf = (size: number[]): number[] => [...size, 1, 1].slice(0, 3);

/** How a step is cut into pieces. */
function stepOf({ output }: Asked, module: number, waits: boolean): Step {
  const [width] = output;
  const cells = elements(output);
  const least = Math.max(Math.ceil(cells / GRAINS), LEAST_GRAIN);
  const unit = width % 4 === 0 ? 4 : width;
  return { module, cells, width, grain: Math.ceil(least / unit) * unit, waits };
}

/** Whether a step has to wait for those before it: for results that it reads, or for a place that it writes to. */
function waitsOf(steps: readonly Noted[]): boolean[] {
  const written = new Set<string>();
  const read = new Set<string>();
  return steps.map(({ operands, result }) => {
    const reads = operands.flatMap((operand) =>
      typeof operand === 'number' || isComputed(operand) ? [] : [(operand.from as Result).place],
    );
    const waits = reads.some((place) => written.has(place)) || written.has(result.place) || read.has(result.place);
    if (waits) {
      written.clear();
      read.clear();
    }
    written.add(result.place);
    for (const place of reads) read.add(place);
    return waits;
  });
}

function assemble(
  steps: readonly Noted[],
  hosts: readonly Source[],
  indexOf: Map<Source, number>,
  toInput: (size: number[]) => unknown,
): Assembled {
  let end = 0;
  const place = (bytes: number): number => {
    const at = end;
    end = aligned(end + bytes);
    return at;
  };
  place(4 * controlWords(steps.length));
  const hostPlaces = hosts.map(({ size }) => place(4 * elements(size)));
  const places = new Map<string, number>();
  for (const step of steps) {
    translate(step, toInput);
    if (!places.has(step.result.place)) places.set(step.result.place, place(step.bytes));
  }
  const scalars: Assembled['scalars'] = [];
  const layouts = steps.map(({ kernel, operands, result }) => {
    const layout: Layout = { arrays: {}, scalars: {}, constantArrays: {}, outputOffset: 0, totalBytes: 0 };
    operands.forEach((operand, index) => {
      const name = kernel.argumentNames[index];
      if (typeof operand === 'number') {
        const type = kernel.argumentTypes[index];
        const offset = place(4);
        layout.scalars[name] = { index, offset, type };
        scalars.push({ offset, isFloat: type !== 'Integer' });
        return;
      }
      const host = indexOf.get(operand);
      const offset = host === undefined ? places.get((operand.from as Result).place) : hostPlaces[host];
      layout.arrays[name] = {
        index,
        offset: offset as number,
        dims: threeOf(operand.size),
        flatLength: elements(operand.size),
      };
    });
    layout.outputOffset = places.get(result.place) as number;
    return layout;
  });
  let limits = { initial: 0, maximum: 0 };
  const waits = waitsOf(steps);
  const modules = steps.map(({ kernel, output }, s) => {
    kernel.output = output;
    kernel.threadDim = threeOf(output);
    const { bytes, ...own } = kernel._assembleModule({ ...layouts[s], totalBytes: end }, elements(output), true);
    limits = own;
    return new WebAssembly.Module(bytes);
  });
  const memory = new WebAssembly.Memory({ ...limits, shared: true });
  const series: Series = {
    id: ++lastId,
    memory,
    modules,
    math: steps.map(({ kernel }) => [...(kernel.usedMathImports ?? [])]),
    steps: steps.map((step, s) => stepOf(step, s, waits[s])),
  };
  return {
    series,
    hosts: hostPlaces,
    scalars,
    places,
    floats: new Float32Array(memory.buffer),
    integers: new Int32Array(memory.buffer),
  };
}

/** Puts what a series reads into its memory. */
function bring(into: Assembled, steps: readonly Noted[], hosts: readonly Source[]): void {
  hosts.forEach((host, i) => {
    const numbers = numbersOf(host);
    const at = into.hosts[i] / 4;
    const size = elements(host.size);
    into.floats.set(numbers, at);
    // rows up to the size of their class
    into.floats.fill(0, at + numbers.length, at + size);
  });
  let n = 0;
  for (const { operands } of steps) {
    for (const operand of operands) {
      if (typeof operand !== 'number') continue;
      const { offset, isFloat } = into.scalars[n++];
      (isFloat ? into.floats : into.integers)[offset / 4] = operand;
    }
  }
}

export interface Joined {
  /** Notes a step. */
  add(asked: Asked): Promise<Result>;
  /** Computes what was noted. */
  finish(): Promise<void>;
  /** Modules assembled so far. */
  modules(): number;
  close(): void;
}

/** @param toInput an operand as gpu.js knows it, of a size and without numbers */
export function joinedSteps(toInput: (size: number[]) => unknown): Joined {
  const threads = threadsOf();
  const assembled = new Map<string, Assembled>();
  let noted: Noted[] = [];
  let bytes = 0;
  let modules = 0;
  let last: Promise<void> = Promise.resolve();

  function assembledFor(steps: readonly Noted[], hosts: readonly Source[], indexOf: Map<Source, number>): Assembled {
    const signature = signatureOf(steps, indexOf);
    let known = assembled.get(signature);
    if (known) assembled.delete(signature);
    else {
      known = assemble(steps, hosts, indexOf, toInput);
      modules += steps.length;
    }
    assembled.set(signature, known);
    let kept = 0;
    // the newest first; views of what is dropped stay valid
    for (const [key, { series }] of [...assembled].reverse()) {
      kept += series.memory.buffer.byteLength;
      if (series === known.series || kept <= MOST_KEPT) continue;
      assembled.delete(key);
      threads.drop(series);
    }
    return known;
  }

  async function compute(): Promise<void> {
    if (noted.length === 0) return;
    const steps = noted;
    noted = [];
    bytes = 0;
    const { hosts, indexOf } = hostsOf(steps);
    const all = assembledFor(steps, hosts, indexOf);
    bring(all, steps, hosts);
    await threads.run(all.series);
    for (const { result, bytes } of steps) {
      const at = (all.places.get(result.place) as number) / 4;
      result.data = all.floats.subarray(at, at + bytes / 4);
    }
  }

  /** One series after the other: who asks while one is computed waits for it. */
  const finish = (): Promise<void> => {
    last = last.then(compute, compute);
    return last;
  };

  return {
    async add(asked) {
      translate(asked, toInput);
      const own = 4 * asked.kernel.componentCount * elements(asked.output);
      if (bytes + own > MOST_BYTES) await finish();
      bytes += own;
      const result: Result = { place: `${asked.step}>${own}`, data: null };
      noted.push({ ...asked, result, bytes: own });
      return result;
    },
    finish,
    modules: () => modules,
    close: threads.close,
  };
}
