/** Progress of long work on stderr: one live line on a terminal, now and then a plain line elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  start(total: number): void;
  /** One more is done; `what` is next. */
  next(what: string): void;
  stop(): void;
}

const PLAIN_LINES = 10;

export function createProgress(what: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? liveProgress(what, stream) : plainProgress(what, stream);
}

function liveProgress(what: string, stream: NodeJS.WriteStream): Progress {
  const format = `${what} {bar} {value}/{total} · {duration_formatted}, {eta_formatted} left · {item}`;
  const bar = new SingleBar(
    { format, stream, hideCursor: true, clearOnComplete: true, barsize: 24, fps: 8, etaBuffer: 200, linewrap: false },
    Presets.rect,
  );
  return {
    start: (total) => bar.start(total, 0, { item: '' }),
    next: (item) => bar.increment(1, { item }),
    stop: () => bar.stop(),
  };
}

function plainProgress(what: string, stream: NodeJS.WriteStream): Progress {
  const started = Date.now();
  let total = 0;
  let done = 0;
  return {
    start(count) {
      total = count;
    },
    next(item) {
      done++;
      const tenth = (n: number): number => Math.floor((n * PLAIN_LINES) / total);
      if (tenth(done) === tenth(done - 1)) return;
      const seconds = (Date.now() - started) / 1000;
      const left = (seconds / done) * (total - done);
      stream.write(`${what} ${done}/${total}, ${seconds.toFixed(0)} s, about ${left.toFixed(0)} s left: ${item}\n`);
    },
    stop() {},
  };
}
