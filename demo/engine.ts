/** The page's side of the worker: calls, reports on the way, and stopping. */
import type { FromWorker, RequestName, Requests, ToWorker } from './messages.ts';

interface Pending {
  resolve(output: unknown): void;
  reject(error: Error): void;
  report(progress: unknown): void;
}

export interface CallOptions<Name extends RequestName> {
  report?(progress: Requests[Name]['progress']): void;
  /** Asks the worker to stop; the call then ends early, as if it were done. */
  signal?: AbortSignal;
}

/** A worker and its open device. A new one is started for another backend or other kernels, so that nothing is left of the old. */
export class Engine {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      const pending = this.#pending.get(data.id);
      if ('progress' in data) pending?.report(data.progress);
      else {
        this.#pending.delete(data.id);
        if ('error' in data) pending?.reject(new Error(data.error));
        else pending?.resolve(data.output);
      }
    };
    this.#worker.onerror = (event) => this.#rejectAll(event.message || 'the worker could not be started');
  }

  call<Name extends RequestName>(
    name: Name,
    input: Requests[Name]['input'],
    { report, signal }: CallOptions<Name> = {},
  ): Promise<Requests[Name]['output']> {
    const id = ++this.#last;
    signal?.addEventListener('abort', () => this.#send({ id, name: 'stop' }));
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: resolve as Pending['resolve'],
        reject,
        report: (progress) => report?.(progress as Requests[Name]['progress']),
      });
      this.#send({ id, name, input } as ToWorker);
    });
  }

  close(): void {
    this.#worker.terminate();
    this.#rejectAll('stopped');
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(reason));
    this.#pending.clear();
  }
}
