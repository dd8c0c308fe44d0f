import { execFileSync } from 'node:child_process';

/** Tests of the command line run the built program: build it first, so that it is never an older one. */
export default function setup(): void {
  // where the tests themselves run on GitHub, the commands that they run are not to report there
  delete process.env.GITHUB_ACTIONS;
  delete process.env.GITHUB_STEP_SUMMARY;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
