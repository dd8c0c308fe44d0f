/**
 * Mutants that are no bugs in a lower precision, or are within its bounds, each with the reason. `npm run mutants -- --precision …` fails
 * where one that survives is not listed, and where one that is listed is rejected: the list only shrinks.
 */
const FLOAT32_BUFFERS = {
  'outputs-in-float32': 'A float32 buffer holds what a kernel of this precision computes: it loses nothing.',
  'dk-in-float32': 'A float32 buffer holds what a kernel of this precision computes: it loses nothing.',
  'dbeta-in-float32': 'A float32 buffer holds what a kernel of this precision computes: it loses nothing.',
  'log-decays-in-float32': 'A float32 buffer holds what a kernel of this precision is given: it loses nothing.',
};

const ROUNDED = 'Numbers of this precision have as few bits as that: it loses nothing.';

const PREFIX = 'decay-from-long-prefix-sums';
/** Sums over strong decays before weak ones lose what the weak ones say: seen by the law of long sequences, in one of some cases. */
const SELDOM =
  'At T of 300 and less it shows in one of some hundred cases; the laws of sizes, which have thousands of tokens, are not judged here.';
const HIDDEN = 'Sums in float32 lose less at T of 300 and less than factors and outputs of this precision do.';

/** By precision and name. */
export const onlyFloat64: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  float32: { ...FLOAT32_BUFFERS, [PREFIX]: SELDOM },
  tf32: { ...FLOAT32_BUFFERS, [PREFIX]: HIDDEN },
  bfloat16: {
    ...FLOAT32_BUFFERS,
    [PREFIX]: HIDDEN,
    'outputs-in-bfloat16': ROUNDED,
    'outputs-in-float16': ROUNDED,
    'final-state-in-bfloat16': ROUNDED,
    'outputs-in-four-bits':
      'It is off by at most 1/16, and bounds of a delta system in bfloat16 allow nearly that: error / bound reached 0.9986 in 100 cases.',
  },
  float16: { ...FLOAT32_BUFFERS, [PREFIX]: HIDDEN, 'outputs-in-float16': ROUNDED },
};
