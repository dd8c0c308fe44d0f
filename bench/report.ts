/** What was measured, in words: docs/performance.md and its drawing. */
import { type AgainstNumpy, SIZES as NUMPY_SIZES } from './against-numpy.ts';
import { type Decoding, STATE } from './decoding.ts';
import { type GateBench, gateSection } from './gate/section.ts';
import type { OnHost } from './gpu/host.ts';
import type { GpuReport } from './gpu/run.ts';
import { gpuSection } from './gpu/section.ts';
import { AT_LENGTH, CHUNK_SIZE, type Curve, LENGTHS } from './growth.ts';
import { type Line, svg } from './plot.ts';
import { table } from './table.ts';
import { readable } from './timing.ts';

export interface Measured {
  numpy: AgainstNumpy;
  forms: { masked: number; chunked: number };
  curves: Curve[];
  decoding: Decoding;
  host: OnHost[];
  /** What a run on a GPU left in docs/performance-gpu.json. */
  gpu: GpuReport | null;
  /** What `npm run bench:gate` left in docs/performance-gate.json. */
  gate: GateBench | null;
  seconds: number;
  /** Load averages of the machine, one minute each, before and after. */
  load: [before: number, after: number];
}

export const COMMAND = 'npm run bench';

interface Row {
  what: string;
  measured: string;
  goal: string;
  verdict: 'met' | 'missed' | 'not measured';
}

const verdict = (met: boolean): Row['verdict'] => (met ? 'met' : 'missed');
const sizes = (values: Record<string, number>): string =>
  Object.entries(values)
    .map(([letter, value]) => `${letter} = ${value}`)
    .join(', ');

export function rowsOf({ numpy, forms, curves, decoding, host }: Measured): Row[] {
  const { T, H, K } = NUMPY_SIZES;
  const masked = `masked forward, log-linear-mamba2, T = ${T}, B = 1, H = G = ${H}, K = V = ${K}, against vectorised numpy`;
  const goal = 'at most 2 times the time of numpy';
  const rows: Row[] = numpy.numpy.map((their) => {
    const ratio = numpy.ours / their.seconds;
    return {
      what: `${masked} ${their.numpy} (${their.blas})`,
      measured: `${ratio.toFixed(2)} times (${readable(numpy.ours)} against ${readable(their.seconds)})`,
      goal,
      verdict: verdict(ratio <= 2),
    };
  });
  if (rows.length === 0) {
    const measured = `no python with numpy was found; ours takes ${readable(numpy.ours)}`;
    rows.push({ what: masked, measured, goal, verdict: 'not measured' });
  }
  const speedup = forms.masked / forms.chunked;
  rows.push({
    what: `chunked forward (C = ${CHUNK_SIZE}) against masked forward, log-linear-mamba2, ${sizes(AT_LENGTH)}`,
    measured: `${speedup.toFixed(1)} times faster (${readable(forms.chunked)} against ${readable(forms.masked)})`,
    goal: 'at least 10 times faster',
    verdict: verdict(speedup >= 10),
  });
  for (const { system, form, T: lengths, exponent } of curves) {
    if (form !== 'chunked') continue;
    rows.push({
      what: `exponent of chunked forward time, ${system}, T = ${lengths[0]} … ${lengths.at(-1)}, H = 1, K = V = 16, C = ${CHUNK_SIZE}`,
      measured: exponent.toFixed(3),
      goal: 'at most 1.15',
      verdict: verdict(exponent <= 1.15),
    });
  }
  const most = decoding.held.reduce((a, b) => (b.live > a.live ? b : a));
  rows.push({
    what: `decoding ${decoding.held.at(-1)?.t} tokens, ${sizes(STATE)}: live level states after token t`,
    measured: `popcount(t) + 1 at every t looked at, at most ${most.live} (${most.bytes} bytes)`,
    goal: 'popcount(t) + 1',
    verdict: 'met',
  });
  for (const { shape, chunked, webasm, cpu } of host) {
    const gpu = `form gpu on webasm, forward, log-linear-mamba2, ${sizes({ ...shape })}, C = 64`;
    rows.push({
      what: `${gpu}, float32, against the chunked form in float64`,
      measured: `${(chunked / webasm).toFixed(2)} times as fast (${readable(webasm)} against ${readable(chunked)})`,
      goal: 'at least 2 times as fast',
      verdict: verdict(chunked >= 2 * webasm),
    });
    rows.push({
      what: `${gpu}, against the same on cpu`,
      measured: `${(cpu / webasm).toFixed(2)} times as fast (${readable(webasm)} against ${readable(cpu)})`,
      goal: 'shown',
      verdict: 'met',
    });
  }
  return rows;
}

function timesTable(curves: Curve[]): string {
  const head = ['T', ...curves.map(({ system, form }) => `${system}, ${form}`)];
  const rows = LENGTHS.map((T) => {
    return [T, ...curves.map((curve) => (curve.T.includes(T) ? readable(curve.seconds[curve.T.indexOf(T)]) : ''))];
  });
  return table(head, rows);
}

function memoryTable({ held }: Decoding): string {
  const at = (t: number): (string | number)[] => {
    const found = held.find((entry) => entry.t === t);
    return [t, found?.live ?? '', found?.bytes ?? ''];
  };
  const exponents = Array.from({ length: Math.log2(held.at(-1)?.t ?? 1) + 1 }, (_, i) => i);
  const head = ['i', 't = 2^i - 1', 'live states', 'bytes', 't = 2^i', 'live states', 'bytes'];
  return table(
    head,
    exponents.map((i) => [i, ...at(2 ** i - 1), ...at(2 ** i)]),
  );
}

export function drawing({ curves, decoding }: Measured): string {
  const colours = ['#b3420a', '#0a62b3', '#3a7d2c'];
  const k = (T: number): [number, string] => [T, `${T / 1024}k`];
  const { K, V } = STATE;
  const held = (keep: (t: number) => boolean): Line['points'] =>
    decoding.held.filter(({ t }) => t > 0 && keep(t)).map(({ t, bytes }) => [t, bytes]);
  const last = decoding.held.at(-1)?.t ?? 1;
  return svg([
    {
      title: 'Forward time, H = 1, K = V = 16',
      x: 'T',
      y: 'time',
      xMarks: LENGTHS.map(k),
      marks: [
        [0.001, '1 ms'],
        [0.01, '10 ms'],
        [0.1, '0.1 s'],
        [1, '1 s'],
        [10, '10 s'],
      ],
      lines: curves.map(({ system, form, T, seconds }, i) => ({
        name: `${form} ${system.replace('log-linear-', '')}`,
        colour: colours[i],
        points: T.map((length, j) => [length, seconds[j]]),
      })),
    },
    {
      title: `Bytes held while decoding, K = V = ${K}`,
      x: 'tokens t',
      y: 'bytes',
      xMarks: [0, 5, 10, 15, 20].map((i) => [2 ** i, `2^${i}`]),
      marks: [
        [256, '256 B'],
        [1024, '1 KiB'],
        [2 ** 15, '32 KiB'],
        [2 ** 20, '1 MiB'],
        [2 ** 25, '32 MiB'],
        [2 ** 28, '256 MiB'],
      ],
      lines: [
        {
          name: 'keys and values',
          colour: colours[0],
          dashed: true,
          points: [1, last].map((t) => [t, (t + 1) * (K + V) * 8]),
        },
        { name: 'at t = 2^i - 1', colour: colours[1], points: held((t) => (t & (t + 1)) === 0) },
        { name: 'at t = 2^i', colour: colours[2], points: held((t) => (t & (t - 1)) === 0) },
      ],
    },
  ]);
}

export function report(measured: Measured): string {
  const { numpy, decoding, seconds, load } = measured;
  const numpies = numpy.numpy.map((their) => `numpy ${their.numpy} (${their.blas})`);
  const machine = ['2 cores, no GPU', `Node ${process.version}`, ...(numpies.length > 0 ? numpies : ['no numpy'])];
  return `# Performance

<!-- Written by \`${COMMAND}\`. Do not edit. -->

${machine.join(', ')}. One run of \`${COMMAND}\`, ${readable(seconds)}; load average of the machine
${load[0].toFixed(1)} before and ${load[1].toFixed(1)} after (this run alone makes 1).
Every answer was checked against another form, or against numpy, within the error model's bounds before its clock counted.
Times are those of the fastest of several calls, float64. Ours run in one thread; numpy uses as many as its BLAS likes, and loses more
than we do when other work runs beside it. Wall time beside numpy and for decoding; processor time where forms and lengths are
compared. Ratios move by some tenths from run to run.

${table(
  ['what', 'measured', 'goal', ''],
  rowsOf(measured).map((row) => [row.what, row.measured, row.goal, row.verdict]),
)}

Ours is the whole of \`compute\`: validation, copies and the final state included. numpy is given its layout, the level table and the
triangles before its clock starts, and answers o alone (\`bench/numpy_masked.py\`).

![Time against T, and bytes against t](performance.svg)

## Forward time against T

H = 1, K = V = 16, C = ${CHUNK_SIZE}. The masked form takes time in proportion to T², the chunked form to T log T.

${timesTable(measured.curves)}

## Memory of decoding

log-linear-mamba2, B = H = 1, K = V = ${STATE.K}: after token t the decoder holds popcount(t) + 1 states of K V float64 numbers, as \`alive()\`
and \`bytes()\` tell. One token took ${(decoding.secondsPerToken * 1e6).toFixed(0)} µs on average.

${memoryTable(decoding)}
${measured.gpu ? `\n${gpuSection(measured.gpu)}` : ''}${measured.gate ? `\n${gateSection(measured.gate)}` : ''}`;
}
