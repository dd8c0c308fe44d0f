/** How many cases the gate gives each law, system and implementation. */

/**
 * `standard` is the number of cases of every law after which the hardest mutant is rejected with 99.9 % in float64: wrong values past
 * channel 64 (`npm run detection`, docs/detection.json). `thorough` is four times that, for precisions and sizes that see less. `quick` is
 * what fits into half a minute on two idle cores: 4 cases at most, fewer where laws and systems are many (turns.ts); the three hardest
 * mutants can pass it.
 */
export const profiles = { quick: 4, standard: 16, thorough: 64 } as const;

export type Profile = keyof typeof profiles;

export const profileNames = Object.keys(profiles) as Profile[];
