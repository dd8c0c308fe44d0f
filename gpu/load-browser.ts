/** gpu.js in a browser: the bundler puts this file where load-node.ts is imported (demo/vite.config.ts). */
import * as bundled from 'gpu.js';
import type { GPUApi, GpuJs } from './library.ts';

/** gpu.js's browser build is one function with everything on it; a bundler may hand it out as the default export. */
export const loadGpuJs = async (): Promise<GpuJs> =>
  ((bundled as unknown as { default?: GpuJs }).default ?? bundled) as unknown as GpuJs;

/** WebGPU's way in; throws where there is none. */
export async function loadWebGpu(_features: readonly string[]): Promise<GPUApi> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPUApi } }).navigator ?? {};
  if (!gpu) throw new Error('this browser has no WebGPU, or not on this page');
  return gpu;
}

/** Why there is no context of the package gl. */
export const whyNoHeadlessGl = (): string => 'it is for Node';
