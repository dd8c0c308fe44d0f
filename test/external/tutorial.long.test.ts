/**
 * docs/new-adapter.md, run: its files are written, its commands print what stands under them and end with the exit code that stands
 * beside them. One test, since each step builds on those before it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { hasCompiler, pythonWith } from './programs.ts';

interface Step {
  command: string;
  exit: number;
  needs: string | undefined;
  /** What it prints, with … for what is left out. */
  output: string;
}

type Block = { language: string; options: Record<string, string>; text: string };

const blocks: Block[] = [
  ...readFileSync('docs/new-adapter.md', 'utf8').matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm),
].map(([, language, options, text]) => ({
  language,
  options: Object.fromEntries([...options.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key, value])),
  text,
}));

const steps: Step[] = blocks.flatMap(({ language, options, text }, i) => {
  if (language !== 'sh') return [];
  const next = blocks[i + 1];
  const output = next?.language === 'text' ? next.text : '';
  return [{ command: text, exit: Number(options.exit ?? 0), needs: options.needs, output }];
});

const python = pythonWith('numpy');
const torch = pythonWith('torch');
const isThere: Record<string, boolean> = { torch: torch !== undefined, cc: hasCompiler };

const folder = mkdtempSync(join(tmpdir(), 'lla-tutorial-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of commands that stand for those of a reader: npx in a clone, and a Python that has what the page asks for. */
function commands(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const command = (name: string, ...words: string[]): void => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const shift = name === 'npx' ? '[ "$1" = lla ] || exit 9\nshift\n' : '';
    writeFileSync(join(bin, name), `#!/bin/sh\n${shift}exec ${quoted} "$@"\n`, { mode: 0o755 });
  };
  command('npx', process.execPath, resolve('dist/cli.js'));
  const path = (name: string): string => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
  command('python3', path(torch ?? (python as string)));
  return bin;
}

function run(command: string, path: string): Promise<{ status: number | null; text: string }> {
  return new Promise((done) => {
    const env = { ...process.env, NO_COLOR: '1', PATH: `${path}:${process.env.PATH}` };
    const child = spawn('sh', ['-c', command], { cwd: folder, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.on('close', (status) => done({ status, text }));
  });
}

/** The first line of the page that is not printed, behind those before it. */
function missing(output: string, printed: string): string | null {
  let at = 0;
  for (const line of output.split('\n')) {
    for (const piece of line.split('…')) {
      const found = printed.indexOf(piece.trim(), at);
      if (found < 0) return line;
      at = found + piece.trim().length;
    }
  }
  return null;
}

// some twenty commands, each a start of Node
const LIMIT = 300_000;

it.skipIf(python === undefined)(
  'the tutorial does what it says (skipped where no Python has numpy)',
  { timeout: LIMIT },
  async () => {
    expect(steps.length).toBeGreaterThan(10);
    const path = commands();
    symlinkSync(resolve('adapters'), join(folder, 'adapters'));
    // files belong to the commands behind them, and nothing is lost by their being there before
    mkdirSync(join(folder, 'mine'));
    for (const { options, text } of blocks) if (options.file) writeFileSync(join(folder, options.file), text);
    for (const { command, exit, needs, output } of steps) {
      if (needs !== undefined && !isThere[needs]) continue;
      const { status, text } = await run(command, path);
      expect(missing(output, text), `${command}\nprinted\n${text}`).toBeNull();
      expect(status, command).toBe(exit);
    }
  },
);
