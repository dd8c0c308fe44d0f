/** Where a bug changes no answer: by name, the systems on which it is not offered. Measured by `npm run debug:table`. */
export const unseen: Readonly<Record<string, readonly string[]>> = {};
