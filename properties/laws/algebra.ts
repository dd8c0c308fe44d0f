/** Identities of the operator: linearity, collapses onto simpler systems, and what single entries of the mask do. */
import type { Law } from '../law.ts';
import { collapsing } from './collapses.ts';
import { linearity } from './linearity.ts';
import { mask } from './mask.ts';
import { softmax } from './softmax.ts';

export const algebra: Law[] = [...linearity, ...collapsing, ...mask, ...softmax];
