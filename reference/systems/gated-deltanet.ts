import { compose, deltaRule, scalarDecay } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const gatedDeltanet: LinearSystem = {
  name: 'gated-deltanet',
  title: 'Gated DeltaNet',
  citation: 'Yang, Kautz, Hatamizadeh, arXiv 2412.06464',
  formula: 'exp(g_t) (I - beta_t k_t k_t^T) S',
  decay: 'token',
  beta: true,
  transition: compose(scalarDecay, deltaRule),
};
