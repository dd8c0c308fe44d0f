/** How a command ends when it is interrupted. */
import { EXIT } from './exit.ts';

/** Ends with the code of the signal, after `stop`; what is half written goes there. */
export function endOnSignals(stop: () => void): void {
  const leave = (code: number) => () => {
    stop();
    process.exit(code);
  };
  process.once('SIGINT', leave(EXIT.interrupted)).once('SIGTERM', leave(EXIT.ended)).once('SIGHUP', leave(EXIT.hungUp));
}
