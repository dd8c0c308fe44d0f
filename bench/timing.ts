/** Clocks and words of the benchmark. */

/** Tells what is going on, on stderr: one line that is rewritten on a terminal, a line each elsewhere. */
export function say(what: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${what}` : `${what}\n`);
}

/** Seconds that one call takes. */
export function seconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/**
 * Seconds of processor time that one call takes, in all threads of this process. Other work on the machine stretches the wall time
 * of long calls more than that of short ones, and so would change how time seems to grow.
 */
export function cpuSeconds(work: () => unknown): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** Seconds of the fastest of some calls: what the work takes when nothing else gets in between. */
export function best(repetitions: number, work: () => unknown, clock = seconds): number {
  return Math.min(...Array.from({ length: repetitions }, () => clock(work)));
}

/** Least-squares slope of log y on log x: the exponent of a power law y = c x^slope. */
export function exponent(x: readonly number[], y: readonly number[]): number {
  const a = x.map(Math.log);
  const b = y.map(Math.log);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = a.reduce((sum, value, i) => sum + (value - ma) * (b[i] - mb), 0);
  return covariance / a.reduce((sum, value) => sum + (value - ma) ** 2, 0);
}

/** Seconds for people. */
export function readable(time: number): string {
  if (time >= 10) return `${time.toFixed(0)} s`;
  if (time >= 1) return `${time.toFixed(1)} s`;
  const ms = time * 1000;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}
