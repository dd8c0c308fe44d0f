/**
 * Threads that walk through a whole series of WebAssembly modules over one memory. A step's cells are taken in grains by whoever is free,
 * and a step that needs earlier results waits until all grains before it are done: no message between steps, and a thread that the machine
 * keeps waiting holds nobody up but for its own grain.
 */
import { processors, startThread, type Thread } from './load-node.ts';

export interface Memory {
  readonly buffer: SharedArrayBuffer;
}
/** Compiled code. */
export type Module = object;

/** What is used of WebAssembly, which the library of ECMAScript does not declare. */
export const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => Memory;
    Module: new (bytes: Uint8Array) => Module;
    Instance: new (
      module: Module,
      imports: Record<string, Record<string, unknown>>,
    ) => { exports: Record<'run' | 'run_simd', (start: number, end: number, seed: number) => void> };
  };
};

/** A module's part of a series: what it computes, and in which pieces. */
export interface Step {
  /** Index of its module. */
  module: number;
  /** Cells of its result, how many a row has, and how many are taken at once: a multiple of four, or of a row that four do not divide. */
  cells: number;
  width: number;
  grain: number;
  /** Whether it begins only when all steps before it are done. */
  waits: boolean;
}

export interface Series {
  id: number;
  memory: Memory;
  modules: Module[];
  /** For each module: the functions of Math that it imports. */
  math: string[][];
  steps: Step[];
}

/** Words at the start of a series' memory: grains done, then for each step the grains that were taken. */
export const controlWords = (steps: number): number => 1 + steps;

/** What a thread runs; its source text is all that gets there. */
function walk(port: {
  on(event: 'message', listener: (message: never) => void): void;
  postMessage(value: unknown): void;
}) {
  const known = new Map();
  const setUp = ({ id, memory, modules, math, steps }: Series): void => {
    const run = modules.map((module, m) => {
      const env: Record<string, unknown> = { memory };
      for (const name of math[m]) env[`math_${name}`] = Math[name as 'exp'];
      return new WebAssembly.Instance(module, { env }).exports;
    });
    let total = 0;
    const walked = steps.map((step) => {
      const before = total;
      const grains = Math.ceil(step.cells / step.grain);
      total += grains;
      return { ...step, ...run[step.module], before, grains };
    });
    known.set(id, { words: new Int32Array(memory.buffer), walked, total });
  };
  port.on('message', (message: { series?: Series; drop?: number; run?: number }) => {
    if (message.series) setUp(message.series);
    if (message.drop !== undefined) known.delete(message.drop);
    if (message.run === undefined) return;
    const { words, walked, total } = known.get(message.run);
    for (let s = 0; s < walked.length; s++) {
      const { run, run_simd: runFour, cells, width, grain, waits, before, grains } = walked[s];
      if (waits) {
        for (;;) {
          const done = Atomics.load(words, 0);
          if (done >= before) break;
          Atomics.wait(words, 0, done);
        }
      }
      for (;;) {
        const taken = Atomics.add(words, 1 + s, 1);
        if (taken >= grains) break;
        const end = Math.min((taken + 1) * grain, cells);
        if (width % 4 === 0) runFour(taken * grain, end, 0);
        else {
          const four = width - (width % 4);
          for (let row = taken * grain; row < end; row += width) {
            if (four > 0) runFour(row, row + four, 0);
            run(row + four, row + width, 0);
          }
        }
        Atomics.add(words, 0, 1);
        Atomics.notify(words, 0);
        if (Atomics.load(words, 0) === total) port.postMessage('finished');
      }
    }
    port.postMessage('left');
  });
}

export interface Threads {
  /** Computes all steps of a series. */
  run(series: Series): Promise<void>;
  /** Forgets a series. */
  drop(series: Series): void;
  close(): void;
}

/** Threads that start when the first series runs. */
export function threadsOf(): Threads {
  let threads: { thread: Thread; known: Set<number> }[] = [];
  /** What a series in progress waits for. */
  let finish: (error?: Error) => void = () => {};
  let leave: () => void = () => {};
  let allLeft: Promise<void> = Promise.resolve();

  /** All go together: a thread that died keeps the others waiting. */
  const end = (error: Error): void => {
    const ended = threads;
    threads = [];
    for (const { thread } of ended) thread.terminate();
    finish(error);
    leave();
  };

  const start = (): void => {
    threads = Array.from({ length: processors() }, () => {
      const thread = startThread(
        walk.toString(),
        (message) => (message === 'finished' ? finish() : leave()),
        (error) => {
          if (threads.some((each) => each.thread === thread)) end(error);
        },
      );
      return { thread, known: new Set() };
    });
  };

  return {
    async run(series) {
      // one that comes late may still look for grains of the last series
      await allLeft;
      if (threads.length === 0) start();
      new Int32Array(series.memory.buffer, 0, controlWords(series.steps.length)).fill(0);
      let present = threads.length;
      allLeft = new Promise((resolve) => {
        leave = () => {
          present--;
          if (present > 0 && threads.length > 0) return;
          for (const { thread } of threads) thread.unref();
          resolve();
        };
      });
      const finished = new Promise<void>((resolve, reject) => {
        finish = (error) => (error ? reject(error) : resolve());
      });
      for (const { thread, known } of threads) {
        thread.ref();
        thread.postMessage({ series: known.has(series.id) ? undefined : series, run: series.id });
        known.add(series.id);
      }
      return finished;
    },
    drop({ id }) {
      for (const { thread, known } of threads) if (known.delete(id)) thread.postMessage({ drop: id });
    },
    close() {
      end(new Error('webasm: the device was closed'));
    },
  };
}
