/** What tests of programs share: the built command line, an interpreter, a compiler, and one question to a program. */
import { spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { openProgram } from '../../gate/external/implementation.ts';
import type { Answer, Case } from '../../reference/case.ts';

/** The first Python that has a module. */
export const pythonWith = (module: string): string | undefined =>
  ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0);

/** Whether there is a C compiler. */
export const hasCompiler = spawnSync('cc', ['--version']).status === 0;

/** The built command line in a folder: its exit code, and what it printed. */
export function lla(args: readonly string[], cwd?: string): Promise<{ status: number | null; text: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.on('close', (status) => done({ status, text }));
  });
}

/** A program's answer to one case, in the first of its dtypes, or the error that it ends in. */
export async function answerTo(command: readonly string[], c: Case): Promise<Answer | Error> {
  const { close, implementations } = await openProgram({ command, timeout: 60_000, startTimeout: 60_000 });
  try {
    return await implementations[0].run(c);
  } catch (error) {
    return error as Error;
  } finally {
    await close();
  }
}
