import type { Failure, Subject } from '../failure.ts';
import type { Probed } from './probed.ts';

/** What the implementation computes in place of the operator: asked by cases that are made for it. */
export async function probe(_subject: NonNullable<Subject>, _failure: Failure): Promise<Probed> {
  return {
    premises: [],
    isReliable: true,
    P: null,
    levelMap: null,
    decay: null,
    scale: null,
    gradients: [],
    further: [],
    sentences: [],
    calls: 0,
  };
}
