/** The same few cases for every mutant, and none shrunk: a mutant only has to fail. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1, numRuns: 8, endOnFailure: true });
