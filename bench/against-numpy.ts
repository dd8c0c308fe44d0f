/** The masked form against vectorised numpy on the same numbers. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compute } from '../reference/operator.ts';
import { type Tensor, tensor, toDense } from '../reference/tensor.ts';
import { mustAgree, randomCase } from './cases.ts';
import { best, say } from './timing.ts';

export const SIZES = { T: 1024, H: 8, K: 64, V: 64, L: 11 };
const REPETITIONS = 4;
/** From the built file dist/bench/ to the source. */
const SCRIPT = fileURLToPath(new URL('../../bench/numpy_masked.py', import.meta.url));

export interface NumpyTime {
  numpy: string;
  blas: string;
  seconds: number;
}

export interface AgainstNumpy {
  ours: number;
  /** One for each different numpy that was found; none where there is no numpy. */
  numpy: NumpyTime[];
}

const commands = (): string[] => (process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3']);

/** Pythons that have numpy, one for each version of it. */
function pythonsWithNumpy(): string[] {
  const found = new Map<string, string>();
  for (const command of commands()) {
    const { status, stdout } = spawnSync(command, ['-c', 'import numpy; print(numpy.__version__)'], {
      encoding: 'utf8',
    });
    if (status === 0 && !found.has(stdout)) found.set(stdout, command);
  }
  return [...found.values()];
}

export function againstNumpy(): AgainstNumpy {
  const { T, H, K, V, L } = SIZES;
  const c = { ...randomCase('log-linear-mamba2', SIZES), form: 'masked' as const };
  say(`masked form, T = ${T}, H = ${H}`);
  const { o } = compute(c);
  const result: AgainstNumpy = { ours: best(REPETITIONS, () => compute(c)), numpy: [] };

  const folder = mkdtempSync(join(tmpdir(), 'lla-bench-'));
  try {
    for (const name of ['q', 'k', 'v', 'g', 'lambda'] as const) {
      writeFileSync(join(folder, `${name}.f64`), toDense(c.inputs[name] as Tensor));
    }
    for (const python of pythonsWithNumpy()) {
      say(`the same in numpy (${result.numpy.length + 1})`);
      const sizes = [T, H, K, V, L, REPETITIONS].map(String);
      const { status, stdout, stderr } = spawnSync(python, [SCRIPT, folder, ...sizes], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`numpy_masked.py failed: ${stderr}`);
      const bytes = readFileSync(join(folder, 'o.f64'));
      const theirs = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      mustAgree('masked form and numpy', c, o, tensor(theirs, o.shape));
      result.numpy.push(JSON.parse(stdout) as NumpyTime);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return result;
}
