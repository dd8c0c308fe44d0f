/** However the gate ends, no process of the program and no file is left behind. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'lla-signals-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Processes that were started with that variable, ended ones that nobody has read left out. */
const startedWith = (entry: string): string[] =>
  readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const isOne = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(entry);
      return isOne && !/^State:\s+Z/m.test(readFileSync(`/proc/${name}/status`, 'utf8'));
    } catch {
      return false;
    }
  });

/** A gate with a program in some way of hostile.mjs; how it ends, and what still runs of both. */
function gateOn(way: string, name: string) {
  const mark = `LLA_TEST=${process.pid} ${name}`;
  const [variable, value] = mark.split('=');
  const args = ['dist/cli.js', 'gate', '--runs', '100000', '--', process.execPath, 'test/external/hostile.mjs', way];
  const env = { ...process.env, [variable]: value, TMPDIR: folder };
  const child = spawn(process.execPath, args, { stdio: 'ignore', env });
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  return { child, ended, running: () => startedWith(mark) };
}

const PATIENCE = { timeout: 20_000, interval: 100 };

describe('a gate that is ended leaves nothing behind', () => {
  it.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as [NodeJS.Signals, number][])('%s: exit code %i', async (signal, code) => {
    const { child, ended, running } = gateOn('leaves a daemon, and hangs', signal);
    // the gate, the program, and its daemon, which has left the group
    await vi.waitFor(() => expect(running()).toHaveLength(3), PATIENCE);
    child.kill(signal);
    expect(await ended).toBe(code);
    await vi.waitFor(() => expect(running()).toEqual([]), PATIENCE);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.concurrent('SIGKILL: the program reads the end of what the gate says, and ends itself', async () => {
    const { child, ended, running } = gateOn('does as it is told', 'SIGKILL');
    await vi.waitFor(() => expect(running()).toHaveLength(2), PATIENCE);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await vi.waitFor(() => expect(running()).toEqual([]), PATIENCE);
  });
});
