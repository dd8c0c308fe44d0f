/**
 * The benchmark: checks each answer, times it, writes docs/performance.md and docs/performance.svg. Exits with 1 when an answer is
 * wrong, and with 0 otherwise, whether the goals are met or missed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { againstNumpy } from './against-numpy.ts';
import { WrongAnswer } from './cases.ts';
import { decoding } from './decoding.ts';
import { onHost } from './gpu/host.ts';
import { chunkedAgainstMasked, growth } from './growth.ts';
import { drawing, type Measured, report, rowsOf } from './report.ts';
import { say } from './timing.ts';

/** From the built file dist/bench/ to the documents. */
const docs = (name: string): URL => new URL(`../../docs/${name}`, import.meta.url);

/** What another benchmark measured, or null. */
const kept = (name: string) => (existsSync(docs(name)) ? JSON.parse(readFileSync(docs(name), 'utf8')) : null);

async function measure(): Promise<Measured> {
  const start = performance.now();
  const before = loadavg()[0];
  const measured = {
    numpy: againstNumpy(),
    forms: chunkedAgainstMasked(),
    curves: growth(),
    decoding: decoding(),
    host: await onHost(),
    gpu: kept('performance-gpu.json'),
    gate: kept('performance-gate.json'),
  };
  return { ...measured, seconds: (performance.now() - start) / 1000, load: [before, loadavg()[0]] };
}

try {
  const measured = await measure();
  say('writing docs/performance.md');
  writeFileSync(docs('performance.md'), report(measured));
  writeFileSync(docs('performance.svg'), drawing(measured));
  if (process.stderr.isTTY) say('');
  for (const { what, measured: value, goal, verdict } of rowsOf(measured)) {
    console.log(`${verdict}: ${what}\n  ${value}; goal: ${goal}`);
  }
} catch (error) {
  if (!(error instanceof WrongAnswer)) throw error;
  console.error(`\nwrong answer: ${error.message}`);
  process.exitCode = 1;
}
process.exit();
