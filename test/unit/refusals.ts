import { expect, it } from 'vitest';

/** Each call is refused with exactly that message, in a test of that name. */
export const refusals = (rows: [call: () => unknown, message: string][]): void => {
  it.each(rows.map(([call, message]) => [message, call] as const))('%s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'InvalidInput', message }));
  });
};
