import { diagonalDecay } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const gla: LinearSystem = {
  name: 'gla',
  title: 'gated linear attention',
  citation: 'Yang et al., arXiv 2312.06635',
  formula: 'diag(exp(g_t)) S',
  decay: 'channel',
  beta: false,
  transition: diagonalDecay,
};
