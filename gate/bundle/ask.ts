/**
 * The laws against a bundle. What they ask is looked up; what is not there is written down for the script to ask next, and the oracle's
 * answer stands in so that the law goes on and its further questions are written down as well. An empty bundle is one where nothing is
 * there: `lla bundle` and `lla verdict` are the same walk.
 */
import fc from 'fast-check';
import { outsideOf } from '../../properties/abilities.ts';
import { systemOf } from '../../properties/edit.ts';
import { type Abilities, type Implementation, type Law, OutsideAbilities } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { abilitiesOf, type Description, nameIn } from '../external/implementation.ts';
import type { Answers, Index } from './book.ts';
import { exactAnswer, expectedMessage, standIn } from './expected.ts';
import { BadBundle } from './files.ts';
import { MANIFEST } from './manifest.ts';
import { keyOf, noteSources, type Question, questionOf, type Sources, sectionName } from './question.ts';

/** Where questions are written that have no answer yet. */
export interface Sink {
  record(
    section: { law: string; system: string; dtype: string },
    question: Question,
    expected: ReturnType<typeof expectedMessage>,
  ): number;
}

export interface Walk {
  implementations: Implementation[];
  /** The laws, to be given to `runGate` in place of themselves. */
  laws: Law[];
  /** What stopped the walk: to be thrown by whoever runs it. */
  fault(): BadBundle | null;
}

/**
 * @param index questions that are known, with the answers to all of them in `answers`; null where nothing is known yet
 */
export function walk(
  description: Description,
  dtypes: readonly string[],
  laws: readonly Law[],
  known: { index: Index; answers: Answers } | null,
  sink: Sink,
  command: readonly string[],
  /** Whether the oracle's answers are written down as well. */
  withExpected = true,
): Walk {
  const index: Index = known?.index ?? new Map();
  const abilities: Abilities = abilitiesOf(description);
  const sources: Sources = new WeakMap();
  const recorded = new Map<string, number[]>();
  let section = { law: '', system: '', dtype: '' };
  /** How often each question was asked in this check of a law. */
  let asked = new Map<string, number>();
  let isPending = false;
  let fault: BadBundle | null = null;

  function answer(c: Case, subject: Implementation, p: Precision): Answer {
    const hasState = abilities.state && systemOf(c).recurrence !== null;
    const question = questionOf(c, p, sources);
    const key = keyOf(sectionName(section), question);
    const nth = asked.get(key) ?? 0;
    const isFirst = asked.size === 0;
    asked.set(key, nth + 1);
    const found = index.get(key)?.[nth];
    if (found !== undefined && known) return noted(found, known.answers.get(found, c, hasState));
    // the first question of a check follows from the seed alone
    if (known && isFirst) {
      const { law, system } = section;
      fault = new BadBundle(MANIFEST, `${law} asks a case of ${system} that is not among its cases: bundle again`);
      throw fault;
    }
    isPending = true;
    const before = recorded.get(key) ?? [];
    recorded.set(key, before);
    const exact = exactAnswer(c, p);
    if (before[nth] === undefined) {
      // numbers that follow from an answer are not these
      const expected = question.follows || !withExpected ? null : expectedMessage(c, exact, subject);
      before[nth] = sink.record(section, question, expected);
    }
    return noted(before[nth], standIn(exact, p, hasState));
  }

  function noted(id: number, given: Answer): Answer {
    noteSources(sources, id, given);
    return given;
  }

  const implementations = dtypes.map((dtype): Implementation => {
    const precision = findPrecision(dtype) as Precision;
    const subject: Implementation = {
      name: nameIn(description, dtype),
      abilities,
      precision,
      chunkSize: description.chunkSize,
      chosenBy: { options: `--dtype ${dtype}`, command },
      run(c) {
        const outside = outsideOf(abilities, c);
        if (outside !== null) throw new OutsideAbilities(`${description.name} has ${outside}`);
        return answer(c, subject, precision);
      },
    };
    return subject;
  });

  const walked = laws.map(
    (law): Law => ({
      ...law,
      // further cases are none that the script was asked
      explain: undefined,
      draw(system, subject) {
        section = { law: law.name, system: system.name, dtype: subject.precision.name };
        // a smaller case is none that the script was asked
        return fc.noShrink(law.draw(system, subject));
      },
      async check(subject, draw) {
        asked = new Map();
        isPending = false;
        const verdict = await law.check(subject, draw).catch((error: unknown) => {
          if (fault !== null || !isPending || error instanceof OutsideAbilities) throw error;
          return null;
        });
        // what stand-ins lead to is no verdict: the next case is looked at, so that its questions are known too
        return isPending || verdict === null ? { holds: true, worst: null } : verdict;
      },
    }),
  );
  return { implementations, laws: walked, fault: () => fault };
}
