import { execFileSync } from 'node:child_process';

/** Tests of the command line run the built program: build it first, so that it is never an older one. */
export default function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
