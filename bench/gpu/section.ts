/** The part of docs/performance.md that is about the GPU form: from docs/performance-gpu.json, which a run on a GPU writes. */

import { table } from '../table.ts';
import { exponent } from '../timing.ts';
import type { GpuReport } from './run.ts';
import { work } from './work.ts';

/** Milliseconds of the public Triton kernel (flash-linear-attention, IEEE float32) on an H200, by T: forward, forward and backward. */
const TRITON: Record<number, [forward: number, both: number]> = {
  4096: [24.9, 34.9],
  16384: [147, 187],
  65536: [512, 699],
};
/** From this length on the exponent is fitted. */
const FIT_FROM = 8192;

const fixed = (value: number | undefined, digits = 2): string => (value === undefined ? '' : value.toFixed(digits));

export function gpuSection(report: GpuReport): string {
  const { adapter, H, K, C, times, torch, kernels, gate } = report;
  const shape = (T: number) => ({ T, H, K, V: K, C });
  const rows = times.map((t, i) => {
    const { flops, bytes } = work(shape(t.T));
    const other = torch?.times[i];
    return [
      t.T,
      fixed(t.forward),
      fixed(t.both),
      fixed(t.forwardRoundTrip, 0),
      fixed(t.bothRoundTrip, 0),
      fixed((flops.both / t.both) * 1e-6, 0),
      fixed(bytes.both / 2 ** 20, 0),
      fixed(t.bytes / 2 ** 20, 0),
      fixed(other?.forward),
      fixed(other?.both),
      fixed(other && other.bothPeak / 2 ** 20, 0),
      fixed(other && t.forward / other.forward),
      fixed(other && t.both / other.both),
    ];
  });
  const long = times.filter(({ T }) => T >= FIT_FROM);
  const fit = (of: (t: (typeof times)[number]) => number): string =>
    fixed(
      exponent(
        long.map(({ T }) => T),
        long.map(of),
      ),
      3,
    );
  const triton = times.flatMap(({ T, forward, both }) => {
    const their = TRITON[T];
    return their
      ? [[T, fixed(forward), their[0], fixed(their[0] / forward, 1), fixed(both), their[1], fixed(their[1] / both, 1)]]
      : [];
  });
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const most = kernels.slice(0, 8).map(({ kernel, ms }) => [kernel, fixed(ms), `${fixed((100 * ms) / total, 0)} %`]);
  return `## The GPU form

gpu.js on WebGPU, ${adapter}; log-linear Mamba-2, B = 1, H = G = ${H}, K = V = ${K}, C = ${C}, float32.${
    torch
      ? ` Beside it, in the same run on the same machine, the
same chunked algorithm with an einsum a step and autograd's backward: ${torch.name}, float32 without TF32 (\`bench/gpu/einsum_chunked.py\`).`
      : ''
  }
The command, which writes \`docs/performance-gpu.json\`; \`npm run bench\` makes this section of it:

    npm run bench:gpu -- --python python3 --json docs/performance-gpu.json

${gate ? `Its answers, on the same machine: \`${gate.command}\` judged ${gate.cases} cases, ${gate.passed} verdicts hold and ${gate.failed} fail.\n\n` : ''}Milliseconds, medians. "On the device": operands lie there and results stay there. "With copies": from arrays of the host to arrays of
the host. GFLOP/s, and bytes that the kernels read and write at least, are counted from the steps (\`bench/gpu/work.ts\`) for forward and
backward together; MiB held are all results of the call, which lie there together, and its operands.

${table(
  [
    'T',
    'forward, on the device',
    'and backward',
    'forward, with copies',
    'and backward',
    'GFLOP/s',
    'MiB moved',
    'MiB held',
    'PyTorch forward',
    'and backward',
    'MiB peak',
    'ratio forward',
    'ratio both',
  ],
  rows,
)}

Fitted from T = ${FIT_FROM} up, time ~ T^x: x = ${fit((t) => t.forward)} forward, ${fit((t) => t.both)} with the backward pass (goal: at most 1.15).

Against the public Triton kernel in IEEE float32, whose times were measured on an H200 at another time:

${table(['T', 'forward', 'Triton', 'times faster', 'and backward', 'Triton', 'times faster'], triton)}

What limits it, at T = ${times.at(-1)?.T} (each kernel waited for, ${fixed(total, 1)} ms in all):

${table(['kernel', 'ms', 'of all'], most)}

Every thread computes one number, with two loads or three for each multiply-add, so kernels are bound by loads from the first-level cache
and not by arithmetic: gpu.js has neither memory that a group of threads shares nor, between kernels, results of more than one number.
Up to some thousand tokens it is the ${kernels.length} kernels' dispatches, not their work, that take the time. With copies, it is the copies.

Without a GPU, on webasm, gpu.js's code for a kernel is one thread's. It is taught ([gpujs-notes.md](gpujs-notes.md), 12 and 15 to 17) to load neighbours
together, to add addresses up outside of loops, to run all steps over one memory, and exp without leaving WebAssembly. Without any of it the form was
0.35 times as fast as the float64 chunked form, with the first alone 1.3 to 1.4 times. Products of queries and buckets are the largest part now.
`;
}
