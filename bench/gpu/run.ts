/**
 * The GPU form of log-linear Mamba-2 against the same algorithm in PyTorch, float32, in one run on one machine: times by length, fitted
 * exponents, arithmetic and memory. Prints tables; --json writes the numbers.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BACKENDS, type Backend, Device } from '../../gpu/device.ts';
import { exponent } from '../timing.ts';
import { type KernelTime, measure, profile, type Times } from './measure.ts';
import { work } from './work.ts';

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'webgpu' },
    lengths: { type: 'string', default: '1024,2048,4096,8192,16384,32768,65536' },
    heads: { type: 'string', default: '8' },
    channels: { type: 'string', default: '64' },
    chunk: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '9' },
    dawn: { type: 'string', default: '' },
    python: { type: 'string' },
    json: { type: 'string' },
  },
});
if (!BACKENDS.some((backend) => backend === values.backend)) {
  console.error(`bench/gpu: --backend ${values.backend} given, one of ${BACKENDS.join(', ')} wanted`);
  process.exit(2);
}
const lengths = values.lengths.split(',').map(Number);
const [H, K, C] = [values.heads, values.channels, values.chunk].map(Number);
const dawnFeatures = values.dawn === '' ? [] : values.dawn.split(',');

export interface Torch {
  T: number;
  forward: number;
  both: number;
  forwardPeak: number;
  bothPeak: number;
}

export interface GpuReport {
  adapter: string;
  backend: Backend;
  dawnFeatures: string[];
  H: number;
  K: number;
  C: number;
  times: Times[];
  torch: { name: string; times: Torch[] } | null;
  /** Of a call of the longest length, the costliest first. */
  kernels: KernelTime[];
  /** What `lla gate --backend …` said on the same machine, put in by hand. */
  gate?: { command: string; passed: number; failed: number; cases: number };
}

/** The PyTorch times by length; none where there is no such Python, which is said. */
function torchTimes(python: string): { name: string; times: Torch[] } | null {
  const script = new URL('../../../bench/gpu/einsum_chunked.py', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(python, [script, ...[H, K, K, C, ...lengths].map(String)], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    console.log(`PyTorch was not measured: ${stderr.trim().split('\n').at(-1)}`);
    return null;
  }
  const [about, ...times] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { name: `PyTorch ${about.torch} on ${about.device}`, times };
}

const ms = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(2)).padStart(9);
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0).padStart(7);

const device = await Device.open(values.backend as Backend, { specialized: true, dawnFeatures });
console.log(`gpu.js ${device.backend} on ${device.adapter}; B=1, H=${H}, K=V=${K}, C=${C}, float32`);
const times: Times[] = [];
for (const T of lengths) times.push(await measure(device, { T, H, K, V: K, C }, Number(values.rounds)));
const torch = values.python === undefined ? null : torchTimes(values.python);
if (torch) console.log(torch.name);
console.log(
  '       T   forward      both  fwd+copy both+copy  GFLOP/s  MiB moved     MiB | torch fwd     both     MiB | ratio fwd  both',
);
for (const [i, t] of times.entries()) {
  const { flops, bytes } = work({ T: t.T, H, K, V: K, C });
  const other = torch?.times[i];
  console.log(
    [
      String(t.T).padStart(8),
      ms(t.forward),
      ms(t.both),
      ms(t.forwardRoundTrip),
      ms(t.bothRoundTrip),
      ((flops.both / t.both) * 1e-6).toFixed(0).padStart(8),
      mib(bytes.both).padStart(10),
      mib(t.bytes),
      '|',
      ms(other?.forward),
      ms(other?.both),
      other ? mib(other.bothPeak) : '–',
      '|',
      ms(other && t.forward / other.forward),
      ms(other && t.both / other.both),
    ].join(' '),
  );
}
const long = times.filter(({ T }) => T >= 8192);
if (long.length > 1) {
  const fit = (of: (t: Times) => number): string =>
    exponent(
      long.map(({ T }) => T),
      long.map(of),
    ).toFixed(3);
  console.log(`exponent from T = 8192 up: forward ${fit((t) => t.forward)}, both ${fit((t) => t.both)}`);
}
const longest = lengths.at(-1) as number;
const kernels = await profile(device, { T: longest, H, K, V: K, C });
const total = kernels.reduce((sum, each) => sum + each.ms, 0);
console.log(`kernels of both passes at T = ${longest}, each waited for, ${total.toFixed(1)} ms in all`);
for (const { kernel, ms: time } of kernels.slice(0, 14)) console.log(`${ms(time)}  ${kernel}`);
if (values.json) {
  const backend = device.backend;
  const report: GpuReport = { adapter: device.adapter, backend, dawnFeatures, H, K, C, times, torch, kernels };
  writeFileSync(
    values.json,
    `${JSON.stringify(report, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value), 2)}\n`,
  );
}
process.exit(0);
