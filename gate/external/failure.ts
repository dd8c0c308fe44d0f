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

/** What a program says reaches terminals: escapes, other controls and changes of direction become a sign that is seen. */
export const visible = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

/** A program that gave no answer, by the name of what happened. */
export class ProgramFailure extends NoAnswer {
  readonly kind: FailureKind;
  /** The last lines that the program printed. */
  readonly printed: string;
  readonly fault: Fault | undefined;
  constructor(kind: FailureKind, what: string, printed = '', fault?: Fault) {
    super(visible(`${kind}: ${what}${printed === '' ? '' : `\n  it printed:\n${printed.replace(/^/gm, '    ')}`}`));
    this.name = 'ProgramFailure';
    this.kind = kind;
    this.printed = printed;
    this.fault = fault;
  }

  override get isCostly(): boolean {
    return this.kind === 'timed-out';
  }
}
