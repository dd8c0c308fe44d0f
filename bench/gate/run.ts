/**
 * The benchmark of the gate: how many cases a minute, where the time goes, whether memory grows, and the same laws in Python. Checks
 * before it times; writes docs/performance-gate.json and the section of docs/performance.md. Exits with 1 when an answer is wrong, and
 * with 0 otherwise, whether the goals are met or missed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systems } from '../../reference/systems/registry.ts';
import { WrongAnswer } from '../cases.ts';
import { say } from '../timing.ts';
import { againstHypothesis, pythonWith } from './against-hypothesis.ts';
import { type GateBench, gateRows, gateSection, withSection } from './section.ts';
import { throughput } from './throughput.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    'numpy-cases': { type: 'string', default: '1300' },
    runs: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '2' },
  },
});

/** From the built file dist/bench/gate/ to the sources and documents. */
const source = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

async function measure(): Promise<GateBench> {
  const start = performance.now();
  const before = loadavg()[0];
  const names = systems.map(({ name }) => name);
  const zeros = [process.execPath, fileURLToPath(new URL('./zeros.js', import.meta.url)), ...names];
  const python = pythonWith('numpy');
  const example = python === null ? null : [python, source('bench/gate/timed_numpy.py')];
  if (example) await throughput(example, 1, false);
  const measured = {
    node: process.version,
    zeros: await throughput(zeros, Number(values.cases), true),
    numpy: example && (await throughput(example, Number(values['numpy-cases']), false)),
    hypothesis: againstHypothesis(Number(values.runs), Number(values.rounds)),
  };
  return { ...measured, seconds: (performance.now() - start) / 1000, load: [before, loadavg()[0]] };
}

const short = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

try {
  const text = `${JSON.stringify(await measure(), short, 2)}\n`;
  const measured = JSON.parse(text) as GateBench;
  writeFileSync(source('docs/performance-gate.json'), text);
  const page = source('docs/performance.md');
  writeFileSync(page, withSection(readFileSync(page, 'utf8'), gateSection(measured)));
  if (process.stderr.isTTY) say('');
  for (const { what, measured: value, goal, verdict } of gateRows(measured)) {
    console.log(`${verdict}: ${what}\n  ${value}; goal: ${goal}`);
  }
} catch (error) {
  if (!(error instanceof WrongAnswer)) throw error;
  console.error(`\nwrong answer: ${error.message}`);
  process.exitCode = 1;
}
process.exit();
