/**
 * Where a bug changes no answer that a probe asks for: by name, the systems on which it is not offered. `test/debug/offered.ts` measures it,
 * and a test holds this list against that.
 */
export const unseen: Readonly<Record<string, readonly string[]>> = {
  // their decays are fixed by the head, and none of the probes resets a whole head
  'decay-from-prefix-differences': ['retention', 'log-linear-retention'],
};
