/** gpu.js in a browser: the bundler puts this file where load-node.ts is imported (demo/vite.config.ts). */
import type { GPUApi, GpuJs } from './library.ts';

/**
 * Compiled modules that a kernel on webasm keeps, one for each size it met. Each has a memory, for which a browser sets gigabytes of
 * addresses aside: about a hundred of them are all there are.
 */
export const MODULES_KEPT = 1;

/** gpu.js's browser build is one function with everything on it; a bundler may hand it out as the default export. */
export async function loadGpuJs(): Promise<GpuJs> {
  const bundled = (await import('gpu.js')) as unknown as GpuJs & { default?: GpuJs };
  return bundled.default ?? bundled;
}

/** WebGPU's way in; throws where there is none. */
export async function loadWebGpu(_features: readonly string[]): Promise<GPUApi> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPUApi } }).navigator ?? {};
  if (!gpu) throw new Error('this browser has no WebGPU, or not on this page');
  return gpu;
}

/** Why there is no context of the package gl. */
export const whyNoHeadlessGl = (): string => 'it is for Node';

/** The page has gpu.js start its threads, a kernel at a time: it asks for a case of any shape. */
export const hasThreads = false;
export const processors = (): number => 1;
export function startThread(): never {
  throw new Error('steps are not computed together in a browser');
}
