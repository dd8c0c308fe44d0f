/** gpu.js in Node, and Dawn, WebGPU's implementation, where gpu.js looks for it. load-browser.ts stands for this file in a browser. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { GPUApi, GpuJs } from './library.ts';

/** Compiled modules that a kernel on webasm keeps, one for each size it met: gpu.js's own number. */
export const MODULES_KEPT = 8;

export const loadGpuJs = async (): Promise<GpuJs> => createRequire(import.meta.url)('gpu.js') as GpuJs;

/** WebGPU's way in; throws where there is none. */
export async function loadWebGpu(features: readonly string[]): Promise<GPUApi> {
  const host = globalThis as { navigator?: { gpu?: GPUApi } };
  if (host.navigator?.gpu) return host.navigator.gpu;
  let dawn: { create(flags: string[]): GPUApi; globals: object };
  try {
    dawn = (await import('webgpu')) as unknown as typeof dawn;
  } catch (error) {
    throw new Error(`the package webgpu cannot be loaded (${(error as Error).message.split('\n')[0]})`);
  }
  Object.assign(globalThis, dawn.globals);
  // Node 20 has no navigator, later ones a read-only one
  if (!host.navigator) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  const flags = features.length > 0 ? [`enable-dawn-features=${features.join(',')}`] : [];
  const gpu = dawn.create(flags);
  Object.defineProperty(host.navigator, 'gpu', { value: gpu, configurable: true });
  return gpu;
}

/** Why there is no context of the package gl. */
export function whyNoHeadlessGl(): string {
  const here = createRequire(import.meta.url);
  try {
    createRequire(here.resolve('gpu.js'))('gl');
  } catch (error) {
    return `the package gl is not built (${(error as Error).message.split('\n')[0]})`;
  }
  return 'the package gl gives no context: it finds no display';
}

/** Whether there are threads for steps that are computed together on webasm. */
export const hasThreads = true;

/** A thread of its own, as worker_threads has it. */
export interface Thread {
  postMessage(message: unknown): void;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
  terminate(): unknown;
}

export const processors = availableParallelism;

/** Starts a thread that runs a function, given as its source, on the port to here. */
export function startThread(
  source: string,
  onMessage: (message: unknown) => void,
  onEnd: (error: Error) => void,
): Thread {
  const worker = new Worker(`(${source})(require('node:worker_threads').parentPort)`, { eval: true });
  worker.on('message', onMessage);
  worker.on('error', onEnd);
  worker.on('exit', (code) => onEnd(new Error(`webasm: a thread ended with code ${code}`)));
  worker.unref();
  return worker;
}
