/** How many cases the gate gives each law, system and implementation. */

/**
 * Where the numbers come from: `npm run detection` measures how many cases of every law reject each mutant with 99.9 %
 * (docs/detection.json). `standard` is what the hardest one needs in float64, `thorough` four times that; `quick` is what fits into half
 * a minute on two cores, and the hardest few mutants can pass it.
 */
export const profiles = { quick: 3, standard: 16, thorough: 64 } as const;

export type Profile = keyof typeof profiles;

export const profileNames = Object.keys(profiles) as Profile[];
