import { identity } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const linear: LinearSystem = {
  name: 'linear',
  title: 'linear attention',
  citation: 'Katharopoulos et al., arXiv 2006.16236',
  formula: 'S',
  decay: 'none',
  beta: false,
  transition: identity,
};
