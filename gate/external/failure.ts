/** How a program lets a case down. */
export type FailureKind = 'did-not-start' | 'crashed' | 'timed-out' | 'broke-protocol' | 'refused';

/** A program that gave no answer, by the name of what happened. */
export class ProgramFailure extends Error {
  readonly kind: FailureKind;
  /** The last lines that the program printed. */
  readonly printed: string;
  constructor(kind: FailureKind, what: string, printed = '') {
    super(`${kind}: ${what}${printed === '' ? '' : `\n  it printed:\n${printed.replace(/^/gm, '    ')}`}`);
    this.name = 'ProgramFailure';
    this.kind = kind;
    this.printed = printed;
  }

  /** Whether all of a time limit went by. */
  get isCostly(): boolean {
    return this.kind === 'timed-out';
  }
}
