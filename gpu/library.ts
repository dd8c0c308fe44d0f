/** What is used of gpu.js and of WebGPU itself, wherever they come from. */
import type { GPU as GPUClass } from 'gpu.js';

export interface GpuJs {
  GPU: typeof GPUClass & { isHeadlessGLSupported: boolean; isWebGL2Supported: boolean };
  input(value: Float32Array | Float64Array, size: number[]): unknown;
  /** What compiles and runs kernels, a class for each backend. */
  WebAssemblyKernel: unknown;
  WebGPUKernel: unknown;
  HeadlessGLKernel: unknown;
  WebGL2Kernel: unknown;
  WebGLKernel: unknown;
  CPUKernel: unknown;
  /** What generates the code of kernels on webasm. */
  WebAssemblyFunctionNode: unknown;
}

export interface GPUApi {
  requestAdapter(): Promise<{ info?: { description?: string; vendor?: string; architecture?: string } } | null>;
}
