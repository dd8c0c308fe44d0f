import { NoAnswer } from '../../properties/law.ts';
import type { Rule } from './rules.ts';

/** How a program lets a case down. */
export type FailureKind = 'did-not-start' | 'crashed' | 'timed-out' | 'broke-protocol' | 'refused';

/** What is wrong with a message, as far as it is known. */
export interface Fault {
  /** In one line. */
  what: string;
  /** What docs/protocol.md says about it. */
  rule: Rule;
  /** The field, as a JSON pointer into the message. */
  pointer?: string;
  given?: string;
  wanted?: string;
  /** What was likely meant. */
  hint?: string;
  /** The first bytes of what came, where it is not what was expected. */
  bytes?: Buffer;
}

/** A program that gave no answer, by the name of what happened. */
export class ProgramFailure extends NoAnswer {
  readonly kind: FailureKind;
  /** The last lines that the program printed. */
  readonly printed: string;
  readonly fault: Fault | undefined;
  constructor(kind: FailureKind, what: string, printed = '', fault?: Fault) {
    super(`${kind}: ${what}${printed === '' ? '' : `\n  it printed:\n${printed.replace(/^/gm, '    ')}`}`);
    this.name = 'ProgramFailure';
    this.kind = kind;
    this.printed = printed;
    this.fault = fault;
  }

  override get isCostly(): boolean {
    return this.kind === 'timed-out';
  }
}
