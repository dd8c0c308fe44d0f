/** The processes of a program, and how none of them outlives the gate: they are in one group, and marked in their environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** The variable that marks them. A process keeps the environment that it was started with for as long as it lives. */
export const MARK = 'LLA_GATE';
/** A process that forks faster than it is killed ends the search. */
const MOST_ROUNDS = 20;

export interface Started {
  child: ChildProcess;
  /** The mark's value. */
  mark: string;
}

/** Processes that may be alive. */
const alive = new Set<Started>();
process.on('exit', () => alive.forEach(killAll));

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

/** Processes that were started with the mark in their environment, whatever group or session they went into; none where there is no /proc. */
export function markedWith(mark: string): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  const entry = `${MARK}=${mark}`;
  return names
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // those of other users cannot be read, and those that have ended have nothing left there
        return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(entry);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Kills the group of a process, and what has left the group. */
function killAll({ child, mark }: Started): void {
  if (child.pid !== undefined) kill(-child.pid);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const left = markedWith(mark);
    if (left.length === 0) return;
    left.forEach(kill);
  }
}

/**
 * Starts a command with pipes on its descriptors 1 to 4.
 * @param memory MiB of address space that each of its processes may have; left out: any
 * @throws where it cannot be tried at all; a command that is not there is an event of the child
 */
export function start(command: readonly string[], memory?: number): Started {
  const mark = randomBytes(12).toString('hex');
  const limited = ['sh', '-c', `ulimit -v ${(memory ?? 0) * 1024} && exec "$@"`, 'sh', ...command];
  const [file, ...args] = memory === undefined ? command : limited;
  const child = spawn(file, args, {
    // a group of its own, so that its children end with it
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, [MARK]: mark },
  });
  const started = { child, mark };
  alive.add(started);
  return started;
}

/** Ends all of it. */
export function stop(started: Started): void {
  killAll(started);
  alive.delete(started);
}
