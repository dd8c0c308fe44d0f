/** Which backend was asked for, which one really runs, and the kernels that were compiled for it. */
import type { GPU as GPUClass } from 'gpu.js';
import { elements } from '../reference/tensor.ts';
import type { HostData, Kernel, Operand, Resident, Sizes } from './kernel.ts';
import type { GpuJs } from './library.ts';
import { hasThreads, loadGpuJs, loadWebGpu, MODULES_KEPT, whyNoHeadlessGl } from './load-node.ts';
import { teachExp } from './webasm-exp.ts';
import { teachIndices } from './webasm-indices.ts';
import { type Assembler, type Joined, joinedSteps, type Result } from './webasm-joined.ts';
import { ROWS_ASKED, teachRows } from './webasm-rows.ts';
import { unrolled } from './webasm-unroll.ts';

/** Those of Node, and those of a browser. */
export const BACKENDS = ['webasm', 'webgpu', 'headlessgl', 'cpu'] as const;
export const BROWSER_BACKENDS = ['webgpu', 'webgl2', 'webasm'] as const;
export type Backend = (typeof BACKENDS)[number] | (typeof BROWSER_BACKENDS)[number];

/** A backend that cannot be had here, and what to do about it. */
export class BackendUnavailable extends Error {
  readonly backend: Backend;
  readonly reason: string;
  readonly remedy: string;
  constructor(backend: Backend, reason: string, remedy: string) {
    super(`backend ${backend} is not available: ${reason}; ${remedy}`);
    this.name = 'BackendUnavailable';
    this.backend = backend;
    this.reason = reason;
    this.remedy = remedy;
  }
}

/** What really ran. */
export interface Execution {
  /** As the classes say of which gpu.js made the kernels. */
  backend: Backend;
  /** The device's own name where it has one. */
  adapter: string;
  /**
   * `kernels`: one after the other, none of gpu.js's fused pipelines; `kernels-threaded`: with worker threads for large results;
   * `kernels-joined`: over one memory, by threads that go from one to the next (webasm-joined.ts).
   */
  executorKind: 'kernels' | 'kernels-threaded' | 'kernels-joined';
  /** As the kernels say. An answer says null: a fallback is an error here. */
  fallbackReason: string | null;
}

/** The part of a gpu.js kernel that is used here. */
interface Compiled {
  (...operands: unknown[]): Promise<unknown>;
  setOutput(size: number[]): void;
  destroy(): void;
  kernel?: {
    constructor: unknown;
    fallbackReason?: string | null;
    /** Of webasm: its worker threads. */
    _pool?: Pool | null;
    /** Of webasm: the module that ran last. */
    _active?: object;
  };
}

/** The worker threads of a kernel on webasm. */
interface Pool {
  destroy(): void;
}

/** The class that gpu.js has for each backend: several say the same mode of themselves. */
const KERNELS = {
  webasm: 'WebAssemblyKernel',
  webgpu: 'WebGPUKernel',
  headlessgl: 'HeadlessGLKernel',
  webgl2: 'WebGL2Kernel',
  webgl: 'WebGLKernel',
  cpu: 'CPUKernel',
} as const;

/** Compiled kernels that are kept. */
const MOST_KERNELS = 512;
/** A loop in a fragment shader has a fixed end. */
const MOST_ITERATIONS = 2 ** 24;

const WEBGPU_HINT =
  'npm install webgpu@0.6.2, and a Vulkan, Metal or D3D12 driver; in software (Debian): apt-get install chromium, ' +
  'and set VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json';
const GL_HINT =
  'apt-get install libxi-dev libgl1-mesa-dev libglew-dev pkg-config xvfb (Debian), npm pkg set allowScripts.gl=true --json && npm rebuild gl (it compiles for minutes), ' +
  'and xvfb-run before the command where there is no display';

/** The name of WebGPU's adapter. */
async function webGpuAdapter(features: readonly string[]): Promise<string> {
  const unavailable = (reason: string): BackendUnavailable => new BackendUnavailable('webgpu', reason, WEBGPU_HINT);
  const gpu = await loadWebGpu(features).catch((error: Error) => {
    throw unavailable(error.message);
  });
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw unavailable('no adapter answers');
  const { description, vendor, architecture } = adapter.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'an adapter without a name';
}

/** What a backend runs on. */
async function adapterOf(backend: Backend, library: GpuJs, options: OpenOptions): Promise<string> {
  switch (backend) {
    case 'webgpu':
      return webGpuAdapter(options.dawnFeatures ?? []);
    case 'headlessgl': {
      if (!library.GPU.isHeadlessGLSupported) throw new BackendUnavailable(backend, whyNoHeadlessGl(), GL_HINT);
      return rendererOf(library.HeadlessGLKernel);
    }
    case 'webgl2': {
      if (library.GPU.isWebGL2Supported) return rendererOf(library.WebGL2Kernel);
      throw new BackendUnavailable(backend, 'no WebGL2 context is given', 'use webasm');
    }
    case 'webasm':
      return 'WebAssembly';
    case 'cpu':
      return 'JavaScript';
  }
}

/** What WebGL says of itself. */
function rendererOf(kernelClass: unknown): string {
  const { testContext: gl } = kernelClass as { testContext?: WebGl };
  if (!gl) return 'WebGL';
  const unmasked = gl.getExtension('WEBGL_debug_renderer_info')?.UNMASKED_RENDERER_WEBGL;
  const [version, renderer] = [gl.VERSION, unmasked ?? gl.RENDERER].map((each) => String(gl.getParameter(each)));
  return `${renderer}, ${version}`;
}

interface WebGl {
  VERSION: number;
  RENDERER: number;
  getParameter(name: number): unknown;
  getExtension(name: string): { UNMASKED_RENDERER_WEBGL?: number } | null;
}

export interface OpenOptions {
  /**
   * Whether sizes are compiled into the kernels: faster kernels, and a compilation for each new shape class. Else they are arguments,
   * and a kernel is compiled once. Default: no.
   */
  specialized?: boolean;
  /** Features of Dawn to turn on, for webgpu alone. */
  dawnFeatures?: readonly string[];
  /** Whether webasm computes large results in worker threads. Many small cases are faster without. Default: yes. */
  threads?: boolean;
}

/**
 * Rows that a module on webasm is made for, at least as many as asked: 1, 2, 4, 8, 16, then four steps to an octave. gpu.js makes the
 * sizes of all buffers part of the code, so numbers of tokens, chunks and nodes are rounded up, and what is too much is not computed.
 */
export function rowClass(rows: number): number {
  const octave = 2 ** Math.floor(Math.log2(Math.max(rows, 1)));
  const step = Math.max(octave / 4, Math.min(octave, 4));
  return rows <= 16 ? 2 ** Math.ceil(Math.log2(Math.max(rows, 1))) : Math.ceil(rows / step) * step;
}

/** The size of a buffer in its class: its rows or layers are more. */
const classOf = (size: number[]): number[] =>
  size.length === 1 ? size : [...size.slice(0, -1), rowClass(size[size.length - 1])];

/** Numbers of the host with zeros after them up to the size of their class; the same buffer as long as the data are the same object. */
function paddedOf(data: HostData['data'], size: number[]): HostData['data'] {
  const length = elements(classOf(size));
  if (length === data.length) return data;
  let padded = paddings.get(data);
  if (padded?.length !== length) {
    padded = new Float32Array(length);
    padded.set(data);
    paddings.set(data, padded);
  }
  return padded;
}
const paddings = new WeakMap<HostData['data'], Float32Array>();

/** Where a thread computes four numbers, each of its rows is four: [x, 4, y] or [x, 4 y, z]. */
const sizeOfResult = ({ numbersAThread: numbers }: Kernel, [x, y, ...z]: number[]): number[] => {
  if (numbers === undefined) return y === undefined ? [x] : [x, y, ...z];
  return z.length > 0 ? [x, numbers * y, ...z] : [x, numbers, y];
};

/** An open backend. Kernels are compiled once for each step and shape class, and where sizes are arguments once for each step. */
export class Device {
  readonly backend: Backend;
  readonly adapter: string;
  readonly specialized: boolean;
  /** Kernels compiled so far, those that were dropped again included; on webasm modules, of which a kernel has one for each class of sizes. */
  compilations = 0;
  readonly #modules = new WeakSet<object>();
  readonly #library: GpuJs;
  readonly #gpu: GPUClass;
  readonly #kernels = new Map<string, Compiled>();
  readonly #hasThreads: boolean;
  #pool: { own: Pool; shared: Pool } | null = null;
  /** On webasm where sizes are compiled in: a device has one shape then, whose steps are assembled together. */
  readonly #joined: Joined | null;
  #last: Promise<unknown> = Promise.resolve();
  #fallbackReason: string | null = null;

  private constructor(backend: Backend, adapter: string, options: OpenOptions, library: GpuJs) {
    this.backend = backend;
    this.adapter = adapter;
    this.specialized = options.specialized ?? false;
    this.#hasThreads = options.threads ?? true;
    this.#library = library;
    this.#gpu = new library.GPU({ mode: backend });
    const joins = backend === 'webasm' && this.specialized && this.#hasThreads && canJoin(library);
    this.#joined = joins ? joinedSteps((size) => library.input(new Float32Array(elements(size)), size)) : null;
  }

  /**
   * Opens a backend.
   * @throws BackendUnavailable
   */
  static async open(backend: Backend, options: OpenOptions = {}): Promise<Device> {
    const library = await loadGpuJs();
    if (backend === 'webasm') {
      teachIndices(library);
      teachExp(library);
      teachRows(library);
    }
    return new Device(backend, await adapterOf(backend, library, options), options, library);
  }

  get execution(): Execution {
    const executorKind = this.#joined ? 'kernels-joined' : this.#pool ? 'kernels-threaded' : 'kernels';
    return { backend: this.backend, adapter: this.adapter, executorKind, fallbackReason: this.#fallbackReason };
  }

  /**
   * Runs a kernel; its result stays on the device.
   * @param step names the use of the kernel: the result of a step is overwritten when the step runs again
   * @param size [x], [x, y] or [x, y, z] of the result
   */
  async run(
    step: string,
    kernel: Kernel,
    sizes: Sizes,
    size: number[],
    ...operands: (Operand | number)[]
  ): Promise<Resident> {
    const compiled = this.#compiled(step, kernel, sizes, size, operands);
    if (this.#joined) return this.#join(this.#joined, step, kernel, compiled, size, operands);
    const values = operands.map((operand) => (typeof operand === 'number' ? operand : this.#value(operand)));
    if (this.backend !== 'cpu') compiled.setOutput(this.backend === 'webasm' ? classOf(size) : size);
    const numbers = this.specialized ? [] : sizesIn(kernel).map((name) => sizes[name]);
    if (this.backend === 'webasm') numbers.push(size[size.length - 1]);
    this.#sharePool(compiled);
    const result = await compiled(...values, ...numbers);
    this.#sharePool(compiled);
    this.#refuseFallback(kernel, compiled);
    if (this.backend !== 'webasm') return { handle: result, size };
    this.#countModule(compiled);
    return { handle: result, size: sizeOfResult(kernel, size) };
  }

  async #join(
    joined: Joined,
    step: string,
    kernel: Kernel,
    compiled: Compiled,
    size: number[],
    operands: (Operand | number)[],
  ): Promise<Resident> {
    this.#refuseFallback(kernel, compiled);
    const handle = await joined.add({
      step,
      kernel: compiled.kernel as unknown as Assembler,
      output: classOf(size),
      operands: [
        ...operands.map((operand) =>
          typeof operand === 'number'
            ? operand
            : { from: 'data' in operand ? operand.data : (operand.handle as Result), size: classOf(operand.size) },
        ),
        size[size.length - 1],
      ],
    });
    return { handle, size: sizeOfResult(kernel, size) };
  }

  /** Does some work alone on the device: results of a step are overwritten when the step runs again. */
  alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Whether kernels work in memory of their own, to which data of the host has to be copied. */
  get isRemote(): boolean {
    return this.backend !== 'webasm' && this.backend !== 'cpu';
  }

  /** Whether data of the host may be float64: it is copied to where kernels read it in any case. */
  get takesDoubles(): boolean {
    return this.#joined !== null;
  }

  /** Whether a kernel may compute four numbers a thread: it pays where sizes are compiled in. */
  get computesFour(): boolean {
    return this.backend === 'webasm' && this.specialized;
  }

  /** Waits until a result is there, without reading it. */
  async finish({ handle }: Resident): Promise<void> {
    await this.#finishJoined();
    const { context } = handle as { context?: { device?: { queue: { onSubmittedWorkDone(): Promise<void> } } } };
    await context?.device?.queue.onSubmittedWorkDone();
  }

  /** Computes the steps that were asked for, where they run together. */
  async #finishJoined(): Promise<void> {
    if (!this.#joined) return;
    await this.#joined.finish();
    this.compilations = this.#joined.modules();
  }

  #countModule({ kernel }: Compiled): void {
    if (!kernel?._active || this.#modules.has(kernel._active)) return;
    this.#modules.add(kernel._active);
    this.compilations++;
  }

  /** The numbers of a result, row-major. */
  async read({ handle, size }: Resident): Promise<Float32Array> {
    await this.#finishJoined();
    const numbers = this.#joined ? (handle as Result).data : handle;
    if (this.backend === 'webasm') return (numbers as Float32Array).subarray(0, elements(size));
    const value = isReadable(handle) ? await handle.toArray() : handle;
    const out = new Float32Array(elements(size));
    let at = 0;
    const append = (part: unknown): void => {
      if (part instanceof Float32Array) {
        out.set(part, at);
        at += part.length;
      } else for (const each of part as unknown[]) append(each);
    };
    append(value);
    return out;
  }

  async close(): Promise<void> {
    this.#kernels.clear();
    await this.#gpu.destroy();
    this.#pool?.own.destroy();
    this.#joined?.close();
  }

  #value(operand: Operand): unknown {
    if (this.backend !== 'webasm')
      return 'data' in operand ? this.#library.input(operand.data, operand.size) : operand.handle;
    const data = 'data' in operand ? paddedOf(operand.data, operand.size) : (operand.handle as Float32Array);
    return this.#library.input(data, classOf(operand.size));
  }

  #compiled(
    step: string,
    kernel: Kernel,
    sizes: Sizes,
    size: number[],
    operands: readonly (Operand | number)[],
  ): Compiled {
    const isFlat = this.backend === 'webasm';
    const kinds = operands.map((operand) =>
      typeof operand === 'number' ? 'n' : 'data' in operand || isFlat ? 'd' : 'r',
    );
    const shapeClass = this.specialized ? Object.values(sizes) : [];
    let key = [step, kernel.name, shapeClass, kinds.join('')].join('|');
    // gpu.js 2.24.1 computes wrongly on `cpu` once sizes may change (docs/gpujs-notes.md)
    if (this.backend === 'cpu') {
      key += [size, ...operands.map((operand) => (typeof operand === 'number' ? '' : operand.size))].join('|');
    }
    const known = this.#kernels.get(key);
    if (known) {
      // last used, last dropped
      this.#kernels.delete(key);
      this.#kernels.set(key, known);
      return known;
    }
    const isDynamic = this.backend !== 'cpu';
    const compiled = this.#gpu.createKernel(
      this.#source(kernel, sizes, size.length) as never,
      {
        output: size,
        ...(this.specialized && {
          constants: { ...sizes },
          constantTypes: Object.fromEntries(Object.keys(sizes).map((name) => [name, 'Integer'])),
        }),
        pipeline: true,
        asyncMode: this.backend !== 'webasm' || this.#hasThreads,
        dynamicOutput: isDynamic,
        dynamicArguments: isDynamic,
        loopMaxIterations: MOST_ITERATIONS,
        precision: 'single',
        argumentTypes: this.#argumentTypes(kernel, operands),
      } as never,
    ) as unknown as Compiled;
    if (this.backend === 'webasm' && compiled.kernel) {
      // results stay one array (docs/gpujs-notes.md, 14)
      Object.assign(compiled.kernel, { moduleCacheLimit: MODULES_KEPT, _shapeOutput: (data: Float32Array) => data });
    }
    if (this.backend !== 'webasm') this.compilations++;
    this.#kernels.set(key, compiled);
    if (this.#kernels.size > MOST_KERNELS) this.#dropOldest();
    return compiled;
  }

  #source(kernel: Kernel, sizes: Sizes, dimensions: number): string | Kernel['body'] {
    const source = this.specialized ? kernel.body.toString() : withSizesAsArguments(kernel);
    if (this.backend !== 'webasm') return source;
    return withRowsAsArgument(
      this.specialized ? unrolled(source, { ...sizes }) : source,
      dimensions,
      kernel.numbersAThread,
    );
  }

  #argumentTypes(kernel: Kernel, operands: readonly (Operand | number)[]): string[] {
    const names = parametersOf(kernel);
    const resident = { webasm: 'Input', cpu: 'Array', webgpu: 'WebGPUBuffer', headlessgl: '', webgl2: '' }[
      this.backend
    ];
    const types = operands.map((operand, i) => {
      if (typeof operand === 'number') return kernel.numbers?.[names[i]] ?? 'Integer';
      if ('data' in operand) return 'Input';
      return resident || (operand.handle as { type: string }).type;
    });
    const numbers = this.specialized ? [] : sizesIn(kernel).map(() => 'Integer');
    return [...types, ...numbers, ...(this.backend === 'webasm' ? ['Integer'] : [])];
  }

  /** gpu.js 2.24.1 starts threads for every kernel (docs/gpujs-notes.md): here the first pool serves all, and none ends it. */
  #sharePool({ kernel }: Compiled): void {
    if (!kernel || this.backend !== 'webasm') return;
    if (!this.#pool && kernel._pool) {
      const own = kernel._pool;
      this.#pool = { own, shared: Object.create(own, { destroy: { value: () => {} } }) as Pool };
    }
    if (this.#pool) kernel._pool = this.#pool.shared;
  }

  #dropOldest(): void {
    const [key, compiled] = this.#kernels.entries().next().value as [string, Compiled];
    this.#kernels.delete(key);
    compiled.destroy();
  }

  /** A kernel that ran elsewhere than asked is an error, never an answer. */
  #refuseFallback(kernel: Kernel, { kernel: ran }: Compiled): void {
    const backend = (Object.keys(KERNELS) as (keyof typeof KERNELS)[]).find(
      (each) => this.#library[KERNELS[each]] === ran?.constructor,
    );
    const reason = ran?.fallbackReason;
    this.#fallbackReason = reason ?? null;
    if (backend === this.backend && !reason) return;
    const why = reason ?? 'no reason given';
    throw new Error(`gpu: kernel ${kernel.name}: ${this.backend} was asked for, ${backend ?? 'another'} ran: ${why}`);
  }
}

/** Whether threads can compute four numbers at once in one memory. */
function canJoin({ WebAssemblyKernel }: GpuJs): boolean {
  const { isThreadsSupported, isSIMDSupported } = WebAssemblyKernel as Record<string, unknown>;
  return hasThreads && isThreadsSupported === true && isSIMDSupported === true;
}

const isReadable = (handle: unknown): handle is { toArray(): unknown } =>
  typeof (handle as { toArray?: unknown }).toArray === 'function';

/** The names of a body's parameters, `this` not among them: types are gone by now. */
const parametersOf = ({ body }: Kernel): string[] =>
  (/\(([^)]*)\)/.exec(body.toString())?.[1] ?? '').split(',').map((name) => name.trim());

const sizesOfBodies = new WeakMap<Kernel, (keyof Sizes)[]>();

/** The sizes that a body reads; found once, since every run asks. */
function sizesIn(kernel: Kernel): (keyof Sizes)[] {
  let names = sizesOfBodies.get(kernel);
  if (names === undefined) {
    const read = [...kernel.body.toString().matchAll(/this\.constants\.(\w+)/g)];
    names = [...new Set(read.map(([, name]) => name as keyof Sizes))];
    sizesOfBodies.set(kernel, names);
  }
  return names;
}

/** The source of a body with further parameters after its own, and what comes first in it. */
const withParameters = (source: string, names: readonly string[], start = ''): string =>
  source.replace(
    /\(([^)]*)\)\s*\{/,
    (_, own: string) => `(${[own.replace(/,\s*$/, ''), ...names].filter(Boolean).join(', ')}) {${start}`,
  );

/** The source of a body whose sizes come after its operands. */
const withSizesAsArguments = (kernel: Kernel): string =>
  withParameters(kernel.body.toString(), sizesIn(kernel)).replace(/this\.constants\.(\w+)/g, '$1');

/** The source of a body that computes no more rows, or layers, than its last argument says. */
function withRowsAsArgument(source: string, dimensions: number, numbers = 1): string {
  const nothing = numbers === 1 ? '0' : `[${Array(numbers).fill(0)}]`;
  const axis = ['x', 'y', 'z'][dimensions - 1];
  return withParameters(source, [ROWS_ASKED], ` if (this.thread.${axis} >= ${ROWS_ASKED}) return ${nothing};`);
}
