import { scalarDecay } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const retention: LinearSystem = {
  name: 'retention',
  title: 'retention (Lightning attention)',
  citation: 'Sun et al., arXiv 2307.08621',
  formula: 'exp(g_h) S',
  decay: 'head',
  beta: false,
  transition: scalarDecay,
};
