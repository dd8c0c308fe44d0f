import { scalarDecay } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const mamba2: LinearSystem = {
  name: 'mamba2',
  title: 'Mamba-2 (SSD)',
  citation: 'Dao and Gu, arXiv 2405.21060',
  formula: 'exp(g_t) S',
  decay: 'token',
  beta: false,
  transition: scalarDecay,
};
