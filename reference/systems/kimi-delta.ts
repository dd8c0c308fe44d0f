import { compose, deltaRule, diagonalDecay } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const kimiDelta: LinearSystem = {
  name: 'kimi-delta',
  title: 'Kimi delta attention',
  citation: 'Kimi Team, arXiv 2510.26692',
  formula: '(I - beta_t k_t k_t^T) diag(exp(g_t)) S',
  decay: 'channel',
  beta: true,
  transition: compose(diagonalDecay, deltaRule),
};
