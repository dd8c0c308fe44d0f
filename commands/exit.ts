/** Exit codes of all commands. */
export const EXIT = {
  conforms: 0,
  doesNot: 1,
  usage: 2,
  protocol: 3,
  /** A bundle has cases without answers. */
  unanswered: 4,
  hungUp: 129,
  interrupted: 130,
  ended: 143,
} as const;
